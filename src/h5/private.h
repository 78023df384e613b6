/* What the files of this folder share: the handle, the driver, and errors that carry the system's or HDF5's own words.
 */
#ifndef MPIAE_SRC_H5_PRIVATE_H
#define MPIAE_SRC_H5_PRIVATE_H

#include "mpiae/h5/h5.h"

/* Advice that ends an error's sentence. */
#define AE_H5_SPACE "check free space, quota and permissions there"
#define AE_H5_DAMAGED "the file is damaged or was made by another program: make it again or take another copy"
#define AE_H5_NEWER                                                                                                       \
  "it is in a newer format than this HDF5 reads: store it again in an older one (h5py: libver=('earliest', 'v110')), or " \
  "convert it with the HDF5 that wrote it: h5repack --low=0 --high=2"

/* What becomes of the bytes of a file: told by the driver, and to it. */
typedef struct ae_h5_disk {
  bool placing; /* chunks are being given places: their bytes are not written */
  bool dropped; /* nothing is written any more */
  int error;    /* errno of the first call that failed; 0 when none did */
  int64_t end;  /* bytes of the file when all that has a place is written */
} ae_h5_disk;

/* Local. An access list by which HDF5 reads and writes through the disk, which must outlive every file opened with it.
 * While writing, HDF5 is not told of errors: look at disk.error. < 0 when HDF5 fails. Owned by the caller. */
hid_t ae_h5_disk_access(ae_h5_disk *disk);

/* Local. What flags of open(2) writing the file at `path` needs besides: O_DSYNC on NFS, 0 elsewhere. */
int ae_h5_disk_flags(const char *path);

/* Local. Writes all bytes at a place of an open file, unless there was an error before; false when there is one now. */
bool ae_h5_disk_write(ae_h5_disk *disk, int descriptor, int64_t from, const void *bytes, int64_t count);

/* Bytes by which a file grows before the disk is asked for room, or told to begin. */
#define AE_H5_PORTION ((int64_t)1 << 20)

/* Local. Has the disk begin with what was written to an open file, while more is put together; fsync tells what failed. */
void ae_h5_disk_begin(int descriptor);

/* Local. Reads from a place of an open file. Returns the number of bytes, fewer than wanted at the end of the file, or
 * < 0 after an error, which the disk keeps. */
int64_t ae_h5_disk_read(ae_h5_disk *disk, int descriptor, int64_t from, void *bytes, int64_t count);

struct ae_h5 {
  const ae_comm *comm;
  hid_t handle;    /* of a file being written: on rank 0 alone; < 0 when there is none */
  char *path;      /* the name users know */
  char *temporary; /* the name while being written; NULL when reading */
  int guard;       /* rank 0: holds the advisory lock; −1 elsewhere */
  int descriptor;  /* of that file, on every rank: for its own bytes; −1 when closed */
  int64_t room;    /* rank 0: bytes of the file that the disk has room for */
  ae_h5_disk disk;
};

/* Local. Whether this rank has the say: rank 0 alone lays out a file that is written. */
bool ae_h5_is_root(const ae_h5 *file);

/* Local. When the disk failed, or `result` (a handle or herr_t of HDF5) is negative, AE_DATA: "<path>: cannot <action>
 * <object>: <the system's reason>, or HDF5 says '<its innermost message>'; <advice>". An error of reading that the system
 * has is passing (status.h). AE_INTERNAL when HDF5 was out of memory. */
ae_status ae_h5_require(ae_h5 *file, int64_t result, const char *action, const char *object, const char *advice);

/* Local. AE_DATA when a file that a virtual dataset is made of is not there, or it is made of itself. */
ae_status ae_h5_require_parts(ae_h5 *file, hid_t dataset, const char *path);

/* Local. Why a dataset could not be read (`result` as above): a filter that is not installed, or what ae_h5_require says. */
ae_status ae_h5_explain_read(ae_h5 *file, int64_t result, hid_t dataset, const char *path);

/* Local. Closes a handle of whatever kind and marks it closed; negative is fine. */
void ae_h5_release(hid_t *handle);

/* Local. Whether HDF5_USE_FILE_LOCKING leaves locks on. */
bool ae_h5_locks_wanted(void);

/* Local. Whether every link along the path exists. The advice is for when HDF5 fails. */
ae_status ae_h5_find(ae_h5 *file, const char *path, const char *advice, bool *found);

