/* Elementwise kernels and row reductions on plain arrays. Compiled for several instruction sets and chosen at run time;
 * the result of an element does not depend on its position, on the vector length or on the instruction set: no
 * contraction, no reassociation beyond the sixteen lanes that a row reduction states. Local. */
#ifndef MPIAE_TENSOR_ELEMENTWISE_H
#define MPIAE_TENSOR_ELEMENTWISE_H

#include <stdbool.h>
#include <stdint.h>

/* Activations of a layer; the leaky rectifier is x for x > 0, else 0.2 x. */
typedef enum ae_activation { AE_LINEAR, AE_RELU, AE_TANH, AE_LEAKY_RELU } ae_activation;

/* y ← f(y + bias) for each of `rows` rows of `width`. */
void ae_bias_activate(int64_t rows, int64_t width, const float *bias, ae_activation activation, float *y);

/* y = f(x); y may be x. */
void ae_activation_apply(int64_t count, ae_activation activation, const float *x, float *y);

/* gradient ← gradient · f'(·), from the activation's output y. */
void ae_activate_backward(int64_t count, ae_activation activation, const float *y, float *gradient);

/* sum (width) = Σ over rows, in row order; add: on top of what is there, after the sum is complete. */
void ae_column_sum(int64_t rows, int64_t width, const float *x, bool add, float *sum);
/* sum (width) += each row in turn: rows that come in parts give the bits of the sum of all. */
void ae_column_add(int64_t rows, int64_t width, const float *x, float *sum);

/* out += x; and out = scale · x, where out may be x. */
void ae_add(int64_t count, const float *x, float *out);
void ae_scale(int64_t count, float scale, const float *x, float *out);

/* 1 / (1 + e^−x); out may be x. */
void ae_sigmoid(int64_t count, const float *x, float *out);

/* y (places, width) = tanh(a) σ(b) of x (places, a | b), and dx (op)= its gradient; op is + with add. */
void ae_tanh_gate(int64_t places, int64_t width, const float *x, float *y);
void ae_tanh_gate_backward(int64_t places, int64_t width, const float *x, const float *dy, bool add, float *dx);

/* Bernoulli cross-entropy from logits, per row: Σ max(l, 0) − l·x + ln(1 + e^−|l|). Sums run in sixteen lanes. */
void ae_bernoulli(int64_t rows, int64_t width, const float *logit, const float *x, float *out);
/* gradient (op)= (σ(l) − x) · upstream[row]; op is + with add. */
void ae_bernoulli_backward(int64_t rows, int64_t width, const float *logit, const float *x, const float *upstream,
                           bool add, float *gradient);

/* Squared error per row, Σ (a − b)², and its gradient for a: 2 (a − b) · upstream[row]. */
void ae_squared_error(int64_t rows, int64_t width, const float *a, const float *b, float *out);
void ae_squared_error_backward(int64_t rows, int64_t width, const float *a, const float *b, const float *upstream,
                               bool add, float *gradient);

#endif
