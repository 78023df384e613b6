/* The figures that a run records of its epochs: which there are, told by the models that have them, and one row of
 * values. Local, plain data. */
#ifndef MPIAE_MODELS_METRICS_H
#define MPIAE_MODELS_METRICS_H

#include <stdbool.h>

#define AE_METRICS_MAX 96

/* A column: name, description, units ("" = none; "nat": those of the model's loss). Those of time go to a checkpoint's
 * /provenance, not to its /history. Tables end with a row whose name is NULL. */
typedef struct ae_column {
  const char *name, *description, *units;
  bool of_time;
} ae_column;

/* A number told of every example, whose mean is recorded: a term of the loss in the columns train_<name> and
 * test_<name>, a measure beside it in test_<name> alone. */
typedef struct ae_figure {
  const char *name;
  const char *training, *test; /* descriptions of the two; NULL of a measure */
  const char *units;           /* as of columns */
  bool root;                   /* of the mean the root is recorded */
} ae_figure;

/* What a model has: its figures, and tables of its columns or NULL; both ended by NULL. */
typedef struct ae_metrics_source {
  const ae_figure *const *figures;
  const ae_column *const *columns;
} ae_metrics_source;

/* Makes the list of columns of those of all models, which may share some. Once, before main, by their table. */
void ae_metrics_introduce(const ae_metrics_source *source, int count);

/* Every column there is, in the order of metrics.csv. */
const ae_column *ae_metrics_columns(int *count);

/* Units as columns and figures have them, where losses are told in `of_loss`. */
const char *ae_metrics_units(const char *units, const char *of_loss);

/* NaN where a column has no value. */
typedef struct ae_metrics {
  double value[AE_METRICS_MAX];
} ae_metrics;

int ae_metrics_find(const char *column); /* its place; an unknown name is a bug: asserted */
void ae_metrics_clear(ae_metrics *metrics);
void ae_metrics_set(ae_metrics *metrics, const char *column, double value); /* an unknown column is a bug: asserted */
double ae_metrics_get(const ae_metrics *metrics, const char *column);

#endif
