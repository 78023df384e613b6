#include "mpiae/tensor/blas.h"

#include "mpiae/base/profile.h"

#include <cblas.h>
#include <dlfcn.h>
#include <string.h>

/* oneDNN takes as many threads as OpenMP has. Which library that is, is known to oneDNN alone. */
static void use_openmp_threads(int threads) {
  void *symbol = dlsym(RTLD_DEFAULT, "omp_set_num_threads");
  void (*set)(int);
  memcpy(&set, &symbol, sizeof set);
  if (set != NULL) set(threads);
}

/* OpenBLAS asks for its workspace at the first large product; refused, it asks for ever. So it does before there is
 * much else in memory. */
static void claim_workspace(void) {
  enum { SIDE = 128 };
  float zero[SIDE * SIDE] = {0}, product[SIDE * SIDE];
  ae_gemm(false, false, SIDE, SIDE, SIDE, 1, zero, SIDE, zero, SIDE, 0, product, SIDE);
}

void ae_blas_use_threads(int threads) {
  openblas_set_num_threads(threads);
  use_openmp_threads(threads);
  claim_workspace();
}
const char *ae_blas_core(void) { return openblas_get_corename(); }
const char *ae_blas_version(void) { return openblas_get_config(); }

void ae_gemm(bool trans_a, bool trans_b, int64_t m, int64_t n, int64_t k, float alpha, const float *a, int64_t lda,
             const float *b, int64_t ldb, float beta, float *c, int64_t ldc) {
  if (m == 0 || n == 0) return;
  const ae_phase previous = ae_profile_enter_in_step(AE_PHASE_PRODUCTS);
  cblas_sgemm(CblasRowMajor, trans_a ? CblasTrans : CblasNoTrans, trans_b ? CblasTrans : CblasNoTrans, (blasint)m,
              (blasint)n, (blasint)k, alpha, a, (blasint)lda, b, (blasint)ldb, beta, c, (blasint)ldc);
  ae_profile_leave(previous);
}
