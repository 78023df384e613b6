#include "mpiae/train/optimizer.h"

#include "mpiae/base/arithmetic.h"
#include "mpiae/base/memory.h"
#include "mpiae/tensor/update.h"

#include <math.h>
#include <string.h>

_Static_assert(AE_PARAMS_BLOCK == AE_BLOCK, "parameters begin where slices of ranks may");

enum { MOST_SLOTS = 2 };

/* Numbers updated at a time: they are in the first cache when they are rounded. */
enum { CACHED = 1 << 11 };

typedef enum kind { SGD, ADAM, ADAMW } kind;

/* A run of own elements that are treated alike. */
typedef struct stretch {
  ae_range range; /* in the flat buffers */
  int64_t state;  /* where its state begins in a slot */
  bool decays, trained;
} stretch;

struct ae_optimizer {
  ae_exchange *exchange;
  kind kind;
  double momentum, weight_decay, clip_norm;
  stretch *stretch;
  int stretches;
  float *slot[MOST_SLOTS]; /* own slices one after another */
  ae_params *params;       /* whose rounded values are kept, or NULL */
  ae_bf16 *rounded;        /* these, or NULL */
  int64_t steps;
};

static kind read_kind(const ae_config *config) {
  if (ae_config_is(config, "train.optimizer", "sgd")) return SGD;
  return ae_config_is(config, "train.optimizer", "adamw") ? ADAMW : ADAM;
}

static bool continues(const stretch *last, int64_t begin, const ae_parameter *parameter) {
  return last->range.end == begin && last->decays == parameter->decays && last->trained == parameter->trained;
}

/* Own slices cut at the borders of parameters; neighbours that are treated alike stay together. */
static int64_t cut_stretches(ae_optimizer *optimizer, const ae_params *params) {
  const ae_range *slice;
  const int slices = ae_exchange_slices(optimizer->exchange, &slice);
  int64_t state = 0;
  for (int i = 0; i < slices; i++)
    for (int j = 0; j < ae_params_count(params); j++) {
      const ae_parameter *parameter = ae_params_at(params, j);
      const int64_t end = parameter->offset + ae_round_up(parameter->count, AE_PARAMS_BLOCK);
      const ae_range part = {ae_max(slice[i].begin, parameter->offset), ae_min(slice[i].end, end)};
      if (part.begin >= part.end) continue;
      stretch *last = optimizer->stretches > 0 ? &optimizer->stretch[optimizer->stretches - 1] : NULL;
      if (last != NULL && continues(last, part.begin, parameter)) last->range.end = part.end;
      else optimizer->stretch[optimizer->stretches++] = (stretch){part, state, parameter->decays, parameter->trained};
      state += part.end - part.begin;
    }
  return state;
}

ae_status ae_optimizer_create(const ae_config *config, const ae_params *params, ae_exchange *exchange,
                              ae_optimizer **out) {
  const ae_range *slice;
  ae_optimizer *optimizer;
  AE_RETURN_IF(AE_NEW(optimizer, 1));
  *out = optimizer;
  optimizer->exchange = exchange;
  optimizer->kind = read_kind(config);
  optimizer->momentum = ae_config_real(config, "train.momentum");
  optimizer->weight_decay = ae_config_real(config, "train.weight_decay");
  optimizer->clip_norm = ae_config_real(config, "train.clip_norm");
  AE_RETURN_IF(AE_NEW(optimizer->stretch, ae_exchange_slices(exchange, &slice) + ae_params_count(params)));
  const int64_t floats = cut_stretches(optimizer, params);
  for (int i = 0; i < ae_optimizer_slots(optimizer); i++) AE_RETURN_IF(AE_NEW(optimizer->slot[i], floats));
  return AE_OK;
}

ae_status ae_optimizer_keep_rounded(ae_optimizer *optimizer, ae_params *params) {
  const ae_range *slice;
  int64_t own = 0;
  const int slices = ae_exchange_slices(optimizer->exchange, &slice);
  for (int i = 0; i < slices; i++) own += slice[i].end - slice[i].begin;
  if (own < ae_params_size(params)) return AE_OK;
  optimizer->params = params;
  return AE_NEW(optimizer->rounded, own);
}

