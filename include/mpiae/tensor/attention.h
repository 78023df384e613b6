/* Scaled dot-product attention of one set in several heads (Vaswani et al. 2017, eq. 1): for each query and head
 * Σ_j softmax_j(q·k_j / √w) v_j, w = width / heads; heads stand side by side in a row. Local.
 *
 * Scores exist for AE_ATTENTION_BLOCK queries and as many keys at a time, blocks counted from the first row of the set:
 * the softmax runs over the blocks of keys with the largest score and the sum so far, and the backward pass computes
 * the scores again (Dao et al. 2022). Time grows with queries · keys, memory with neither. Without keys the output is
 * 0. */
#ifndef MPIAE_TENSOR_ATTENTION_H
#define MPIAE_TENSOR_ATTENTION_H

#include <stdint.h>

enum { AE_ATTENTION_BLOCK = 256 };

typedef struct ae_attention_shape {
  int64_t heads, width, value_width; /* width of a query and a key; of a value and the output: multiples of heads */
} ae_attention_shape;

/* Floats of scratch for sets of up to so many queries and keys: 2 · block² + block at most, 513 KiB. */
int64_t ae_attention_scratch(int64_t queries, int64_t keys);

/* q (queries, width), k (keys, width), v (keys, value_width), out (queries, value_width); norm (heads, queries, 2)
 * receives what the gradient needs: the largest score and 1 / Σ e^(score − largest). */
void ae_attention_forward(const ae_attention_shape *shape, int64_t queries, int64_t keys, const float *q,
                          const float *k, const float *v, float *norm, float *out, float *scratch);

/* Adds the gradients to dq, dk, dv, any of which may be NULL and which may be the same array. */
typedef struct ae_attention_gradients {
  float *dq, *dk, *dv;
} ae_attention_gradients;
void ae_attention_backward(const ae_attention_shape *shape, int64_t queries, int64_t keys, const float *q,
                           const float *k, const float *v, const float *norm, const float *out, const float *dout,
                           ae_attention_gradients to, float *scratch);

#endif
