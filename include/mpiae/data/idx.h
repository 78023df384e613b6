/* The idx format of MNIST (LeCun): magic 0 0 type rank, big-endian sizes, data. Plain or .gz, told by content. */
#ifndef MPIAE_DATA_IDX_H
#define MPIAE_DATA_IDX_H

#include "mpiae/base/status.h"

#include <stdint.h>

typedef struct ae_idx {
  int rank; /* axes in the file, 1 … 4 */
  int64_t dim[4];
  uint8_t *values; /* unsigned bytes, owned */
} ae_idx;

/* Local. Reads a whole idx file of unsigned bytes. Errors (AE_DATA), each naming the file and the byte where it
 * helps: absent, wrong magic, a type other than unsigned bytes, shorter or longer than its sizes say, damaged or
 * truncated gzip stream. */
ae_status ae_idx_read(const char *path, ae_idx *out);
void ae_idx_free(ae_idx *idx);

#endif
