/* Matrix products over rows that come in segments, with the bits of one product per segment.
 *
 * No library promises that a row's result is independent of how many rows stand beside it (small-matrix and edge
 * kernels differ by size and by CPU). So segments are merged into one product only for patterns of rows where a
 * self-test on the very sizes has shown the same bits; the pattern is tested when it is first met and remembered.
 * Local. */
#ifndef MPIAE_TENSOR_PRODUCTS_H
#define MPIAE_TENSOR_PRODUCTS_H

#include "mpiae/tensor/multiplier.h"

/* A multiplier at work, random matrices for self-tests, and what they have shown. */
typedef struct ae_products ae_products;

/* Empty: room is asked for product by product. */
ae_status ae_products_create(const ae_multiplier *multiplier, ae_products **out);
void ae_products_destroy(ae_products **products); /* NULL is fine */

/* As given. */
const ae_multiplier *ae_products_multiplier(const ae_products *products);

/* Tells of a layer from X (rows × in) with so many weights to Y (rows × out), its gradients among its products, and
 * whether its segments may be merged; before ae_products_seal. */
void ae_products_want(ae_products *products, int64_t rows, int64_t in, int64_t weights, int64_t out, bool merges);
ae_status ae_products_seal(ae_products *products);

/* From now on `tell` hears of each product before it is computed; NULL = nobody. For measurements. */
void ae_products_listen(ae_products *products, void (*tell)(void *context, const ae_product *product), void *context);

/* One product. */
void ae_products_one(ae_products *products, const ae_product *product);

/* A product over the rows of A, not transposed, and of C: they come in segments, offset[0 … segments] = 0 … m. The bits
 * of one product per segment, which it is (`by_segment`) or turns out to be. */
void ae_products_rows(ae_products *products, int segments, const int64_t *offset, const ae_product *product);
void ae_products_by_segment(ae_products *products, int segments, const int64_t *offset, const ae_product *product);

/* Of a product C = Aᵀ B such as this one: whether, formed with beta = 1, it has the bits of the product followed by the
 * sum; and whether, formed for `part` rows of C at a time, it has those of one product. */
bool ae_products_adds(ae_products *products, const ae_product *like);
bool ae_products_parts(ae_products *products, const ae_product *like, int64_t part);

#endif
