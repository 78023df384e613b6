/* For LD_PRELOAD: another BLAS, that has only what tells of it and computes nothing. */
#include <stdint.h>

void cblas_sgemm(int order, int trans_a, int trans_b, int m, int n, int k, float alpha, const float *a, int lda,
                 const float *b, int ldb, float beta, float *c, int ldc);

void cblas_sgemm(int order, int trans_a, int trans_b, int m, int n, int k, float alpha, const float *a, int lda,
                 const float *b, int ldb, float beta, float *c, int ldc) {
  (void)order, (void)trans_a, (void)trans_b, (void)m, (void)n, (void)k, (void)alpha, (void)a, (void)lda;
  (void)b, (void)ldb, (void)beta, (void)c, (void)ldc;
}

#if defined MPIAE_TEST_BLIS

static int64_t own_threads = -1;

const char *bli_info_get_version_str(void);
int64_t bli_arch_query_id(void);
const char *bli_arch_string(int kernels);
int64_t bli_info_get_enable_threading(void);
void bli_thread_set_num_threads(int64_t threads);
int64_t bli_thread_get_num_threads(void);

const char *bli_info_get_version_str(void) { return "9.8.7 of tests"; }
int64_t bli_arch_query_id(void) { return 7; }
const char *bli_arch_string(int kernels) { return kernels == 7 ? "of number 7" : "of another"; }
int64_t bli_info_get_enable_threading(void) { return 1; }
void bli_thread_set_num_threads(int64_t threads) { own_threads = threads; }
int64_t bli_thread_get_num_threads(void) { return own_threads; }

#elif defined MPIAE_TEST_MKL

static int own_threads = 8, is_dynamic = 1;

typedef struct version {
  int major, minor, update;
  char *status, *build, *processor, *platform;
} version;

void MKL_Get_Version(version *out);
void MKL_Set_Dynamic(int dynamic);
void MKL_Set_Num_Threads(int threads);
int MKL_Get_Max_Threads(void);

void MKL_Get_Version(version *out) {
  static char status[] = "Product", build[] = "20261130", processor[] = "of a processor", platform[] = "of a platform";
  *out = (version){9, 8, 7, status, build, processor, platform};
}

void MKL_Set_Dynamic(int dynamic) { is_dynamic = dynamic; }
void MKL_Set_Num_Threads(int threads) { own_threads = threads; }
int MKL_Get_Max_Threads(void) { return is_dynamic ? 1 : own_threads; } /* the least that it may choose */

#else

static int own_threads = 8;

void omp_set_num_threads(int threads);
int omp_get_max_threads(void);

void omp_set_num_threads(int threads) { own_threads = threads; }
int omp_get_max_threads(void) { return own_threads; }

#endif
