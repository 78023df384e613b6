#include "mpiae/run/history.h"

#include "mpiae/base/memory.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct ae_history {
  ae_metrics *row;
  int rows, room;
  bool shown[AE_METRICS_MAX];
  const char *units; /* of the loss */
};

ae_status ae_history_create(const char *units, ae_history **out) {
  AE_RETURN_IF(AE_NEW(*out, 1));
  (*out)->units = units;
  return AE_OK;
}

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

void ae_history_show(ae_history *history, const char *column) { history->shown[ae_metrics_find(column)] = true; }

int ae_history_rows(const ae_history *history) { return history->rows; }

double ae_history_get(const ae_history *history, int row, const char *column) {
  AE_ASSERT(row >= 0 && row < history->rows);
  return ae_metrics_get(&history->row[row], column);
}

static void print_table(const ae_history *history, FILE *file) {
  int count;
  const ae_column *columns = ae_metrics_columns(&count);
  for (int row = -1; row < history->rows; row++) {
    const char *comma = "";
    for (int i = 0; i < count; i++) {
      if (!history->shown[i]) continue;
      fputs(comma, file);
      comma = ",";
      if (row < 0) fputs(columns[i].name, file);
      else if (!isnan(history->row[row].value[i])) fprintf(file, "%.10g", history->row[row].value[i]);
    }
    fputc('\n', file);
  }
}

ae_status ae_history_write_csv(const ae_history *history, const char *path) {
  char temporary[4096];
  if (history->rows == 0) {
    unlink(path); /* of epochs that a resume has gone back behind */
    return AE_OK;
  }
  snprintf(temporary, sizeof temporary, "%s.tmp", path);
  FILE *file = fopen(temporary, "w");
  if (file == NULL) return AE_FAIL(AE_DATA, "%s cannot be written: %s", path, strerror(errno));
  print_table(history, file);
  const int written = ferror(file) == 0;
  if (fclose(file) != 0 || !written || rename(temporary, path) != 0)
    return AE_FAIL(AE_DATA, "%s cannot be written: %s", path, strerror(errno));
  return AE_OK;
}

static ae_status save_column(const ae_history *history, ae_h5 *file, const char *group, const char *axis, int column,
                             double *values) {
  int count;
  const ae_column *what = &ae_metrics_columns(&count)[column];
  const char *units = ae_metrics_units(what->units, history->units);
  char path[128];
  for (int i = 0; i < history->rows; i++) values[i] = history->row[i].value[column];
  snprintf(path, sizeof path, "%s/%s", group, what->name);
  const ae_h5_dataset dataset = {
      path, AE_H5_FLOAT64, 1, {history->rows}, {axis}, what->description, units[0] != '\0' ? units : NULL};
  return ae_h5_write_whole(file, &dataset, values);
}

/* The columns of time, or the others, along an axis of their own group. */
static ae_status save_columns(const ae_history *history, const ae_comm *comm, ae_h5 *file, const char *group,
                              const char *axis, bool of_time) {
  int count;
  ae_status status;
  double *values = NULL;
  int64_t *numbers = NULL;
  const ae_column *columns = ae_metrics_columns(&count);
  if (history->rows == 0) return AE_OK;
  status = AE_NEW(values, history->rows);
  if (status == AE_OK) status = AE_NEW(numbers, history->rows);
  AE_CHECK(ae_comm_agree(comm, status));
  for (int i = 0; i < history->rows; i++) numbers[i] = i + 1;
  AE_CHECK(ae_h5_create_axis(file, group, axis, history->rows, numbers, "epoch, from 1"));
  for (int i = 0; i < count; i++)
    if (history->shown[i] && columns[i].of_time == of_time)
      AE_CHECK(save_column(history, file, group, axis, i, values));
cleanup:
  AE_FREE(values);
  AE_FREE(numbers);
  return status;
}

ae_status ae_history_save(const ae_history *history, const ae_comm *comm, ae_h5 *file) {
  AE_RETURN_IF(ae_h5_create_group(file, "/history", "figures of every epoch so far, as in metrics.csv"));
  return save_columns(history, comm, file, "/history", "history_epoch", false);
}

ae_status ae_history_save_times(const ae_history *history, const ae_comm *comm, ae_h5 *file) {
  return save_columns(history, comm, file, "/provenance", "provenance_epoch", true);
}

/* Epochs in the file; 0 when there is no history. */
static ae_status count_rows(ae_h5 *file, int64_t *rows) {
  ae_h5_type type;
  int rank;
  int64_t dim[AE_H5_MAX_RANK];
  bool exists;
  *rows = 0;
  AE_RETURN_IF(ae_h5_exists(file, "/history/epoch", &exists));
  if (!exists) return AE_OK;
  AE_RETURN_IF(ae_h5_describe(file, "/history/epoch", &type, &rank, dim));
  if (rank != 1) return AE_FAIL(AE_DATA, "%s: /history/epoch is not a column: the file is damaged", ae_h5_path(file));
  *rows = dim[0];
  return AE_OK;
}

ae_status ae_history_load(ae_history *history, const ae_comm *comm, ae_h5 *file) {
  int count;
  int64_t rows;
  ae_status status;
  double *values = NULL;
  const ae_column *columns = ae_metrics_columns(&count);
  ae_metrics empty;
  ae_metrics_clear(&empty);
  AE_CHECK(count_rows(file, &rows));
  history->rows = 0;
  status = AE_NEW(values, rows);
  for (int64_t i = 0; i < rows && status == AE_OK; i++) status = ae_history_add(history, &empty);
  AE_CHECK(ae_comm_agree(comm, status));
  for (int i = 0; i < count && rows > 0; i++) {
    char path[128];
    bool exists;
    snprintf(path, sizeof path, "%s/%s", columns[i].of_time ? "/provenance" : "/history", columns[i].name);
    AE_CHECK(ae_h5_exists(file, path, &exists));
    if (!exists) continue;
    history->shown[i] = true; /* also what this launch no longer records */
    AE_CHECK(ae_h5_read(file, path, AE_H5_FLOAT64, 1, 0, rows, values));
    for (int64_t j = 0; j < rows; j++) history->row[j].value[i] = values[j];
  }
cleanup:
  AE_FREE(values);
  return status;
}
