/* What codes become, arrays that one looks at or sets of points, in files that ae_inference_begin began: one table with
 * two implementations (src/infer/pictures.c, sets.c). Collective unless told; errors are agreed; results are the same
 * bits for any number of ranks. */
#ifndef MPIAE_INFER_DECODING_H
#define MPIAE_INFER_DECODING_H

#include "mpiae/models/model.h"

/* Rows [begin, begin + count) of `total`, those of this rank, begin a multiple of AE_BLOCK_ROWS. */
typedef struct ae_code_rows {
  const char *axis; /* of them, in the file */
  int64_t total, begin, count;
  const float *code; /* (count, code_width) */
  uint64_t seed;
  /* Of sets alone. How many points they have: all `size`, unless that is 0; else as many as a model that is `sized`
   * predicts, likeliest or drawn; else those given for each row. One of the three must be there. */
  int64_t size;
  bool drawn;
  const int64_t *given;
  bool alike; /* what is drawn is the same for all rows */
} ae_code_rows;

/* A table of arrays: codes of whole rows come from a function of the row. */
typedef struct ae_picture_table {
  const char *path;
  const char *axis[2]; /* of rows and of columns; they are there */
  int64_t rows, columns;
  const void *context;
  void (*fill)(const ae_model *model, const void *context, int64_t row, float *codes); /* (columns, code_width) */
  const char *description;
} ae_picture_table;

typedef struct ae_decoding {
  /* The axes of what comes out, for ae_inference_begin. */
  ae_status (*begin)(const ae_model *model, ae_h5 *file);

  /* Decodes rows and writes what comes out: /x, or /points and /offset; by another name than NULL /<name>, or
   * /<name>_points and /<name>_offset. */
  ae_status (*decode)(ae_model *model, ae_h5 *file, const ae_code_rows *rows, const char *name,
                      const char *description);

  /* The first `count` examples and what their codes are decoded to, /reconstruction or /reconstruction_points …; their
   * numbers on the axis `example`; /label where known. */
  ae_status (*reconstruct)(ae_model *model, ae_h5 *file, const ae_dataset *data, int64_t count);

  /* Sizes that rows may be given: Local, those of the examples of a block; those of the first examples of the data, over
   * and over, for rows [begin, end) of `total`. */
  ae_status (*sizes)(ae_model *model, const ae_block *block, int64_t *sizes);
  ae_status (*borrow_sizes)(ae_model *model, const ae_dataset *data, int64_t begin, int64_t end, int64_t total,
                            int64_t *sizes);

  /* Decodes and writes a table, the ranks sharing its rows: (rows, columns, shape of an example). NULL: sets make none. */
  ae_status (*table)(ae_model *model, ae_h5 *file, const ae_picture_table *table);
} ae_decoding;

/* Local. That of a model; NULL when it decodes no codes. */
const ae_decoding *ae_decoding_of(const ae_model_type *type);

/* The attributes of a file of results (mpiae_format = `format`) and the axes of what codes become. */
ae_status ae_inference_begin(const ae_model *model, ae_h5 *file, const char *format, int64_t epoch, int64_t step);

/* Samples along the axis `sample`, made here: decoded (name as above); what they were decoded from; and the cluster
 * (/pseudo_label) or the label (/label) where they come from such. size, like: of sets; all of this size, unless 0, or
 * of the sizes of the first examples of `like`, unless NULL, or as the model predicts. */
ae_status ae_decoding_sample(ae_model *model, ae_h5 *file, const ae_sample_request *request, int64_t size,
                             const ae_dataset *like, const char *name);

#endif
