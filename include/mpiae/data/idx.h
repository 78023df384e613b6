/* The idx format of MNIST (LeCun): magic 0 0 type rank, big-endian sizes, data. Plain or .gz, told by content. */
#ifndef MPIAE_DATA_IDX_H
#define MPIAE_DATA_IDX_H

#include "mpiae/data/array.h"

/* Local. Reads a whole idx file of unsigned bytes. Errors (AE_DATA), each naming the file and the byte where it
 * helps: absent, wrong magic, a type other than unsigned bytes, one axis where examples are wanted, shorter or longer
 * than its sizes say, damaged or truncated gzip stream. */
ae_status ae_idx_read(const char *path, ae_array_use use, ae_array *out);

#endif
