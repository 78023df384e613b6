#include "mpiae/train/history.h"

#include "mpiae/base/memory.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

struct ae_history {
  ae_metrics *row;
  int rows, room;
};

ae_status ae_history_create(ae_history **out) { return AE_NEW(*out, 1); }

void ae_history_destroy(ae_history **history) {
  if (*history == NULL) return;
  AE_FREE((*history)->row);
  AE_FREE(*history);
}

ae_status ae_history_add(ae_history *history, const ae_metrics *row) {
  if (history->rows == history->room) {
    ae_metrics *larger = NULL;
    const int room = 2 * history->room + 16;
    AE_RETURN_IF(AE_NEW(larger, room));
    if (history->rows > 0) memcpy(larger, history->row, (size_t)history->rows * sizeof *larger);
    AE_FREE(history->row);
    history->row = larger;
    history->room = room;
  }
  history->row[history->rows++] = *row;
  return AE_OK;
}

int ae_history_rows(const ae_history *history) { return history->rows; }
const ae_metrics *ae_history_row(const ae_history *history, int row) { return &history->row[row]; }

static bool has_values(const ae_history *history, int column) {
  for (int i = 0; i < history->rows; i++)
    if (!isnan(history->row[i].value[column])) return true;
  return false;
}

static void print_table(const ae_history *history, FILE *file) {
  int count;
  const ae_column *columns = ae_metrics_columns(&count);
  for (int row = -1; row < history->rows; row++) {
    const char *comma = "";
    for (int i = 0; i < count; i++) {
      if (!has_values(history, i)) continue;
      fputs(comma, file);
      comma = ",";
      if (row < 0)
        fputs(columns[i].name, file);
      else if (!isnan(history->row[row].value[i]))
        fprintf(file, "%.10g", history->row[row].value[i]);
    }
    fputc('\n', file);
  }
}

ae_status ae_history_write_csv(const ae_history *history, const char *path) {
  char temporary[4096];
  if (history->rows == 0) return AE_OK;
  snprintf(temporary, sizeof temporary, "%s.tmp", path);
  FILE *file = fopen(temporary, "w");
  if (file == NULL) return AE_FAIL(AE_DATA, "%s cannot be written: %s", path, strerror(errno));
  print_table(history, file);
  const int written = ferror(file) == 0;
  if (fclose(file) != 0 || !written || rename(temporary, path) != 0)
    return AE_FAIL(AE_DATA, "%s cannot be written: %s", path, strerror(errno));
  return AE_OK;
}

static ae_status save_column(const ae_history *history, const ae_comm *comm, ae_h5 *file, int column,
                             const ae_column *what, double *values) {
  char path[128];
  for (int i = 0; i < history->rows; i++) values[i] = history->row[i].value[column];
  snprintf(path, sizeof path, "/history/%s", what->name);
  const ae_h5_dataset dataset = {path, AE_H5_FLOAT64, 1, {history->rows}, {"history_epoch"}, what->description,
                                 what->units[0] != '\0' ? what->units : NULL};
  return ae_h5_write(file, &dataset, 0, ae_comm_rank(comm) == 0 ? history->rows : 0, values);
}

static ae_status number_epochs(const ae_history *history, ae_h5 *file, int64_t *numbers) {
  for (int i = 0; i < history->rows; i++) numbers[i] = i + 1;
  return ae_h5_create_axis(file, "/history", "history_epoch", history->rows, numbers, "epoch, from 1");
}

ae_status ae_history_save(const ae_history *history, const ae_comm *comm, ae_h5 *file) {
  int count;
  ae_status status;
  double *values = NULL;
  int64_t *numbers = NULL;
  const ae_column *columns = ae_metrics_columns(&count);
  status = AE_NEW(values, history->rows);
  if (status == AE_OK) status = AE_NEW(numbers, history->rows);
  AE_CHECK(ae_comm_agree(comm, status));
  AE_CHECK(ae_h5_create_group(file, "/history", "figures of every epoch so far, as in metrics.csv"));
  if (history->rows == 0) goto cleanup;
  AE_CHECK(number_epochs(history, file, numbers));
  for (int i = 0; i < count; i++)
    if (!columns[i].of_time && has_values(history, i))
      AE_CHECK(save_column(history, comm, file, i, &columns[i], values));
cleanup:
  AE_FREE(values);
  AE_FREE(numbers);
  return status;
}

ae_status ae_history_load(ae_history *history, const ae_comm *comm, ae_h5 *file) {
  int count, rank;
  ae_h5_type type;
  int64_t dim[AE_H5_MAX_RANK];
  bool exists;
  ae_status status;
  double *values = NULL;
  const ae_column *columns = ae_metrics_columns(&count);
  const int first = history->rows;
  ae_metrics empty;
  ae_metrics_clear(&empty);
  AE_CHECK(ae_h5_exists(file, "/history/epoch", &exists));
  if (!exists) goto cleanup;
  AE_CHECK(ae_h5_describe(file, "/history/epoch", &type, &rank, dim));
  status = AE_NEW(values, dim[0]);
  for (int64_t i = 0; i < dim[0] && status == AE_OK; i++) status = ae_history_add(history, &empty);
  AE_CHECK(ae_comm_agree(comm, status));
  for (int i = 0; i < count; i++) {
    char path[128];
    snprintf(path, sizeof path, "/history/%s", columns[i].name);
    AE_CHECK(ae_h5_exists(file, path, &exists));
    if (!exists) continue;
    AE_CHECK(ae_h5_read(file, path, AE_H5_FLOAT64, 0, dim[0], values));
    for (int64_t j = 0; j < dim[0]; j++) history->row[first + j].value[i] = values[j];
  }
cleanup:
  AE_FREE(values);
  return status;
}
