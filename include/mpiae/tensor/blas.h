/* Matrix products (OpenBLAS) and what is known of their bits. Row-major throughout. Local. */
#ifndef MPIAE_TENSOR_BLAS_H
#define MPIAE_TENSOR_BLAS_H

#include <stdbool.h>
#include <stdint.h>

/* How many threads products and convolutions of this thread are computed on from now on. Bits depend on it; call with 1
 * at the start. */
void ae_blas_use_threads(int threads);

/* Name of the kernel set OpenBLAS chose ("SkylakeX"), and its version; lent. */
const char *ae_blas_core(void);
const char *ae_blas_version(void);

/* C (m × n) = alpha · op(A) · op(B) + beta · C, op = transpose where told. Any of m, n, k may be 0; with k = 0, C =
 * beta · C. With beta = 0 C is not read. */
void ae_gemm(bool trans_a, bool trans_b, int64_t m, int64_t n, int64_t k, float alpha, const float *a, int64_t lda,
             const float *b, int64_t ldb, float beta, float *c, int64_t ldc);

#endif
