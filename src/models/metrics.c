#include "mpiae/models/metrics.h"

#include "mpiae/base/status.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const ae_column before[] = {
    {"epoch", "epoch, from 1", "", false},
    {"step", "optimizer steps since the start of the run", "", false},
    {"seconds", "wall clock of the epoch", "s", true},
    {"examples_per_second", "examples trained on per second, all ranks together", "1/s", true},
    {"learning_rate", "learning rate of the last step", "", false},
    {0}};

/* The loss of all models, as if it were a term of it. */
static const ae_figure loss = {
    "loss",
    "training loss per example, averaged over the epoch as it trained; of a VQ-VAE per number of an example, or as a "
    "share of the data's variance",
    "loss per example of data.test after the epoch; of a VQ-VAE per number of an example, or as a share of the "
    "training data's variance",
    "nat", false};

static const ae_column after[] = {
    {"skipped_steps", "steps left out because their loss or gradient was not finite", "", false}, {0}};

enum { NAME_SIZE = 48 };

static ae_column columns[AE_METRICS_MAX];
static char names[AE_METRICS_MAX][NAME_SIZE];
static int columns_listed;

static void add_column(const char *prefix, const ae_column *column) {
  AE_ASSERT(columns_listed < AE_METRICS_MAX);
  char *name = names[columns_listed];
  snprintf(name, NAME_SIZE, "%s%s", prefix, column->name);
  for (int i = 0; i < columns_listed; i++)
    if (strcmp(columns[i].name, name) == 0) return; /* models share it */
  columns[columns_listed] = *column;
  columns[columns_listed++].name = name;
}

static void add_table(const ae_column *table) {
  for (; table->name != NULL; table++) add_column("", table);
}

static void add_figure(const ae_figure *figure, bool test) {
  const ae_column column = {figure->name, test ? figure->test : figure->training, figure->units, false};
  if (column.description != NULL) add_column(test ? "test_" : "train_", &column);
}

void ae_metrics_introduce(const ae_metrics_source *source, int count) {
  add_table(before);
  for (int test = 0; test < 2; test++) {
    add_figure(&loss, test == 1);
    for (int i = 0; i < count; i++)
      for (const ae_figure *const *figure = source[i].figures; *figure != NULL; figure++)
        add_figure(*figure, test == 1);
  }
  for (int i = 0; i < count; i++)
    for (const ae_column *const *own = source[i].columns; own != NULL && *own != NULL; own++) add_table(*own);
  add_table(after);
}

const ae_column *ae_metrics_columns(int *count) {
  *count = columns_listed;
  return columns;
}

const char *ae_metrics_units(const char *units, const char *of_loss) {
  return strcmp(units, "nat") == 0 ? of_loss : units;
}

int ae_metrics_find(const char *column) {
  int count;
  ae_metrics_columns(&count);
  for (int i = 0; i < count; i++)
    if (strcmp(columns[i].name, column) == 0) return i;
  ae_assert_failed(column, __FILE__, __LINE__);
}

void ae_metrics_clear(ae_metrics *metrics) {
  for (int i = 0; i < AE_METRICS_MAX; i++) metrics->value[i] = NAN;
}

void ae_metrics_set(ae_metrics *metrics, const char *column, double value) {
  metrics->value[ae_metrics_find(column)] = value;
}
double ae_metrics_get(const ae_metrics *metrics, const char *column) { return metrics->value[ae_metrics_find(column)]; }