/* Local, rank 0. Makes the groups above the last component of the path. */
ae_status ae_h5_make_parents(ae_h5 *file, const char *path);

/* Local. The type of a text of `size` bytes, H5T_VARIABLE for any, and the letters of one. < 0 when HDF5 fails. */
hid_t ae_h5_text_type(size_t size, H5T_cset_t letters);
H5T_cset_t ae_h5_letters_of(const char *text);

/* Local. Reads one text of either kind, variable or fixed, from an attribute or a dataset. */
ae_status ae_h5_take_text(ae_h5 *file, hid_t source, hid_t type, const char *object, char **text);

/* Collective. Agrees on a status; a text that only some ranks could read is given to none. */
ae_status ae_h5_agree_text(const ae_h5 *file, ae_status status, char **text);

/* Local. Puts a text attribute on an open object, replacing one of that name. < 0 when HDF5 fails. */
herr_t ae_h5_attach_text(hid_t object, const char *name, const char *text);

/* Local. Type in memory, type in the file, bytes of an element. */
hid_t ae_h5_memory_type(ae_h5_type type);
hid_t ae_h5_file_type(ae_h5_type type);
int64_t ae_h5_type_size(ae_h5_type type);

/* Local, rank 0. Makes sure that the disk has room for all that has a place in the file, but for `beyond` bytes. */
ae_status ae_h5_reserve(ae_h5 *file, int64_t beyond);

/* How a dataset of whole rows lies in the file: chunk c is rows [c·chunk_rows, (c+1)·chunk_rows), the last one
 * padded. */
typedef struct ae_h5_chunks {
  int64_t rows; /* in the dataset */
  int64_t row_bytes;
  int64_t chunk_rows; /* 1 … rows */
  int64_t count;
} ae_h5_chunks;

/* Local. How we write a dataset. Of a scalar and of one without numbers all is 0. */
ae_h5_chunks ae_h5_choose_chunks(const ae_h5_dataset *dataset);

/* Local, rank 0. Gives each of the chunks->count chunks of a new dataset its place in the file, and tells it. */
ae_status ae_h5_place_chunks(ae_h5 *file, hid_t dataset, const char *path, const ae_h5_chunks *chunks, int64_t *place);

/* Local. What HDF5's filter fletcher32 puts behind `count` bytes, low byte first (Fletcher, "An arithmetic checksum for serial
 * transmissions", 1982): two sums of big-endian 16-bit words modulo 65535, zero only for zeros, else 1 … 65535. */
uint32_t ae_h5_fletcher32(const uint8_t *bytes, int64_t count);

/* Local. The digest of a block of an array's rows (digest.c). */
uint64_t ae_h5_digest(const char *path, int rank, const int64_t *dim, int64_t block, const void *bytes, int64_t count);

/* Local, rank 0. Room for the digests of `count` blocks at an open dataset, and the digests. */
ae_status ae_h5_reserve_digests(ae_h5 *file, hid_t dataset, const char *path, int64_t count);
ae_status ae_h5_write_digests(ae_h5 *file, hid_t dataset, const char *path, const uint64_t *digest);

/* Rows [begin, begin + count) of an array. */
typedef struct ae_h5_rows {
  int rank;
  const int64_t *dim;
  int64_t begin, count;
  const void *rows; /* their bytes as they lie in the file; NULL: they are to be read */
} ae_h5_rows;

/* Local. AE_DATA when they do not have their digests. *has_digests: whether the array has any; of one without nothing is
 * said. */
ae_status ae_h5_check_rows(ae_h5 *file, const char *path, hid_t dataset, const ae_h5_rows *read, bool *has_digests);

/* Local. Reads rows of a dataset as `type`. < 0 when HDF5 fails. */
herr_t ae_h5_read_slice(hid_t dataset, hid_t type, int rank, const int64_t *dim, int64_t begin, int64_t count,
                        void *rows);

/* Collective. Writes this rank's rows [begin, begin + count) of a dataset chunked like that, with fletcher32, to places
 * that all ranks know, and on rank 0 their digests to `target`, the open dataset. Every chunk is written whole by one
 * rank, and is a block of the digests. AE_INTERNAL when the ranks together do not give every row once. */
ae_status ae_h5_write_chunks(ae_h5 *file, const ae_h5_dataset *dataset, const ae_h5_chunks *chunks,
                             const int64_t *place, hid_t target, int64_t begin, int64_t count, const void *rows);

#endif
