#include "mpiae/tensor/update.h"

#include "mpiae/base/clones.h"

#include <math.h>

AE_CLONES void ae_update_adam(const ae_update *rule, int64_t count, const float *restrict gradient, float *restrict m,
                              float *restrict v, float *restrict value) {
  const float rate = rule->rate, root = rule->root_correction, epsilon = rule->epsilon, scale = rule->scale;
  const float keep_m = rule->keep_m, add_m = rule->add_m, keep_v = rule->keep_v, add_v = rule->add_v;
  const float decay = rule->decay, kept = 1.0f - rule->shrink;
  for (int64_t i = 0; i < count; i++) {
    const float g = scale * gradient[i] + decay * value[i];
    m[i] = keep_m * m[i] + add_m * g;
    v[i] = keep_v * v[i] + add_v * (g * g);
    value[i] = kept * value[i] - rate * m[i] / (sqrtf(v[i]) * root + epsilon);
  }
}

AE_CLONES void ae_update_sgd(const ae_update *rule, int64_t count, const float *restrict gradient,
                             float *restrict momentum, float *restrict value) {
  const float rate = rule->rate, keep = rule->momentum, scale = rule->scale, decay = rule->decay;
  for (int64_t i = 0; i < count; i++) {
    momentum[i] = keep * momentum[i] + (scale * gradient[i] + decay * value[i]);
    value[i] -= rate * momentum[i];
  }
}
