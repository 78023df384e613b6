#include "mpiae/tensor/attention.h"

#include "mpiae/base/arithmetic.h"
#include "mpiae/base/clones.h"
#include "mpiae/tensor/bf16.h"
#include "mpiae/tensor/scalar.h"

#include <string.h>

enum { BLOCK = AE_ATTENTION_BLOCK, LANES = AE_SCALAR_LANES };

/* Rows of a block: as many in each as lanes allow, for a last block of a few is hardly faster than a whole one. */
static int64_t block_of(int64_t rows) {
  const int64_t blocks = ae_max(1, (rows + BLOCK - 1) / BLOCK);
  return ae_min(rows, ae_round_up((rows + blocks - 1) / blocks, LANES));
}

/* From one row of scores to the next: an odd number of lines, so that those of a column are spread over the cache. */
static int64_t stride_of(int64_t keys) { return ae_round_up(keys, LANES) | LANES; }

/* Where the blocks at work stand in the scratch: (queries, stride) scores and their gradients. Where products round, one
 * of the two and (queries, value width of a head) gradients of the output as they take them, and a row of the latter as
 * floats again; else NULL. */
typedef struct room {
  float *along, *score, *gradient, *row; /* along: (BLOCK) */
  ae_bf16 *rounded, *dout;
  int64_t floats;
} room;

static room room_of(const ae_attention_shape *shape, bool rounds, int64_t queries, int64_t keys, float *scratch) {
  const int64_t rows = ae_min(queries, BLOCK), scores = rows * stride_of(ae_min(keys, BLOCK));
  const int64_t row = ae_round_up(shape->value_width / shape->heads, 2 * LANES);
  room r = {.floats = BLOCK + 2 * scores + (rounds ? row + (rows * row + scores) / 2 : 0)};
  if (scratch == NULL) return r;
  r.along = scratch;
  r.score = r.along + BLOCK;
  r.gradient = r.score + scores;
  if (!rounds) return r;
  r.row = r.gradient + scores;
  r.dout = (ae_bf16 *)(void *)(r.row + row);
  r.rounded = r.dout + rows * row;
  return r;
}

int64_t ae_attention_scratch(const ae_attention_shape *shape, const ae_multiplier *multiplier, int64_t queries,
                             int64_t keys) {
  return room_of(shape, multiplier->rounded, queries, keys, NULL).floats;
}

void ae_attention_want(const ae_attention_shape *shape, ae_products *products, int64_t queries, int64_t keys) {
  const int64_t rows = ae_max(ae_min(queries, BLOCK), ae_min(keys, BLOCK));
  ae_products_want(products, rows, shape->width / shape->heads, rows * rows, shape->value_width / shape->heads, false);
}

/* One head of one block of queries. */
typedef struct part {
  ae_products *products;
  const ae_multiplier *multiplier;
  room room;
  int64_t queries, width, value_width;  /* of the head */
  int64_t stride, value_stride, scores; /* from row to row of inputs, outputs, scores */
  float scale, binary;                  /* of scores; the same, for powers of two */
} part;

static part part_of(const ae_attention_shape *shape, ae_products *products, int64_t queries, int64_t keys,
                    float *scratch) {
  const ae_multiplier *multiplier = ae_products_multiplier(products);
  const int64_t width = shape->width / shape->heads;
  const float scale = 1.0f / sqrtf((float)width);
  return (part){.products = products,
                .multiplier = multiplier,
                .room = room_of(shape, multiplier->rounded, queries, keys, scratch),
                .width = width,
                .value_width = shape->value_width / shape->heads,
                .stride = shape->width,
                .value_stride = shape->value_width,
                .scores = stride_of(block_of(keys)),
                .scale = scale,
                .binary = scale * 1.44269504088896341f};
}

static const void *at(const part *p, const void *operand, int64_t number) {
  return ae_multiplier_at(p->multiplier, operand, number);
}

/* Sizes of sets differ from set to set. */
static void multiply(const part *p, ae_product product) {
  product.varies = true;
  ae_products_one(p->products, &product);
}

/* (queries, count) scores a bᵀ; a and b have `width` columns, `lda` and `ldb` numbers from row to row. */
static void find_scores(const part *p, int64_t count, int64_t width, const void *a, int64_t lda, const void *b,
                        int64_t ldb, float *out) {
  multiply(p, (ae_product){.trans_b = true,
                           .m = p->queries,
                           .n = count,
                           .k = width,
                           .a = a,
                           .lda = lda,
                           .b = b,
                           .ldb = ldb,
                           .c = out,
                           .ldc = p->scores});
}

/* out += scores · rows of the keys, or scoresᵀ · rows of the queries. */
static void add_product(const part *p, bool trans, int64_t count, const void *score, int64_t width, const void *rows,
                        int64_t ldb, float *out, int64_t ldc) {
  multiply(p, (ae_product){.trans_a = trans,
                           .m = trans ? count : p->queries,
                           .n = width,
                           .k = trans ? p->queries : count,
                           .a = score,
                           .lda = p->scores,
                           .b = rows,
                           .ldb = ldb,
                           .beta = 1,
                           .c = out,
                           .ldc = ldc});
}

