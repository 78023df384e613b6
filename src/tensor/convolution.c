#include "mpiae/tensor/convolution.h"

#include "mpiae/base/memory.h"
#include "mpiae/base/profile.h"
#include "mpiae/tensor/convolution_kind.h"

#include <string.h>

struct ae_convolver {
  const ae_convolver_kind *kind;
  ae_convolution_shape shape;
  void *state;
};

const ae_convolver_kind *const *ae_convolver_kinds(int *count) {
  static const ae_convolver_kind *const table[] = {
#ifdef MPIAE_HAS_ONEDNN
      &ae_convolver_onednn,
#endif
      &ae_convolver_im2col};
  *count = (int)(sizeof table / sizeof *table);
  return table;
}

static const ae_convolver_kind *first_kind(void) {
  int count;
  return ae_convolver_kinds(&count)[0];
}

const char *ae_convolution_library(void) { return first_kind()->library(); }

static int64_t side(int64_t length, int64_t kernel, int64_t padding, int64_t stride) {
  const int64_t room = length + 2 * padding - kernel;
  return room < 0 ? 0 : room / stride + 1;
}

int64_t ae_convolution_rows(const ae_convolution_shape *s) {
  return side(s->rows, s->kernel[0], s->padding[0], s->stride);
}

int64_t ae_convolution_columns(const ae_convolution_shape *s) {
  return side(s->columns, s->kernel[1], s->padding[1], s->stride);
}

ae_status ae_convolver_create_of(const ae_convolver_kind *kind, const ae_convolution_shape *shape, ae_convolver **out) {
  ae_status status = AE_OK;
  ae_convolver *convolver = NULL;
  *out = NULL;
  AE_ASSERT(ae_convolution_rows(shape) > 0 && ae_convolution_columns(shape) > 0);
  AE_CHECK(AE_NEW(convolver, 1));
  convolver->kind = kind;
  convolver->shape = *shape;
  AE_CHECK(kind->create(shape, &convolver->state));
  *out = convolver;
  convolver = NULL;
cleanup:
  ae_convolver_destroy(&convolver);
  return status;
}

ae_status ae_convolver_create(const ae_convolution_shape *shape, ae_convolver **out) {
  return ae_convolver_create_of(first_kind(), shape, out);
}

void ae_convolver_destroy(ae_convolver **out) {
  ae_convolver *convolver = *out;
  if (convolver == NULL) return;
  if (convolver->state != NULL) convolver->kind->destroy(convolver->state);
  AE_FREE(*out);
}

void ae_convolver_load(ae_convolver *convolver, const float *weight) {
  convolver->kind->load(convolver->state, weight);
}

void ae_convolver_forward(ae_convolver *convolver, int64_t images, const float *x, float *y) {
  if (images == 0) return;
  const ae_phase previous = ae_profile_enter_in_step(AE_PHASE_PRODUCTS);
  convolver->kind->forward(convolver->state, images, x, y);
  ae_profile_leave(previous);
}

void ae_convolver_backward(ae_convolver *convolver, int64_t images, const float *dy, float *dx) {
  if (images == 0) return;
  const ae_phase previous = ae_profile_enter_in_step(AE_PHASE_PRODUCTS);
  convolver->kind->backward(convolver->state, images, dy, dx);
  ae_profile_leave(previous);
}

static int64_t weight_floats(const ae_convolution_shape *s) {
  return s->outputs * s->kernel[0] * s->kernel[1] * s->channels;
}

void ae_convolver_gradient(ae_convolver *convolver, int64_t images, const float *x, const float *dy, float *dw) {
  if (images == 0) {
    memset(dw, 0, (size_t)weight_floats(&convolver->shape) * sizeof *dw);
    return;
  }
  const ae_phase previous = ae_profile_enter_in_step(AE_PHASE_PRODUCTS);
  convolver->kind->gradient(convolver->state, images, x, dy, dw);
  ae_profile_leave(previous);
}

/* Copies the taps that count from one kernel array to another, both cleared or overwritten by the caller. */
static void copy_taps(const ae_convolution_shape *s, const float *from, const int64_t from_side[2], float *to,
                      const int64_t to_side[2]) {
  for (int64_t o = 0; o < s->outputs; o++)
    for (int64_t row = 0; row < s->taps[0]; row++)
      memcpy(to + (o * to_side[0] + row) * to_side[1] * s->channels,
             from + (o * from_side[0] + row) * from_side[1] * s->channels,
             (size_t)(s->taps[1] * s->channels) * sizeof *to);
}

void ae_convolution_narrow(const ae_convolution_shape *s, const int64_t kept[2], const float *weight, float *narrow) {
  memset(narrow, 0, (size_t)(s->outputs * kept[0] * kept[1] * s->channels) * sizeof *narrow);
  copy_taps(s, weight, s->kernel, narrow, kept);
}

void ae_convolution_widen(const ae_convolution_shape *s, const int64_t kept[2], const float *narrow, float *weight) {
  memset(weight, 0, (size_t)weight_floats(s) * sizeof *weight);
  copy_taps(s, narrow, kept, weight, s->kernel);
}
