#include "mpiae/tensor/update.h"

#include "mpiae/base/clones.h"

#include <float.h>
#include <math.h>

/* A mean of gradients that are always zero, as of the weights of a dark pixel, decays until it is subnormal, and stays
 * so: the product with 0.9 rounds back. Arithmetic on subnormal numbers takes a hundred times as long. */
static inline float flushed(float value) { return fabsf(value) < FLT_MIN ? 0.0f : value; }

AE_CLONES void ae_update_adam(const ae_update *rule, int64_t count, const float *restrict gradient, float *restrict m,
                              float *restrict v, float *restrict value) {
  const float rate = rule->rate, root = rule->root_correction, epsilon = rule->epsilon, scale = rule->scale;
  const float keep_m = rule->keep_m, add_m = rule->add_m, keep_v = rule->keep_v, add_v = rule->add_v;
  const float decay = rule->decay, kept = 1.0f - rule->shrink;
  for (int64_t i = 0; i < count; i++) {
    const float g = scale * gradient[i] + decay * value[i];
    m[i] = flushed(keep_m * m[i] + add_m * g);
    v[i] = flushed(keep_v * v[i] + add_v * (g * g));
    value[i] = kept * value[i] - rate * m[i] / (sqrtf(v[i]) * root + epsilon);
  }
}

AE_CLONES void ae_update_sgd(const ae_update *rule, int64_t count, const float *restrict gradient,
                             float *restrict momentum, float *restrict value) {
  const float rate = rule->rate, keep = rule->momentum, scale = rule->scale, decay = rule->decay;
  for (int64_t i = 0; i < count; i++) {
    momentum[i] = flushed(keep * momentum[i] + (scale * gradient[i] + decay * value[i]));
    value[i] -= rate * momentum[i];
  }
}
