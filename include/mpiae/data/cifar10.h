/* The binary version of CIFAR-10 (Krizhevsky 2009): records of a byte for the label and 3 × 32 × 32 bytes, channel by
 * channel. Plain or .gz, told by content. https://www.cs.toronto.edu/~kriz/cifar.html */
#ifndef MPIAE_DATA_CIFAR10_H
#define MPIAE_DATA_CIFAR10_H

#include "mpiae/data/array.h"

/* Local. Reads a whole file: (N, 3, 32, 32) unsigned bytes, and the labels of its records. Errors (AE_DATA), each
 * naming the file: absent, a size that no number of records has (CIFAR-100's by name), a label above 9 (with its
 * record, counted from 0), damaged or truncated gzip stream. */
ae_status ae_cifar10_read(const char *path, ae_array_use use, ae_array *out);

#endif
