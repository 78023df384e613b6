/* Checked and exact integer arithmetic. */
#ifndef MPIAE_BASE_ARITHMETIC_H
#define MPIAE_BASE_ARITHMETIC_H

#include "mpiae/base/status.h"

#include <math.h>
#include <stdint.h>

/* ⌊a·b/c⌋ without overflow in the product; a, b ≥ 0, c > 0, and the result must fit. */
int64_t ae_muldiv(int64_t a, int64_t b, int64_t c);

/* a·b into *out; AE_INTERNAL naming `what` when it does not fit 64 bits. */
ae_status ae_multiply(int64_t a, int64_t b, const char *what, int64_t *out);

/* Of a shape that a file or a user gives: bytes of an array of that shape, of numbers of `size` bytes, into *out; axes
 * of length 0 count as 1, so that the bytes of any part fit too. AE_DATA naming `what` when a length is negative or the
 * bytes do not fit 63 bits. */
ae_status ae_size_of(int rank, const int64_t *dim, int64_t size, const char *what, int64_t *out);

/* A count for an interface whose counts are int; AE_INTERNAL naming `what` when it does not fit. */
ae_status ae_to_int(int64_t value, const char *what, int *out);

/* The largest power of two strictly below n; n ≥ 2. */
int64_t ae_power_of_two_below(int64_t n);

/* value rounded up to a multiple of step; step > 0. */
int64_t ae_round_up(int64_t value, int64_t step);

/* The logarithm of a sum of exponentials, one summand after another; it begins as AE_LOG_SUM. */
typedef struct ae_log_sum {
  double largest, sum; /* Σ e^x = e^largest · sum */
} ae_log_sum;
#define AE_LOG_SUM ((ae_log_sum){-INFINITY, 0})
void ae_log_sum_add(ae_log_sum *all, double x);
double ae_log_sum_mean(const ae_log_sum *all, int64_t count); /* ln(Σ e^x / count) */

/* "(N, 1, 28, 28)" for the first axis "N"; "(3, 4)" for NULL. */
#define AE_SHAPE_SIZE 192
void ae_print_shape(const char *first, int rank, const int64_t *dim, char out[AE_SHAPE_SIZE]);

static inline int64_t ae_min(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t ae_max(int64_t a, int64_t b) { return a > b ? a : b; }

/* A hash of words (FNV-1a over 64 bits), of some after others with the hash of those as the seed; 0 to begin. Its lower
 * bits are no better than those of the words. */
uint64_t ae_hash_words(uint64_t seed, const int64_t *words, int count);

#endif
