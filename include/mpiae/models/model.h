/* What a model is to the program: one constant descriptor in one table, and hooks that the training loop and the
 * commands call without knowing any model. A new model is one folder and one row of model_table.c.
 *
 * A model builds its graphs on the parameter store it is given, names its loss terms, fills the inputs of each step,
 * and keeps what it needs between epochs (a homoencoder: codes, pseudo-labels). */
#ifndef MPIAE_MODELS_MODEL_H
#define MPIAE_MODELS_MODEL_H

#include "mpiae/comm/comm.h"
#include "mpiae/config/config.h"
#include "mpiae/data/block.h"
#include "mpiae/data/sampler.h"
#include "mpiae/data/scale.h"
#include "mpiae/graph/graph.h"
#include "mpiae/h5/h5.h"
#include "mpiae/models/keys.h"
#include "mpiae/models/metrics.h"

#define AE_MODEL_MAX_TERMS 8
#define AE_MODEL_MAX_FIELDS 8
#define AE_MODEL_MAX_ARRAYS 8

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
  const ae_data_scale *scale; /* of what the networks see; NULL: by type */
  /* Training only; NULL and 0 for inference. */
  const ae_dataset *data;
  const ae_multiplier *multiplier; /* NULL: ae_multiplier_blas */
  int64_t capacity;                /* most rows of a step on this rank */
  const int *plane_end;            /* own segments before the end of each gradient plane */
  int planes;
} ae_model_setup;

/* A term of the loss, one number per example: recorded as columns train_<name> and test_<name>, summed with its weight
 * into the loss. */
typedef struct ae_term {
  const ae_figure *figure;
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
  const ae_figure *measure[AE_MODEL_MAX_TERMS]; /* what is told of an example beside the loss: columns test_<name> */
  int measures;
  ae_field field[AE_MODEL_MAX_FIELDS];
  int fields;
  int64_t code_width;  /* numbers of a code: the widths of the fields with `code`; 0 = the model has none */
  int64_t entries;     /* numbers of a code are indices below this: nothing lies between two; 0 = they are not */
  const char *units;   /* of the loss and its terms: "nat" unless create says otherwise */
  bool per_number;     /* the first term is −ln p(x | code) divided by the numbers of x */
  bool proper;         /* the terms, each with weight 1, sum to a bound on −ln p(x) */
  int labels;          /* known labels that it is conditioned on; 0 = none */
  int classes;         /* clusters that samples may come from; 0 = none */
  int64_t coordinates; /* of a point of the sets that its codes become; 0 = they become arrays */
  bool sized;          /* of sets: it tells the sizes that sets of a code have */
  const ae_column *const *columns; /* tables of what it records besides; those of the type unless create says so */
  int statistics;                  /* further numbers summed over the examples of an epoch */
  const double *statistic_sum;     /* those sums, when epoch_end is called; lent */
  int64_t statistic_examples;      /* over how many: fewer than the data has when steps were left out */
};

/* Numbers that a model has beside its parameters, without which other programs could not use it. */
typedef struct ae_model_array {
  const char *name; /* in PyTorch: "codebook.count" */
  ae_h5_type type;  /* as in run/safetensors.h */
  int rank;
  int64_t dim[2];
  void *values; /* lent */
  bool learnt;  /* a new run that begins with the parameters takes it with them; else it makes its own */
} ae_model_array;

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

