/* A matrix of sparse rows (CSR) as AnnData and SciPy keep one in a group: `data`, `indices` and `indptr`, its shape in the
 * attribute `shape` (https://anndata.readthedocs.io, "On-disk format"). */
#ifndef MPIAE_SRC_DATA_SPARSE_H
#define MPIAE_SRC_DATA_SPARSE_H

#include "mpiae/comm/comm.h"
#include "mpiae/h5/h5.h"

/* Collective. Whether the group is one, and its rows and columns. Errors: AE_DATA when it is one by columns (CSC), or its
 * shape is not told. */
ae_status ae_sparse_find(const ae_comm *comm, ae_h5 *file, const char *group, bool *found, int64_t shape[2]);

/* Collective. Rows [begin, begin + count) as float32, dense: out (count, columns). Errors: AE_DATA naming the row whose
 * pointers or columns lie outside. */
ae_status ae_sparse_read(const ae_comm *comm, ae_h5 *file, const char *group, const int64_t shape[2], int64_t begin,
                         int64_t count, float *out);

#endif
