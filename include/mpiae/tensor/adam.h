/* The element of Adam's update (Kingma & Ba 2015). Local. */
#ifndef MPIAE_TENSOR_ADAM_H
#define MPIAE_TENSOR_ADAM_H

#include <stdint.h>

typedef struct ae_adam {
  float learning_rate;   /* α / (1 − β₁ᵗ) */
  float root_correction; /* 1 / √(1 − β₂ᵗ) */
  float beta1, beta2, epsilon;
} ae_adam;

/* One step for `count` elements: moments m, v and value, in place. */
void ae_adam_update(const ae_adam *rule, int64_t count, const float *gradient, float *m, float *v, float *value);

#endif