/* Hooks of training, in the order of a run; all but fill may be NULL. Collective unless told, and errors are agreed. */
typedef struct ae_training_hooks {
  /* Before create: sets what keys leave to the program ("auto") by the data. */
  ae_status (*resolve)(const ae_comm *comm, ae_config *config, const ae_dataset *data);

  /* With --init-from: what begins with this path, or NULL, may lack in the other model and then starts at random. And,
   * before parameters are taken over: AE_USAGE when the other model, of this configuration, is one that parameters
   * cannot come from; takes over what state belongs to them. */
  const char *own_parameters;
  ae_status (*init_from)(ae_model *model, const ae_config *config, ae_h5 *file);

  /* Local. The same after parameters and learnt arrays have been read from a file of arrays: AE_DATA for such as cannot
   * be. */
  ae_status (*adopt)(ae_model *model);

  /* The state of a new run, where load has not read that of a checkpoint. */
  ae_status (*start)(ae_model *model);
  ae_status (*epoch_begin)(ae_model *model, uint32_t epoch, ae_metrics *metrics);

  /* A step. Local: prefetch starts bringing what a coming batch needs from other ranks; fill: the inputs of the training
   * graph (rows and values) for the batch prefetched before. step_end: after the update, unless the step was left out. */
  void (*prefetch)(ae_model *model, const ae_batch *batch);
  void (*fill)(ae_model *model, const ae_batch *batch);
  ae_status (*step_end)(ae_model *model, const ae_batch *batch);

  /* Local. With statistics > 0: after the backward pass, their sums over rows begin … end−1 of the batch. */
  void (*statistics)(const ae_model *model, const ae_batch *batch, int64_t begin, int64_t end, double *sums);

  ae_status (*epoch_end)(ae_model *model, uint32_t epoch, ae_metrics *metrics);

  /* Local. The fields of all own training examples as recorded in the last epoch, in place of a pass of encode. */
  void (*recorded)(const ae_model *model, void *const *field);

  /* Further datasets of a run's codes file. Axes of the fields are there. */
  ae_status (*annotate)(const ae_model *model, ae_h5 *file);
} ae_training_hooks;

/* Hooks of inference, NULL where the model has no such thing. Local, on at most AE_BLOCK_ROWS rows at a time; the caller
 * agrees on the status. They need no training setup, and disturb none. */
typedef struct ae_inference_hooks {
  /* field[i] receives (count, width of field i); fields that are NULL are passed by. */
  ae_status (*encode)(ae_model *model, const ae_block *block, void *const *field);

  /* Codes (count, code_width) → what one looks at, (count, features): the mean of p(x | code), scaled as the networks see
   * examples. */
  ae_status (*decode)(ae_model *model, int64_t count, const float *code, float *x);

  /* terms receives (count, terms + measures), with noise number `draw`; log_weight, where the model is proper, ln p(x,
   * code) − ln q(code | x) of that draw. Costs in the terms that are not drawn (a homoencoder's share of its class
   * code's) are in the weight as they stand. Draws of a block are asked for in order, from 0. */
  ae_status (*evaluate)(ae_model *model, const ae_block *block, uint32_t draw, double *terms, double *log_weight);

  /* Codes of samples at … at+count−1 of a request, and the class each came from, or the label it was drawn under
   * (−1 = none; preset). */
  ae_status (*draw)(ae_model *model, const ae_sample_request *request, int64_t at, int64_t count, float *code,
                    int32_t *label);
} ae_inference_hooks;

/* Models whose codes become sets of points. Local. */
typedef struct ae_set_hooks {
  /* Whether one so configured takes sets too, rather than arrays that stand for sets. */
  bool (*takes)(const ae_config *config);

  /* The block as the sets that it is or stands for, in place of its rows; lent until the next call. */
  ae_status (*of_block)(ae_model *model, const ae_block *block, ae_block *sets);

  /* Of any number of codes: sizes[i] receives the likeliest size of a set of that code, or one drawn from their
   * distribution (of models that are `sized`); set i becomes points offset[i] … offset[i+1] of (·, coordinates) ones. */
  ae_status (*predict_sizes)(ae_model *model, const ae_set_codes *codes, bool drawn, int64_t *sizes);
  ae_status (*decode)(ae_model *model, const ae_set_codes *codes, const int64_t *offset, float *points);

  /* Has evaluate also tell of the distance under the optimal matching. */
  void (*add_matching)(ae_model *model);
} ae_set_hooks;

/* Models with a code for the class of an example. Local, as those of inference. */
typedef struct ae_class_hooks {
  /* Codes of examples each of which is a class of its own: c from q(c | {x}). */
  ae_status (*one_shot)(ae_model *model, const ae_block *block, float *code);

  /* ln p(query | the class that `like` are examples of) of each query, estimated by `draws` importance-weighted draws
   * with the same noise whatever the class. */
  ae_status (*likelihood)(ae_model *model, const ae_block *like, const ae_block *queries, int draws, double *out);
} ae_class_hooks;

