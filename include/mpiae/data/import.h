/* Importers: foreign files → dataset file. A format is a reader of one file; joining, choosing, dealing and writing are
 * shared. */
#ifndef MPIAE_DATA_IMPORT_H
#define MPIAE_DATA_IMPORT_H

#include "mpiae/comm/comm.h"
#include "mpiae/data/array.h"

/* One format. The table ends with a row whose name is NULL. */
typedef struct ae_import_format {
  const char *name;
  ae_status (*read)(const char *path, ae_array_use use, ae_array *out); /* Local */
  bool labelled;    /* its files hold the labels of their examples: no file of labels is read */
  const char *help; /* one line */
} ae_import_format;

const ae_import_format *ae_import_formats(void); /* Local */

typedef struct ae_import_options {
  const char *labels; /* labels file in the same format, or NULL */
  const int *classes; /* keep only examples with these labels; NULL = all */
  int class_count;
  bool shuffle; /* permute by Philox(seed, AE_RANDOM_IMPORT) */
  uint64_t seed;
  int64_t limit;          /* keep the first so many (after classes and shuffling); 0 = all */
  bool as_set;            /* images of one channel become sets of points (points.h) */
  const float *threshold; /* of as_set, in the units of the files; NULL: AE_POINTS_THRESHOLD, for uint8 alone */
} ae_import_options;

/* Collective. Writes the examples of the files, joined in order, to the dataset file `out`: (N) → /x (N, 1), (N, F) →
 * (N, F), (N, H, W) → (N, 1, H, W), (N, C, H, W) as it is; uint8 or float32. Labels keep their values. /source_index
 * always written: the place in the joined files. With as_set /points and /offset in place of /x. Rank 0 reads; all
 * ranks write. Errors: AE_USAGE for classes without labels, for a file of labels where the examples have theirs with
 * them, for a class that no example has, and for as_set of floats without a threshold; AE_DATA (naming the file) for
 * what the reader finds, shapes or types that differ between files, values that are not finite (with the example),
 * labels of another number, not integers, below −1 or beyond int32, when nothing is left to write, and for as_set of
 * other than images of one channel. */
ae_status ae_import(const ae_comm *comm, const ae_import_format *format, const char *const *files, int count,
                    const ae_import_options *options, const char *out);

#endif
