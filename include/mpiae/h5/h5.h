/* HDF5 files written and read by all ranks together: open, slabs by rows, attributes, named axes (HDF5 dimension
 * scales), checksums, atomic replacement.
 *
 * A file is written to a temporary name (path.partial) in the same directory and renamed when whole, so it is
 * whole or absent. Rank 0 alone lays it out, with any HDF5 from 1.10.5 on, serial or parallel: it gives every chunk its
 * place, and each rank writes the bytes of its own chunks there. So nothing waits for a rank that fails, all agree
 * after every write, and files are the same bytes for any number of ranks. Every dataset is chunked by whole rows with
 * fletcher32 (scalars lie in their header, which has a checksum too), library version bounds ≥ 1.10, without time
 * stamps; disk space is reserved first. Each rank reads by itself. Rank 0 holds an advisory lock on the file, as h5py
 * does, unless HDF5_USE_FILE_LOCKING=FALSE. All functions are Collective unless they say Local; all errors are agreed
 * and name file, dataset, the system's reason where it is one, and what to do: AE_DATA (a file or its data),
 * AE_INTERNAL. A file being written can be asked for what exists in it; all else is read after it was opened. */
#ifndef MPIAE_H5_H5_H
#define MPIAE_H5_H5_H

#include "mpiae/comm/comm.h"

#include <hdf5.h>
#include <stdint.h>

#define AE_H5_MAX_RANK 8

typedef struct ae_h5 ae_h5;

/* A type in memory and in the file. */
typedef enum ae_h5_type { AE_H5_UINT8, AE_H5_INT32, AE_H5_INT64, AE_H5_FLOAT32, AE_H5_FLOAT64 } ae_h5_type;

/* What a dataset is: its path ("/parameters/encoder/weight"; groups are made as needed), type, shape, and for
 * the reader what it means. axes[i] names axis i; ae_h5_create_axis made it before in the same group or one
 * above, with the same length. */
typedef struct ae_h5_dataset {
  const char *path;
  ae_h5_type type;
  int rank;
  int64_t dim[AE_H5_MAX_RANK];
  const char *axes[AE_H5_MAX_RANK];
  const char *description; /* attribute `description`; required */
  const char *units;       /* attribute `units`, or NULL */
} ae_h5_dataset;

/* Starts a new file that will appear under `path` at ae_h5_commit, replacing any of that name. */
ae_status ae_h5_create(const ae_comm *comm, const char *path, ae_h5 **out);

/* Flush, close, sync, rename, sync of the directory. The handle is gone, also on failure (then the temporary
 * file is removed). */
ae_status ae_h5_commit(ae_h5 **file);

/* All of it in one call: creates, lets `fill` write, commits; drops the file when `fill` fails. `fill` is Collective.
 */
ae_status ae_h5_produce(const ae_comm *comm, const char *path, ae_status (*fill)(ae_h5 *file, void *context),
                        void *context);

/* Opens a file for reading. AE_DATA when absent, not HDF5, cut short, or locked; when a rank sees none or one of
 * another length. */
ae_status ae_h5_open(const ae_comm *comm, const char *path, ae_h5 **out);

/* Local. Says that all of a file opened for reading will be wanted: the disk reads while what came first is checked. */
void ae_h5_read_ahead(const ae_h5 *file);

/* Closes a file opened for reading, or drops one being written together with its temporary. NULL is fine. Never
 * fails. */
void ae_h5_close(ae_h5 **file);

const char *ae_h5_path(const ae_h5 *file); /* Local; the final name, lent */

/* Makes the dimension scale `name` of `length` in group `group` ("/" for the root), with values 0 … length−1
 * (int64), or `values` (int64, equal on all ranks). Axis names are unique in the file along any path from the
 * root. */
ae_status ae_h5_create_axis(ae_h5 *file, const char *group, const char *name, int64_t length, const int64_t *values,
                            const char *description);

/* Makes a dataset and writes it: this rank gives rows [begin, begin + count) of the first axis (count 0 and
 * uneven counts are fine; together the ranks give every row once). rank 0 = a scalar, count ignored, taken from
 * rank 0. A first axis of length 0 makes an empty dataset. */
ae_status ae_h5_write(ae_h5 *file, const ae_h5_dataset *dataset, int64_t begin, int64_t count, const void *rows);

/* The same of rows that all ranks have, all of them and equal: each gives a share. */
ae_status ae_h5_write_whole(ae_h5 *file, const ae_h5_dataset *dataset, const void *rows);

/* Shape and type of a dataset. AE_DATA when absent. The type is the nearest of ours: integers that fit 32 bits
 * with a sign, uint8 apart, → INT32, wider → INT64, float ≤ 32 bits → FLOAT32, else FLOAT64. Enumerations are the
 * integers that they are made of; h5py's bool, one of FALSE and TRUE, → UINT8. */
