/* The parameter update on this rank's slices (comm/exchange.h). Local unless told.
 * Adam (Kingma & Ba 2015, algorithm 1): m ← β₁ m + (1−β₁) g, v ← β₂ v + (1−β₂) g², θ ← θ − α · m̂ / (√v̂ + ε), β = (0.9,
 * 0.999), ε = 1e-8. */
#ifndef MPIAE_TRAIN_OPTIMIZER_H
#define MPIAE_TRAIN_OPTIMIZER_H

#include "mpiae/comm/exchange.h"

typedef struct ae_optimizer ae_optimizer;

/* State is allocated for own slices only. The exchange is lent for life. */
ae_status ae_optimizer_create(ae_exchange *exchange, ae_optimizer **out);
void ae_optimizer_destroy(ae_optimizer **optimizer); /* NULL is fine */

/* One update of the own slices from the reduced gradient. */
void ae_optimizer_step(ae_optimizer *optimizer, double learning_rate);

/* Updates made so far: part of the state. */
int64_t ae_optimizer_steps(const ae_optimizer *optimizer);
void ae_optimizer_set_steps(ae_optimizer *optimizer, int64_t steps);

/* State arrays ("m", "v"): their names, and copies between the own slices and a flat buffer of the exchange's count. */
int ae_optimizer_slots(const ae_optimizer *optimizer);
const char *ae_optimizer_slot_name(const ae_optimizer *optimizer, int slot);
void ae_optimizer_read_slot(const ae_optimizer *optimizer, int slot, float *flat);
void ae_optimizer_write_slot(ae_optimizer *optimizer, int slot, const float *flat);

#endif
