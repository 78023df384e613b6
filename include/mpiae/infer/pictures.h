/* What codes become where examples are arrays: reconstructions, samples, tables of pictures, in files that
 * ae_inference_begin began. Collective; errors are agreed; results are the same bits for any number of ranks. */
#ifndef MPIAE_INFER_PICTURES_H
#define MPIAE_INFER_PICTURES_H

#include "mpiae/models/model.h"

/* Decodes this rank's codes (count, code_width) and writes what comes out: a dataset of `total` examples of the model's
 * shape along `axis`, which is there; this rank gives rows [begin, begin + count). */
ae_status ae_pictures_decode(ae_model *model, ae_h5 *file, const char *path, const char *axis, int64_t total,
                             int64_t begin, int64_t count, const float *codes, const char *description);

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
