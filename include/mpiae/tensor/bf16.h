/* Bfloat16: the upper 16 bits of a float, 8 of them the precision. Local. */
#ifndef MPIAE_TENSOR_BF16_H
#define MPIAE_TENSOR_BF16_H

#include <stdint.h>

typedef uint16_t ae_bf16;

/* out = the nearest bf16 of each number, of two equally near the even one; too large becomes infinite, NaN stays NaN. */
void ae_bf16_round(int64_t count, const float *x, ae_bf16 *out);

/* out = the same numbers as floats: exact. */
void ae_bf16_widen(int64_t count, const ae_bf16 *x, float *out);

#endif
