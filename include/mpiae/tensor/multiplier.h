/* Ways to compute the matrix products of a network: by which library, and on numbers of which precision. One constant
 * descriptor each, in one table. Sums and results are float32 in all. Local, unless told. */
#ifndef MPIAE_TENSOR_MULTIPLIER_H
#define MPIAE_TENSOR_MULTIPLIER_H

#include "mpiae/base/status.h"

#include <stdbool.h>
#include <stdint.h>

/* C (m × n) = op(A) · op(B) + beta · C, op = transpose where told; beta is 0 or 1, and with 0 C is not read. Any of m, n,
 * k may be 0. */
typedef struct ae_product {
  bool trans_a, trans_b;
  bool varies; /* its m or k is another at every call: not worth a kernel of its own */
  int64_t m, n, k;
  const void *a; /* of the multiplier's type */
  int64_t lda;
  const void *b;
  int64_t ldb;
  float beta;
  float *c;
  int64_t ldc;
} ae_product;

typedef struct ae_multiplier {
  const char *precision, *library; /* by which train.precision and train.products name it */
  bool rounded;                    /* A and B are ae_bf16, else float */
  /* NULL, or why this processor or build has it not: "the processor has neither AMX nor AVX512_BF16"; lent. */
  const char *(*lacks)(void);
  /* What it computes with, on which bits depend: "oneDNN 2.6.3, AMX"; lent. */
  const char *(*name)(void);
  /* operand: most numbers that A or B has. */
  ae_status (*create)(int64_t operand, void **state);
  void (*destroy)(void *state);
  void (*multiply)(void *state, const ae_product *product); /* m, n, k > 0 */
} ae_multiplier;

/* float32 by BLAS: works everywhere. */
extern const ae_multiplier ae_multiplier_blas;

/* All of this build; *count of them. */
const ae_multiplier *const *ae_multipliers(int *count);

/* The first that is there of this precision ("f32", "bf16", "bf16-emulated") and library ("blas", "onednn", or "auto");
 * AE_USAGE with the reason when there is none. */
ae_status ae_multiplier_find(const char *precision, const char *library, const ae_multiplier **out);

/* Bytes of a number of A and B, and where number `at` of an array of them is. */
int64_t ae_multiplier_bytes(const ae_multiplier *multiplier);
const void *ae_multiplier_at(const ae_multiplier *multiplier, const void *array, int64_t at);

#endif
