#include "mpiae/base/log.h"
#include "result.h"

static ae_status fill(ae_result *result, ae_h5 *file) {
  ae_model *model = result->loaded->model;
  ae_status status;
  ae_codes codes = {0};
  const int64_t own = ae_shards_own_count(&result->data->shards);
  AE_CHECK(ae_comm_agree(result->comm, ae_codes_create(model, own, &codes)));
  AE_CHECK(ae_inference_encode(model, result->data, &codes));
  AE_CHECK(ae_codes_write(model, file, result->data, &codes));
cleanup:
  ae_codes_free(&codes);
  return status;
}

ae_status ae_command_encode(const ae_comm *comm, const ae_arguments *arguments) {
  ae_status status;
  ae_result result = {0};
  const char *data = ae_arguments_operand(arguments, 1), *out = ae_arguments_text(arguments, "out");
  AE_CHECK(ae_result_open(comm, ae_arguments_operand(arguments, 0), data, ae_result_encodes, "has no codes", &result));
  AE_CHECK(ae_result_write(&result, out, "codes", fill));
  ae_log_info("codes of %lld examples of %s in %s", (long long)result.data->examples, data, out);
cleanup:
  ae_result_close(&result);
  return status;
}
