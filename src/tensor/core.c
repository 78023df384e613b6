#include "mpiae/tensor/core.h"

#include "mpiae/tensor/blas.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#if defined(__x86_64__)
static bool has_avx512(void) {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

ae_vectors ae_vectors_of_processor(void) {
  __builtin_cpu_init();
  if (has_avx512()) return AE_VECTORS_AVX512;
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? AE_VECTORS_AVX2 : AE_VECTORS_PLAIN;
}
#else
ae_vectors ae_vectors_of_processor(void) { return AE_VECTORS_PLAIN; }
#endif

ae_vectors ae_vectors_of_core(const char *core) {
  static const char *const avx512[] = {"SkylakeX", "Cooperlake", "Sapphirerapids"};
  static const char *const avx2[] = {"Haswell", "Zen", "Excavator"};
  for (size_t i = 0; i < sizeof avx512 / sizeof *avx512; i++)
    if (strcasecmp(core, avx512[i]) == 0) return AE_VECTORS_AVX512;
  for (size_t i = 0; i < sizeof avx2 / sizeof *avx2; i++)
    if (strcasecmp(core, avx2[i]) == 0) return AE_VECTORS_AVX2;
  return AE_VECTORS_PLAIN;
}

const char *ae_vectors_core(ae_vectors vectors) {
  static const char *const core[] = {NULL, "Haswell", "SkylakeX"};
  return core[vectors];
}

void ae_blas_choose_core(char **argv) {
  const char *variable = ae_blas_core_variable();
  if (variable == NULL || getenv(variable) != NULL || strcmp(ae_blas_core(), "Prescott") != 0) return;
  const char *core = ae_vectors_core(ae_vectors_of_processor());
  if (core != NULL && setenv(variable, core, 0) == 0) execv("/proc/self/exe", argv);
}
