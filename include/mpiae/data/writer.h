/* Writes dataset files: importers and generators give the rows, the writer gives the format. */
#ifndef MPIAE_DATA_WRITER_H
#define MPIAE_DATA_WRITER_H

#include "mpiae/comm/comm.h"
#include "mpiae/h5/h5.h"

/* What is known of a dataset before its rows. */
typedef struct ae_dataset_shape {
  int64_t examples;
  int rank; /* 1 (F) or 3 (C, H, W) */
  int64_t dim[3];
  ae_h5_type type; /* AE_H5_UINT8 or AE_H5_FLOAT32 */
} ae_dataset_shape;

/* Collective. Writes a dataset file (atomically). This rank gives examples [begin, begin + count): rows in
 * `type`; label and source_index may be NULL (on all ranks alike). `origin` is one line for the attribute
 * `source`: what made it. */
ae_status ae_dataset_write(const ae_comm *comm, const char *path, const ae_dataset_shape *shape, int64_t begin,
                           int64_t count, const void *rows, const int32_t *label, const int64_t *source_index,
                           const char *origin);

/* Sets of points, packed. A rank gives some consecutive ones, or none: those after the ranks before it. */
typedef struct ae_sets {
  int64_t sets;          /* of all ranks */
  int64_t dim;           /* coordinates of a point: d */
  int64_t begin, count;  /* this rank's */
  const int64_t *offset; /* count + 1, in this rank's points; offset[0] = 0; not read when count is 0 */
  const float *points;   /* (offset[count], d) */
} ae_sets;

/* Collective. Writes sets into a file: /<prefix>points (M, d) along the axes <prefix>point and coordinate,
 * /<prefix>offset (N + 1) along <prefix>border; makes the axes (coordinate when there is none). Prefix "" or like
 * "reconstruction_". The file is the same however the sets are dealt to ranks. `description`: what the points are. */
ae_status ae_sets_write(const ae_comm *comm, ae_h5 *file, const char *prefix, const ae_sets *sets,
                        const char *description);

/* Collective. ae_dataset_write for sets. AE_DATA without sets or coordinates. */
ae_status ae_dataset_write_sets(const ae_comm *comm, const char *path, const ae_sets *sets, const int32_t *label,
                                const int64_t *source_index, const char *origin);

#endif
