/* What a model is to the program: one constant descriptor in one table, and hooks that the training loop and the
 * commands call without knowing any model. A new model is one file and one row of model_table.c.
 *
 * A model builds its graphs on the parameter store it is given, names its loss terms, fills the inputs of each step,
 * and keeps what it needs between epochs (a homoencoder: codes, pseudo-labels). */
#ifndef MPIAE_MODELS_MODEL_H
#define MPIAE_MODELS_MODEL_H

#include "mpiae/comm/comm.h"
#include "mpiae/config/config.h"
#include "mpiae/data/dataset.h"
#include "mpiae/data/sampler.h"
#include "mpiae/graph/graph.h"
#include "mpiae/h5/h5.h"
#include "mpiae/models/metrics.h"

#define AE_MODEL_MAX_TERMS 8

/* Rows of an inference pass: fixed, so that results do not depend on how examples are dealt to ranks. */
#define AE_MODEL_BLOCK 256

typedef struct ae_model ae_model;
typedef struct ae_model_type ae_model_type;

/* What a model is made from; lent for its life. */
typedef struct ae_model_setup {
  const ae_comm *comm;
  const ae_config *config;
  ae_params *params;
  int rank; /* shape of one example: axes and their lengths */
  int64_t dim[3];
  int64_t features; /* their product */
  uint64_t seed;
  /* Training only; NULL and 0 for inference. */
  const ae_dataset *data;
  int64_t capacity;     /* most rows of a step on this rank */
  const int *plane_end; /* own segments before the end of each gradient plane */
  int planes;
} ae_model_setup;

/* A term of the loss, one number per row of the batch: recorded as column train_<name>, summed with its weight (fill
 * may change it) into train_loss. */
typedef struct ae_term {
  const char *name;
  ae_tensor *rows; /* width 1, a root of the graph when weight ≠ 0 */
  float weight;
} ae_term;

/* The part all models share; a model's own struct begins with it. */
struct ae_model {
  const ae_model_type *type;
  ae_model_setup setup;
  ae_graph *graph; /* of training; NULL for inference */
  ae_term term[AE_MODEL_MAX_TERMS];
  int terms;
  int statistics;              /* further numbers summed over the examples of an epoch */
  const double *statistic_sum; /* those sums, when epoch_end is called; lent */
};

/* What `mpiae sample` asks for. */
typedef struct ae_sample_request {
  int64_t count;
  uint64_t seed;
  bool from_prior; /* --from prior */
} ae_sample_request;

struct ae_model_type {
  const char *name, *summary;
  const ae_key *const *keys;  /* tables of its keys, the common one among them; NULL-terminated */
  const char *const *columns; /* of the metrics it records besides its terms, NULL-terminated; or NULL */

  /* Collective. Builds the graphs on setup->params (training graph first, when setup->data is there; then those of
   * inference) and makes the state. The store is sealed and bound by the caller afterwards. */
  ae_status (*create)(const ae_model_setup *setup, ae_model **out);
  void (*destroy)(ae_model *model); /* Collective; frees the struct too */

  /* Collective hooks of training, in the order of a run; any may be NULL. start: the state of a new run, or load: that
   * of a checkpoint. save and load speak of the model's own state, not of parameters; load is also called for
   * inference. */
  ae_status (*start)(ae_model *model);
  ae_status (*epoch_begin)(ae_model *model, uint32_t epoch, ae_metrics *metrics);
  ae_status (*epoch_end)(ae_model *model, uint32_t epoch, ae_metrics *metrics);
  ae_status (*save)(ae_model *model, ae_h5 *file);
  ae_status (*load)(ae_model *model, ae_h5 *file);

  /* Local hooks of a step; prefetch and step_end may be NULL. prefetch: starts bringing what a coming batch needs from
   * other ranks; fill: the inputs of the training graph (rows and values) for the batch prefetched before; step_end:
   * after the backward pass. */
  void (*prefetch)(ae_model *model, const ae_batch *batch);
  void (*fill)(ae_model *model, const ae_batch *batch);
  void (*step_end)(ae_model *model, const ae_batch *batch);

  /* Local. With statistics > 0: after the forward pass, their sums over rows begin … end−1 of the batch. */
  void (*statistics)(const ae_model *model, int64_t begin, int64_t end, double *sums);

  /* Collective. Latent codes of all training examples into a codes file (axis `example` is made by the caller); NULL if
   * the model has none. */
  ae_status (*write_codes)(ae_model *model, ae_h5 *file);

  /* Collective. Draws examples into a samples file (axis `sample` and those of an example are made by the caller); NULL
   * if the model cannot. */
  ae_status (*sample)(ae_model *model, const ae_sample_request *request, ae_h5 *file);
};

/* The type of this name, or NULL. */
const ae_model_type *ae_model_find(const char *name);

/* All types, ended by NULL. */
const ae_model_type *const *ae_model_table(void);

/* Key tables: of all models with the common ones (for help and for finding a key's owner), or of one. NULL-terminated,
 * constant. */
const ae_key *const *ae_model_key_tables(void);
const ae_key *const *ae_model_own_key_tables(const ae_model_type *type);

/* Local. Reads configuration text (name: what messages call it; NULL text: defaults) and overrides with the keys of the
 * model it names. A key that only another model knows is AE_USAGE and says which models it is for. */
ae_status ae_model_configure(const char *text, int64_t length, const char *name, const char *const *overrides,
                             int count, ae_config **out);

/* Local. Fills the shared part from the setup. */
void ae_model_init(ae_model *model, const ae_model_type *type, const ae_model_setup *setup);

/* Local. Adds a loss term and makes its rows a root when weighted. NULL rows (an error of building) are passed by. */
void ae_model_add_term(ae_model *model, const char *name, ae_tensor *rows, float weight);

/* Local. Name of axis i of one example: "feature", or "channel", "row", "column". */
const char *ae_example_axis(int rank, int i);

/* Collective. Writes a dataset of `total` examples along the axis `axis`, this rank giving rows [begin, begin + count).
 */
ae_status ae_model_write_images(const ae_model *model, ae_h5 *file, const char *path, const char *axis, int64_t total,
                                int64_t begin, int64_t count, const float *rows, const char *description);

#endif