void ae_optimizer_destroy(ae_optimizer **optimizer) {
  if (*optimizer == NULL) return;
  if ((*optimizer)->params != NULL) ae_params_lend_rounded((*optimizer)->params, NULL);
  AE_FREE((*optimizer)->rounded);
  for (int i = 0; i < MOST_SLOTS; i++) AE_FREE((*optimizer)->slot[i]);
  AE_FREE((*optimizer)->stretch);
  AE_FREE(*optimizer);
}

/* The rule of this step for elements that do not decay. */
static ae_update rule_of(const ae_optimizer *optimizer, double learning_rate, double squared_norm) {
  const double t = (double)optimizer->steps, norm = sqrt(squared_norm);
  const bool clipped = optimizer->clip_norm > 0 && norm > optimizer->clip_norm;
  ae_update rule = {.scale = clipped ? (float)(optimizer->clip_norm / norm) : 1.0f, .rate = (float)learning_rate};
  if (optimizer->kind == SGD) {
    rule.momentum = (float)optimizer->momentum;
    return rule;
  }
  /* folding both corrections into α would move ε: they stay apart, as in the paper's algorithm */
  rule.rate = (float)(learning_rate / (1 - pow(0.9, t)));
  rule.root_correction = (float)(1 / sqrt(1 - pow(0.999, t)));
  rule.keep_m = 0.9f;
  rule.add_m = 0.1f;
  rule.keep_v = 0.999f;
  rule.add_v = 0.001f;
  rule.epsilon = 1e-8f;
  return rule;
}

static void update_stretch(const ae_optimizer *optimizer, const stretch *s, const ae_update *rule) {
  const float *gradient = ae_exchange_gradient(optimizer->exchange, 0);
  float *values = ae_exchange_values(optimizer->exchange);
  for (int64_t at = s->range.begin; at < s->range.end; at += CACHED) {
    const int64_t count = ae_min(CACHED, s->range.end - at), state = s->state + at - s->range.begin;
    if (optimizer->kind == SGD) ae_update_sgd(rule, count, gradient + at, optimizer->slot[0] + state, values + at);
    else
      ae_update_adam(rule, count, gradient + at, optimizer->slot[0] + state, optimizer->slot[1] + state, values + at);
    if (optimizer->rounded != NULL) ae_bf16_round(count, values + at, optimizer->rounded + at);
  }
}

void ae_optimizer_step(ae_optimizer *optimizer, double learning_rate, double squared_norm) {
  optimizer->steps++;
  const ae_update plain = rule_of(optimizer, learning_rate, squared_norm);
  ae_update decaying = plain;
  if (optimizer->kind == ADAMW) decaying.shrink = (float)(learning_rate * optimizer->weight_decay);
  else decaying.decay = (float)optimizer->weight_decay;
  for (int i = 0; i < optimizer->stretches; i++) {
    const stretch *s = &optimizer->stretch[i];
    if (s->trained) update_stretch(optimizer, s, s->decays ? &decaying : &plain);
  }
  if (optimizer->rounded != NULL) ae_params_lend_rounded(optimizer->params, optimizer->rounded);
}

int64_t ae_optimizer_steps(const ae_optimizer *optimizer) { return optimizer->steps; }
void ae_optimizer_set_steps(ae_optimizer *optimizer, int64_t steps) { optimizer->steps = steps; }
int ae_optimizer_slots(const ae_optimizer *optimizer) { return optimizer->kind == SGD ? 1 : 2; }

const char *ae_optimizer_slot_name(const ae_optimizer *optimizer, int slot) {
  static const char *const adam[] = {"m", "v"};
  return optimizer->kind == SGD ? "momentum" : adam[slot];
}

void ae_optimizer_read_slot(const ae_optimizer *optimizer, int slot, float *flat) {
  for (int i = 0; i < optimizer->stretches; i++) {
    const stretch *s = &optimizer->stretch[i];
    memcpy(flat + s->range.begin, optimizer->slot[slot] + s->state,
           (size_t)(s->range.end - s->range.begin) * sizeof *flat);
  }
}

void ae_optimizer_write_slot(ae_optimizer *optimizer, int slot, const float *flat) {
  for (int i = 0; i < optimizer->stretches; i++) {
    const stretch *s = &optimizer->stretch[i];
    memcpy(optimizer->slot[slot] + s->state, flat + s->range.begin,
           (size_t)(s->range.end - s->range.begin) * sizeof *flat);
  }
}
