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

static ae_status fill(const ae_comm *comm, const ae_loaded *loaded, const ae_sample_request *request, ae_h5 *file) {
  AE_RETURN_IF(ae_h5_put_text(file, "/", "mpiae_format", "samples"));
  AE_RETURN_IF(ae_h5_put_integer(file, "/", "mpiae_version", 1));
  AE_RETURN_IF(ae_h5_put_text(file, "/", "model", loaded->model->type->name));
  AE_RETURN_IF(ae_h5_put_integer(file, "/", "epoch", loaded->state.epoch));
  AE_RETURN_IF(make_axes(loaded, request->count, file));
  AE_RETURN_IF(loaded->model->type->sample(loaded->model, request, file));
  return ae_provenance_write(comm, file, 0);
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
  ae_h5 *file = NULL;
  ae_sample_request request;
  AE_CHECK(read_request(arguments, &request));
  AE_CHECK(ae_loaded_open(comm, ae_arguments_operand(arguments, 0), &loaded));
  if (loaded->model->type->sample == NULL)
    AE_RAISE(AE_USAGE, "model '%s' has no distribution to draw samples from", loaded->model->type->name);
  AE_CHECK(ae_h5_create(comm, ae_arguments_text(arguments, "out"), &file));
  AE_CHECK(fill(comm, loaded, &request, file));
  AE_CHECK(ae_h5_commit(&file));
  ae_log_info("%lld samples of %s (epoch %lld) in %s", (long long)request.count, ae_arguments_operand(arguments, 0),
              (long long)loaded->state.epoch, ae_arguments_text(arguments, "out"));
cleanup:
  ae_h5_close(&file);
  ae_loaded_close(&loaded);
  return status;
}
