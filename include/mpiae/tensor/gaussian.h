/* Diagonal Gaussians as rows of width 2L: means, then log standard deviations. Local. */
#ifndef MPIAE_TENSOR_GAUSSIAN_H
#define MPIAE_TENSOR_GAUSSIAN_H

#include <stdbool.h>
#include <stdint.h>

/* z = μ + e^s ε; q (rows, 2L), noise and z (rows, L); z may be the noise. */
void ae_gaussian_draw(int64_t rows, int64_t latent, const float *q, const float *noise, float *z);
void ae_gaussian_draw_backward(int64_t rows, int64_t latent, const float *q, const float *noise, const float *dz,
                               bool add, float *dq);

/* One part of each row, into (rows, L): 0 = μ, 1 = s. */
void ae_gaussian_part(int64_t rows, int64_t latent, const float *q, int part, float *out);

/* out[row] = KL(q‖p); p NULL is the standard normal. Formula in graph/ops.h. */
void ae_gaussian_divergence(int64_t rows, int64_t latent, const float *q, const float *p, float *out);
/* Gradients for q and, where not NULL, p, times upstream[row]. */
void ae_gaussian_divergence_backward(int64_t rows, int64_t latent, const float *q, const float *p,
                                     const float *upstream, bool add_q, float *dq, bool add_p, float *dp);

/* (D/2) ln π: what the squared error lacks to be −ln of a Gaussian density of variance ½ in D dimensions. */
double ae_gaussian_constant(int64_t dimensions);

/* ln p(z) − ln q(z) per row for z drawn from q with `noise` (rows, L); p NULL is the standard normal: the part of an
 * importance weight that codes have (Burda et al. 2016). In float64. */
void ae_gaussian_log_ratio(int64_t rows, int64_t latent, const float *q, const float *p, const float *noise,
                           const float *z, double *out);

#endif
