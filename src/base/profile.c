#include "mpiae/base/profile.h"

#include <string.h>
#include <time.h>

static struct {
  ae_phase now;
  double since;
  double seconds[AE_PHASE_COUNT];
} profile;

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

static ae_phase change(ae_phase next) {
  const double time = ae_clock_seconds();
  const ae_phase previous = profile.now;
  profile.seconds[previous] += time - profile.since;
  profile.since = time;
  profile.now = next;
  return previous;
}

ae_phase ae_profile_enter(ae_phase phase) { return change(phase); }
ae_phase ae_profile_current(void) { return profile.now; }
void ae_profile_leave(ae_phase previous) { change(previous); }

void ae_profile_read(double seconds[AE_PHASE_COUNT]) {
  change(profile.now);
  memcpy(seconds, profile.seconds, sizeof profile.seconds);
}

void ae_profile_reset(void) {
  memset(profile.seconds, 0, sizeof profile.seconds);
  profile.since = ae_clock_seconds();
}
