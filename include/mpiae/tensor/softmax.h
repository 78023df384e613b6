/* Softmax over groups of `classes` numbers: (numbers, classes) logits. Finite for logits of any finite size; sums run
 * in sixteen lanes, so a result depends neither on its place nor on the instruction set. Local. */
#ifndef MPIAE_TENSOR_SOFTMAX_H
#define MPIAE_TENSOR_SOFTMAX_H

#include <stdbool.h>
#include <stdint.h>

/* The probabilities, e^l / Σ e^l; out may be logit. */
void ae_softmax(int64_t numbers, int64_t classes, const float *logit, float *out);

/* Cross-entropy with whole numbers: out[row] = −Σ over the `width` numbers of a row of ln softmax(logit)[index], for
 * index (rows, width) of 0 … classes−1 as floats and logit (rows, width, classes). norm (rows, width, 2) receives what
 * the gradient needs: the largest logit and 1 / Σ e^(l − largest). */
void ae_softmax_cross_entropy(int64_t rows, int64_t width, int64_t classes, const float *logit, const float *index,
                              float *norm, float *out);
/* gradient (op)= (softmax(logit) − [class = index]) · upstream[row]; op is + with add. */
void ae_softmax_cross_entropy_backward(int64_t rows, int64_t width, int64_t classes, const float *logit,
                                       const float *index, const float *norm, const float *upstream, bool add,
                                       float *gradient);

/* The class that a uniform number in [0, 1) draws: the first whose cumulated probability lies above it. */
int64_t ae_softmax_draw(int64_t classes, const float *logit, double uniform);

#endif
