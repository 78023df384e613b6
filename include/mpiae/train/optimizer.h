/* The parameter update on this rank's slices (comm/exchange.h). Local unless told. With g the gradient (after
 * clipping), λ the weight decay (0 for parameters that do not decay) and α the learning rate:
 *
 *   sgd    b ← μ b + g + λθ, θ ← θ − α b (momentum μ; Sutskever et al. 2013, as in PyTorch)
 *   adam   g ← g + λθ; m ← β₁ m + (1−β₁) g, v ← β₂ v + (1−β₂) g², θ ← θ − α m̂ / (√v̂ + ε)
 *          (Kingma & Ba 2015, algorithm 1)
 *   adamw  θ ← θ − αλθ, then as adam without λ (Loshchilov & Hutter 2019)
 *
 * β = (0.9, 0.999), ε = 1e-8. */
#ifndef MPIAE_TRAIN_OPTIMIZER_H
#define MPIAE_TRAIN_OPTIMIZER_H

#include "mpiae/comm/exchange.h"
#include "mpiae/config/config.h"
#include "mpiae/graph/params.h"

typedef struct ae_optimizer ae_optimizer;

/* train.optimizer, train.momentum, train.weight_decay, train.clip_norm. State is allocated for own slices only. The
 * exchange is lent for life. */
ae_status ae_optimizer_create(const ae_config *config, const ae_params *params, ae_exchange *exchange,
                              ae_optimizer **out);
void ae_optimizer_destroy(ae_optimizer **optimizer); /* NULL is fine */

/* For multipliers that round, where the exchange's values are those of `params` (lent for life): each step lends it the
 * values as they are rounded (ae_params_lend_rounded), made while they are in the cache. Where other ranks own some of
 * them, nothing is lent. */
ae_status ae_optimizer_keep_rounded(ae_optimizer *optimizer, ae_params *params);

/* One update of the own slices from the reduced gradient, whose squared norm is given: a norm above train.clip_norm (0
 * = off) scales the gradient down to it (Pascanu et al. 2013). A parameter that no graph trains (params.h) stays as it
 * is, without decay or momentum; its state is 0. */
void ae_optimizer_step(ae_optimizer *optimizer, double learning_rate, double squared_norm);

/* Updates made so far: part of the state. */
int64_t ae_optimizer_steps(const ae_optimizer *optimizer);
void ae_optimizer_set_steps(ae_optimizer *optimizer, int64_t steps);

/* State arrays (adam: "m", "v"; sgd: "momentum"): their names, and copies between the own slices and a flat buffer of
 * the exchange's count. */
int ae_optimizer_slots(const ae_optimizer *optimizer);
const char *ae_optimizer_slot_name(const ae_optimizer *optimizer, int slot);
void ae_optimizer_read_slot(const ae_optimizer *optimizer, int slot, float *flat);
void ae_optimizer_write_slot(ae_optimizer *optimizer, int slot, const float *flat);

#endif
