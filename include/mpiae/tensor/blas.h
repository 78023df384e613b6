/* Matrix products, by the BLAS chosen at configure time, and which that is: bits depend on it. Row-major throughout.
 * Local. */
#ifndef MPIAE_TENSOR_BLAS_H
#define MPIAE_TENSOR_BLAS_H

#include <stdbool.h>
#include <stdint.h>

/* How many threads products and convolutions of this thread are computed on from now on. Bits depend on it; call with 1
 * at the start. */
void ae_blas_use_threads(int threads);

/* How many threads products are computed on: fewer than told where the library has no more. */
int ae_blas_threads(void);

/* The library that computes products, as it tells itself ("OpenBLAS 0.3.21", "BLIS 0.9.0", "MKL 2026.2.0"), or else by
 * its file ("libblas.so.3.11.0"); the same and how it was built. Lent. */
const char *ae_blas_library(void);
const char *ae_blas_version(void);

/* Name of the kernel set that it chose for this processor ("SkylakeX"), or "unknown" when it does not tell; lent. */
const char *ae_blas_core(void);

/* The environment variable that forces a kernel set by its name, or NULL where there is none. Lent. */
const char *ae_blas_core_variable(void);

/* C (m × n) = alpha · op(A) · op(B) + beta · C, op = transpose where told. Any of m, n, k may be 0; with k = 0, C =
 * beta · C. With beta = 0 C is not read. */
void ae_gemm(bool trans_a, bool trans_b, int64_t m, int64_t n, int64_t k, float alpha, const float *a, int64_t lda,
             const float *b, int64_t ldb, float beta, float *c, int64_t ldc);

#endif
