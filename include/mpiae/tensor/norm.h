/* Layer norm of rows (Ba et al. 2016): y = (x − μ) / √(σ² + ε) · gain + bias, μ and σ² over the numbers of a row. Sums
 * run in sixteen lanes. Local. */
#ifndef MPIAE_TENSOR_NORM_H
#define MPIAE_TENSOR_NORM_H

#include <stdbool.h>
#include <stdint.h>

/* x and y (rows, width); norm (rows, 2) receives what the gradients need: μ and 1 / √(σ² + ε). */
void ae_layer_norm_rows(int64_t rows, int64_t width, float epsilon, const float *x, const float *gain,
                        const float *bias, float *norm, float *y);

/* dx (op)= its gradient, op is + with add. */
void ae_layer_norm_backward(int64_t rows, int64_t width, const float *x, const float *gain, const float *norm,
                            const float *dy, bool add, float *dx);

/* Gradient of the gain, (width): Σ over rows, in row order; add: on top of what is there, after the sum is complete.
 * That of the bias is the column sum of dy. */
void ae_layer_norm_gain(int64_t rows, int64_t width, const float *x, const float *norm, const float *dy, bool add,
                        float *gain);

#endif
