#include "mpiae/tensor/norm.h"

#include "mpiae/base/clones.h"
#include "mpiae/tensor/scalar.h"

enum { LANES = AE_SCALAR_LANES };

AE_KERNEL float mean_of(int64_t width, const float *restrict x) {
  float lane[LANES] = {0};
  int64_t j = 0;
  for (; j + LANES <= width; j += LANES)
    for (int k = 0; k < LANES; k++) lane[k] += x[j + k];
  for (int k = 0; j + k < width; k++) lane[k] += x[j + k];
  return ae_scalar_lanes_sum(lane) / (float)width;
}

AE_KERNEL float variance_of(int64_t width, const float *restrict x, float mean) {
  float lane[LANES] = {0};
  int64_t j = 0;
  for (; j + LANES <= width; j += LANES)
    for (int k = 0; k < LANES; k++) lane[k] += (x[j + k] - mean) * (x[j + k] - mean);
  for (int k = 0; j + k < width; k++) lane[k] += (x[j + k] - mean) * (x[j + k] - mean);
  return ae_scalar_lanes_sum(lane) / (float)width;
}

AE_CLONES void ae_layer_norm_rows(int64_t rows, int64_t width, float epsilon, const float *restrict x,
                                  const float *restrict gain, const float *restrict bias, float *restrict norm,
                                  float *restrict y) {
  for (int64_t i = 0; i < rows; i++, x += width, y += width, norm += 2) {
    const float mean = mean_of(width, x), scale = 1.0f / sqrtf(variance_of(width, x, mean) + epsilon);
    norm[0] = mean;
    norm[1] = scale;
    for (int64_t j = 0; j < width; j++) y[j] = (x[j] - mean) * scale * gain[j] + bias[j];
  }
}

/* Means over a row of the gradient of x̂ and of its product with x̂. */
typedef struct moments {
  float plain, along;
} moments;

AE_KERNEL moments moments_of(int64_t width, const float *restrict x, const float *restrict gain, float mean,
                             float scale, const float *restrict dy) {
  float plain[LANES] = {0}, along[LANES] = {0};
  int64_t j = 0;
  for (; j + LANES <= width; j += LANES)
    for (int k = 0; k < LANES; k++) {
      const float g = dy[j + k] * gain[j + k];
      plain[k] += g;
      along[k] += g * ((x[j + k] - mean) * scale);
    }
  for (int k = 0; j + k < width; k++) {
    const float g = dy[j + k] * gain[j + k];
    plain[k] += g;
    along[k] += g * ((x[j + k] - mean) * scale);
  }
  return (moments){ae_scalar_lanes_sum(plain) / (float)width, ae_scalar_lanes_sum(along) / (float)width};
}

AE_CLONES void ae_layer_norm_backward(int64_t rows, int64_t width, const float *restrict x, const float *restrict gain,
                                      const float *restrict norm, const float *restrict dy, bool add,
                                      float *restrict dx) {
  for (int64_t i = 0; i < rows; i++, x += width, dy += width, dx += width, norm += 2) {
    const float mean = norm[0], scale = norm[1];
    const moments m = moments_of(width, x, gain, mean, scale, dy);
    if (add)
      for (int64_t j = 0; j < width; j++)
        dx[j] += (dy[j] * gain[j] - m.plain - (x[j] - mean) * scale * m.along) * scale;
    else
      for (int64_t j = 0; j < width; j++) dx[j] = (dy[j] * gain[j] - m.plain - (x[j] - mean) * scale * m.along) * scale;
  }
}

AE_CLONES void ae_layer_norm_gain(int64_t rows, int64_t width, const float *restrict x, const float *restrict norm,
                                  const float *restrict dy, bool add, float *restrict gain) {
  enum { COLUMNS = 128 };
  for (int64_t at = 0; at < width; at += COLUMNS) {
    const int64_t part = width - at < COLUMNS ? width - at : COLUMNS;
    float total[COLUMNS] = {0};
    for (int64_t i = 0; i < rows; i++)
      for (int64_t j = 0; j < part; j++)
        total[j] += dy[i * width + at + j] * ((x[i * width + at + j] - norm[2 * i]) * norm[2 * i + 1]);
    for (int64_t j = 0; j < part; j++) gain[at + j] = add ? gain[at + j] + total[j] : total[j];
  }
}
