/* The directory of a run: the names in it, and what is there already. Collective unless told; errors name the path. */
#ifndef MPIAE_RUN_DIRECTORY_H
#define MPIAE_RUN_DIRECTORY_H

#include "mpiae/comm/comm.h"

#define AE_PATH_SIZE 4096

typedef enum ae_run_mode { AE_RUN_NEW, AE_RUN_RESUME, AE_RUN_OVERWRITE } ae_run_mode;

/* A directory that is held: by a descriptor on rank 0, −1 elsewhere. */
typedef struct ae_run_lock {
  int descriptor;
  bool made; /* it was not there before */
} ae_run_lock;

/* Makes the directory (and those above) and takes it for this process until it is released. AE_USAGE: it holds a run
 * and the mode is AE_RUN_NEW; another process trains in it. AE_DATA: nothing can be written in it; a rank does not see
 * the directory that rank 0 has. Removes nothing but, for AE_RUN_RESUME, files that a killed run left unfinished. */
ae_status ae_run_directory_take(const ae_comm *comm, const char *directory, ae_run_mode mode, ae_run_lock *lock);

/* Local. Lets go of the directory; one that was made for this run and is still empty is removed (not those above it).
 */
void ae_run_directory_release(const char *directory, ae_run_lock *lock);

/* Removes the files of a run, unfinished ones too. Rank 0 acts. */
ae_status ae_run_directory_clear(const ae_comm *comm, const char *directory);

/* Removes checkpoints after `step`, and codes and samples after `epoch`: what a resumed run will write again; also
 * checkpoint-best.h5 when it then leads nowhere. Rank 0 acts. */
void ae_run_directory_rewind(const ae_comm *comm, const char *directory, int64_t step, int64_t epoch);

/* Gives a checkpoint that cannot be read the ending .unreadable: what comes later must not remove it. Rank 0 acts. */
void ae_run_directory_set_aside(const ae_comm *comm, const char *directory, int64_t step);

/* Steps of the checkpoints in it, newest first; *steps is owned by the caller. An absent directory has none. */
ae_status ae_run_directory_checkpoints(const ae_comm *comm, const char *directory, int64_t **steps, int *count);

/* For a run directory, calls `use` with its checkpoints, newest first, until one call does not fail with AE_DATA, and
 * warns of those passed by; for a file, calls it with that. `use` is Collective. AE_DATA when a directory has none. */
ae_status ae_run_directory_visit(const ae_comm *comm, const char *model,
                                 ae_status (*use)(const ae_comm *comm, const char *path, void *context), void *context);

/* Removes all but the newest `keep` checkpoints, the one of step `best` (−1 = none) and the one that checkpoint-best.h5
 * leads to; or the codes files of epochs before `epoch`. Collective; rank 0 acts. */
ae_status ae_run_directory_trim_checkpoints(const ae_comm *comm, const char *directory, int keep, int64_t best);
void ae_run_directory_trim_codes(const ae_comm *comm, const char *directory, int64_t epoch);

/* Local, for rank 0. Lets the symbolic link checkpoint-best.h5 lead to the checkpoint of `step`, replacing it in one
 * piece, or removes it when that is not there (−1 = none). AE_DATA: the file system refuses; nothing else suffers. */
ae_status ae_run_directory_link_best(const char *directory, int64_t step);

/* Local. Whether the checkpoint of `step` is there. */
bool ae_run_directory_has(const char *directory, int64_t step);

/* Local. Whether a file name is one that runs give. */
bool ae_run_directory_owns(const char *name);

/* Local. Names: <directory>/checkpoint-<step>.h5, codes-<epoch>.h5, samples-<epoch>.h5. */
void ae_run_directory_checkpoint(const char *directory, int64_t step, char path[AE_PATH_SIZE]);
void ae_run_directory_codes(const char *directory, int64_t epoch, char path[AE_PATH_SIZE]);
void ae_run_directory_samples(const char *directory, int64_t epoch, char path[AE_PATH_SIZE]);

#endif
