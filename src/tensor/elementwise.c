#include "mpiae/tensor/elementwise.h"

#include "mpiae/base/clones.h"
#include "mpiae/tensor/scalar.h"

enum { LANES = AE_SCALAR_LANES };

/* NaN must be seen. */
AE_KERNEL float rectify(float x) { return x > 0 ? x : x != x ? x : 0.0f; }
AE_KERNEL float leak(float x) { return x > 0 ? x : 0.2f * x; }

AE_CLONES void ae_activation_apply(int64_t count, ae_activation activation, const float *x, float *y) {
  if (activation == AE_LINEAR)
    for (int64_t i = 0; i < count; i++) y[i] = x[i];
  else if (activation == AE_RELU)
    for (int64_t i = 0; i < count; i++) y[i] = rectify(x[i]);
  else if (activation == AE_LEAKY_RELU)
    for (int64_t i = 0; i < count; i++) y[i] = leak(x[i]);
  else
    for (int64_t i = 0; i < count; i++) y[i] = ae_scalar_tanh(x[i]);
}

AE_CLONES void ae_bias_activate(int64_t rows, int64_t width, const float *restrict bias, ae_activation activation,
                                float *restrict y) {
  for (int64_t i = 0; i < rows; i++, y += width) {
    if (activation == AE_LINEAR)
      for (int64_t j = 0; j < width; j++) y[j] = y[j] + bias[j];
    else if (activation == AE_RELU)
      for (int64_t j = 0; j < width; j++) {
        y[j] = rectify(y[j] + bias[j]);
      }
    else if (activation == AE_LEAKY_RELU)
      for (int64_t j = 0; j < width; j++) y[j] = leak(y[j] + bias[j]);
    else
      for (int64_t j = 0; j < width; j++) y[j] = ae_scalar_tanh(y[j] + bias[j]);
  }
}

AE_CLONES void ae_activate_backward(int64_t count, ae_activation activation, const float *restrict y,
                                    float *restrict gradient) {
  if (activation == AE_RELU)
    for (int64_t i = 0; i < count; i++) gradient[i] = y[i] > 0 ? gradient[i] : 0.0f;
  else if (activation == AE_LEAKY_RELU)
    for (int64_t i = 0; i < count; i++) gradient[i] = y[i] > 0 ? gradient[i] : 0.2f * gradient[i];
  else if (activation == AE_TANH)
    for (int64_t i = 0; i < count; i++) gradient[i] *= 1.0f - y[i] * y[i];
}

AE_KERNEL void add_rows(int64_t rows, int64_t width, int64_t part, const float *restrict x, float *restrict total) {
  for (int64_t i = 0; i < rows; i++)
    for (int64_t j = 0; j < part; j++) total[j] += x[i * width + j];
}

AE_CLONES void ae_column_sum(int64_t rows, int64_t width, const float *restrict x, bool add, float *restrict sum) {
  enum { COLUMNS = 128 };
  for (int64_t at = 0; at < width; at += COLUMNS) {
    const int64_t part = width - at < COLUMNS ? width - at : COLUMNS;
    float total[COLUMNS] = {0};
    add_rows(rows, width, part, x + at, total);
    for (int64_t j = 0; j < part; j++) sum[at + j] = add ? sum[at + j] + total[j] : total[j];
  }
}

AE_CLONES void ae_column_add(int64_t rows, int64_t width, const float *restrict x, float *restrict sum) {
  add_rows(rows, width, width, x, sum);
}

AE_CLONES void ae_add(int64_t count, const float *restrict x, float *restrict out) {
  for (int64_t i = 0; i < count; i++) out[i] += x[i];
}

AE_CLONES void ae_scale(int64_t count, float scale, const float *x, float *out) {
  for (int64_t i = 0; i < count; i++) out[i] = scale * x[i];
}

AE_CLONES void ae_tanh_gate(int64_t places, int64_t width, const float *restrict x, float *restrict y) {
  for (int64_t i = 0; i < places; i++, x += 2 * width, y += width)
    for (int64_t j = 0; j < width; j++) y[j] = ae_scalar_tanh(x[j]) * ae_scalar_sigmoid(x[width + j]);
}

