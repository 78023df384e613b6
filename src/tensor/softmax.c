#include "mpiae/tensor/softmax.h"

#include "mpiae/base/clones.h"
#include "mpiae/base/status.h"
#include "mpiae/tensor/scalar.h"

enum { LANES = AE_SCALAR_LANES };

/* Of one number. */
typedef struct normalizer {
  float largest, sum; /* Σ e^(l − largest) */
} normalizer;

AE_KERNEL normalizer normalize(int64_t classes, const float *restrict logit) {
  const float largest = ae_scalar_largest(classes, logit);
  float lane[LANES] = {0};
  int64_t j = 0;
  for (; j + LANES <= classes; j += LANES)
    for (int k = 0; k < LANES; k++) lane[k] += ae_scalar_exp(logit[j + k] - largest);
  for (int k = 0; j + k < classes; k++) lane[k] += ae_scalar_exp(logit[j + k] - largest);
  return (normalizer){largest, ae_scalar_lanes_sum(lane)};
}

AE_CLONES void ae_softmax(int64_t numbers, int64_t classes, const float *logit, float *out) {
  for (int64_t i = 0; i < numbers; i++, logit += classes, out += classes) {
    const normalizer n = normalize(classes, logit);
    const float scale = 1.0f / n.sum;
    for (int64_t j = 0; j < classes; j++) out[j] = ae_scalar_exp(logit[j] - n.largest) * scale;
  }
}

AE_KERNEL int64_t class_of(float index, int64_t classes) {
  AE_ASSERT(index >= 0 && index < (float)classes && index == (float)(int64_t)index);
  return (int64_t)index;
}

AE_CLONES void ae_softmax_cross_entropy(int64_t rows, int64_t width, int64_t classes, const float *restrict logit,
                                        const float *restrict index, float *restrict norm, float *restrict out) {
  for (int64_t i = 0; i < rows; i++) {
    double sum = 0;
    for (int64_t j = 0; j < width; j++, logit += classes, norm += 2) {
      const normalizer n = normalize(classes, logit);
      norm[0] = n.largest;
      norm[1] = 1.0f / n.sum;
      sum += (double)(ae_scalar_log(n.sum) + (n.largest - logit[class_of(*index++, classes)]));
    }
    out[i] = (float)sum;
  }
}

AE_CLONES void ae_softmax_cross_entropy_backward(int64_t rows, int64_t width, int64_t classes,
                                                 const float *restrict logit, const float *restrict index,
                                                 const float *restrict norm, const float *restrict upstream, bool add,
                                                 float *restrict gradient) {
  for (int64_t i = 0; i < rows; i++)
    for (int64_t j = 0; j < width; j++, logit += classes, gradient += classes, norm += 2) {
      const float largest = norm[0], scale = norm[1] * upstream[i];
      if (add)
        for (int64_t k = 0; k < classes; k++) gradient[k] += ae_scalar_exp(logit[k] - largest) * scale;
      else
        for (int64_t k = 0; k < classes; k++) gradient[k] = ae_scalar_exp(logit[k] - largest) * scale;
      gradient[class_of(*index++, classes)] -= upstream[i];
    }
}

int64_t ae_softmax_draw(int64_t classes, const float *logit, double uniform) {
  const float largest = ae_scalar_largest(classes, logit);
  double total = 0, reached = 0;
  for (int64_t k = 0; k < classes; k++) total += (double)ae_scalar_exp(logit[k] - largest);
  for (int64_t k = 0; k < classes - 1; k++) {
    reached += (double)ae_scalar_exp(logit[k] - largest);
    if (reached > uniform * total) return k;
  }
  return classes - 1;
}
