/* What a model is to the program: one constant descriptor in one table, and hooks that the training loop and the
 * commands call without knowing any model. A new model is one file, one row of model_table.c, its name in keys.c and,
 * for terms that no other has, columns in metrics.c.
 *
 * A model builds its graphs on the parameter store it is given, names its loss terms, fills the inputs of each step,
 * and keeps what it needs between epochs (a homoencoder: codes, pseudo-labels). */
#ifndef MPIAE_MODELS_MODEL_H
#define MPIAE_MODELS_MODEL_H

#include "mpiae/comm/comm.h"
#include "mpiae/config/config.h"
#include "mpiae/data/block.h"
#include "mpiae/data/sampler.h"
#include "mpiae/graph/graph.h"
#include "mpiae/h5/h5.h"
#include "mpiae/models/metrics.h"

#define AE_MODEL_MAX_TERMS 8
#define AE_MODEL_MAX_FIELDS 8

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

/* A term of the loss, one number per example: recorded as columns train_<name> and test_<name>, summed with its weight
 * into the loss. */
typedef struct ae_term {
  const char *name;
  float weight;
  float scale;     /* of the weight in the step at hand: 1, unless fill says otherwise (warm-up) */
  ae_tensor *rows; /* of the training graph, width 1; a root of it when weight ≠ 0 */
} ae_term;

/* What a model tells of an example: one dataset of a codes file. Fields with `code` are, one after another, what decode
 * takes. */
typedef struct ae_field {
  const char *name; /* "z_mean" */
  const char *code; /* what it is a value of ("z"), or NULL */
  ae_h5_type type;  /* AE_H5_FLOAT32 or AE_H5_INT32 */
  int64_t width;    /* numbers of an example */
  const char *axis; /* name of that axis; NULL: one number without an axis */
  const char *description;
  int64_t columns; /* of a map, stored as (…, width / columns, columns); 0: the field is a vector */
  const char *column_axis;
} ae_field;

/* The part all models share; a model's own struct begins with it. create fills in terms, measures and fields. */
struct ae_model {
  const ae_model_type *type;
  ae_model_setup setup;
  ae_graph *graph; /* of training; NULL for inference */
  ae_term term[AE_MODEL_MAX_TERMS];
  int terms;
  /* What is told of an example beside the loss: columns test_<name>. Of one whose name ends in _rmse the root of the
   * mean is told. */
  const char *measure[AE_MODEL_MAX_TERMS];
  int measures;
  ae_field field[AE_MODEL_MAX_FIELDS];
  int fields;
  int64_t code_width;         /* numbers of a code: the widths of the fields with `code`; 0 = the model has none */
  int64_t entries;            /* numbers of a code are indices below this: nothing lies between two; 0 = they are not */
  bool channels_last;         /* its networks see images (row, column, channel) */
  bool bernoulli;             /* they predict logits */
  const char *units;          /* of the loss and its terms: "nat" unless create says otherwise */
  bool per_number;            /* the first term is −ln p(x | code) divided by the numbers of x */
  bool proper;                /* the terms, each with weight 1, sum to a bound on −ln p(x) */
  int labels;                 /* known labels that it is conditioned on; 0 = none */
  int classes;                /* clusters that samples may come from; 0 = none */
  int64_t coordinates;        /* of a point of the sets that its codes become; 0 = they become arrays */
  bool sized;                 /* of sets: it tells the sizes that sets of a code have */
  const char *const *columns; /* of the metrics it records besides its terms; those of the type unless create says so */
  int statistics;             /* further numbers summed over the examples of an epoch */
  const double *statistic_sum; /* those sums, when epoch_end is called; lent */
  int64_t statistic_examples;  /* over how many: fewer than the data has when steps were left out */
};

/* What `mpiae sample` asks for. */
typedef struct ae_sample_request {
  int64_t count;
  uint64_t seed;
  bool from_prior; /* --from prior */
  bool labelled;   /* --label: all of one label, below the model's `labels`; else drawn */
  int32_t label;
  ae_model *prior;      /* --prior: what draws the codes, or NULL */
  const ae_block *like; /* --like: examples of one class to draw more of; or NULL */
} ae_sample_request;

