/* Codes of the examples of a dataset by a trained model, and files of them. Collective unless told; errors are agreed;
 * results are the same bits for any number of ranks. */
#ifndef MPIAE_INFER_CODES_H
#define MPIAE_INFER_CODES_H

#include "mpiae/models/model.h"

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

/* The codes themselves, one dataset /<code> for each part of a code ("/z", "/c"). */
ae_status ae_codes_write_decoded(const ae_model *model, ae_h5 *file, const char *axis, int64_t total, int64_t begin,
                                 int64_t count, const float *codes);

#endif
