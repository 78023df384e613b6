/* Convolution by copying what every position of the output sees into a row of a matrix (Chellapilla et al. 2006), which
 * is then multiplied by the weights. */
#include "mpiae/base/arithmetic.h"
#include "mpiae/base/memory.h"
#include "mpiae/tensor/blas.h"
#include "mpiae/tensor/convolution_kind.h"

#include <string.h>

/* Floats of the matrix aimed at: it should stay in the second cache. */
enum { MATRIX_FLOATS = 1 << 19 };

typedef struct im2col {
  ae_convolution_shape shape;
  int64_t rows, columns, positions; /* of an output image */
  int64_t seen;                     /* numbers that a position sees */
  int64_t most;                     /* images at a time */
  float *weight;                    /* (outputs, seen) */
  float *gradient;                  /* the same */
  float *matrix;                    /* (most · positions, seen) */
} im2col;

static const char *library(void) { return "im2col"; }

static void destroy(void *state) {
  im2col *c = state;
  AE_FREE(c->weight);
  AE_FREE(c->gradient);
  AE_FREE(c->matrix);
  AE_FREE(c);
}

static ae_status create(const ae_convolution_shape *shape, void **out) {
  ae_status status = AE_OK;
  im2col *c = NULL;
  AE_CHECK(AE_NEW(c, 1));
  c->shape = *shape;
  c->rows = ae_convolution_rows(shape);
  c->columns = ae_convolution_columns(shape);
  c->positions = c->rows * c->columns;
  c->seen = shape->taps[0] * shape->taps[1] * shape->channels;
  c->most = ae_max(1, MATRIX_FLOATS / ae_max(1, c->positions * c->seen));
  AE_CHECK(AE_NEW(c->weight, shape->outputs * c->seen));
  AE_CHECK(AE_NEW(c->gradient, shape->outputs * c->seen));
  AE_CHECK(AE_NEW(c->matrix, c->most * c->positions * c->seen));
  *out = c;
  c = NULL;
cleanup:
  if (c != NULL) destroy(c);
  return status;
}

static void load(void *state, const float *weight) {
  im2col *c = state;
  ae_convolution_narrow(&c->shape, c->shape.taps, weight, c->weight);
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

static void spread_position(const im2col *c, const float *x, int64_t row, int64_t column, float *out) {
  const ae_convolution_shape *s = &c->shape;
  const int64_t width = s->taps[1] * s->channels;
  for (int64_t tap = 0; tap < s->taps[0]; tap++, out += width) {
    const sight at = look(c, row, column, tap);
    if (at.last - at.first < s->taps[1]) memset(out, 0, (size_t)width * sizeof *out);
    if (at.last > at.first)
      memcpy(out + at.first * s->channels, x + (at.row * s->columns + at.column + at.first) * s->channels,
             (size_t)((at.last - at.first) * s->channels) * sizeof *out);
  }
}

static void spread(im2col *c, int64_t images, const float *x) {
  float *out = c->matrix;
  for (int64_t i = 0; i < images; i++, x += c->shape.rows * c->shape.columns * c->shape.channels)
    for (int64_t row = 0; row < c->rows; row++)
      for (int64_t column = 0; column < c->columns; column++, out += c->seen) spread_position(c, x, row, column, out);
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
  const int64_t width = c->shape.rows * c->shape.columns * c->shape.channels;
  memset(x, 0, (size_t)(images * width) * sizeof *x);
  for (int64_t i = 0; i < images; i++, x += width)
    for (int64_t row = 0; row < c->rows; row++)
      for (int64_t column = 0; column < c->columns; column++, in += c->seen) gather_position(c, in, row, column, x);
}

static int64_t in_width(const im2col *c) { return c->shape.rows * c->shape.columns * c->shape.channels; }
static int64_t out_width(const im2col *c) { return c->positions * c->shape.outputs; }

static void forward(void *state, int64_t images, const float *x, float *y) {
  im2col *c = state;
  for (int64_t at = 0; at < images; at += c->most) {
    const int64_t part = ae_min(c->most, images - at);
    spread(c, part, x + at * in_width(c));
    ae_gemm(false, true, part * c->positions, c->shape.outputs, c->seen, 1, c->matrix, ae_max(1, c->seen), c->weight,
            ae_max(1, c->seen), 0, y + at * out_width(c), c->shape.outputs);
  }
}

static void backward(void *state, int64_t images, const float *dy, float *dx) {
  im2col *c = state;
  for (int64_t at = 0; at < images; at += c->most) {
    const int64_t part = ae_min(c->most, images - at);
    ae_gemm(false, false, part * c->positions, c->seen, c->shape.outputs, 1, dy + at * out_width(c), c->shape.outputs,
            c->weight, ae_max(1, c->seen), 0, c->matrix, ae_max(1, c->seen));
    gather(c, part, dx + at * in_width(c));
  }
}

static void gradient(void *state, int64_t images, const float *x, const float *dy, float *dw) {
  im2col *c = state;
  for (int64_t at = 0; at < images; at += c->most) {
    const int64_t part = ae_min(c->most, images - at);
    spread(c, part, x + at * in_width(c));
    ae_gemm(true, false, c->shape.outputs, c->seen, part * c->positions, 1, dy + at * out_width(c), c->shape.outputs,
            c->matrix, ae_max(1, c->seen), at > 0 ? 1 : 0, c->gradient, ae_max(1, c->seen));
  }
  ae_convolution_widen(&c->shape, c->shape.taps, c->gradient, dw);
}

const ae_convolver_kind ae_convolver_im2col = {library, create, destroy, load, forward, backward, gradient};
