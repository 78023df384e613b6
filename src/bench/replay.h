/* The matrix products of a training step, recorded from it, and done again alone: the limit of that step. Local. */
#ifndef MPIAE_BENCH_REPLAY_H
#define MPIAE_BENCH_REPLAY_H

#include "mpiae/train/checkpoint.h"

/* By what they are made of: inputs and weights, the gradient of the output and inputs, that gradient and weights. */
typedef enum ae_replay_kind {
  AE_REPLAY_FORWARD,
  AE_REPLAY_WEIGHT_GRADIENT,
  AE_REPLAY_INPUT_GRADIENT,
  AE_REPLAY_KINDS
} ae_replay_kind;
const char *ae_replay_kind_name(ae_replay_kind kind);

/* What a step asked its multiplier for; pointers in it lead nowhere. Zero to begin with. */
typedef struct ae_recording {
  ae_product *product;
  int count, room;
  ae_status status; /* of growing */
} ae_recording;

/* From the next step on into *recording, or, with NULL, no more. */
void ae_recording_listen(const ae_checkpoint *held, ae_recording *recording);
double ae_recording_operations(const ae_recording *recording, ae_replay_kind kind);
void ae_recording_free(ae_recording *recording);

/* A multiplier, and numbers for it to multiply. The recording is lent. */
typedef struct ae_replay {
  const ae_recording *recording;
  const ae_multiplier *multiplier;
  void *state, *a, *b;
  float *c;
} ae_replay;

ae_status ae_replay_create(const ae_recording *recording, const ae_multiplier *multiplier, ae_replay *out);
void ae_replay_free(ae_replay *replay); /* a zeroed one is fine */

void ae_replay_run(const ae_replay *replay, ae_replay_kind kind);

#endif
