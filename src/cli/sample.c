#include "mpiae/base/log.h"
#include "mpiae/cli/command.h"
#include "mpiae/train/loaded.h"

#include <string.h>

static ae_status make_axes(const ae_loaded *loaded, int64_t count, ae_h5 *file) {
  AE_RETURN_IF(ae_h5_create_axis(file, "/", "sample", count, NULL, "sample"));
  for (int i = 0; i < (int)loaded->state.rank; i++)
    AE_RETURN_IF(ae_h5_create_axis(file, "/", ae_example_axis((int)loaded->state.rank, i), loaded->state.dim[i], NULL,
                                   "axis of one example"));
  return AE_OK;
}

/* What `fill` writes. */
typedef struct samples {
  const ae_comm *comm;
  const ae_loaded *loaded;
  ae_sample_request request;
} samples;

static ae_status fill(ae_h5 *file, void *context) {
  const samples *what = context;
  const ae_loaded *loaded = what->loaded;
  AE_RETURN_IF(ae_h5_put_text(file, "/", "mpiae_format", "samples"));
  AE_RETURN_IF(ae_h5_put_integer(file, "/", "mpiae_version", 1));
  AE_RETURN_IF(ae_h5_put_text(file, "/", "model", loaded->model->type->name));
  AE_RETURN_IF(ae_h5_put_integer(file, "/", "epoch", loaded->state.epoch));
  AE_RETURN_IF(make_axes(loaded, what->request.count, file));
  AE_RETURN_IF(loaded->model->type->sample(loaded->model, &what->request, file));
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
  if (loaded->model->type->sample == NULL)
    AE_RAISE(AE_USAGE, "model '%s' has no distribution to draw samples from", loaded->model->type->name);
  what.loaded = loaded;
  AE_CHECK(ae_h5_produce(comm, out, fill, &what));
  ae_log_info("%lld samples of %s (epoch %lld) in %s", (long long)what.request.count,
              ae_arguments_operand(arguments, 0), (long long)loaded->state.epoch, out);
cleanup:
  ae_loaded_close(&loaded);
  return status;
}
