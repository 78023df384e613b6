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

#endif
