#include "mpiae/tensor/core.h"

#include <cblas.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if defined(__x86_64__)
static bool has_avx512(void) {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

/* NULL when the fallback is all the processor can do. */
static const char *better_core(void) {
  __builtin_cpu_init();
  if (has_avx512()) return "SkylakeX";
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return "Haswell";
  return NULL;
}
#else
static const char *better_core(void) { return NULL; }
#endif

void ae_blas_choose_core(char **argv) {
  if (getenv("OPENBLAS_CORETYPE") != NULL || strcmp(openblas_get_corename(), "Prescott") != 0) return;
  const char *core = better_core();
  if (core != NULL && setenv("OPENBLAS_CORETYPE", core, 0) == 0) execv("/proc/self/exe", argv);
}
