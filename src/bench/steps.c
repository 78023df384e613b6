/* Training steps, each followed by its own matrix products alone. */
#include "bench.h"
#include "replay.h"

#include "mpiae/base/memory.h"
#include "mpiae/base/profile.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct course {
  const ae_bench *bench;
  const ae_bench_preset *preset;
  ae_recording recording;
  ae_replay replay;
  ae_bench_steps steps;
  double products[AE_BENCH_MOST_STEPS];
  int64_t batch;
} course;

static ae_status prepare(course *c, const ae_checkpoint *held) {
  if (held->state.step == 1) ae_recording_listen(held, &c->recording);
  if (held->state.step != 2) return AE_OK;
  ae_recording_listen(held, NULL);
  ae_status status = c->recording.status;
  c->recording.status = AE_OK;
  if (status == AE_OK) status = ae_replay_create(&c->recording, held->model->setup.multiplier, &c->replay);
  return ae_comm_agree(c->bench->comm, status);
}

static double replay(const course *c) {
  const double begun = ae_clock_seconds();
  for (int kind = 0; kind < AE_REPLAY_KINDS; kind++) ae_replay_run(&c->replay, (ae_replay_kind)kind);
  return ae_clock_seconds() - begun;
}

static ae_status after_step(void *context, const ae_checkpoint *held, bool *enough) {
  course *c = context;
  const bool counts = ae_bench_end_step(&c->steps, held->state.step);
  c->batch = ae_config_integer(held->config, "train.batch_size");
  AE_RETURN_IF(prepare(c, held));
  const double products = held->state.step > 2 ? replay(c) : 0;
  if (counts) c->products[c->steps.count - 1] = products;
  *enough = ae_bench_begin_step(c->bench, &c->steps, held->state.step);
  return AE_OK;
}

static void tell_phases(ae_bench *bench, const course *c, const char *title) {
  double whole = 0;
  char name[96];
  for (int phase = 0; phase < AE_PHASE_COUNT; phase++)
    if (ae_phase_in_step((ae_phase)phase)) whole += c->steps.phase[phase];
  for (int phase = 0; phase < AE_PHASE_COUNT; phase++) {
    if (!ae_phase_in_step((ae_phase)phase) || c->steps.phase[phase] < 0.005 * whole) continue;
    snprintf(name, sizeof name, "%s: %s", title, ae_phase_label((ae_phase)phase));
    ae_bench_tell(bench,
                  &(ae_bench_figure){name, 1e3 * c->steps.phase[phase] / c->steps.count, "ms", (double)NAN, NULL});
  }
}

static void tell(ae_bench *bench, course *c, const char *precision) {
  char title[64], name[96];
  const double step = ae_bench_median(c->steps.seconds, c->steps.count),
               products = ae_bench_median(c->products, c->steps.count);
  snprintf(title, sizeof title, "%s %s", c->preset->name, precision);
  snprintf(name, sizeof name, "%s: step", title);
  ae_bench_tell(bench, &(ae_bench_figure){name, 1e3 * step, "ms", c->preset->of_layers ? 1e3 * products : (double)NAN,
                                          "products alone"});
  snprintf(name, sizeof name, "%s: examples", title);
  ae_bench_tell(bench, &(ae_bench_figure){name, (double)c->batch / step, "examples/s", (double)NAN, NULL});
  tell_phases(bench, c, title);
}

static ae_status measure(ae_bench *bench, const ae_bench_preset *preset, const char *precision) {
  ae_status status;
  char numbers[64];
  course *c = NULL;
  AE_CHECK(ae_comm_agree(bench->comm, AE_NEW(c, 1)));
  c->bench = bench;
  c->preset = preset;
  const ae_follower follower = {after_step, c};
  snprintf(numbers, sizeof numbers, "train.precision=%s", precision);
  AE_CHECK(ae_bench_train(bench, preset, (const char *const[]){numbers, NULL}, &follower));
  if (c->steps.count > 0) tell(bench, c, precision);
cleanup:
  if (c != NULL) {
    ae_replay_free(&c->replay);
    ae_recording_free(&c->recording);
  }
  AE_FREE(c);
  return status;
}

/* Emulation is for its results. */
static bool is_there(const ae_bench *bench, const char *precision) {
  const ae_multiplier *unused;
  ae_status status = ae_multiplier_find(precision, "auto", &unused);
  const bool lacks = ae_comm_max(bench->comm, status != AE_OK);
  ae_error_clear(&status);
  return !lacks;
}

static ae_status run(ae_bench *bench) {
  static const char *const precisions[] = {"f32", "bf16", NULL};
  for (const ae_bench_preset *preset = ae_bench_presets(); preset->name != NULL; preset++) {
    if (!ae_bench_wants(bench, preset->name)) continue;
    AE_RETURN_IF(ae_bench_write_data(bench, preset, preset->examples));
    for (int i = 0; precisions[i] != NULL; i++)
      if (is_there(bench, precisions[i])) AE_RETURN_IF(measure(bench, preset, precisions[i]));
  }
  return AE_OK;
}

extern const ae_bench_part ae_bench_part_steps;

static const char *const things[] = {"vhe", "vae", "vhe-classes", "vqvae", "set-vae", NULL};
const ae_bench_part ae_bench_part_steps = {
    "steps", "training steps, beside their matrix products alone; where their time goes", things, 1, run};