/* Codes that are to become sets. */
typedef struct ae_set_codes {
  int64_t count;
  const float *code;     /* (count, code_width) */
  const int64_t *number; /* of each: with the seed what is drawn for it; equal numbers, equal draws */
  uint64_t seed;
} ae_set_codes;

struct ae_model_type {
  const char *name, *summary;
  const ae_key *const *keys;  /* tables of its keys, the common one among them; NULL-terminated */
  const char *const *columns; /* of the metrics it records besides its terms, NULL-terminated; or NULL */

  /* Local. Whether a model so configured is for sets of points, rather than for arrays; NULL: never. */
  bool (*takes_sets)(const ae_config *config);

  /* Collective; or NULL. Before create, for training: sets what keys leave to the program ("auto") by the data. */
  ae_status (*resolve)(const ae_comm *comm, ae_config *config, const ae_dataset *data);

  /* Collective. Builds the graphs on setup->params (training graph first, when setup->data is there; then those of
   * inference) and makes the state. The store is sealed and bound by the caller afterwards. */
  ae_status (*create)(const ae_model_setup *setup, ae_model **out);
  void (*destroy)(ae_model *model); /* Collective; frees the struct too */

  /* With --init-from: what begins with this path, or NULL, may lack in the other model and then starts at random. And a
   * collective hook, or NULL, before parameters are taken over: AE_USAGE when the other model, of this configuration,
   * is one that parameters cannot come from; takes over what state belongs to them. `start` follows. */
  const char *own_parameters;
  ae_status (*init_from)(ae_model *model, const ae_config *config, ae_h5 *file);

  /* Collective hooks of training, in the order of a run; any may be NULL. start: the state of a new run, or load: that
   * of a checkpoint. save and load speak of the model's own state, not of parameters; load is also called for
   * inference. */
  ae_status (*start)(ae_model *model);
  ae_status (*epoch_begin)(ae_model *model, uint32_t epoch, ae_metrics *metrics);
  ae_status (*epoch_end)(ae_model *model, uint32_t epoch, ae_metrics *metrics);
  ae_status (*save)(ae_model *model, ae_h5 *file);
  ae_status (*load)(ae_model *model, ae_h5 *file);

  /* Hooks of a step; prefetch and step_end may be NULL. Local: prefetch starts bringing what a coming batch needs from
   * other ranks; fill: the inputs of the training graph (rows and values) for the batch prefetched before. Collective:
   * step_end, after the update, unless the step was left out; errors are agreed. */
  void (*prefetch)(ae_model *model, const ae_batch *batch);
  void (*fill)(ae_model *model, const ae_batch *batch);
  ae_status (*step_end)(ae_model *model, const ae_batch *batch);

  /* Local. With statistics > 0: after the backward pass, their sums over rows begin … end−1 of the batch. */
  void (*statistics)(const ae_model *model, const ae_batch *batch, int64_t begin, int64_t end, double *sums);

  /* Collective. AE_USAGE when the model cannot take values like those of the dataset, whose shape fits. */
  ae_status (*accepts)(const ae_model *model, const ae_dataset *data);

  /* Inference: local hooks on at most AE_BLOCK_ROWS rows at a time, NULL where the model has no such thing. The caller
   * agrees on the status. They need no training setup, and disturb none. */

  /* field[i] receives (count, width of field i); fields that are NULL are passed by. */
  ae_status (*encode)(ae_model *model, const ae_block *block, void *const *field);

  /* The fields of all own training examples as recorded in the last epoch, in place of a pass of encode. */
  void (*recorded)(const ae_model *model, void *const *field);

  /* Codes (count, code_width) → what one looks at, (count, features): the mean of p(x | code). */
  ae_status (*decode)(ae_model *model, int64_t count, const float *code, float *x);

  /* Local. Has evaluate also tell of the distance under the optimal matching; or NULL: it cannot. */
  void (*add_matching)(ae_model *model);

  /* Of models whose codes become sets. sets_of: the block as the sets that it is or stands for, in place of its rows;
   * lent until the next call. The others take any number of codes: sizes[i] receives the likeliest size of a set of
   * that code, or one drawn from their distribution (of models that are `sized`); set i becomes points offset[i] …
   * offset[i+1] of (·, coordinates) ones. */
  ae_status (*sets_of)(ae_model *model, const ae_block *block, ae_block *sets);
  ae_status (*predict_sizes)(ae_model *model, const ae_set_codes *codes, bool drawn, int64_t *sizes);
  ae_status (*decode_sets)(ae_model *model, const ae_set_codes *codes, const int64_t *offset, float *points);

