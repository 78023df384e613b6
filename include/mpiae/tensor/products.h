/* Matrix products over rows that come in segments, with the bits of one product per segment.
 *
 * No BLAS promises that a row's result is independent of how many rows stand beside it (its small-matrix and
 * edge kernels differ by size and by CPU). So segments are merged into one product only for patterns of rows where a
 * self-test on the very sizes has shown the same bits; the pattern is tested when it is first met and remembered.
 * Local. */
#ifndef MPIAE_TENSOR_PRODUCTS_H
#define MPIAE_TENSOR_PRODUCTS_H

#include "mpiae/base/status.h"

#include <stdint.h>

/* Random matrices for self-tests and what they have shown. */
typedef struct ae_products ae_products;

/* Empty: room is asked for product by product. */
ae_status ae_products_create(ae_products **out);
void ae_products_destroy(ae_products **products); /* NULL is fine */

/* Asks for room for self-tests of Y (rows × n) = X (rows × k) W; before ae_products_seal. */
void ae_products_want(ae_products *products, int64_t rows, int64_t n, int64_t k);
ae_status ae_products_seal(ae_products *products);

/* Y (rows × n) = X (rows × k) · op(W) + beta · Y, op(W) = Wᵀ of W (n × k) with trans, or W (k × n). Rows in segments:
 * offset[0 … segments]. The bits of one ae_gemm per segment. */
void ae_products_rows(ae_products *products, int segments, const int64_t *offset, bool trans, int64_t n, int64_t k,
                      const float *x, int64_t ldx, const float *w, int64_t ldw, float beta, float *y, int64_t ldy);

/* The same, one ae_gemm per segment. */
void ae_products_by_segment(int segments, const int64_t *offset, bool trans, int64_t n, int64_t k, const float *x,
                            int64_t ldx, const float *w, int64_t ldw, float beta, float *y, int64_t ldy);

/* Whether Aᵀ B + C of `rows` rows, A (rows × m), B (rows × n), formed with beta = 1 has the bits of the product
 * followed by the sum. */
bool ae_products_adds(ae_products *products, int64_t rows, int64_t m, int64_t n);

#endif
