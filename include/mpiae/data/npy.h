/* NumPy's format (numpy.save), versions 1.0 to 3.0: magic, a header in Python's notation, data. Plain or .gz, told by
 * content. https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html */
#ifndef MPIAE_DATA_NPY_H
#define MPIAE_DATA_NPY_H

#include "mpiae/data/array.h"

/* Local. Reads a whole file of either byte order, in C or Fortran order. uint8 stays; other integers, bool, float16,
 * float32 and float64 become float32, or, of labels, integers become int64 (beyond its range the largest one). Values
 * beyond float32 become infinite. Errors (AE_DATA), each naming the file: absent, wrong magic, damaged header, other
 * types, no or more than four axes, shorter or longer than its shape says, damaged or truncated gzip stream. */
ae_status ae_npy_read(const char *path, ae_array_use use, ae_array *out);

#endif
