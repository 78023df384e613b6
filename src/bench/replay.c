#include "replay.h"

#include "mpiae/base/arithmetic.h"
#include "mpiae/base/memory.h"
#include "mpiae/base/philox.h"
#include "mpiae/graph/op.h"
#include "mpiae/tensor/bf16.h"
#include "mpiae/tensor/products.h"

#include <string.h>

const char *ae_replay_kind_name(ae_replay_kind kind) {
  static const char *const names[] = {"forward", "weight gradient", "input gradient"};
  return names[kind];
}

/* As graph/op_linear.c asks for them: Y = X Wᵀ, dW = dYᵀ X, dX = dY W. */
static ae_replay_kind kind_of(const ae_product *product) {
  if (product->trans_a) return AE_REPLAY_WEIGHT_GRADIENT;
  return product->trans_b ? AE_REPLAY_FORWARD : AE_REPLAY_INPUT_GRADIENT;
}

static ae_status grow(ae_recording *recording) {
  ae_product *wider = NULL;
  const int room = recording->room > 0 ? 2 * recording->room : 64;
  AE_RETURN_IF(AE_NEW(wider, room));
  if (recording->count > 0) memcpy(wider, recording->product, (size_t)recording->count * sizeof *wider);
  AE_FREE(recording->product);
  recording->product = wider;
  recording->room = room;
  return AE_OK;
}

static void record(void *context, const ae_product *product) {
  ae_recording *recording = context;
  if (product->k == 0 || recording->status != AE_OK) return;
  if (recording->count == recording->room) recording->status = grow(recording);
  if (recording->status == AE_OK) recording->product[recording->count++] = *product;
}

void ae_recording_listen(const ae_checkpoint *held, ae_recording *recording) {
  ae_products_listen(ae_graph_products(held->model->graph), recording != NULL ? record : NULL, recording);
}

double ae_recording_operations(const ae_recording *recording, ae_replay_kind kind) {
  double sum = 0;
  for (int i = 0; i < recording->count; i++) {
    const ae_product *product = &recording->product[i];
    if (kind_of(product) == kind) sum += 2 * (double)product->m * (double)product->n * (double)product->k;
  }
  return sum;
}

void ae_recording_free(ae_recording *recording) {
  AE_FREE(recording->product);
  ae_error_clear(&recording->status);
}

/* Uniform from −1 to 1, of the multiplier's type. */
static ae_status draw(const ae_multiplier *multiplier, uint32_t number, int64_t count, void **out) {
  ae_status status;
  float *numbers = NULL;
  AE_CHECK(AE_NEW(numbers, count));
  ae_random_fill_uniform(ae_stream_of(0, AE_RANDOM_SELFTEST, 4, number), -1, 1, count, numbers);
  AE_CHECK(ae_memory_allocate(out, (size_t)count, (size_t)ae_multiplier_bytes(multiplier)));
  if (multiplier->rounded) ae_bf16_round(count, numbers, *out);
  else memcpy(*out, numbers, (size_t)count * sizeof *numbers);
cleanup:
  AE_FREE(numbers);
  return status;
}

ae_status ae_replay_create(const ae_recording *recording, const ae_multiplier *multiplier, ae_replay *out) {
  int64_t a = 1, b = 1, c = 1;
  for (int i = 0; i < recording->count; i++) {
    const ae_product *product = &recording->product[i];
    a = ae_max(a, (product->trans_a ? product->k : product->m) * product->lda);
    b = ae_max(b, (product->trans_b ? product->n : product->k) * product->ldb);
    c = ae_max(c, product->m * product->ldc);
  }
  *out = (ae_replay){.recording = recording, .multiplier = multiplier};
  AE_RETURN_IF(draw(multiplier, 0, a, &out->a));
  AE_RETURN_IF(draw(multiplier, 1, b, &out->b));
  AE_RETURN_IF(AE_NEW(out->c, c));
  return multiplier->create(ae_max(a, b), &out->state);
}

void ae_replay_free(ae_replay *replay) {
  if (replay->state != NULL) replay->multiplier->destroy(replay->state);
  AE_FREE(replay->a);
  AE_FREE(replay->b);
  AE_FREE(replay->c);
}

void ae_replay_run(const ae_replay *replay, ae_replay_kind kind) {
  for (int i = 0; i < replay->recording->count; i++) {
    ae_product product = replay->recording->product[i];
    if (kind_of(&product) != kind) continue;
    product.a = replay->a;
    product.b = replay->b;
    product.c = replay->c;
    replay->multiplier->multiply(replay->state, &product);
  }
}
