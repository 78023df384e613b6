#include "mpiae/train/optimizer.h"

#include "mpiae/base/memory.h"
#include "mpiae/tensor/adam.h"

#include <math.h>
#include <string.h>

enum { SLOTS = 2 };

struct ae_optimizer {
  ae_exchange *exchange;
  float *slot[SLOTS]; /* own slices one after another */
  int64_t steps;
};

static const char *const slot_names[SLOTS] = {"m", "v"};

ae_status ae_optimizer_create(ae_exchange *exchange, ae_optimizer **out) {
  const ae_range *slice;
  int64_t floats = 0;
  const int slices = ae_exchange_slices(exchange, &slice);
  for (int i = 0; i < slices; i++) floats += slice[i].end - slice[i].begin;
  AE_RETURN_IF(AE_NEW(*out, 1));
  (*out)->exchange = exchange;
  for (int i = 0; i < SLOTS; i++) AE_RETURN_IF(AE_NEW((*out)->slot[i], floats));
  return AE_OK;
}

void ae_optimizer_destroy(ae_optimizer **optimizer) {
  if (*optimizer == NULL) return;
  for (int i = 0; i < SLOTS; i++) AE_FREE((*optimizer)->slot[i]);
  AE_FREE(*optimizer);
}

void ae_optimizer_step(ae_optimizer *optimizer, double learning_rate) {
  const ae_range *slice;
  const int slices = ae_exchange_slices(optimizer->exchange, &slice);
  const double t = (double)++optimizer->steps;
  /* α √(1−β₂ᵗ)/(1−β₁ᵗ) on uncorrected moments would move ε: the corrections stay apart, as in the paper's algorithm */
  const ae_adam rule = {.learning_rate = (float)(learning_rate / (1 - pow(0.9, t))),
                        .root_correction = (float)(1 / sqrt(1 - pow(0.999, t))),
                        .beta1 = 0.9f,
                        .beta2 = 0.999f,
                        .epsilon = 1e-8f};
  int64_t done = 0;
  for (int i = 0; i < slices; i++) {
    const int64_t count = slice[i].end - slice[i].begin;
    ae_adam_update(&rule, count, ae_exchange_gradient(optimizer->exchange, 0) + slice[i].begin,
                   optimizer->slot[0] + done, optimizer->slot[1] + done,
                   ae_exchange_values(optimizer->exchange) + slice[i].begin);
    done += count;
  }
}

int64_t ae_optimizer_steps(const ae_optimizer *optimizer) { return optimizer->steps; }
void ae_optimizer_set_steps(ae_optimizer *optimizer, int64_t steps) { optimizer->steps = steps; }

int ae_optimizer_slots(const ae_optimizer *optimizer) {
  (void)optimizer;
  return SLOTS;
}

const char *ae_optimizer_slot_name(const ae_optimizer *optimizer, int slot) {
  (void)optimizer;
  return slot_names[slot];
}

void ae_optimizer_read_slot(const ae_optimizer *optimizer, int slot, float *flat) {
  const ae_range *slice;
  const int slices = ae_exchange_slices(optimizer->exchange, &slice);
  const float *next = optimizer->slot[slot];
  for (int i = 0; i < slices; next += slice[i].end - slice[i].begin, i++)
    memcpy(flat + slice[i].begin, next, (size_t)(slice[i].end - slice[i].begin) * sizeof *flat);
}

void ae_optimizer_write_slot(ae_optimizer *optimizer, int slot, const float *flat) {
  const ae_range *slice;
  const int slices = ae_exchange_slices(optimizer->exchange, &slice);
  float *next = optimizer->slot[slot];
  for (int i = 0; i < slices; next += slice[i].end - slice[i].begin, i++)
    memcpy(next, flat + slice[i].begin, (size_t)(slice[i].end - slice[i].begin) * sizeof *flat);
}
