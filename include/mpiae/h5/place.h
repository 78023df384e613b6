/* Whether a directory is a good place for files: written and read together, locked, with room. Each is AE_DATA with the
 * remedy, agreed on by all ranks. Collective. */
#ifndef MPIAE_H5_PLACE_H
#define MPIAE_H5_PLACE_H

#include "mpiae/comm/comm.h"

/* Writes a small file with rows from every rank, reads on every rank what another has written, and compares. The file
 * stays, for ae_place_try_locks. *seconds: both together. */
ae_status ae_place_try_file(const ae_comm *comm, const char *path, double *seconds);

/* What a lock means here. */
typedef enum ae_place_locks { AE_PLACE_LOCKED, AE_PLACE_LOCKS_OFF } ae_place_locks;

/* Rank 0 locks the file as HDF5 does, and rank `witness` must then be refused a lock. Not tried where
 * HDF5_USE_FILE_LOCKING turns locks off. */
ae_status ae_place_try_locks(const ae_comm *comm, const char *path, int witness, ae_place_locks *out);

/* Free bytes for this user at `path` in the file system, as rank 0 sees it; quotas are not told. */
ae_status ae_place_room(const ae_comm *comm, const char *path, int64_t *bytes);

#endif