ae_status ae_h5_describe(ae_h5 *file, const char *path, ae_h5_type *type, int *rank, int64_t dim[AE_H5_MAX_RANK]);

/* AE_DATA unless the dataset has this shape, in a file whose configuration says so; −1 = any length. */
ae_status ae_h5_expect(ae_h5 *file, const char *path, int rank, const int64_t *dim);

/* Local. Why an object that a link is for cannot be opened: the link leads nowhere, the format is newer than this HDF5, or
 * the file is damaged. AE_OK when it can be. */
ae_status ae_h5_explain_open(ae_h5 *file, const char *path);

/* Whether a link exists (all parents too). */
ae_status ae_h5_exists(ae_h5 *file, const char *path, bool *exists);

/* Reads rows [begin, begin + count) of the first axis, each rank its own range, converted to `type`, into (count,
 * width) numbers: rows of another width in the file are AE_DATA. Of a scalar one number, whatever begin, count and
 * width. AE_DATA when the rows do not have their checksum or digests. */
ae_status ae_h5_read(ae_h5 *file, const char *path, ae_h5_type type, int64_t width, int64_t begin, int64_t count,
                     void *rows);

/* Reads all rows of a dataset of this type and shape (the rest of `dataset` is not looked at), with at least one number,
 * on every rank: each reads a share from the file, and they are gathered. Errors: ae_h5_expect's and ae_h5_read's. */
ae_status ae_h5_read_whole(ae_h5 *file, const ae_h5_dataset *dataset, void *rows);

/* Reads all rows of a dataset, a share on each rank. AE_DATA when they do not have their digests (src/h5/README.md), as
 * ae_h5_read says of what it reads. *has_digests: false of what has none: scalars, files of others and of 0.2. */
ae_status ae_h5_verify(ae_h5 *file, const char *path, bool *has_digests);

/* Most bytes of a row: an index of the first axis. */
#define AE_H5_MAX_ROW ((int64_t)1 << 30)

/* Collective. AE_DATA when the file cannot be opened, is locked by another program, or is not one file to all ranks: of
 * what is in it nothing is said. */
ae_status ae_h5_look(const ae_comm *comm, const char *path);

/* Version of the formats of all our files: a later one says that an earlier program cannot read what it describes. */
#define AE_H5_VERSION 1

/* Marks a file as one of ours: attributes mpiae_format (its kind: "dataset", "checkpoint" …) and mpiae_version. */
ae_status ae_h5_put_kind(ae_h5 *file, const char *kind);

/* Its kind, owned by the caller; NULL of a file that is none of ours. AE_DATA when the version is later than ours, or is
 * no number. */
ae_status ae_h5_get_kind(ae_h5 *file, char **kind);

/* Attributes of the object at `path` ("/" for the file), equal on all ranks. Text is UTF-8; the text read is
 * owned by the caller. */
ae_status ae_h5_put_text(ae_h5 *file, const char *path, const char *name, const char *text);
ae_status ae_h5_put_integer(ae_h5 *file, const char *path, const char *name, int64_t value);
ae_status ae_h5_put_real(ae_h5 *file, const char *path, const char *name, double value);
ae_status ae_h5_has_attribute(ae_h5 *file, const char *path, const char *name, bool *exists);
ae_status ae_h5_get_text(ae_h5 *file, const char *path, const char *name, char **text);
ae_status ae_h5_get_integer(ae_h5 *file, const char *path, const char *name, int64_t *value);
ae_status ae_h5_get_real(ae_h5 *file, const char *path, const char *name, double *value);

/* The numbers of an attribute that may be somebody's: *count of them, 1 … most; 0 when it is anything else. */
ae_status ae_h5_get_reals(ae_h5 *file, const char *path, const char *name, int most, double *values, int *count);

/* A scalar text dataset with a description ("/config"), below 60 000 bytes. */
ae_status ae_h5_write_text(ae_h5 *file, const char *path, const char *text, const char *description);
ae_status ae_h5_read_text(ae_h5 *file, const char *path, char **text);

/* All texts of rows [begin, begin + count) of a dataset of texts, each rank its own range; owned by the caller as one
 * block (AE_FREE frees all). */
ae_status ae_h5_read_texts(ae_h5 *file, const char *path, int64_t begin, int64_t count, char ***texts);

/* Makes an empty group with an optional description. */
ae_status ae_h5_create_group(ae_h5 *file, const char *path, const char *description);

/* Names of the links in a group, sorted; owned by the caller as one block (AE_FREE frees all). */
ae_status ae_h5_list(ae_h5 *file, const char *group, char ***names, int *count);

/* Local. Lends the HDF5 handle, for what is not covered above; of a file being written rank 0 alone has one. */
hid_t ae_h5_handle(const ae_h5 *file);

#endif
