#include "mpiae/tensor/attention.h"

#include "mpiae/base/arithmetic.h"
#include "mpiae/base/clones.h"
#include "mpiae/tensor/blas.h"
#include "mpiae/tensor/scalar.h"

#include <string.h>

enum { BLOCK = AE_ATTENTION_BLOCK, LANES = AE_SCALAR_LANES };

int64_t ae_attention_scratch(int64_t queries, int64_t keys) {
  return 2 * ae_min(queries, BLOCK) * ae_min(keys, BLOCK) + BLOCK;
}

/* Replaces scores by e^(score − largest) and returns their sum. */
AE_KERNEL float exponentiate(int64_t keys, float largest, float *restrict score) {
  float lane[LANES] = {0};
  int64_t j = 0;
  for (; j + LANES <= keys; j += LANES)
    for (int k = 0; k < LANES; k++) {
      score[j + k] = ae_scalar_exp(score[j + k] - largest);
      lane[k] += score[j + k];
    }
  for (int k = 0; j + k < keys; k++) {
    score[j + k] = ae_scalar_exp(score[j + k] - largest);
    lane[k] += score[j + k];
  }
  return ae_scalar_lanes_sum(lane);
}

/* Takes a block of keys into the softmax: score (queries, keys) becomes weights relative to the new largest score, and
 * what earlier blocks left in norm and out is brought to it. */
AE_CLONES static void absorb(int64_t queries, int64_t keys, bool first, float *restrict score, float *restrict norm,
                             int64_t width, int64_t stride, float *restrict out) {
  for (int64_t i = 0; i < queries; i++, score += keys, norm += 2, out += stride) {
    const float here = ae_scalar_largest(keys, score);
    const float largest = first ? here : ae_scalar_larger(norm[0], here);
    const float sum = exponentiate(keys, largest, score);
    if (first) norm[1] = sum;
    else {
      const float shrink = ae_scalar_exp(norm[0] - largest);
      norm[1] = norm[1] * shrink + sum;
      for (int64_t j = 0; j < width; j++) out[j] *= shrink;
    }
    norm[0] = largest;
  }
}

/* After the last block: weights that add up to 1. */
AE_CLONES static void finish(int64_t queries, float *restrict norm, int64_t width, int64_t stride,
                             float *restrict out) {
  for (int64_t i = 0; i < queries; i++, norm += 2, out += stride) {
    norm[1] = 1.0f / norm[1];
    for (int64_t j = 0; j < width; j++) out[j] *= norm[1];
  }
}

/* One head of one block of queries. */
typedef struct part {
  int64_t queries, width, value_width; /* of the head */
  int64_t stride, value_stride;        /* from row to row */
  float scale;
} part;

static part part_of(const ae_attention_shape *shape, int64_t queries) {
  const int64_t width = shape->width / shape->heads;
  return (part){ae_min(queries, BLOCK),    width, shape->value_width / shape->heads, shape->width, shape->value_width,
                1.0f / sqrtf((float)width)};
}

/* score (queries, count) = scale · q kᵀ for `count` keys. */
static void find_scores(const part *p, const float *q, const float *k, int64_t count, float *score) {
  ae_gemm(false, true, p->queries, count, p->width, p->scale, q, p->stride, k, p->stride, 0, score, count);
}

static void attend(const part *p, int64_t keys, const float *q, const float *k, const float *v, float *norm, float *out,
                   float *score) {
  for (int64_t at = 0; at < keys; at += BLOCK) {
    const int64_t count = ae_min(BLOCK, keys - at);
    find_scores(p, q, k + at * p->stride, count, score);
    absorb(p->queries, count, at == 0, score, norm, p->value_width, p->value_stride, out);
    ae_gemm(false, false, p->queries, p->value_width, count, 1, score, count, v + at * p->value_stride, p->value_stride,
            at == 0 ? 0 : 1, out, p->value_stride);
  }
  finish(p->queries, norm, p->value_width, p->value_stride, out);
}

void ae_attention_forward(const ae_attention_shape *shape, int64_t queries, int64_t keys, const float *q,
                          const float *k, const float *v, float *norm, float *out, float *scratch) {
  if (keys == 0) {
    memset(out, 0, (size_t)(queries * shape->value_width) * sizeof *out);
    return;
  }
  for (int64_t head = 0; head < shape->heads; head++)
    for (int64_t at = 0; at < queries; at += BLOCK) {
      const part p = part_of(shape, queries - at);
      const int64_t column = head * p.width, value_column = head * p.value_width;
      attend(&p, keys, q + at * p.stride + column, k + column, v + value_column, norm + 2 * (head * queries + at),
             out + at * p.value_stride + value_column, scratch);
    }
}

