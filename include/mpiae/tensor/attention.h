/* Scaled dot-product attention of one set in several heads (Vaswani et al. 2017, eq. 1): for each query and head
 * Σ_j softmax_j(q·k_j / √w) v_j, w = width / heads; heads stand side by side in a row. Local.
 *
 * Scores exist for AE_ATTENTION_BLOCK queries and as many keys at a time, blocks counted from the first row of the set:
 * the softmax runs over the blocks of keys with the largest score and the sum so far, and the backward pass computes
 * the scores again (Dao et al. 2022). Time grows with queries · keys, 14 width of them flops of a forward and backward
 * pass; memory with neither. Without keys the output is 0.
 *
 * Products take q, k and v in the type of their multiplier. What else they take where it rounds is rounded here: weights,
 * gradients of scores and of the output. Softmax and sums are float32. */
#ifndef MPIAE_TENSOR_ATTENTION_H
#define MPIAE_TENSOR_ATTENTION_H

#include "mpiae/tensor/products.h"

enum { AE_ATTENTION_BLOCK = 256 };

typedef struct ae_attention_shape {
  int64_t heads, width, value_width; /* width of a query and a key; of a value and the output: multiples of heads */
} ae_attention_shape;

/* Tells of products for sets of up to so many queries and keys; before ae_products_seal. */
void ae_attention_want(const ae_attention_shape *shape, ae_products *products, int64_t queries, int64_t keys);

/* Floats of scratch for such sets: of two blocks of scores, 545 KiB at most; where products round, also of rounded ones and of
 * a rounded block of a head's output, 136 KiB and 1/2 KiB for each of its numbers. */
int64_t ae_attention_scratch(const ae_attention_shape *shape, const ae_multiplier *multiplier, int64_t queries,
                             int64_t keys);

/* q (queries, width), k (keys, width), v (keys, value_width), of the type of the products' multiplier; out (queries,
 * value_width); norm (heads, queries, 2) receives what the gradient needs: the largest q·k and
 * 1 / Σ e^(score − largest). */
void ae_attention_forward(const ae_attention_shape *shape, ae_products *products, int64_t queries, int64_t keys,
                          const void *q, const void *k, const void *v, float *norm, float *out, float *scratch);

/* Adds the gradients to dq, dk, dv, any of which may be NULL and which may be the same array. */
typedef struct ae_attention_gradients {
  float *dq, *dk, *dv;
} ae_attention_gradients;
void ae_attention_backward(const ae_attention_shape *shape, ae_products *products, int64_t queries, int64_t keys,
                           const void *q, const void *k, const void *v, const float *norm, const float *out,
                           const float *dout, ae_attention_gradients to, float *scratch);

#endif
