#include "mpiae/run/state.h"

#include "mpiae/base/memory.h"
#include "mpiae/models/configure.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum { PATH_SIZE = 64 };

/* Scalars of /state: name, place, description; whether 0 stands for an absent one. */
static const struct {
  const char *name;
  size_t place;
  const char *description;
  bool may_lack;
} scalars[] = {{"epoch", offsetof(ae_run_state, epoch), "epochs done", false},
               {"step", offsetof(ae_run_state, step), "optimizer steps done, with those left out", false},
               {"epoch_step", offsetof(ae_run_state, epoch_step),
                "of those, steps of the running epoch: where the sampler stands; 0 = at the end of an epoch", true},
               {"seed", offsetof(ae_run_state, seed), "key of all random numbers", false},
               {"shards", offsetof(ae_run_state, shards), "slices of the dataset", false},
               {"examples", offsetof(ae_run_state, examples), "examples in the dataset", false},
               {"data_checksum", offsetof(ae_run_state, data_checksum), "checksum of the dataset", false},
               {"test_checksum", offsetof(ae_run_state, test_checksum), "checksum of the test set; 0 = none", true},
               {"test_since", offsetof(ae_run_state, test_since), "epochs done when this test set came", true}};

enum { SCALARS = sizeof scalars / sizeof *scalars };

ae_status ae_run_state_write(const ae_run_state *state, ae_h5 *file) {
  AE_RETURN_IF(ae_h5_create_group(file, "/state", "where the run stands"));
  for (int i = 0; i < SCALARS; i++) {
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "/state/%s", scalars[i].name);
    const ae_h5_dataset dataset = {.path = path, .type = AE_H5_INT64, .description = scalars[i].description};
    AE_RETURN_IF(ae_h5_write(file, &dataset, 0, 1, (const char *)state + scalars[i].place));
  }
  AE_RETURN_IF(ae_h5_create_axis(file, "/state", "example_axis", state->rank, NULL, "axis of one example"));
  const ae_h5_dataset shape = {"/state/example_shape",
                               AE_H5_INT64,
                               1,
                               {state->rank},
                               {"example_axis"},
                               "lengths of the axes of one example",
                               NULL};
  return ae_h5_write_whole(file, &shape, state->dim);
}

static ae_status read_state(ae_h5 *file, ae_run_state *state) {
  ae_h5_type type;
  int rank;
  int64_t dim[AE_H5_MAX_RANK];
  for (int i = 0; i < SCALARS; i++) {
    char path[PATH_SIZE];
    bool exists = true;
    snprintf(path, sizeof path, "/state/%s", scalars[i].name);
    if (scalars[i].may_lack) AE_RETURN_IF(ae_h5_exists(file, path, &exists));
    if (!exists) continue;
    AE_RETURN_IF(ae_h5_read(file, path, AE_H5_INT64, 1, 0, 1, (char *)state + scalars[i].place));
  }
  AE_RETURN_IF(ae_h5_describe(file, "/state/example_shape", &type, &rank, dim));
  if (rank != 1 || (dim[0] != 1 && dim[0] != 3))
    return AE_FAIL(AE_DATA, "%s: /state/example_shape does not have 1 or 3 numbers: the file is damaged",
                   ae_h5_path(file));
  state->rank = dim[0];
  AE_RETURN_IF(ae_h5_read(file, "/state/example_shape", AE_H5_INT64, 1, 0, dim[0], state->dim));
  double features = 1;
  for (int64_t i = 0; i < state->rank; i++) features *= fmax(0, (double)state->dim[i]);
  for (int64_t i = 0; i < state->rank; i++)
    if (state->dim[i] < 1 || features > INT32_MAX)
      return AE_FAIL(AE_DATA, "%s: /state/example_shape holds %lld: the file is damaged", ae_h5_path(file),
                     (long long)state->dim[i]);
  return AE_OK;
}

static ae_status require_checkpoint(ae_h5 *file) {
  char *format = NULL;
  ae_status status = ae_h5_get_kind(file, &format);
  if (status == AE_OK && (format == NULL || strcmp(format, "checkpoint") != 0))
    status = AE_FAIL(AE_DATA, "%s is not a checkpoint (%s%s): a model is a run directory or one of its checkpoints",
                     ae_h5_path(file), format != NULL ? "it is of the kind " : "it was not written by mpiae",
                     format != NULL ? format : "");
  AE_FREE(format);
  return status;
}

ae_status ae_run_state_open(const ae_comm *comm, const char *path, ae_h5 **file, ae_config **config,
                            ae_run_state *state) {
  ae_status status;
  char *text = NULL;
  *file = NULL;
  *config = NULL;
  *state = (ae_run_state){0};
  AE_CHECK(ae_h5_open(comm, path, file));
  AE_CHECK(require_checkpoint(*file));
  ae_h5_read_ahead(*file);
  AE_CHECK(ae_h5_read_text(*file, "/config", &text));
  AE_CHECK(ae_comm_agree(comm, ae_model_configure(text, (int64_t)strlen(text), path, NULL, 0, config)));
  /* a checkpoint of before this key: every later one says what auto came to */
  if (ae_config_is(*config, "data.scale", "auto")) ae_config_set(*config, "data.scale", "type");
  AE_CHECK(read_state(*file, state));
cleanup:
  AE_FREE(text);
  if (status != AE_OK) {
    ae_h5_close(file);
    ae_config_destroy(config);
  }
  return status;
}
