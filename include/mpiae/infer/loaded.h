/* A trained model, read for inference: what sample, encode, decode … share. */
#ifndef MPIAE_INFER_LOADED_H
#define MPIAE_INFER_LOADED_H

#include "mpiae/models/model.h"
#include "mpiae/run/state.h"

typedef struct ae_loaded {
  ae_config *config;
  ae_params *params;
  char *
      label_names; /* of the labels that it was trained on, one a line, or NULL: those of its data are numbered alike */
  ae_data_scale scale; /* data.scale, for all data that the model is given */
  ae_model *model;
  ae_run_state state;
} ae_loaded;

/* Collective. `model`: a run directory (its newest valid checkpoint) or a checkpoint file. `leads`: from now on the
 * process computes on as many threads as this model was trained on. */
ae_status ae_loaded_open(const ae_comm *comm, const char *model, bool leads, ae_loaded **out);

/* Collective. Opens data for the model, in blocks. Errors: those of ae_dataset_open_blocks and ae_inference_accept. */
ae_status ae_loaded_open_data(const ae_comm *comm, ae_loaded *loaded, const char *path, ae_dataset **out);

void ae_loaded_close(ae_loaded **loaded); /* Collective; NULL is fine */

#endif
