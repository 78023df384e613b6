/* Scalar functions for elementwise loops: plain arithmetic without branches or library calls, so the loops around them
 * vectorise and every lane gives the same bits. For files of kernels only. */
#ifndef MPIAE_TENSOR_SCALAR_H
#define MPIAE_TENSOR_SCALAR_H

#include <math.h>
#include <stdint.h>
#include <string.h>

/* Inlined into every clone, and written without branches so that the loops around them vectorise. */
#define AE_KERNEL static inline __attribute__((always_inline))

AE_KERNEL float ae_scalar_from_bits(int32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

/* e^x = 2^n e^r, |r| ≤ ln2/2, by the polynomial of Cephes (Moshier 1992); n is rounded by adding 1.5·2^23. */
AE_KERNEL float ae_scalar_exp(float x) {
  /* written so that NaN becomes a bound here, and is put back in the end */
  const float low = x > -87.3f ? x : -87.3f, clamped = low < 88.7f ? low : 88.7f;
  const float shifted = clamped * 1.44269504088896341f + 12582912.0f, n = shifted - 12582912.0f;
  const float r = clamped - n * 0.693359375f - n * -2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  /* 2^n as two factors: n reaches 128 */
  const int32_t whole = (int32_t)n, half = whole / 2;
  const float scaled = p * ae_scalar_from_bits((half + 127) << 23) * ae_scalar_from_bits((whole - half + 127) << 23);
  const float bounded = x > 88.72283f ? INFINITY : x < -87.3f ? 0.0f : scaled;
  return x != x ? x : bounded;
}

/* 2^x for x ≤ 0, 0 below 2^-125, by half the instructions of ae_scalar_exp: 2^n 2^r, |r| ≤ ½; within 10^-9 of the least
 * error that a polynomial of this degree with 2^0 = 1 can have. */
AE_KERNEL float ae_scalar_exp2_of_negative(float x) {
  const float clamped = x < -125.0f ? -125.0f : x; /* NaN stays */
  const float shifted = clamped + 12582912.0f, r = clamped - (shifted - 12582912.0f);
  float p = 1.5353363e-4f;
  p = p * r + 1.3398875e-3f;
  p = p * r + 9.618437e-3f;
  p = p * r + 5.5503324e-2f;
  p = p * r + 2.4022648e-1f;
  p = p * r + 6.931472e-1f;
  p = p * r + 1.0f;
  /* the lowest bits of `shifted` are n, which is added to the exponent */
  uint32_t n, power;
  memcpy(&n, &shifted, sizeof n);
  memcpy(&power, &p, sizeof power);
  power += n << 23;
  float value;
  memcpy(&value, &power, sizeof value);
  return x >= -125.0f ? value : clamped * 0.0f;
}

/* ln(1 + e) for e in [0, 1], by the logarithm of Cephes on 1 + e folded to [√½, √2]. */
AE_KERNEL float ae_scalar_log1p(float e) {
  const float u = 1.0f + e;
  const float folded = u > 1.41421356f ? u * 0.5f : u, add = u > 1.41421356f ? 0.693147180559945f : 0.0f;
  const float x = folded - 1.0f, z = x * x;
  float p = 7.0376836292e-2f;
  p = p * x - 1.1514610310e-1f;
  p = p * x + 1.1676998740e-1f;
  p = p * x - 1.2420140846e-1f;
  p = p * x + 1.4249322787e-1f;
  p = p * x - 1.6668057665e-1f;
  p = p * x + 2.0000714765e-1f;
  p = p * x - 2.4999993993e-1f;
  p = p * x + 3.3333331174e-1f;
  return x + (p * x * z - 0.5f * z) + add;
}

/* ln x for normal x > 0: the exponent apart, the rest by ae_scalar_log1p. */
AE_KERNEL float ae_scalar_log(float x) {
  int32_t bits;
  memcpy(&bits, &x, sizeof bits);
  const int32_t exponent = (bits >> 23) - 127;
  const float rest = ae_scalar_from_bits(bits - exponent * (1 << 23)) - 1.0f;
  const float value = (float)exponent * 0.693147180559945f + ae_scalar_log1p(rest);
  return x - x == 0 ? value : x;
}

/* Lanes of a row reduction: the widest vectors there are, so that the order of addition is the same for all. */
enum { AE_SCALAR_LANES = 16 };

AE_KERNEL float ae_scalar_lanes_sum(const float lane[AE_SCALAR_LANES]) {
  float half[AE_SCALAR_LANES / 2], sum = 0;
  for (int j = 0; j < AE_SCALAR_LANES / 2; j++) half[j] = lane[j] + lane[j + AE_SCALAR_LANES / 2];
  for (int j = 0; j < AE_SCALAR_LANES / 2; j++) sum += half[j];
  return sum;
}

AE_KERNEL float ae_scalar_larger(float a, float b) { return b > a ? b : a; }

/* The largest number of a row, NaN apart; −∞ where there is none. Whole vectors first, by a loop that is too long to be
 * unrolled: compilers make vectors of no other choice between numbers. */
AE_KERNEL float ae_scalar_largest(int64_t count, const float *restrict x) {
  enum { WIDE = 4 * AE_SCALAR_LANES };
  float lane[WIDE], largest = -INFINITY;
  int64_t j = 0;
  for (int k = 0; k < WIDE; k++) lane[k] = -INFINITY;
  for (; j + WIDE <= count; j += WIDE)
    for (int k = 0; k < WIDE; k++) lane[k] = ae_scalar_larger(lane[k], x[j + k]);
  for (int half = WIDE / 2; j > 0 && half >= AE_SCALAR_LANES; half /= 2)
    for (int k = 0; k < half; k++) lane[k] = ae_scalar_larger(lane[k], lane[k + half]);
  for (; j < count; j++) lane[j % AE_SCALAR_LANES] = ae_scalar_larger(lane[j % AE_SCALAR_LANES], x[j]);
  for (int k = 0; k < AE_SCALAR_LANES; k++) largest = ae_scalar_larger(largest, lane[k]);
  return largest;
}

AE_KERNEL float ae_scalar_tanh(float x) {
  const float e = ae_scalar_exp(-2.0f * fabsf(x)), t = (1.0f - e) / (1.0f + e);
  return x < 0 ? -t : t;
}

AE_KERNEL float ae_scalar_sigmoid(float x) {
  const float e = ae_scalar_exp(-fabsf(x)), r = 1.0f / (1.0f + e);
  return x < 0 ? e * r : r;
}

#endif
