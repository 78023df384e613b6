/* What the files of this folder share: the handle, and errors that carry HDF5's own words. */
#ifndef MPIAE_SRC_H5_PRIVATE_H
#define MPIAE_SRC_H5_PRIVATE_H

#include "mpiae/h5/h5.h"

/* Advice that ends an error's sentence. */
#define AE_H5_SPACE "check free space, quota and permissions there"
#define AE_H5_DAMAGED "the file is damaged or was made by another program: make it again or take another copy"

struct ae_h5 {
  const ae_comm *comm;
  hid_t handle;    /* < 0 when closed */
  char *path;      /* the name users know */
  char *temporary; /* the name while being written; NULL when reading */
  int guard;       /* rank 0: descriptor that holds the advisory lock; −1 elsewhere */
  int64_t content; /* rank 0: bytes written so far, estimated */
};

/* Local. When `result` (a handle or herr_t of HDF5) is negative, AE_DATA: "<path>: cannot <action> <object>: <innermost
 * message of HDF5>; <advice>". */
ae_status ae_h5_require(const ae_h5 *file, int64_t result, const char *action, const char *object, const char *advice);

/* Local. Closes a handle of whatever kind and marks it closed; negative is fine. */
void ae_h5_release(hid_t *handle);

/* Local. Whether HDF5_USE_FILE_LOCKING leaves locks on. */
bool ae_h5_locks_wanted(void);

/* Local. Whether every link along the path exists. < 0 when HDF5 fails. */
int ae_h5_reachable(const ae_h5 *file, const char *path);

/* Local. Makes the groups above the last component of the path. */
ae_status ae_h5_make_parents(const ae_h5 *file, const char *path);

/* Local. Puts a text attribute on an open object, replacing one of that name. < 0 when HDF5 fails. */
herr_t ae_h5_attach_text(hid_t object, const char *name, const char *text);

/* Local. Type in memory, type in the file, bytes of an element. */
hid_t ae_h5_memory_type(ae_h5_type type);
hid_t ae_h5_file_type(ae_h5_type type);
int64_t ae_h5_type_size(ae_h5_type type);

/* Collective. Makes sure that the disk has room for what the file holds now, `bytes` more and their metadata. */
ae_status ae_h5_reserve(ae_h5 *file, int64_t bytes);

/* How a dataset of whole rows lies in the file: chunk c is rows [c·chunk_rows, (c+1)·chunk_rows), the last one
 * padded. */
typedef struct ae_h5_chunks {
  int64_t rows; /* in the dataset */
  int64_t row_bytes;
  int64_t chunk_rows; /* 1 … rows */
} ae_h5_chunks;

/* Collective. Writes this rank's rows [begin, begin + count) of a dataset chunked like that, with fletcher32.
 * Every chunk is written whole by one rank. AE_INTERNAL when the ranks together do not give every row once. */
ae_status ae_h5_write_chunks(ae_h5 *file, hid_t dataset, const char *path, const ae_h5_chunks *chunks, int64_t begin,
                             int64_t count, const void *rows);

#endif
