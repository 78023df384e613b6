#include "mpiae/tensor/bf16.h"

#include "mpiae/base/clones.h"

#include <string.h>

/* The carry of the addition rounds, up into the exponent too. Of a NaN it could make an infinity: NaNs are cut off, and
 * quiet. */
AE_CLONES void ae_bf16_round(int64_t count, const float *restrict x, ae_bf16 *restrict out) {
  for (int64_t i = 0; i < count; i++) {
    uint32_t bits;
    memcpy(&bits, &x[i], sizeof bits);
    const uint32_t nearest = (bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16, nan = (bits >> 16) | 0x40U;
    out[i] = (ae_bf16)((bits & 0x7fffffffU) > 0x7f800000U ? nan : nearest);
  }
}

AE_CLONES void ae_bf16_widen(int64_t count, const ae_bf16 *restrict x, float *restrict out) {
  for (int64_t i = 0; i < count; i++) {
    const uint32_t bits = (uint32_t)x[i] << 16;
    memcpy(&out[i], &bits, sizeof bits);
  }
}
