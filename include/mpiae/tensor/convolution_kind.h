/* What computes convolutions: one constant descriptor per library. For src/tensor and for tests that compare them; all
 * others use tensor/convolution.h, which takes the first of the table that computes with a multiplier. Local. */
#ifndef MPIAE_TENSOR_CONVOLUTION_KIND_H
#define MPIAE_TENSOR_CONVOLUTION_KIND_H

#include "mpiae/tensor/convolution.h"

/* The functions of ae_convolver on a state of its own; images ≥ 1, backward writes. */
typedef struct ae_convolver_kind {
  const char *(*library)(void);                      /* "oneDNN 2.6.3"; lent */
  bool (*computes)(const ae_multiplier *multiplier); /* as it does, if the processor has it */
  ae_status (*create)(const ae_convolution_shape *shape, const ae_multiplier *multiplier, void **state);
  void (*destroy)(void *state); /* also of one that create left half made */
  void (*load)(void *state, const float *weight);
  void (*forward)(void *state, int64_t images, const void *x, float *y);
  void (*backward)(void *state, int64_t images, const void *dy, float *dx);
  void (*gradient)(void *state, int64_t images, const void *x, const void *dy, float *dw);
} ae_convolver_kind;

extern const ae_convolver_kind ae_convolver_im2col, ae_convolver_onednn; /* the second only where oneDNN is */

/* All kinds of this build, the one that is preferred first; *count of them. */
const ae_convolver_kind *const *ae_convolver_kinds(int *count);

/* ae_convolver_create with one of them. */
ae_status ae_convolver_create_of(const ae_convolver_kind *kind, const ae_convolution_shape *shape,
                                 const ae_multiplier *multiplier, ae_convolver **out);

/* Whether all taps count: weights are then computed with as they are stored. */
bool ae_convolution_is_whole(const ae_convolution_shape *shape);

/* Numbers of a kernel array as it is stored. */
int64_t ae_convolution_weights(const ae_convolution_shape *shape);

/* The weight without the taps that are masked at the end of each side, (outputs, kept[0], kept[1], channels), with
 * zeros for masked ones that are kept; and the same back, with zeros for those that are not there. */
void ae_convolution_narrow(const ae_convolution_shape *shape, const int64_t kept[2], const float *weight,
                           float *narrow);
void ae_convolution_widen(const ae_convolution_shape *shape, const int64_t kept[2], const float *narrow, float *weight);

#endif
