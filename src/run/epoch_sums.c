#include "mpiae/run/epoch_sums.h"

#include "mpiae/base/memory.h"

#include <string.h>

/* Behind the sums over examples. */
enum { LOSS, EXAMPLES, SKIPPED, EXTRAS };

static int64_t length(const ae_epoch_sums *sums) { return sums->width + EXTRAS; }

ae_status ae_epoch_sums_create(const ae_model *model, ae_epoch_sums *out) {
  *out = (ae_epoch_sums){.terms = model->terms, .width = model->terms + model->statistics};
  return AE_NEW(out->value, length(out));
}

void ae_epoch_sums_destroy(ae_epoch_sums *sums) { AE_FREE(sums->value); }

void ae_epoch_sums_clear(ae_epoch_sums *sums) {
  memset(sums->value, 0, (size_t)length(sums) * sizeof *sums->value);
  sums->seconds = 0;
}

void ae_epoch_sums_add(ae_epoch_sums *sums, const ae_model *model, const double *step, int64_t examples) {
  double *extra = sums->value + sums->width;
  for (int i = 0; i < sums->width; i++) sums->value[i] += step[i];
  for (int i = 0; i < sums->terms; i++) extra[LOSS] += (double)(model->term[i].weight * model->term[i].scale) * step[i];
  extra[EXAMPLES] += (double)examples;
}

void ae_epoch_sums_skip(ae_epoch_sums *sums) { sums->value[sums->width + SKIPPED]++; }

double ae_epoch_sums_loss(const ae_epoch_sums *sums) { return sums->value[sums->width + LOSS]; }
int64_t ae_epoch_sums_examples(const ae_epoch_sums *sums) { return (int64_t)sums->value[sums->width + EXAMPLES]; }
int64_t ae_epoch_sums_skipped(const ae_epoch_sums *sums) { return (int64_t)sums->value[sums->width + SKIPPED]; }

ae_status ae_epoch_sums_save(const ae_epoch_sums *sums, ae_h5 *file) {
  const ae_h5_dataset dataset = {"/state/partial_sums",
                                 AE_H5_FLOAT64,
                                 1,
                                 {length(sums)},
                                 {"partial_sum"},
                                 "sums over the steps of the running epoch: each term of the loss, each statistic of "
                                 "the model, the weighted terms; then the examples counted and the steps left out",
                                 NULL};
  AE_RETURN_IF(ae_h5_create_axis(file, "/state", "partial_sum", length(sums), NULL, "sum over the running epoch"));
  return ae_h5_write_whole(file, &dataset, sums->value);
}

ae_status ae_epoch_sums_load(ae_epoch_sums *sums, ae_h5 *file) {
  const int64_t count = length(sums);
  AE_RETURN_IF(ae_h5_expect(file, "/state/partial_sums", 1, &count));
  return ae_h5_read(file, "/state/partial_sums", AE_H5_FLOAT64, 1, 0, count, sums->value);
}