/* What products take of a row of scores: itself, or rounded. */
static const void *operand_of(const part *p, const float *score) {
  return p->multiplier->rounded ? (const void *)p->room.rounded : score;
}

AE_KERNEL void round_row(const part *p, int64_t count, const float *score, int64_t row) {
  if (p->room.rounded != NULL) ae_bf16_round(count, score, p->room.rounded + row * p->scores);
}

/* Rows of scores are gone through in whole vectors; what stands beyond the keys is not read by products. */
static int64_t padded(int64_t keys) { return ae_round_up(keys, LANES); }

/* Replaces scores by e^(scale · (score − largest)) and returns their sum. */
AE_KERNEL float exponentiate(int64_t count, float binary, float largest, float *restrict score) {
  float lane[LANES] = {0};
  for (int64_t j = 0; j < count; j += LANES)
    for (int k = 0; k < LANES; k++) {
      score[j + k] = ae_scalar_exp2_of_negative((score[j + k] - largest) * binary);
      lane[k] += score[j + k];
    }
  return ae_scalar_lanes_sum(lane);
}

/* Takes a block of keys into the softmax: scores become weights relative to the new largest score, and what earlier
 * blocks left in norm and out is brought to it. */
AE_CLONES static void absorb(const part *p, int64_t keys, bool first, float *restrict norm, float *restrict out) {
  float *score = p->room.score;
  const int64_t count = padded(keys);
  for (int64_t i = 0; i < p->queries; i++, score += p->scores, norm += 2, out += p->value_stride) {
    for (int64_t j = keys; j < count; j++) score[j] = -INFINITY;
    const float here = ae_scalar_largest(count, score);
    const float largest = first ? here : ae_scalar_larger(norm[0], here);
    const float sum = exponentiate(count, p->binary, largest, score);
    const float shrink = first ? 0 : ae_scalar_exp2_of_negative((norm[0] - largest) * p->binary);
    norm[1] = first ? sum : norm[1] * shrink + sum;
    for (int64_t j = 0; j < p->value_width; j++) out[j] = first ? 0 : out[j] * shrink;
    norm[0] = largest;
    round_row(p, keys, score, i);
  }
}

/* After the last block: weights that add up to 1. */
AE_CLONES static void finish(const part *p, float *restrict norm, float *restrict out) {
  for (int64_t i = 0; i < p->queries; i++, norm += 2, out += p->value_stride) {
    norm[1] = 1.0f / norm[1];
    for (int64_t j = 0; j < p->value_width; j++) out[j] *= norm[1];
  }
}

static void attend(const part *p, int64_t keys, const void *q, const void *k, const void *v, float *norm, float *out) {
  const int64_t block = block_of(keys);
  for (int64_t row = 0; row < keys; row += block) {
    const int64_t count = ae_min(block, keys - row);
    find_scores(p, count, p->width, q, p->stride, at(p, k, row * p->stride), p->stride, p->room.score);
    absorb(p, count, row == 0, norm, out);
    add_product(p, false, count, operand_of(p, p->room.score), p->value_width, at(p, v, row * p->value_stride),
                p->value_stride, out, p->value_stride);
  }
  finish(p, norm, out);
}

void ae_attention_forward(const ae_attention_shape *shape, ae_products *products, int64_t queries, int64_t keys,
                          const void *q, const void *k, const void *v, float *norm, float *out, float *scratch) {
  part p = part_of(shape, products, queries, keys, scratch);
  const int64_t block = block_of(queries);
  if (keys == 0) memset(out, 0, (size_t)(queries * shape->value_width) * sizeof *out);
  for (int64_t head = 0; head < shape->heads && keys > 0; head++)
    for (int64_t row = 0; row < queries; row += block) {
      const int64_t column = head * p.width, value_column = head * p.value_width;
      p.queries = ae_min(block, queries - row);
      attend(&p, keys, at(&p, q, row * p.stride + column), at(&p, k, column), at(&p, v, value_column),
             norm + 2 * (head * queries + row), out + row * p.value_stride + value_column);
    }
}

/* The weights of a block of keys, from its scores. */
AE_CLONES static void weigh(const part *p, int64_t keys, const float *restrict norm) {
  float *restrict score = p->room.score;
  const float binary = p->binary;
  const int64_t count = padded(keys);
  for (int64_t i = 0; i < p->queries; i++, score += p->scores, norm += 2) {
    const float largest = norm[0], scale = norm[1];
    for (int64_t j = 0; j < count; j++) score[j] = ae_scalar_exp2_of_negative((score[j] - largest) * binary) * scale;
    round_row(p, keys, score, i);
  }
}