/* One place; halves apart, and `add` known at compile time, for the vectoriser. */
AE_KERNEL void gate_backward(int64_t width, const float *restrict a, const float *restrict b, const float *restrict dy,
                             bool add, float *restrict da, float *restrict db) {
  for (int64_t j = 0; j < width; j++) {
    const float t = ae_scalar_tanh(a[j]), s = ae_scalar_sigmoid(b[j]);
    const float for_a = dy[j] * (s * (1.0f - t * t)), for_b = dy[j] * (t * s * (1.0f - s));
    da[j] = add ? da[j] + for_a : for_a;
    db[j] = add ? db[j] + for_b : for_b;
  }
}

AE_CLONES void ae_tanh_gate_backward(int64_t places, int64_t width, const float *x, const float *dy, bool add,
                                     float *dx) {
  for (int64_t i = 0; i < places; i++, x += 2 * width, dy += width, dx += 2 * width)
    if (add) gate_backward(width, x, x + width, dy, true, dx, dx + width);
    else gate_backward(width, x, x + width, dy, false, dx, dx + width);
}

AE_CLONES void ae_sigmoid(int64_t count, const float *x, float *out) {
  for (int64_t i = 0; i < count; i++) out[i] = ae_scalar_sigmoid(x[i]);
}

AE_KERNEL float bernoulli_term(float l, float x) {
  return (l > 0 ? l : 0.0f) - l * x + ae_scalar_log1p(ae_scalar_exp(-fabsf(l)));
}

AE_CLONES void ae_bernoulli(int64_t rows, int64_t width, const float *restrict logit, const float *restrict x,
                            float *restrict out) {
  for (int64_t i = 0; i < rows; i++, logit += width, x += width) {
    float lane[LANES] = {0};
    int64_t j = 0;
    for (; j + LANES <= width; j += LANES)
      for (int k = 0; k < LANES; k++) lane[k] += bernoulli_term(logit[j + k], x[j + k]);
    for (int k = 0; j + k < width; k++) lane[k] += bernoulli_term(logit[j + k], x[j + k]);
    out[i] = ae_scalar_lanes_sum(lane);
  }
}

AE_CLONES void ae_bernoulli_backward(int64_t rows, int64_t width, const float *restrict logit, const float *restrict x,
                                     const float *restrict upstream, bool add, float *restrict gradient) {
  for (int64_t i = 0; i < rows; i++, logit += width, x += width, gradient += width) {
    const float scale = upstream[i];
    if (add)
      for (int64_t j = 0; j < width; j++) gradient[j] += (ae_scalar_sigmoid(logit[j]) - x[j]) * scale;
    else
      for (int64_t j = 0; j < width; j++) gradient[j] = (ae_scalar_sigmoid(logit[j]) - x[j]) * scale;
  }
}

AE_CLONES void ae_squared_error(int64_t rows, int64_t width, const float *restrict a, const float *restrict b,
                                float *restrict out) {
  for (int64_t i = 0; i < rows; i++, a += width, b += width) {
    float lane[LANES] = {0};
    int64_t j = 0;
    for (; j + LANES <= width; j += LANES)
      for (int k = 0; k < LANES; k++) lane[k] += (a[j + k] - b[j + k]) * (a[j + k] - b[j + k]);
    for (int k = 0; j + k < width; k++) lane[k] += (a[j + k] - b[j + k]) * (a[j + k] - b[j + k]);
    out[i] = ae_scalar_lanes_sum(lane);
  }
}

AE_CLONES void ae_squared_error_backward(int64_t rows, int64_t width, const float *restrict a, const float *restrict b,
                                         const float *restrict upstream, bool add, float *restrict gradient) {
  for (int64_t i = 0; i < rows; i++, a += width, b += width, gradient += width) {
    const float scale = 2 * upstream[i];
    if (add)
      for (int64_t j = 0; j < width; j++) gradient[j] += (a[j] - b[j]) * scale;
    else
      for (int64_t j = 0; j < width; j++) gradient[j] = (a[j] - b[j]) * scale;
  }
}