  /* terms receives (count, terms + measures), with noise number `draw`; log_weight, where the model is proper, ln p(x,
   * code) − ln q(code | x) of that draw. Costs in the terms that are not drawn (a homoencoder's share of its class
   * code's) are in the weight as they stand. Draws of a block are asked for in order, from 0. */
  ae_status (*evaluate)(ae_model *model, const ae_block *block, uint32_t draw, double *terms, double *log_weight);

  /* Codes of samples at … at+count−1 of a request, and the class each came from, or the label
   * it was drawn under (−1 = none; preset). */
  ae_status (*draw)(ae_model *model, const ae_sample_request *request, int64_t at, int64_t count, float *code,
                    int32_t *label);

  /* Codes of examples each of which is a class of its own: c from q(c | {x}). */
  ae_status (*one_shot)(ae_model *model, const ae_block *block, float *code);

  /* ln p(query | the class that `like` are examples of) of each query, estimated by `draws` importance-weighted draws
   * with the same noise whatever the class. */
  ae_status (*likelihood)(ae_model *model, const ae_block *like, const ae_block *queries, int draws, double *out);

  /* Of models with indices for codes, and of priors over such codes. codebook: a number that tells the codebook of the
   * codes from others; 0 = not known. price, of priors alone: −ln p(code) of each code, in nats. */
  int64_t (*codebook)(const ae_model *model);
  ae_status (*price)(ae_model *prior, int64_t count, const float *code, const int32_t *label, double *nats);

  /* Collective. Further datasets of a training run's codes file; or NULL. Axes of the fields are there. */
  ae_status (*annotate)(const ae_model *model, ae_h5 *file);

  /* Collective. Attributes of the datasets of any codes file, which are there; or NULL. */
  ae_status (*tag)(const ae_model *model, ae_h5 *file);
};

/* The type of this name, or NULL. */
const ae_model_type *ae_model_find(const char *name);

/* All types, ended by NULL. */
const ae_model_type *const *ae_model_table(void);

/* Key tables of all models with the common ones (for help and for finding a key's owner). NULL-terminated, constant. */
const ae_key *const *ae_model_key_tables(void);

/* Local. Reads configuration text (name: what messages call it; NULL text: defaults) and overrides with the keys of the
 * model it names. A key that only another model knows is AE_USAGE and says which models it is for. */
ae_status ae_model_configure(const char *text, int64_t length, const char *name, const char *const *overrides,
                             int count, ae_config **out);

/* Local. For init_from: AE_USAGE when the other model, of this configuration and file, is of another type, or one of
 * these keys (NULL-terminated) has another value there. */
ae_status ae_model_check_origin(const ae_model *model, const ae_config *other, ae_h5 *file, const char *const *keys);

/* Local. Warns of every key whose value is not its default but has no effect, another key being what it is. */
void ae_model_warn_of_idle_keys(const ae_config *config);

/* Local. AE_USAGE when the data are sets and such a model is for arrays, or the reverse. */
ae_status ae_model_check_kind(const ae_model_type *type, const ae_config *config, const ae_dataset *data);

/* Local. Fills the shared part from the setup. */
void ae_model_init(ae_model *model, const ae_model_type *type, const ae_model_setup *setup);

/* Local, for create. A loss term; then its rows in the training graph, which become a root of it when the term is
 * weighted (NULL rows, an error of building, are passed by). A measure. A field. */
void ae_model_add_term(ae_model *model, const char *name, float weight);
void ae_model_set_term(ae_model *model, int term, ae_tensor *rows);
void ae_model_add_measure(ae_model *model, const char *name);
void ae_model_add_field(ae_model *model, ae_field field);
void ae_model_add_vector(ae_model *model, const char *name, const char *code, int64_t width, const char *axis,
                         const char *description); /* a field of float32 */

/* Local. Name of axis i of one example: "feature", or "channel", "row", "column". */
const char *ae_example_axis(int rank, int i);

/* Local. The names of the models whose type has something, for messages: "vae, vhe". `context` goes to `has`. */
void ae_model_list(bool (*has)(const ae_model_type *type, const void *context), const void *context, char *out,
                   size_t size);

#endif
