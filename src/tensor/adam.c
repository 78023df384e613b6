#include "mpiae/tensor/adam.h"

#include "mpiae/base/clones.h"

#include <math.h>

AE_CLONES void ae_adam_update(const ae_adam *rule, int64_t count, const float *restrict gradient, float *restrict m,
                              float *restrict v, float *restrict value) {
  const float rate = rule->learning_rate, root = rule->root_correction, epsilon = rule->epsilon;
  const float keep_m = rule->beta1, add_m = 1.0f - rule->beta1, keep_v = rule->beta2, add_v = 1.0f - rule->beta2;
  for (int64_t i = 0; i < count; i++) {
    const float g = gradient[i];
    m[i] = keep_m * m[i] + add_m * g;
    v[i] = keep_v * v[i] + add_v * (g * g);
    value[i] -= rate * m[i] / (sqrtf(v[i]) * root + epsilon);
  }
}
