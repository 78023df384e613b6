/* Passes of a trained model over data: what encode, decode, evaluate, reconstruct, sample and interpolate share, and
 * what a run does between epochs. Blocks of examples are dealt to ranks; results are the same bits for any number of
 * them. All collective unless told; errors are agreed. */
#ifndef MPIAE_TRAIN_INFERENCE_H
#define MPIAE_TRAIN_INFERENCE_H

#include "mpiae/models/model.h"

/* AE_USAGE: the data are of another kind (arrays, sets) or shape than the model's, or have values that it cannot take.
 */
ae_status ae_inference_accept(const ae_model *model, const ae_dataset *data);

/* The attributes of a file of results (mpiae_format = `format`) and, of arrays, the axes of one example. */
ae_status ae_inference_begin(const ae_model *model, ae_h5 *file, const char *format, int64_t epoch, int64_t step);

/* What a model tells of its examples: an array per field, (rows, width of the field). */
typedef struct ae_codes {
  int64_t rows;
  void *field[AE_MODEL_MAX_FIELDS];
} ae_codes;

ae_status ae_codes_create(const ae_model *model, int64_t rows, ae_codes *codes); /* Local */
void ae_codes_free(ae_codes *codes);                                             /* Local; zeroed ones are fine */

/* Local. The codes of some rows as decode takes them: out (count, code_width). */
void ae_codes_join(const ae_model *model, const ae_codes *codes, int64_t begin, int64_t count, float *out);

/* Fields of the own examples by one pass of encode. */
ae_status ae_inference_encode(ae_model *model, const ae_dataset *data, ae_codes *codes);

/* Datasets /<field> along the axis `example`, made here, of all examples of the data; /label where known. */
ae_status ae_codes_write(const ae_model *model, ae_h5 *file, const ae_dataset *data, const ae_codes *codes);

/* The axis `example` of the first `total` examples, and /label where known; this rank gives [begin, begin + count). */
ae_status ae_inference_write_examples(ae_h5 *file, const ae_dataset *data, int64_t total, int64_t begin, int64_t count);

/* Means over the examples of a dataset. */
typedef struct ae_evaluation {
  int64_t examples;
  double loss;                         /* weighted terms */
  double term[2 * AE_MODEL_MAX_TERMS]; /* of the model's terms, then of its measures */
  double elbo;                         /* −Σ terms, each with weight 1; NaN unless the model is proper */
  double bound; /* importance-weighted bound on ln p(x) with `draws` draws (Burda et al. 2016, eq. 8); likewise */
} ae_evaluation;

/* Terms are averaged over `draws` ≥ 1 draws of the noise, which depend on (seed, draw, example) alone. */
ae_status ae_inference_evaluate(ae_model *model, const ae_dataset *data, int draws, ae_evaluation *out);

/* Decodes this rank's codes (count, code_width) and writes what comes out: a dataset of `total` examples of the model's
 * shape along `axis`, which is there; this rank gives rows [begin, begin + count). */
ae_status ae_pictures_decode(ae_model *model, ae_h5 *file, const char *path, const char *axis, int64_t total,
                             int64_t begin, int64_t count, const float *codes, const char *description);

/* The codes themselves, one dataset /<code> for each part of a code ("/z", "/c"). */
ae_status ae_pictures_write_codes(const ae_model *model, ae_h5 *file, const char *axis, int64_t total, int64_t begin,
                                  int64_t count, const float *codes);

/* /x and /reconstruction (decoded from the means) of the first `count` examples, and their numbers on the axis
 * `example`; /label where known. */
ae_status ae_pictures_reconstruct(ae_model *model, ae_h5 *file, const ae_dataset *data, int64_t count);

/* Samples along the axis `sample`: pictures at `path`; with `codes` also what they were decoded from, and the cluster
 * (/pseudo_label) or the label (/label) where samples come from such. */
ae_status ae_pictures_sample(ae_model *model, ae_h5 *file, const ae_sample_request *request, const char *path,
                             bool codes);

/* A table of pictures: codes of whole rows come from a function of the row. */
typedef struct ae_picture_table {
  const char *path;
  const char *axis[2]; /* of rows and of columns; they are there */
  int64_t rows, columns;
  const void *context;
  void (*fill)(const ae_model *model, const void *context, int64_t row, float *codes); /* (columns, code_width) */
  const char *description;
} ae_picture_table;

/* Decodes and writes it, the ranks sharing the rows: (rows, columns, shape of an example). */
ae_status ae_pictures_table(ae_model *model, ae_h5 *file, const ae_picture_table *table);

#endif
