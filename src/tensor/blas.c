#include "mpiae/tensor/blas.h"

#include "mpiae/base/profile.h"

#include MPIAE_CBLAS_HEADER

/* Counts of any BLAS are int or wider. */
void ae_gemm(bool trans_a, bool trans_b, int64_t m, int64_t n, int64_t k, float alpha, const float *a, int64_t lda,
             const float *b, int64_t ldb, float beta, float *c, int64_t ldc) {
  if (m == 0 || n == 0) return;
  const ae_phase previous = ae_profile_enter_in_step(AE_PHASE_PRODUCTS);
  cblas_sgemm(CblasRowMajor, trans_a ? CblasTrans : CblasNoTrans, trans_b ? CblasTrans : CblasNoTrans, (int)m, (int)n,
              (int)k, alpha, a, (int)lda, b, (int)ldb, beta, c, (int)ldc);
  ae_profile_leave(previous);
}
