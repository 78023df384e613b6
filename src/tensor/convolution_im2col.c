/* Convolution by copying what every position of the output sees into a row of a matrix (Chellapilla et al. 2006), which
 * is then multiplied by the weights, by any multiplier. */
#include "mpiae/base/arithmetic.h"
#include "mpiae/base/memory.h"
#include "mpiae/tensor/bf16.h"
#include "mpiae/tensor/convolution_kind.h"
#include "mpiae/tensor/products.h"

#include <string.h>

/* Numbers of the matrix aimed at: it should stay in the second cache. */
enum { MATRIX_NUMBERS = 1 << 19 };

typedef struct im2col {
  ae_convolution_shape shape;
  const ae_multiplier *multiplier;
  ae_products *products;
  int64_t rows, columns, positions; /* of an output image */
  int64_t seen;                     /* numbers that a position sees */
  int64_t most;                     /* images at a time */
  void *weight;                     /* (outputs, seen), of the multiplier's type */
  float *gradient;                  /* (outputs, seen) */
  void *matrix;                     /* (most · positions, seen), of the multiplier's type, or floats */
} im2col;

static const char *library(void) { return "im2col"; }

static bool computes(const ae_multiplier *multiplier) {
  (void)multiplier;
  return true;
}

static int64_t in_width(const im2col *c) { return c->shape.rows * c->shape.columns * c->shape.channels; }
static int64_t out_width(const im2col *c) { return c->positions * c->shape.outputs; }
static int64_t number_bytes(const im2col *c) { return ae_multiplier_bytes(c->multiplier); }

static void destroy(void *state) {
  im2col *c = state;
  ae_products_destroy(&c->products);
  AE_FREE(c->weight);
  AE_FREE(c->gradient);
  AE_FREE(c->matrix);
  AE_FREE(c);
}

static ae_status make_products(im2col *c) {
  AE_RETURN_IF(ae_products_create(c->multiplier, &c->products));
  ae_products_want(c->products, c->most * c->positions, c->seen, c->shape.outputs * c->seen, c->shape.outputs, false);
  return ae_products_seal(c->products);
}

static ae_status create(const ae_convolution_shape *shape, const ae_multiplier *multiplier, void **out) {
  ae_status status = AE_OK;
  im2col *c = NULL;
  AE_CHECK(AE_NEW(c, 1));
  c->shape = *shape;
  c->multiplier = multiplier;
  c->rows = ae_convolution_rows(shape);
  c->columns = ae_convolution_columns(shape);
  c->positions = c->rows * c->columns;
  c->seen = shape->taps[0] * shape->taps[1] * shape->channels;
  c->most = ae_max(1, MATRIX_NUMBERS / ae_max(1, c->positions * c->seen));
  AE_CHECK(ae_memory_allocate(&c->weight, (size_t)(shape->outputs * c->seen), (size_t)number_bytes(c)));
  AE_CHECK(AE_NEW(c->gradient, shape->outputs * c->seen));
  AE_CHECK(ae_memory_allocate(&c->matrix, (size_t)(c->most * c->positions * c->seen), sizeof(float)));
  AE_CHECK(make_products(c));
  *out = c;
  c = NULL;
cleanup:
  if (c != NULL) destroy(c);
  return status;
}

/* The gradient's place is free between its computations. */
static void load(void *state, const float *weight) {
  im2col *c = state;
  float *narrow = c->multiplier->rounded ? c->gradient : c->weight;
  ae_convolution_narrow(&c->shape, c->shape.taps, weight, narrow);
  if (c->multiplier->rounded) ae_bf16_round(c->shape.outputs * c->seen, narrow, c->weight);
}

/* Where a row of the kernel at an output position lies in the input: the row, the first column, and which of the
 * columns of the kernel, first … last−1, are inside the image; none when last ≤ first. */
typedef struct sight {
  int64_t row, column, first, last;
} sight;

static sight look(const im2col *c, int64_t row, int64_t column, int64_t tap) {
  const ae_convolution_shape *s = &c->shape;
  sight seen = {row * s->stride - s->padding[0] + tap, column * s->stride - s->padding[1], 0, 0};
  if (seen.row < 0 || seen.row >= s->rows) return seen;
  seen.first = ae_max(0, -seen.column);
  seen.last = ae_min(s->taps[1], s->columns - seen.column);
  return seen;
}

