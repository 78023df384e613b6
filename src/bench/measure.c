#include "bench.h"

#include "mpiae/base/arithmetic.h"
#include "mpiae/base/memory.h"

#include <stdlib.h>

const ae_update ae_bench_adam = {.scale = 1,
                                 .rate = 1e-3F,
                                 .root_correction = 1,
                                 .keep_m = 0.9F,
                                 .add_m = 0.1F,
                                 .keep_v = 0.999F,
                                 .add_v = 0.001F,
                                 .epsilon = 1e-8F};

enum { LEAST_ROUNDS = 5, MOST_ROUNDS = AE_BENCH_MOST_STEPS };

static int compare(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

double ae_bench_median(double *seconds, int count) {
  qsort(seconds, (size_t)count, sizeof *seconds, compare);
  return (seconds[(count - 1) / 2] + seconds[count / 2]) / 2;
}

/* From the moment when all have come to the end of the slowest. */
static ae_status time_one(const ae_bench *bench, const ae_bench_work *work, double *seconds) {
  ae_comm_barrier(bench->comm);
  const double begun = ae_clock_seconds();
  AE_RETURN_IF(work->run(work->context));
  *seconds = 1e-9 * (double)ae_comm_max(bench->comm, (int64_t)(1e9 * (ae_clock_seconds() - begun)));
  return AE_OK;
}

/* Whether there is need of more. Rank 0 decides. */
static bool goes_on(const ae_bench *bench, int rounds, double begun) {
  const int least = bench->request->seconds > 0 ? LEAST_ROUNDS : 1;
  bool more = rounds < least || (ae_clock_seconds() - begun < bench->request->seconds && rounds < MOST_ROUNDS);
  ae_comm_broadcast(bench->comm, &more, (int64_t)sizeof more);
  return more;
}

static ae_status measure(const ae_bench *bench, ae_bench_work *work, int count, double *seconds) {
  double unused;
  int rounds = 0;
  for (int i = 0; i < count; i++) AE_RETURN_IF(time_one(bench, &work[i], &unused));
  for (const double begun = ae_clock_seconds(); goes_on(bench, rounds, begun); rounds++)
    for (int i = 0; i < count; i++) AE_RETURN_IF(time_one(bench, &work[i], &seconds[i * MOST_ROUNDS + rounds]));
  for (int i = 0; i < count; i++) work[i].median = ae_bench_median(seconds + i * MOST_ROUNDS, rounds);
  return AE_OK;
}

ae_status ae_bench_alternate(const ae_bench *bench, ae_bench_work *work, int count) {
  double *seconds = NULL;
  AE_RETURN_IF(ae_comm_agree(bench->comm, AE_NEW(seconds, count * MOST_ROUNDS)));
  const ae_status status = measure(bench, work, count, seconds);
  AE_FREE(seconds);
  return status;
}

/* The second step is recorded (replay.h), and the third is the first of a warm machine. */
enum { UNCOUNTED = 3 };

bool ae_bench_end_step(ae_bench_steps *steps, int64_t step) {
  if (step <= UNCOUNTED) return false;
  steps->seconds[steps->count++] = ae_clock_seconds() - steps->step_begun;
  ae_profile_read(steps->phase);
  return true;
}

bool ae_bench_begin_step(const ae_bench *bench, ae_bench_steps *steps, int64_t step) {
  const bool enough = step > UNCOUNTED && !goes_on(bench, steps->count, steps->begun);
  steps->step_begun = ae_clock_seconds();
  if (step != UNCOUNTED) return enough;
  steps->begun = steps->step_begun;
  ae_profile_reset();
  return false;
}
