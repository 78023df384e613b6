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

/* The last computes with all. */
static const ae_convolver_kind *kind_for(const ae_multiplier *multiplier) {
  int count, i = 0;
  const ae_convolver_kind *const *all = ae_convolver_kinds(&count);
  while (i < count - 1 && !all[i]->computes(multiplier)) i++;
  return all[i];
}

const char *ae_convolution_library(const ae_multiplier *multiplier) { return kind_for(multiplier)->library(); }

ae_status ae_convolver_create_of(const ae_convolver_kind *kind, const ae_convolution_shape *shape,
                                 const ae_multiplier *multiplier, ae_convolver **out) {
  ae_status status = AE_OK;
  ae_convolver *convolver = NULL;
  *out = NULL;
  AE_ASSERT(ae_convolution_rows(shape) > 0 && ae_convolution_columns(shape) > 0);
  AE_CHECK(AE_NEW(convolver, 1));
  convolver->kind = kind;
  convolver->shape = *shape;
  AE_CHECK(kind->create(shape, multiplier, &convolver->state));
  *out = convolver;
  convolver = NULL;
cleanup:
  ae_convolver_destroy(&convolver);
  return status;
}

ae_status ae_convolver_create(const ae_convolution_shape *shape, const ae_multiplier *multiplier, ae_convolver **out) {
  return ae_convolver_create_of(kind_for(multiplier), shape, multiplier, out);
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

void ae_convolver_forward(ae_convolver *convolver, int64_t images, const void *x, float *y) {
  if (images == 0) return;
  const ae_phase previous = ae_profile_enter_in_step(AE_PHASE_PRODUCTS);
  convolver->kind->forward(convolver->state, images, x, y);
  ae_profile_leave(previous);
}

void ae_convolver_backward(ae_convolver *convolver, int64_t images, const void *dy, float *dx) {
  if (images == 0) return;
  const ae_phase previous = ae_profile_enter_in_step(AE_PHASE_PRODUCTS);
  convolver->kind->backward(convolver->state, images, dy, dx);
  ae_profile_leave(previous);
}

void ae_convolver_gradient(ae_convolver *convolver, int64_t images, const void *x, const void *dy, float *dw) {
  if (images == 0) {
    memset(dw, 0, (size_t)ae_convolution_weights(&convolver->shape) * sizeof *dw);
    return;
  }
  const ae_phase previous = ae_profile_enter_in_step(AE_PHASE_PRODUCTS);
  convolver->kind->gradient(convolver->state, images, x, dy, dw);
  ae_profile_leave(previous);
}