/* A row of the gradient of the output as products take it. */
static const float *round_gradient(const part *p, int64_t row, const float *dout) {
  if (p->room.dout == NULL) return dout;
  ae_bf16 *rounded = p->room.dout + row * p->value_width;
  ae_bf16_round(p->value_width, dout, rounded);
  ae_bf16_widen(p->value_width, rounded, p->room.row);
  return p->room.row;
}

/* Σ out · dout of each query: what the softmax takes off the gradient of its weights. Of rounded numbers where the gradient
 * of the weights is: those of one query have to cancel out. */
AE_CLONES static void project(const part *p, const float *restrict out, const float *dout) {
  for (int64_t i = 0; i < p->queries; i++, out += p->value_stride, dout += p->value_stride) {
    const float *restrict row = round_gradient(p, i, dout);
    float lane[LANES] = {0};
    int64_t j = 0;
    for (; j + LANES <= p->value_width; j += LANES)
      for (int k = 0; k < LANES; k++) lane[k] += out[j + k] * row[j + k];
    for (int k = 0; j + k < p->value_width; k++) lane[k] += out[j + k] * row[j + k];
    p->room.along[i] = ae_scalar_lanes_sum(lane);
  }
}

/* The gradient of the weights becomes that of the products of queries and keys. */
AE_CLONES static void pass_softmax(const part *p, int64_t keys) {
  const float *restrict weight = p->room.score, *restrict along = p->room.along;
  float *restrict gradient = p->room.gradient;
  const float scale = p->scale;
  const int64_t count = padded(keys);
  for (int64_t i = 0; i < p->queries; i++, weight += p->scores, gradient += p->scores) {
    const float off = along[i];
    for (int64_t j = 0; j < count; j++) gradient[j] = weight[j] * (gradient[j] - off) * scale;
    round_row(p, keys, gradient, i);
  }
}

/* Rows that gradients are formed from and go to: of the queries, or of a block of keys. */
typedef struct rows {
  const void *q, *k, *v, *dout;
  int64_t dout_stride;
  ae_attention_gradients to;
} rows;

static void pass_block(const part *p, int64_t count, const float *norm, const rows *r) {
  find_scores(p, count, p->width, r->q, p->stride, r->k, p->stride, p->room.score);
  weigh(p, count, norm);
  if (r->to.dv != NULL)
    add_product(p, true, count, operand_of(p, p->room.score), p->value_width, r->dout, r->dout_stride, r->to.dv,
                p->value_stride);
  if (r->to.dq == NULL && r->to.dk == NULL) return;
  find_scores(p, count, p->value_width, r->dout, r->dout_stride, r->v, p->value_stride, p->room.gradient);
  pass_softmax(p, count);
  const void *gradient = operand_of(p, p->room.gradient);
  if (r->to.dq != NULL) add_product(p, false, count, gradient, p->width, r->k, p->stride, r->to.dq, p->stride);
  if (r->to.dk != NULL) add_product(p, true, count, gradient, p->width, r->q, p->stride, r->to.dk, p->stride);
}

static float *at_or_null(float *values, int64_t at) { return values == NULL ? NULL : values + at; }

/* One head of one block of queries, which q, dout and to.dq begin with; k, v and the other gradients with the head. */
static void pass_queries(const part *p, int64_t keys, const float *norm, const rows *all) {
  const int64_t block = block_of(keys);
  for (int64_t row = 0; row < keys; row += block) {
    const int64_t key = row * p->stride, value = row * p->value_stride;
    rows here = *all;
    here.k = at(p, all->k, key);
    here.v = at(p, all->v, value);
    here.to.dk = at_or_null(all->to.dk, key);
    here.to.dv = at_or_null(all->to.dv, value);
    pass_block(p, ae_min(block, keys - row), norm, &here);
  }
}

void ae_attention_backward(const ae_attention_shape *shape, ae_products *products, int64_t queries, int64_t keys,
                           const void *q, const void *k, const void *v, const float *norm, const float *out,
                           const float *dout, ae_attention_gradients to, float *scratch) {
  part p = part_of(shape, products, queries, keys, scratch);
  const bool rounds = p.multiplier->rounded;
  const int64_t block = block_of(queries);
  for (int64_t head = 0; head < shape->heads; head++)
    for (int64_t row = 0; row < queries; row += block) {
      const int64_t column = head * p.width, value_column = head * p.value_width;
      const int64_t x = row * p.stride + column, y = row * p.value_stride + value_column;
      const ae_attention_gradients here = {at_or_null(to.dq, x), at_or_null(to.dk, column),
                                           at_or_null(to.dv, value_column)};
      p.queries = ae_min(block, queries - row);
      project(&p, out + y, dout + y);
      pass_queries(&p, keys, norm + 2 * (head * queries + row),
                   &(rows){at(&p, q, x), at(&p, k, column), at(&p, v, value_column),
                           rounds ? (const void *)p.room.dout : dout + y, rounds ? p.value_width : p.value_stride,
                           here});
    }
}
