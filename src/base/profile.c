#include "mpiae/base/profile.h"

#include <stdatomic.h>
#include <string.h>
#include <time.h>

static struct {
  ae_phase now;
  double since;
  double seconds[AE_PHASE_COUNT];
} profile;

/* Written by the thread that works, read by others: nothing else hangs on these, so no order is asked for. */
static struct {
  _Atomic uint64_t beats;
  _Atomic int64_t step;
  _Atomic int phase;
  atomic_bool waits;
} life;

double ae_clock_seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

#define ROW_LABEL(name, label, step) label,
#define ROW_STEP(name, label, step) step,
const char *ae_phase_label(ae_phase phase) {
  static const char *const labels[] = {AE_PHASE_TABLE(ROW_LABEL)};
  return labels[phase];
}

int ae_phase_in_step(ae_phase phase) {
  static const int in_step[] = {AE_PHASE_TABLE(ROW_STEP)};
  return in_step[phase];
}

static void beat(void) {
  const uint64_t beats = atomic_load_explicit(&life.beats, memory_order_relaxed);
  atomic_store_explicit(&life.beats, beats + 1, memory_order_relaxed);
}

void ae_profile_set_step(int64_t step) { atomic_store_explicit(&life.step, step, memory_order_relaxed); }

bool ae_profile_wait(bool waits) {
  const bool before = atomic_load_explicit(&life.waits, memory_order_relaxed);
  atomic_store_explicit(&life.waits, waits, memory_order_relaxed);
  beat();
  return before;
}

ae_life ae_profile_life(void) {
  return (ae_life){.beats = atomic_load_explicit(&life.beats, memory_order_relaxed),
                   .step = atomic_load_explicit(&life.step, memory_order_relaxed),
                   .phase = (ae_phase)atomic_load_explicit(&life.phase, memory_order_relaxed),
                   .waits = atomic_load_explicit(&life.waits, memory_order_relaxed)};
}

static ae_phase change(ae_phase next) {
  const double time = ae_clock_seconds();
  const ae_phase previous = profile.now;
  profile.seconds[previous] += time - profile.since;
  profile.since = time;
  profile.now = next;
  atomic_store_explicit(&life.phase, (int)next, memory_order_relaxed);
  beat();
  return previous;
}

ae_phase ae_profile_enter(ae_phase phase) { return change(phase); }
ae_phase ae_profile_enter_in_step(ae_phase phase) {
  return change(ae_phase_in_step(profile.now) ? phase : profile.now);
}
void ae_profile_leave(ae_phase previous) { change(previous); }

void ae_profile_read(double seconds[AE_PHASE_COUNT]) {
  change(profile.now);
  memcpy(seconds, profile.seconds, sizeof profile.seconds);
}

void ae_profile_reset(void) {
  memset(profile.seconds, 0, sizeof profile.seconds);
  profile.since = ae_clock_seconds();
  ae_profile_set_step(0);
}
