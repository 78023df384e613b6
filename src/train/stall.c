#include "mpiae/train/stall.h"

#include "mpiae/base/profile.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

enum { MOST_NAMED = 4 };

/* Text that grows in a buffer, cut at its end. */
typedef struct text {
  char *out;
  size_t size, used;
} text;

static void __attribute__((format(printf, 2, 3))) add(text *t, const char *format, ...) {
  va_list arguments;
  if (t->used >= t->size) return;
  va_start(arguments, format);
  t->used += (size_t)vsnprintf(t->out + t->used, t->size - t->used, format, arguments);
  va_end(arguments);
}

double ae_stall_longest(const ae_stall_rank *rank, int ranks) {
  double longest = 0;
  for (int i = 0; i < ranks; i++)
    if (rank[i].answers) longest = fmax(longest, rank[i].report.quiet);
  return longest;
}

/* What tells late ranks from the others, in order of preference. */
typedef enum lateness { SILENT, AT_WORK, BEHIND, NONE } lateness;

typedef struct view {
  const ae_stall_rank *rank;
  int ranks;
  double patience;
  int64_t first_step;
  lateness sign;
} view;

static bool shows(const view *v, int i, lateness sign) {
  const ae_stall_report *report = &v->rank[i].report;
  if (sign == SILENT) return !v->rank[i].answers;
  if (sign == AT_WORK) return !(report->waits && report->quiet >= v->patience);
  return sign == BEHIND && report->step == v->first_step;
}

static int count_late(const view *v, lateness sign) {
  int late = 0;
  for (int i = 0; i < v->ranks; i++) late += shows(v, i, sign);
  return late;
}

/* A sign that all ranks show tells nothing. */
static lateness choose_sign(view *v) {
  for (lateness sign = SILENT; sign < NONE; sign++) {
    const int late = count_late(v, sign);
    if (late > 0 && late < v->ranks) return sign;
  }
  return NONE;
}

static void add_place(text *t, const ae_stall_report *report) {
  if (report->step > 0) add(t, "step %lld", (long long)report->step);
  else add(t, "before the first step");
}

static void add_late(text *t, const view *v) {
  const int late = count_late(v, v->sign);
  int named = 0;
  add(t, "waiting for rank%s ", late == 1 ? "" : "s");
  for (int i = 0; i < v->ranks && named < MOST_NAMED; i++) {
    const ae_stall_rank *rank = &v->rank[i];
    if (!shows(v, i, v->sign)) continue;
    add(t, "%s%d (process %lld on %s", named++ > 0 ? ", " : "", i, (long long)rank->process, rank->host);
    if (v->sign == SILENT) {
      add(t, ": no sign of life)");
      continue;
    }
    add(t, ": ");
    add_place(t, &rank->report);
    add(t, ", phase %s)", ae_phase_label((ae_phase)rank->report.phase));
  }
  if (late > named) add(t, " and %d more", late - named);
}

/* "phase a", or "phases a (2 ranks), b (1 rank)": of the ranks that are not late. */
static void add_phases(text *t, const view *v) {
  int count[AE_PHASE_COUNT] = {0}, phases = 0, listed = 0;
  for (int i = 0; i < v->ranks; i++)
    if (!shows(v, i, v->sign)) count[v->rank[i].report.phase]++;
  for (int phase = 0; phase < AE_PHASE_COUNT; phase++) phases += count[phase] > 0;
  add(t, "phase%s ", phases == 1 ? "" : "s");
  for (int phase = 0; phase < AE_PHASE_COUNT; phase++) {
    if (count[phase] == 0) continue;
    add(t, "%s%s", listed++ > 0 ? ", " : "", ae_phase_label((ae_phase)phase));
    if (phases > 1) add(t, " (%d rank%s)", count[phase], count[phase] == 1 ? "" : "s");
  }
}

void ae_stall_describe(const ae_stall_rank *rank, int ranks, double patience, char *out, size_t size) {
  view v = {.rank = rank, .ranks = ranks, .patience = patience, .first_step = INT64_MAX};
  text t = {out, size, 0};
  for (int i = 0; i < ranks; i++)
    if (rank[i].answers && rank[i].report.step < v.first_step) v.first_step = rank[i].report.step;
  v.sign = choose_sign(&v);
  if (v.sign == NONE) {
    add(&t, "no rank stands out; ");
    add_place(&t, &rank[0].report);
    add(&t, ", ");
  } else {
    add_late(&t, &v);
    add(&t, "; the others are in ");
  }
  add_phases(&t, &v);
}
