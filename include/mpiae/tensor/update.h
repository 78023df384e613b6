/* One step of an optimizer on a run of numbers; the rules are in train/optimizer.h. Local. */
#ifndef MPIAE_TENSOR_UPDATE_H
#define MPIAE_TENSOR_UPDATE_H

#include <stdint.h>

typedef struct ae_update {
  float scale;                        /* of the gradient: clipping */
  float rate;                         /* α; Adam: α / (1 − β₁ᵗ) */
  float decay;                        /* coupled λ: added to the gradient as λθ */
  float shrink;                       /* decoupled αλ: θ loses this share first */
  float momentum;                     /* sgd: μ */
  float root_correction;              /* Adam: 1 / √(1 − β₂ᵗ) */
  float keep_m, add_m, keep_v, add_v; /* β₁, 1 − β₁, β₂, 1 − β₂, each rounded by itself */
  float epsilon;
} ae_update;

/* `count` elements in place: state m, v and value. What would be subnormal in the state becomes 0. */
void ae_update_adam(const ae_update *rule, int64_t count, const float *gradient, float *m, float *v, float *value);
void ae_update_sgd(const ae_update *rule, int64_t count, const float *gradient, float *momentum, float *value);

#endif
