#include "mpiae/tensor/multiplier.h"

#include "mpiae/base/memory.h"
#include "mpiae/tensor/bf16.h"
#include "mpiae/tensor/blas.h"
#include "multiplier_onednn.h"

#include <string.h>

static const char *lacks_nothing(void) { return NULL; }

static ae_status create_nothing(int64_t operand, void **state) {
  (void)operand;
  *state = NULL;
  return AE_OK;
}

static void destroy_nothing(void *state) { (void)state; }

static void multiply_blas(void *state, const ae_product *p) {
  (void)state;
  ae_gemm(p->trans_a, p->trans_b, p->m, p->n, p->k, 1, p->a, p->lda, p->b, p->ldb, p->beta, p->c, p->ldc);
}

const ae_multiplier ae_multiplier_blas = {"f32",           "blas",         false,           lacks_nothing,
                                          ae_blas_library, create_nothing, destroy_nothing, multiply_blas};

/* bf16 without instructions for it: the same rounded numbers, as floats. */
typedef struct emulation {
  float *a, *b;
} emulation;

static void destroy_emulation(void *state) {
  emulation *e = state;
  AE_FREE(e->a);
  AE_FREE(e->b);
  AE_FREE(e);
}

static ae_status create_emulation(int64_t operand, void **state) {
  ae_status status;
  emulation *e = NULL;
  AE_CHECK(AE_NEW(e, 1));
  AE_CHECK(AE_NEW(e->a, operand));
  AE_CHECK(AE_NEW(e->b, operand));
  *state = e;
  e = NULL;
cleanup:
  if (e != NULL) destroy_emulation(e);
  return status;
}

/* Rows of a matrix one after another. */
static void widen(int64_t rows, int64_t columns, const ae_bf16 *x, int64_t ldx, float *out) {
  for (int64_t i = 0; i < rows; i++) ae_bf16_widen(columns, x + i * ldx, out + i * columns);
}

static void multiply_emulated(void *state, const ae_product *p) {
  const emulation *e = state;
  const int64_t lda = p->trans_a ? p->m : p->k, ldb = p->trans_b ? p->k : p->n;
  widen(p->trans_a ? p->k : p->m, lda, p->a, p->lda, e->a);
  widen(p->trans_b ? p->n : p->k, ldb, p->b, p->ldb, e->b);
  ae_gemm(p->trans_a, p->trans_b, p->m, p->n, p->k, 1, e->a, lda, e->b, ldb, p->beta, p->c, p->ldc);
}

static const ae_multiplier emulated = {"bf16-emulated",   "blas",           true,
                                       lacks_nothing,     ae_blas_library,  create_emulation,
                                       destroy_emulation, multiply_emulated};

const ae_multiplier *const *ae_multipliers(int *count) {
  static const ae_multiplier *const table[] = {&ae_multiplier_blas,
#ifdef MPIAE_HAS_ONEDNN
                                               &ae_multiplier_onednn, &ae_multiplier_onednn_bf16,
#endif
                                               &emulated};
  *count = (int)(sizeof table / sizeof *table);
  return table;
}

ae_status ae_multiplier_find(const char *precision, const char *library, const ae_multiplier **out) {
  const char *lack = NULL, *other = NULL;
  int count;
  const ae_multiplier *const *all = ae_multipliers(&count);
  for (int i = 0; i < count; i++) {
    if (strcmp(all[i]->precision, precision) != 0) continue;
    other = all[i]->library;
    if (strcmp(library, "auto") != 0 && strcmp(all[i]->library, library) != 0) continue;
    *out = all[i];
    const char *lacks = all[i]->lacks();
    if (lacks == NULL) return AE_OK;
    lack = lacks;
  }
  if (lack == NULL && other != NULL)
    return AE_FAIL(AE_USAGE, "train.precision=%s is computed by train.products=%s, not %s", precision, other, library);
  return AE_FAIL(AE_USAGE, "train.precision=%s with train.products=%s cannot be had here: %s", precision, library,
                 lack != NULL ? lack : "this mpiae was built without oneDNN");
}

int64_t ae_multiplier_bytes(const ae_multiplier *multiplier) {
  return multiplier->rounded ? (int64_t)sizeof(ae_bf16) : (int64_t)sizeof(float);
}

const void *ae_multiplier_at(const ae_multiplier *multiplier, const void *array, int64_t at) {
  return (const char *)array + at * ae_multiplier_bytes(multiplier);
}
