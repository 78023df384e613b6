#include "mpiae/train/progress.h"

#include "mpiae/base/arithmetic.h"
#include "mpiae/base/log.h"
#include "mpiae/base/memory.h"
#include "mpiae/base/pass.h"
#include "mpiae/base/profile.h"

#include <math.h>
#include <stdio.h>

void ae_progress_start(ae_progress *progress, int64_t epochs, int64_t steps_per_epoch, int64_t last_step,
                       double log_every) {
  *progress = (ae_progress){
      .epochs = epochs, .steps_per_epoch = steps_per_epoch, .last_step = last_step, .log_every = log_every};
  progress->begun = progress->told = ae_clock_seconds();
}

void ae_progress_epoch(ae_progress *progress, int64_t examples, double seconds) {
  progress->epoch_begun = ae_clock_seconds() - seconds;
  progress->examples_done = examples;
}

static void print_terms(const ae_model *model, const double *values, double divisor, char *out, size_t size) {
  size_t used = 0;
  out[0] = '\0';
  for (int i = 0; i < model->terms && used < size; i++)
    used += (size_t)snprintf(out + used, size - used, " %s %.4g", model->term[i].figure->name, values[i] / divisor);
}

/* Steps that are left after step `step` (from 0) of an epoch. */
static int64_t steps_left(const ae_progress *progress, int64_t epoch, int64_t step) {
  const int64_t done = (epoch - 1) * progress->steps_per_epoch + step + 1;
  return ae_min(progress->epochs * progress->steps_per_epoch, progress->last_step) - done;
}

void ae_progress_step(ae_progress *progress, const ae_model *model, int64_t epoch, int64_t step,
                      const ae_epoch_sums *sums, int64_t batch) {
  const double now = ae_clock_seconds(), spent = now - progress->epoch_begun;
  const double counted = (double)ae_epoch_sums_examples(sums);
  char terms[256], left[32], bar[64] = "", line[768];
  progress->steps_done++;
  progress->examples_done += batch;
  const double pause = ae_log_is_terminal() ? 0.2 : progress->log_every;
  if (now - progress->told < pause || counted == 0) return;
  progress->told = now;
  print_terms(model, sums->value, counted, terms, sizeof terms);
  ae_pass_print_duration((now - progress->begun) / (double)progress->steps_done *
                             (double)steps_left(progress, epoch, step),
                         left, sizeof left);
  if (ae_log_is_terminal()) ae_pass_print_bar((double)(step + 1) / (double)progress->steps_per_epoch, bar);
  snprintf(line, sizeof line, "epoch %lld/%lld step %lld/%lld%s loss %#.5g%s  %.0f examples/s  left %s",
           (long long)epoch, (long long)progress->epochs, (long long)step + 1, (long long)progress->steps_per_epoch,
           bar, ae_epoch_sums_loss(sums) / counted, terms, (double)progress->examples_done / spent, left);
  if (ae_log_is_terminal()) ae_log_redraw(line);
  else ae_log_info("%s", line);
}

void ae_progress_epoch_end(ae_progress *progress, const ae_model *model, int64_t epoch, const ae_metrics *metrics) {
  char terms[256], scores[128] = "", test[64] = "";
  double values[AE_MODEL_MAX_TERMS];
  for (int i = 0; i < model->terms; i++) {
    char column[64];
    snprintf(column, sizeof column, "train_%s", model->term[i].figure->name);
    values[i] = ae_metrics_get(metrics, column);
  }
  print_terms(model, values, 1, terms, sizeof terms);
  if (!isnan(ae_metrics_get(metrics, "label_nmi")))
    snprintf(scores, sizeof scores, "  label NMI %.3f ACC %.3f", ae_metrics_get(metrics, "label_nmi"),
             ae_metrics_get(metrics, "label_acc"));
  if (!isnan(ae_metrics_get(metrics, "test_loss")))
    snprintf(test, sizeof test, "  test loss %#.6g", ae_metrics_get(metrics, "test_loss"));
  ae_log_info("epoch %lld/%lld: loss %#.6g%s%s%s  %.1f s  %.0f examples/s", (long long)epoch,
              (long long)progress->epochs, ae_metrics_get(metrics, "train_loss"), terms, test, scores,
              ae_metrics_get(metrics, "seconds"), ae_metrics_get(metrics, "examples_per_second"));
}

/* Mean, largest and the rank that has it. */
typedef struct spread {
  double mean, largest;
  int rank;
} spread;

static spread over_ranks(const double *all, int ranks, int phase) {
  spread found = {0, -1, 0};
  for (int rank = 0; rank < ranks; rank++) {
    const double seconds = all[rank * AE_PHASE_COUNT + phase];
    found.mean += seconds / ranks;
    if (seconds > found.largest) found = (spread){found.mean, seconds, rank};
  }
  return found;
}

static void print_profile(const double *all, int ranks) {
  double step = 0, total = 0;
  for (int phase = 0; phase < AE_PHASE_COUNT; phase++) {
    const double mean = over_ranks(all, ranks, phase).mean;
    total += mean;
    if (ae_phase_in_step((ae_phase)phase)) step += mean;
  }
  ae_log_detail("profile: %-24s %10s %8s %8s %10s %8s", "phase", "mean s", "of run", "of step", "longest s", "on rank");
  for (int phase = 0; phase < AE_PHASE_COUNT; phase++) {
    const spread times = over_ranks(all, ranks, phase);
    char share[16] = "";
    if (times.largest < 5e-4) continue;
    if (ae_phase_in_step((ae_phase)phase)) snprintf(share, sizeof share, "%.1f %%", 100 * times.mean / step);
    ae_log_detail("profile: %-24s %10.3f %6.1f %% %8s %10.3f %8d", ae_phase_label((ae_phase)phase), times.mean,
                  100 * times.mean / total, share, times.largest, times.rank);
  }
  ae_log_detail("profile: memory on rank 0: at most %.1f MB in arrays", (double)ae_memory_peak_bytes() * 1e-6);
  if (step <= 0) return; /* stopped before the first */
  ae_log_info(
      "profile: training steps %.0f %% of the time, matrix products %.1f %% of the steps; the table is in run.log",
      100 * step / total, 100 * over_ranks(all, ranks, AE_PHASE_PRODUCTS).mean / step);
}

void ae_progress_profile(const ae_comm *comm) {
  double own[AE_PHASE_COUNT], *all = NULL;
  ae_profile_read(own);
  const int ranks = ae_comm_size(comm);
  ae_status status = ae_comm_agree(comm, AE_NEW(all, ranks * AE_PHASE_COUNT));
  if (status == AE_OK) {
    ae_comm_require(
        comm, MPI_Gather(own, AE_PHASE_COUNT, MPI_DOUBLE, all, AE_PHASE_COUNT, MPI_DOUBLE, 0, ae_comm_handle(comm)),
        "profile");
    if (ae_comm_rank(comm) == 0) print_profile(all, ranks);
  }
  ae_error_clear(&status);
  AE_FREE(all);
}
