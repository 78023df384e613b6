/* The directory of a run: the names in it, and what is there already. Collective unless told; errors name the path. */
#ifndef MPIAE_TRAIN_RUN_DIRECTORY_H
#define MPIAE_TRAIN_RUN_DIRECTORY_H

#include "mpiae/comm/comm.h"

#define AE_PATH_SIZE 4096

typedef enum ae_run_mode { AE_RUN_NEW, AE_RUN_RESUME, AE_RUN_OVERWRITE } ae_run_mode;

/* Makes the directory (and those above) and takes it for this process: *lock is a descriptor on rank 0 (−1 elsewhere)
 * that holds it until it is closed. AE_USAGE: it holds a run and the mode is AE_RUN_NEW; another process trains in it.
 * AE_DATA: nothing can be written in it. Removes nothing. */
ae_status ae_run_directory_take(const ae_comm *comm, const char *directory, ae_run_mode mode, int *lock);

/* Removes the files of a run, unfinished ones too. Rank 0 acts. */
ae_status ae_run_directory_clear(const ae_comm *comm, const char *directory);

/* Removes checkpoints after `step`, and codes and samples after `epoch`: what a resumed run will write again. Rank 0 acts. */
void ae_run_directory_rewind(const ae_comm *comm, const char *directory, int64_t step, int64_t epoch);

/* Steps of the checkpoints in it, newest first; *steps is owned by the caller. An absent directory has none. */
ae_status ae_run_directory_checkpoints(const ae_comm *comm, const char *directory, int64_t **steps, int *count);

/* Removes all but the newest `keep` checkpoints; and codes files older than the newest one. Rank 0 acts. */
ae_status ae_run_directory_trim_checkpoints(const ae_comm *comm, const char *directory, int keep);
void ae_run_directory_trim_codes(const ae_comm *comm, const char *directory, int64_t epoch);

/* Local. Whether the path is a directory. */
bool ae_run_directory_is(const char *path);

/* Local. Names: <directory>/checkpoint-<step>.h5, codes-<epoch>.h5, samples-<epoch>.h5. */
void ae_run_directory_checkpoint(const char *directory, int64_t step, char path[AE_PATH_SIZE]);
void ae_run_directory_codes(const char *directory, int64_t epoch, char path[AE_PATH_SIZE]);
void ae_run_directory_samples(const char *directory, int64_t epoch, char path[AE_PATH_SIZE]);

#endif
