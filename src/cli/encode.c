#include "mpiae/base/log.h"
#include "mpiae/infer/codes.h"
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

static ae_status run_command(const ae_comm *comm, const ae_arguments *arguments) {
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

extern const ae_command ae_command_encode;

static const ae_option options[] = {{"out", AE_OPTION_TEXT, "FILE", true, 0, 0, "HDF5 file to write: /z_mean, …"}, {0}};

const ae_command ae_command_encode = {.name = "encode",
                                      .summary = "write the latent codes of a dataset",
                                      .operands = "MODEL DATA",
                                      .least_operands = 2,
                                      .most_operands = 2,
                                      .options = options,
                                      .details = AE_DATA_HELP,
                                      .example = "mpirun -n 2 mpiae encode runs/glyphs glyphs.h5 --out codes.h5",
                                      .run = run_command};
