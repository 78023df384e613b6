#include "mpiae/cluster/score.h"

#include "mpiae/base/memory.h"
#include "mpiae/comm/reduce.h"

#include <math.h>
#include <string.h>

ae_status ae_score_contingency(const ae_comm *comm, const int32_t *a, const int32_t *b, int64_t count, int rows,
                               int columns, int64_t *table) {
  ae_status status = AE_OK;
  memset(table, 0, (size_t)rows * (size_t)columns * sizeof *table);
  for (int64_t i = 0; i < count && status == AE_OK; i++) {
    if (a[i] < 0 || b[i] < 0) continue;
    if (a[i] < rows && b[i] < columns) table[(int64_t)a[i] * columns + b[i]]++;
    else
      status =
          AE_FAIL(AE_INTERNAL, "labels %d and %d do not fit a table of %d × %d", (int)a[i], (int)b[i], rows, columns);
  }
  AE_RETURN_IF(ae_comm_agree(comm, status));
  ae_reduce_integers(comm, table, (int64_t)rows * columns);
  return AE_OK;
}

static int64_t sum_row(const int64_t *table, int columns, int row) {
  int64_t sum = 0;
  for (int j = 0; j < columns; j++) sum += table[(int64_t)row * columns + j];
  return sum;
}

static int64_t sum_column(const int64_t *table, int rows, int columns, int column) {
  int64_t sum = 0;
  for (int i = 0; i < rows; i++) sum += table[(int64_t)i * columns + column];
  return sum;
}

static int64_t sum_all(const int64_t *table, int rows, int columns) {
  int64_t sum = 0;
  for (int i = 0; i < rows; i++) sum += sum_row(table, columns, i);
  return sum;
}

/* −p log p of a count's share. */
static double entropy_term(int64_t count, double total) {
  return count == 0 ? 0 : -(double)count / total * log((double)count / total);
}

double ae_score_entropy(const int64_t *size, int count) {
  double entropy = 0;
  const double total = (double)sum_row(size, count, 0);
  for (int i = 0; i < count; i++) entropy += entropy_term(size[i], total);
  return entropy;
}

double ae_score_nmi(const int64_t *table, int rows, int columns) {
  const double total = (double)sum_all(table, rows, columns);
  double of_rows = 0, of_columns = 0, joint = 0;
  for (int i = 0; i < rows; i++) of_rows += entropy_term(sum_row(table, columns, i), total);
  for (int j = 0; j < columns; j++) of_columns += entropy_term(sum_column(table, rows, columns, j), total);
  for (int64_t i = 0; i < (int64_t)rows * columns; i++) joint += entropy_term(table[i], total);
  if (of_rows + of_columns == 0) return 1;
  const double information = of_rows + of_columns - joint;
  return fmax(0, fmin(1, 2 * information / (of_rows + of_columns)));
}

/* Pairs within a group. */
static double pairs(int64_t count) { return 0.5 * (double)count * (double)(count - 1); }

double ae_score_ari(const int64_t *table, int rows, int columns) {
  const double all = pairs(sum_all(table, rows, columns));
  double of_rows = 0, of_columns = 0, both = 0;
  for (int i = 0; i < rows; i++) of_rows += pairs(sum_row(table, columns, i));
  for (int j = 0; j < columns; j++) of_columns += pairs(sum_column(table, rows, columns, j));
  for (int64_t i = 0; i < (int64_t)rows * columns; i++) both += pairs(table[i]);
  if (both == of_rows && both == of_columns)
    return 1; /* the same partition: 0/0 when it is one group or all singletons */
  const double expected = of_rows * of_columns / all, most = 0.5 * (of_rows + of_columns);
  return (both - expected) / (most - expected);
}

ae_status ae_score_accuracy(const int64_t *table, int rows, int columns, double *accuracy) {
  ae_status status;
  int *match = NULL;
  int64_t hits = 0;
  const int64_t total = sum_all(table, rows, columns);
  AE_CHECK(AE_NEW(match, rows));
  AE_CHECK(ae_score_match(table, rows, columns, match));
  for (int i = 0; i < rows; i++)
    if (match[i] >= 0) hits += table[(int64_t)i * columns + match[i]];
  *accuracy = total == 0 ? 0 : (double)hits / (double)total;
cleanup:
  AE_FREE(match);
  return status;
}

ae_status ae_score_labels(const ae_comm *comm, const int32_t *a, const int32_t *b, int64_t count, int rows, int columns,
                          ae_scores *scores) {
  ae_status status;
  int64_t *table = NULL;
  *scores = (ae_scores){NAN, NAN, NAN};
  if ((int64_t)rows * columns > AE_SCORE_MOST_CELLS) return AE_OK;
  AE_CHECK(ae_comm_agree(comm, AE_NEW(table, (int64_t)rows * columns)));
  AE_CHECK(ae_score_contingency(comm, a, b, count, rows, columns, table));
  scores->nmi = ae_score_nmi(table, rows, columns);
  scores->ari = ae_score_ari(table, rows, columns);
  if (rows <= AE_SCORE_MOST_MATCHED && columns <= AE_SCORE_MOST_MATCHED)
    AE_CHECK(ae_comm_agree(comm, ae_score_accuracy(table, rows, columns, &scores->accuracy)));
cleanup:
  AE_FREE(table);
  return status;
}
