/* Convolution of images, channels last: (image, row, column, channel), weights (output, row, column, input), on numbers
 * of the type of a multiplier. By oneDNN where it was there at configure time, but for bf16-emulated, which is, as all
 * is without it, computed by im2col and the multiplier. Local.
 *
 * The bits of a result depend on the images of the call alone and on how many they are; callers that want the same bits
 * for any number of ranks call it with the images of one segment. Masked taps of the kernel count as 0, whatever the
 * weight holds there; their gradient is 0. */
#ifndef MPIAE_TENSOR_CONVOLUTION_H
#define MPIAE_TENSOR_CONVOLUTION_H

#include "mpiae/tensor/multiplier.h"

typedef struct ae_convolution_shape {
  int64_t rows, columns, channels; /* of an input image */
  int64_t outputs;                 /* channels of the output */
  int64_t kernel[2], padding[2], stride;
  int64_t taps[2]; /* of each side of the kernel, how many count, from the first; kernel[i] = all */
} ae_convolution_shape;

/* Sides of the output image. */
int64_t ae_convolution_rows(const ae_convolution_shape *shape);
int64_t ae_convolution_columns(const ae_convolution_shape *shape);

typedef struct ae_convolver ae_convolver;

/* Makes what does not depend on the number of images; what does is made when a number is first met, and kept. */
ae_status ae_convolver_create(const ae_convolution_shape *shape, const ae_multiplier *multiplier, ae_convolver **out);
void ae_convolver_destroy(ae_convolver **convolver); /* NULL is fine */

/* The weights from now on; to be told anew whenever they change. Read, masked, rounded where the multiplier's numbers
 * are, and put into the order of the kernels. */
void ae_convolver_load(ae_convolver *convolver, const float *weight);

/* y = W ∗ x; dx = Wᵀ ∗ dy; dW = Σ over the images; all written. No bias. x and dy are of the multiplier's type. */
void ae_convolver_forward(ae_convolver *convolver, int64_t images, const void *x, float *y);
void ae_convolver_backward(ae_convolver *convolver, int64_t images, const void *dy, float *dx);
void ae_convolver_gradient(ae_convolver *convolver, int64_t images, const void *x, const void *dy, float *dw);

/* "oneDNN 2.6.3" or "im2col", for numbers of this multiplier: for --version and /provenance. */
const char *ae_convolution_library(const ae_multiplier *multiplier);

#endif
