#include "mpiae/base/arithmetic.h"

#include <stdio.h>

#include <limits.h>

__extension__ typedef __int128 wide;

int64_t ae_muldiv(int64_t a, int64_t b, int64_t c) {
  AE_ASSERT(a >= 0 && b >= 0 && c > 0);
  const wide quotient = (wide)a * b / c;
  AE_ASSERT(quotient <= INT64_MAX);
  return (int64_t)quotient;
}

ae_status ae_multiply(int64_t a, int64_t b, const char *what, int64_t *out) {
  if (__builtin_mul_overflow(a, b, out))
    return AE_FAIL(AE_INTERNAL, "%s: %lld × %lld does not fit 64 bits", what, (long long)a, (long long)b);
  return AE_OK;
}

ae_status ae_size_of(int rank, const int64_t *dim, int64_t size, const char *what, int64_t *out) {
  bool fits = true;
  *out = size;
  for (int i = 0; i < rank && fits; i++) fits = dim[i] >= 0 && !__builtin_mul_overflow(*out, ae_max(1, dim[i]), out);
  if (fits) return AE_OK;
  char shape[AE_SHAPE_SIZE];
  ae_print_shape(NULL, rank, dim, shape);
  return AE_FAIL(AE_DATA, "%s: its shape %s asks for more than 2^63 bytes; the header is damaged", what, shape);
}

ae_status ae_to_int(int64_t value, const char *what, int *out) {
  if (value < INT_MIN || value > INT_MAX)
    return AE_FAIL(AE_INTERNAL, "%s: %lld is more than this interface counts (%d)", what, (long long)value, INT_MAX);
  *out = (int)value;
  return AE_OK;
}

int64_t ae_power_of_two_below(int64_t n) {
  AE_ASSERT(n >= 2);
  int64_t power = 1;
  while (power < (n + 1) / 2) power *= 2;
  return power;
}

int64_t ae_round_up(int64_t value, int64_t step) { return (value + step - 1) / step * step; }

void ae_print_shape(const char *first, int rank, const int64_t *dim, char out[AE_SHAPE_SIZE]) {
  size_t used = (size_t)snprintf(out, AE_SHAPE_SIZE, "(%s", first != NULL ? first : "");
  for (int i = 0; i < rank && used < AE_SHAPE_SIZE; i++)
    used += (size_t)snprintf(out + used, AE_SHAPE_SIZE - used, "%s%lld", used > 1 ? ", " : "", (long long)dim[i]);
  if (used < AE_SHAPE_SIZE) snprintf(out + used, AE_SHAPE_SIZE - used, ")");
}

void ae_log_sum_add(ae_log_sum *all, double x) {
  const double largest = fmax(all->largest, x);
  all->sum = all->sum * exp(all->largest - largest) + exp(x - largest);
  all->largest = largest;
}

double ae_log_sum_mean(const ae_log_sum *all, int64_t count) { return all->largest + log(all->sum / (double)count); }

uint64_t ae_hash_words(uint64_t seed, const int64_t *words, int count) {
  uint64_t value = seed ^ UINT64_C(0xcbf29ce484222325);
  for (int i = 0; i < count; i++) value = (value ^ (uint64_t)words[i]) * UINT64_C(0x100000001b3);
  return value;
}
