#include "mpiae/base/log.h"
#include "mpiae/cli/command.h"
#include "mpiae/train/inference.h"
#include "mpiae/train/loaded.h"

#include <string.h>

/* What `fill` writes. */
typedef struct samples {
  const ae_comm *comm;
  const ae_loaded *loaded;
  ae_sample_request request;
} samples;

static ae_status fill(ae_h5 *file, void *context) {
  const samples *what = context;
  const ae_loaded *loaded = what->loaded;
  AE_RETURN_IF(ae_inference_begin(loaded->model, file, "samples", loaded->state.epoch));
  AE_RETURN_IF(ae_pictures_sample(loaded->model, file, &what->request, "/x", true));
  return ae_provenance_write(what->comm, file, 0);
}

static ae_status read_request(const ae_arguments *arguments, ae_sample_request *request) {
  const char *from = ae_arguments_text(arguments, "from");
  if (from != NULL && strcmp(from, "prior") != 0)
    return AE_FAIL(AE_USAGE, "--from %s: samples come from 'prior', or without --from from the clusters", from);
  *request = (ae_sample_request){.count = ae_arguments_integer(arguments, "count", 0),
                                 .seed = (uint64_t)ae_arguments_integer(arguments, "seed", 1),
                                 .from_prior = from != NULL};
  return AE_OK;
}

ae_status ae_command_sample(const ae_comm *comm, const ae_arguments *arguments) {
  ae_status status;
  ae_loaded *loaded = NULL;
  const char *out = ae_arguments_text(arguments, "out");
  samples what = {.comm = comm};
  AE_CHECK(read_request(arguments, &what.request));
  AE_CHECK(ae_loaded_open(comm, ae_arguments_operand(arguments, 0), &loaded));
  if (loaded->model->type->draw == NULL)
    AE_RAISE(AE_USAGE, "model '%s' has no distribution to draw samples from", loaded->model->type->name);
  what.loaded = loaded;
  AE_CHECK(ae_h5_produce(comm, out, fill, &what));
  ae_log_info("%lld samples of %s (epoch %lld) in %s", (long long)what.request.count,
              ae_arguments_operand(arguments, 0), (long long)loaded->state.epoch, out);
cleanup:
  ae_loaded_close(&loaded);
  return status;
}
