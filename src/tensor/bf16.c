#include "mpiae/tensor/bf16.h"

#include "mpiae/base/clones.h"
#include "mpiae/tensor/scalar.h"

#include <string.h>

/* In the upper half. The carry of the addition rounds, up into the exponent too. Of a NaN it could make an infinity: NaNs
 * are cut off, and quiet. */
AE_KERNEL uint32_t round_bits(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return x != x ? bits | 0x400000U : bits + 0x7fffU + ((bits >> 16) & 1U);
}

/* Whole numbers of 32 bits first: from one loop compilers make vectors of twice the instructions. */
AE_CLONES void ae_bf16_round(int64_t count, const float *restrict x, ae_bf16 *restrict out) {
  enum { WIDE = 64 };
  uint32_t bits[WIDE];
  int64_t i = 0;
  for (; i + WIDE <= count; i += WIDE) {
    for (int k = 0; k < WIDE; k++) bits[k] = round_bits(x[i + k]) >> 16;
    for (int k = 0; k < WIDE; k++) out[i + k] = (ae_bf16)bits[k];
  }
  for (; i < count; i++) out[i] = (ae_bf16)(round_bits(x[i]) >> 16);
}

AE_CLONES void ae_bf16_widen(int64_t count, const ae_bf16 *restrict x, float *restrict out) {
  for (int64_t i = 0; i < count; i++) {
    const uint32_t bits = (uint32_t)x[i] << 16;
    memcpy(&out[i], &bits, sizeof bits);
  }
}
