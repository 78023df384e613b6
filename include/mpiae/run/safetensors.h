/* Files of named arrays in the format safetensors (github.com/huggingface/safetensors): the length of a header in 8
 * bytes, the header, JSON: {name: {"dtype", "shape", "data_offsets"}}, and the arrays one after another, row-major; all
 * little-endian, as are the machines that mpiae runs on. Local. */
#ifndef MPIAE_RUN_SAFETENSORS_H
#define MPIAE_RUN_SAFETENSORS_H

#include "mpiae/h5/h5.h"

enum { AE_NAMED_SIZE = 256 };

typedef struct ae_named_array {
  char name[AE_NAMED_SIZE];
  ae_h5_type type; /* AE_H5_FLOAT32, AE_H5_FLOAT64 or AE_H5_INT64 */
  int rank;
  int64_t dim[AE_H5_MAX_RANK];
  void *values; /* lent */
} ae_named_array;

/* Writes all, those of 8 bytes first, so that each is aligned. AE_DATA when the disk refuses. */
ae_status ae_safetensors_write(const char *path, int count, const ae_named_array *array);

typedef struct ae_safetensors ae_safetensors;

/* Reads a file into memory. AE_DATA when it cannot be read, or is no such file. */
ae_status ae_safetensors_open(const char *path, ae_safetensors **out);
void ae_safetensors_close(ae_safetensors **file); /* NULL is fine */
bool ae_safetensors_has(const ae_safetensors *file, const char *name);

/* Copies the array of that name into array->values. AE_USAGE when there is none, or it is of another type or shape;
 * AE_DATA when the file does not hold its numbers. */
ae_status ae_safetensors_take(ae_safetensors *file, const ae_named_array *array);

/* AE_USAGE that names an array that nobody has taken or passed by. */
void ae_safetensors_pass(ae_safetensors *file, const char *name);
ae_status ae_safetensors_check_taken(const ae_safetensors *file);

#endif
