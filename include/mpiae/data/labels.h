/* The labels of a dataset, in whatever form their owners keep them.
 *
 * (N), (N, 1) and (1, N) of integers, bool, enumerations, or floats that are whole numbers (NaN: unknown) are the labels
 * themselves, −1 = unknown. (N, K) of zeros and one 1 in each row (one-hot): its place. Texts are classes, numbered in
 * the order of their bytes; an empty text is an unknown one. */
#ifndef MPIAE_DATA_LABELS_H
#define MPIAE_DATA_LABELS_H

#include "mpiae/data/dataset.h"

typedef struct ae_labels {
  int32_t *label; /* of the own examples; NULL: there are none, or what is there is none; owned */
  int classes;    /* 1 + the largest over all examples */
  char *names;    /* of the classes, one a line; NULL: they have none; owned */
  char why[256];  /* what is at `path` is none: in words; else "" */
} ae_labels;

/* Collective. Labels of `rows` examples at `path`, of which this rank has [begin, begin + count). What is there but is no
 * labels of so many examples is not an error: `why` says so, and the caller whether that matters. Names are also taken
 * from a text attribute `names` of whole numbers, which our own files have. Errors: AE_DATA when it cannot be read. */
ae_status ae_labels_read(const ae_comm *comm, ae_h5 *file, const char *path, int64_t rows, int64_t begin, int64_t count,
                         ae_labels *out);
void ae_labels_free(ae_labels *labels); /* Local */

/* Collective. Gives labels with names the numbers that these names (one a line) have; names that are not among them come
 * after. Nothing happens when one of the two has no names. Errors: AE_INTERNAL when memory is short. */
ae_status ae_dataset_name_labels(const ae_comm *comm, ae_dataset *dataset, const char *names);

#endif