/* Models with indices of a codebook for codes. Local. */
typedef struct ae_index_hooks {
  int64_t (*codebook)(const ae_model *model); /* a number that tells it from others; 0 = not known */
} ae_index_hooks;

/* Priors over the codes of other models. Local. */
typedef struct ae_prior_hooks {
  /* −ln p(code) of each code, in nats; label: of each, −1 = unknown; or NULL. */
  ae_status (*price)(ae_model *prior, int64_t count, const float *code, const int32_t *label, double *nats);
} ae_prior_hooks;

struct ae_model_type {
  const char *name, *summary;
  const ae_key *const *keys;          /* tables of its keys, the common one among them; NULL-terminated */
  const ae_key_condition *conditions; /* on its keys and those it shares, before the common ones; or NULL */
  const ae_figure *const *figures;    /* its terms and measures, whatever the configuration; NULL-terminated */
  const ae_column *const *columns;    /* tables of what else it records of an epoch; NULL-terminated; or NULL */

  /* Collective. Builds the graphs on setup->params (training graph first, when setup->data is there; then those of
   * inference) and makes the state. The store is sealed and bound by the caller afterwards. */
  ae_status (*create)(const ae_model_setup *setup, ae_model **out);
  void (*destroy)(ae_model *model); /* Collective; frees the struct too */

  /* Collective, or NULL. The model's own state in a checkpoint, beside its parameters; load also for inference. */
  ae_status (*save)(ae_model *model, ae_h5 *file);
  ae_status (*load)(ae_model *model, ae_h5 *file);

  /* Local. What it has beside parameters; returns how many: AE_MODEL_MAX_ARRAYS at most; or NULL: nothing. And the parts
   * of its PyTorch module, source text, ended by NULL; or NULL: it has none. */
  int (*arrays)(ae_model *model, ae_model_array *out);
  const char *const *python;

  /* Local, or NULL. AE_USAGE when the model cannot take values like those of the dataset, whose shape fits. */
  ae_status (*accepts)(const ae_model *model, const ae_dataset *data);

  const ae_training_hooks *training;
  const ae_inference_hooks *inference;
  const ae_set_hooks *sets;      /* or NULL: its codes become arrays */
  const ae_class_hooks *classes; /* or NULL */
  const ae_index_hooks *indices; /* or NULL */
  const ae_prior_hooks *prior;   /* or NULL */
};

/* Local. For init_from: AE_USAGE when the other model, of this configuration and file, is of another type, or one of
 * these keys (NULL-terminated) has another value there. */
ae_status ae_model_check_origin(const ae_model *model, const ae_config *other, ae_h5 *file, const char *const *keys);

/* Local. Fills the shared part from the setup. */
void ae_model_init(ae_model *model, const ae_model_type *type, const ae_model_setup *setup);

/* Local, for create. Begins the training graph, with an axis for the rows of a step. */
ae_status ae_model_begin_graph(ae_model *model, int *axis);

/* Local, for create. A loss term; then its rows in the training graph, which become a root of it when the term is
 * weighted (NULL rows, an error of building, are passed by). A measure. A field. */
void ae_model_add_term(ae_model *model, const ae_figure *figure, float weight);
void ae_model_set_term(ae_model *model, int term, ae_tensor *rows);
void ae_model_add_measure(ae_model *model, const ae_figure *figure);
void ae_model_add_field(ae_model *model, ae_field field);
void ae_model_add_vector(ae_model *model, const char *name, const char *code, int64_t width, const char *axis,
                         const char *description); /* a field of float32 */

/* Local. An error of the kind AE_DATA about rows that are codes of ours, not somebody's data, becomes AE_DIVERGED. */
ae_status ae_model_blame_codes(ae_status status, uint32_t epoch);

/* Local. Name of axis i of one example: "feature", or "channel", "row", "column". */
const char *ae_example_axis(int rank, int i);

#endif
