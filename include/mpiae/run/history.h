/* The metrics of a run: one row per epoch, in metrics.csv and in every checkpoint's /history. */
#ifndef MPIAE_RUN_HISTORY_H
#define MPIAE_RUN_HISTORY_H

#include "mpiae/h5/h5.h"
#include "mpiae/models/metrics.h"

typedef struct ae_history ae_history;

/* Local. units: those of the loss, as in ae_model; lent. */
ae_status ae_history_create(const char *units, ae_history **out);
void ae_history_destroy(ae_history **history); /* Local; NULL is fine */

/* Local. Makes a column one of this run's: others are neither written nor saved. An unknown name is a bug: asserted. */
void ae_history_show(ae_history *history, const char *column);

ae_status ae_history_add(ae_history *history, const ae_metrics *row); /* Local */

/* Local. Rows so far; a cell, NaN without a value. */
int ae_history_rows(const ae_history *history);
double ae_history_get(const ae_history *history, int row, const char *column);

/* Local, for rank 0. Writes the whole history to a CSV file: header, then a row per epoch; cells without a value
 * are empty; without an epoch there is no file. By a temporary file and rename. AE_DATA with the path and the reason.
 */
ae_status ae_history_write_csv(const ae_history *history, const char *path);

/* Collective. Group /history of a checkpoint, the columns of time left out: they go to /provenance, which must be
 * there. Loading replaces the rows. */
ae_status ae_history_save(const ae_history *history, const ae_comm *comm, ae_h5 *file);
ae_status ae_history_save_times(const ae_history *history, const ae_comm *comm, ae_h5 *file);
ae_status ae_history_load(ae_history *history, const ae_comm *comm, ae_h5 *file);

#endif