/* The weights of a block of keys, from its scores. */
AE_CLONES static void weigh(int64_t queries, int64_t keys, const float *restrict norm, float *restrict score) {
  for (int64_t i = 0; i < queries; i++, score += keys, norm += 2) {
    const float largest = norm[0], scale = norm[1];
    for (int64_t j = 0; j < keys; j++) score[j] = ae_scalar_exp(score[j] - largest) * scale;
  }
}

/* Σ out · dout of each query: what the softmax takes off the gradient of its weights. */
AE_CLONES static void project(const part *p, const float *restrict out, const float *restrict dout,
                              float *restrict along) {
  for (int64_t i = 0; i < p->queries; i++, out += p->value_stride, dout += p->value_stride) {
    float lane[LANES] = {0};
    int64_t j = 0;
    for (; j + LANES <= p->value_width; j += LANES)
      for (int k = 0; k < LANES; k++) lane[k] += out[j + k] * dout[j + k];
    for (int k = 0; j + k < p->value_width; k++) lane[k] += out[j + k] * dout[j + k];
    along[i] = ae_scalar_lanes_sum(lane);
  }
}

/* The gradient of the weights becomes that of the scores. */
AE_CLONES static void pass_softmax(int64_t queries, int64_t keys, const float *restrict weight,
                                   const float *restrict along, float *restrict gradient) {
  for (int64_t i = 0; i < queries; i++, weight += keys, gradient += keys)
    for (int64_t j = 0; j < keys; j++) gradient[j] = weight[j] * (gradient[j] - along[i]);
}

/* A block of keys: weight and gradient are (queries, count). */
static void pass_block(const part *p, int64_t count, const float *q, const float *k, const float *v, const float *norm,
                       const float *along, const float *dout, ae_attention_gradients to, float *weight,
                       float *gradient) {
  find_scores(p, q, k, count, weight);
  weigh(p->queries, count, norm, weight);
  if (to.dv != NULL)
    ae_gemm(true, false, count, p->value_width, p->queries, 1, weight, count, dout, p->value_stride, 1, to.dv,
            p->value_stride);
  if (to.dq == NULL && to.dk == NULL) return;
  ae_gemm(false, true, p->queries, count, p->value_width, 1, dout, p->value_stride, v, p->value_stride, 0, gradient,
          count);
  pass_softmax(p->queries, count, weight, along, gradient);
  if (to.dq != NULL)
    ae_gemm(false, false, p->queries, p->width, count, p->scale, gradient, count, k, p->stride, 1, to.dq, p->stride);
  if (to.dk != NULL)
    ae_gemm(true, false, count, p->width, p->queries, p->scale, gradient, count, q, p->stride, 1, to.dk, p->stride);
}

static float *at_or_null(float *values, int64_t at) { return values == NULL ? NULL : values + at; }

void ae_attention_backward(const ae_attention_shape *shape, int64_t queries, int64_t keys, const float *q,
                           const float *k, const float *v, const float *norm, const float *out, const float *dout,
                           ae_attention_gradients to, float *scratch) {
  float *along = scratch, *weight = along + BLOCK;
  float *gradient = weight + ae_min(queries, BLOCK) * ae_min(keys, BLOCK);
  for (int64_t head = 0; head < shape->heads; head++)
    for (int64_t row = 0; row < queries; row += BLOCK) {
      const part p = part_of(shape, queries - row);
      const int64_t x = row * p.stride + head * p.width, y = row * p.value_stride + head * p.value_width;
      project(&p, out + y, dout + y, along);
      for (int64_t at = 0; at < keys; at += BLOCK) {
        const int64_t key = at * p.stride + head * p.width, value = at * p.value_stride + head * p.value_width;
        const ae_attention_gradients here = {at_or_null(to.dq, x), at_or_null(to.dk, key), at_or_null(to.dv, value)};
        pass_block(&p, ae_min(BLOCK, keys - at), q + x, k + key, v + value, norm + 2 * (head * queries + row), along,
                   dout + y, here, weight, gradient);
      }
    }
}
