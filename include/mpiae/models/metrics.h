/* One row of the training history: the figures of an epoch by the names of their columns. Local, plain data. */
#ifndef MPIAE_MODELS_METRICS_H
#define MPIAE_MODELS_METRICS_H

#include "mpiae/base/status.h"

#define AE_METRICS_MAX 96

/* Every column there is, in the order of metrics.csv: name, description, units ("" = none; "nat": those of the model's
 * loss). The two of time go to a checkpoint's /provenance, not to its /history. */
typedef struct ae_column {
  const char *name, *description, *units;
  bool of_time;
} ae_column;

const ae_column *ae_metrics_columns(int *count);

/* Those of a column where losses are told in `of_loss`. */
const char *ae_metrics_units(const ae_column *column, const char *of_loss);

/* NaN where a column has no value. */
typedef struct ae_metrics {
  double value[AE_METRICS_MAX];
} ae_metrics;

int ae_metrics_find(const char *column); /* its place; an unknown name is a bug: asserted */
void ae_metrics_clear(ae_metrics *metrics);
void ae_metrics_set(ae_metrics *metrics, const char *column, double value); /* an unknown column is a bug: asserted */
double ae_metrics_get(const ae_metrics *metrics, const char *column);

#endif