/* Numbers are copied as bytes, of whichever type; a zero has none set. */
static void spread_position(const im2col *c, const char *x, int64_t row, int64_t column, char *out) {
  const ae_convolution_shape *s = &c->shape;
  const int64_t place = s->channels * number_bytes(c), width = s->taps[1] * place;
  for (int64_t tap = 0; tap < s->taps[0]; tap++, out += width) {
    const sight at = look(c, row, column, tap);
    if (at.last - at.first < s->taps[1]) memset(out, 0, (size_t)width);
    if (at.last > at.first)
      memcpy(out + at.first * place, x + (at.row * s->columns + at.column + at.first) * place,
             (size_t)((at.last - at.first) * place));
  }
}

static void spread(im2col *c, int64_t images, const void *from) {
  const char *x = from;
  char *out = c->matrix;
  const int64_t image = in_width(c) * number_bytes(c), seen = c->seen * number_bytes(c);
  for (int64_t i = 0; i < images; i++, x += image)
    for (int64_t row = 0; row < c->rows; row++)
      for (int64_t column = 0; column < c->columns; column++, out += seen) spread_position(c, x, row, column, out);
}

static void add_to(int64_t count, const float *restrict term, float *restrict sum) {
  for (int64_t i = 0; i < count; i++) sum[i] += term[i];
}

static void gather_position(const im2col *c, const float *in, int64_t row, int64_t column, float *x) {
  const ae_convolution_shape *s = &c->shape;
  for (int64_t tap = 0; tap < s->taps[0]; tap++, in += s->taps[1] * s->channels) {
    const sight at = look(c, row, column, tap);
    if (at.last <= at.first) continue;
    add_to(s->channels * (at.last - at.first), in + at.first * s->channels,
           x + (at.row * s->columns + at.column + at.first) * s->channels);
  }
}

static void gather(const im2col *c, int64_t images, float *x) {
  const float *in = c->matrix;
  const int64_t width = in_width(c);
  memset(x, 0, (size_t)(images * width) * sizeof *x);
  for (int64_t i = 0; i < images; i++, x += width)
    for (int64_t row = 0; row < c->rows; row++)
      for (int64_t column = 0; column < c->columns; column++, in += c->seen) gather_position(c, in, row, column, x);
}

static void forward(void *state, int64_t images, const void *x, float *y) {
  im2col *c = state;
  for (int64_t at = 0; at < images; at += c->most) {
    const int64_t part = ae_min(c->most, images - at);
    spread(c, part, ae_multiplier_at(c->multiplier, x, at * in_width(c)));
    ae_products_one(c->products, &(ae_product){.trans_b = true,
                                               .m = part * c->positions,
                                               .n = c->shape.outputs,
                                               .k = c->seen,
                                               .a = c->matrix,
                                               .lda = c->seen,
                                               .b = c->weight,
                                               .ldb = c->seen,
                                               .c = y + at * out_width(c),
                                               .ldc = c->shape.outputs});
  }
}

static void backward(void *state, int64_t images, const void *dy, float *dx) {
  im2col *c = state;
  for (int64_t at = 0; at < images; at += c->most) {
    const int64_t part = ae_min(c->most, images - at);
    ae_products_one(c->products, &(ae_product){.m = part * c->positions,
                                               .n = c->seen,
                                               .k = c->shape.outputs,
                                               .a = ae_multiplier_at(c->multiplier, dy, at * out_width(c)),
                                               .lda = c->shape.outputs,
                                               .b = c->weight,
                                               .ldb = c->seen,
                                               .c = c->matrix,
                                               .ldc = c->seen});
    gather(c, part, dx + at * in_width(c));
  }
}

static void gradient(void *state, int64_t images, const void *x, const void *dy, float *dw) {
  im2col *c = state;
  float *sum = ae_convolution_is_whole(&c->shape) ? dw : c->gradient;
  for (int64_t at = 0; at < images; at += c->most) {
    const int64_t part = ae_min(c->most, images - at);
    spread(c, part, ae_multiplier_at(c->multiplier, x, at * in_width(c)));
    ae_products_one(c->products, &(ae_product){.trans_a = true,
                                               .m = c->shape.outputs,
                                               .n = c->seen,
                                               .k = part * c->positions,
                                               .a = ae_multiplier_at(c->multiplier, dy, at * out_width(c)),
                                               .lda = c->shape.outputs,
                                               .b = c->matrix,
                                               .ldb = c->seen,
                                               .beta = at > 0 ? 1 : 0,
                                               .c = sum,
                                               .ldc = c->seen});
  }
  if (sum != dw) ae_convolution_widen(&c->shape, c->shape.taps, sum, dw);
}

const ae_convolver_kind ae_convolver_im2col = {library, computes, create, destroy, load, forward, backward, gradient};
