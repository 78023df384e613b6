/* The matrix products of a step alone, by each multiplier in turn. */
#include "bench.h"
#include "replay.h"

#include <math.h>
#include <stdio.h>

enum { MOST_MULTIPLIERS = 8 };

/* The second step: what the first one tries out is not asked for again. */
static ae_status record_second(void *context, const ae_checkpoint *held, bool *enough) {
  *enough = held->state.step == 2;
  ae_recording_listen(held, *enough ? NULL : context);
  return AE_OK;
}

static ae_status record(const ae_bench *bench, const ae_bench_preset *preset, ae_recording *recording) {
  const ae_follower follower = {record_second, recording};
  AE_RETURN_IF(ae_bench_write_data(bench, preset, preset->examples));
  AE_RETURN_IF(ae_bench_train(bench, preset, NULL, &follower));
  const ae_status status = recording->status;
  recording->status = AE_OK;
  return ae_comm_agree(bench->comm, status);
}

/* One kind of them by one multiplier. */
typedef struct course {
  const ae_replay *replay;
  ae_replay_kind kind;
} course;

static ae_status run_course(void *context) {
  const course *c = context;
  ae_replay_run(c->replay, c->kind);
  return AE_OK;
}

static void tell(ae_bench *bench, const char *preset, const ae_replay *replay, const ae_bench_work *work) {
  const ae_multiplier *multiplier = replay->multiplier;
  double seconds = 0, operations = 0;
  char name[64];
  for (int kind = 0; kind < AE_REPLAY_KINDS; kind++) {
    const double own = ae_recording_operations(replay->recording, (ae_replay_kind)kind);
    snprintf(name, sizeof name, "%s %s %s: %s", preset, multiplier->precision, multiplier->library,
             ae_replay_kind_name((ae_replay_kind)kind));
    ae_bench_tell(bench, &(ae_bench_figure){name, 1e-9 * own / work[kind].median, "GFLOP/s", (double)NAN, NULL});
    seconds += work[kind].median;
    operations += own;
  }
  snprintf(name, sizeof name, "%s %s %s: all", preset, multiplier->precision, multiplier->library);
  ae_bench_tell(bench, &(ae_bench_figure){name, 1e-9 * operations / seconds, "GFLOP/s", (double)NAN, NULL});
  snprintf(name, sizeof name, "%s %s %s: a step's", preset, multiplier->precision, multiplier->library);
  ae_bench_tell(bench, &(ae_bench_figure){name, 1e3 * seconds, "ms", (double)NAN, NULL});
}

/* Those that are here, on this rank; *count of them. */
static ae_status create_replays(const ae_recording *recording, ae_replay *replay, int *count) {
  int all;
  const ae_multiplier *const *multiplier = ae_multipliers(&all);
  *count = 0;
  for (int i = 0; i < all && *count < MOST_MULTIPLIERS; i++)
    if (multiplier[i]->lacks() == NULL) AE_RETURN_IF(ae_replay_create(recording, multiplier[i], &replay[(*count)++]));
  return AE_OK;
}

static ae_status check_alike(const ae_bench *bench, int count) {
  const bool alike = ae_comm_max(bench->comm, count) == -ae_comm_max(bench->comm, -count);
  return alike ? AE_OK : AE_FAIL(AE_USAGE, "ranks run on processors that can multiply in different ways");
}

static ae_status measure(ae_bench *bench, const ae_bench_preset *preset, const ae_recording *recording) {
  ae_status status;
  ae_replay replay[MOST_MULTIPLIERS] = {0};
  course courses[MOST_MULTIPLIERS * AE_REPLAY_KINDS];
  ae_bench_work work[MOST_MULTIPLIERS * AE_REPLAY_KINDS];
  int count;
  AE_CHECK(ae_comm_agree(bench->comm, create_replays(recording, replay, &count)));
  AE_CHECK(check_alike(bench, count));
  for (int i = 0; i < count * AE_REPLAY_KINDS; i++) {
    courses[i] = (course){&replay[i / AE_REPLAY_KINDS], (ae_replay_kind)(i % AE_REPLAY_KINDS)};
    work[i] = (ae_bench_work){.run = run_course, .context = &courses[i]};
  }
  AE_CHECK(ae_bench_alternate(bench, work, count * AE_REPLAY_KINDS));
  for (int i = 0; i < count; i++) tell(bench, preset->name, &replay[i], work + i * AE_REPLAY_KINDS);
cleanup:
  for (int i = 0; i < MOST_MULTIPLIERS; i++) ae_replay_free(&replay[i]);
  return status;
}

static ae_status run(ae_bench *bench) {
  for (const ae_bench_preset *preset = ae_bench_presets(); preset->name != NULL; preset++) {
    if (!preset->of_layers || !ae_bench_wants(bench, preset->name)) continue;
    ae_recording recording = {0};
    ae_status status = record(bench, preset, &recording);
    if (status == AE_OK) status = measure(bench, preset, &recording);
    ae_recording_free(&recording);
    if (status != AE_OK) return status;
  }
  return AE_OK;
}

extern const ae_bench_part ae_bench_part_products;

static const char *const things[] = {"vhe", "vae", "vhe-classes", NULL};
const ae_bench_part ae_bench_part_products = {
    "products", "matrix products of a training step alone, by each library and precision", things, 1, run};
