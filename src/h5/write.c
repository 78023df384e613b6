/* Dimension scales and datasets, written by all ranks. */
#include "mpiae/base/arithmetic.h"
#include "mpiae/base/memory.h"
#include "private.h"

#include <hdf5_hl.h>
#include <stdio.h>
#include <string.h>

/* A chunk is at least MIN_CHUNK and at most MAX_CHUNK bytes, in between such that a dataset has about 64 of them. */
#define MIN_CHUNK ((int64_t)64 << 10)
#define MAX_CHUNK ((int64_t)1 << 20)

static int64_t bytes_of(const ae_h5_dataset *dataset) {
  int64_t bytes = ae_h5_type_size(dataset->type);
  for (int i = 0; i < dataset->rank; i++) bytes *= dataset->dim[i];
  return bytes;
}

/* In chunks of equal size so that the last is not mostly padding. A function of the shape alone: the bytes of a file
 * must not tell how many ranks wrote it. */
ae_h5_chunks ae_h5_choose_chunks(const ae_h5_dataset *dataset) {
  if (dataset->rank == 0 || bytes_of(dataset) == 0) return (ae_h5_chunks){0};
  const int64_t rows = dataset->dim[0], row_bytes = bytes_of(dataset) / rows;
  const int64_t target = ae_max(MIN_CHUNK, ae_min(MAX_CHUNK, bytes_of(dataset) / 64));
  const int64_t most = ae_max(1, target / row_bytes), pieces = (rows + most - 1) / most;
  const int64_t chunk_rows = (rows + pieces - 1) / pieces;
  return (ae_h5_chunks){
      .rows = rows, .row_bytes = row_bytes, .chunk_rows = chunk_rows, .count = (rows + chunk_rows - 1) / chunk_rows};
}

/* HDF5 refuses chunks larger than an axis of length 0; a scalar in its object header is covered by the header's
 * checksum. */
static herr_t choose_layout(hid_t list, const ae_h5_dataset *dataset) {
  hsize_t chunk[AE_H5_MAX_RANK];
  if (dataset->rank == 0) return H5Pset_layout(list, H5D_COMPACT);
  if (bytes_of(dataset) == 0) return H5Pset_layout(list, H5D_CONTIGUOUS);
  for (int i = 1; i < dataset->rank; i++) chunk[i] = (hsize_t)dataset->dim[i];
  chunk[0] = (hsize_t)ae_h5_choose_chunks(dataset).chunk_rows;
  return H5Pset_chunk(list, dataset->rank, chunk) < 0 ? -1 : H5Pset_fletcher32(list);
}

static hid_t space_of(const ae_h5_dataset *dataset) {
  hsize_t dim[AE_H5_MAX_RANK];
  for (int i = 0; i < dataset->rank; i++) dim[i] = (hsize_t)dataset->dim[i];
  return dataset->rank == 0 ? H5Screate(H5S_SCALAR) : H5Screate_simple(dataset->rank, dim, NULL);
}

static ae_status create_dataset(ae_h5 *file, const ae_h5_dataset *dataset, hid_t *created) {
  AE_RETURN_IF(ae_h5_make_parents(file, dataset->path));
  hid_t space = space_of(dataset), list = H5Pcreate(H5P_DATASET_CREATE);
  if (space >= 0 && list >= 0 && H5Pset_obj_track_times(list, false) >= 0 && choose_layout(list, dataset) >= 0)
    *created =
        H5Dcreate2(file->handle, dataset->path, ae_h5_file_type(dataset->type), space, H5P_DEFAULT, list, H5P_DEFAULT);
  ae_status status = ae_h5_require(file, *created, "create", dataset->path, AE_H5_SPACE);
  ae_h5_release(&list);
  ae_h5_release(&space);
  return status;
}

/* Finds the axis in the dataset's group or the nearest one above: writes its path, or gives AE_INTERNAL. */
static ae_status find_axis(ae_h5 *file, const char *path, const char *axis, size_t size, char *found) {
  size_t length = strlen(path);
  snprintf(found, size, "%s", path);
  while (length > 0) {
    while (length > 0 && found[length - 1] != '/') length--;
    snprintf(found + length, size - length, "%s", axis);
    bool exists;
    AE_RETURN_IF(ae_h5_find(file, found, AE_H5_SPACE, &exists));
    if (exists) return AE_OK;
    if (length > 0) length--;
  }
  return AE_FAIL(AE_INTERNAL, "%s: %s wants the axis '%s', which no group above it has; create it first", file->path,
                 path, axis);
}

static int64_t length_of(hid_t scale) {
  hsize_t length = 0;
  hid_t space = H5Dget_space(scale);
  const int rank = space < 0 ? -1 : H5Sget_simple_extent_ndims(space);
  if (rank == 1) H5Sget_simple_extent_dims(space, &length, NULL);
  ae_h5_release(&space);
  return rank == 1 ? (int64_t)length : -1;
}

static ae_status attach_axis(ae_h5 *file, hid_t target, const ae_h5_dataset *dataset, int axis) {
  ae_status status = AE_OK;
  char found[AE_MESSAGE_SIZE / 2];
  hid_t scale = H5I_INVALID_HID;
  AE_CHECK(find_axis(file, dataset->path, dataset->axes[axis], sizeof found, found));
  scale = H5Dopen2(file->handle, found, H5P_DEFAULT);
  AE_CHECK(ae_h5_require(file, scale, "open axis", found, AE_H5_SPACE));
  if (length_of(scale) != dataset->dim[axis])
    AE_RAISE(AE_INTERNAL, "%s: axis %d of %s has length %lld, but %s has %lld", file->path, axis, dataset->path,
             (long long)dataset->dim[axis], found, (long long)length_of(scale));
  AE_CHECK(ae_h5_require(file, H5DSattach_scale(target, scale, (unsigned)axis), "attach axis", found, AE_H5_SPACE));
cleanup:
  ae_h5_release(&scale);
  return status;
}

static ae_status describe(ae_h5 *file, hid_t target, const ae_h5_dataset *dataset, bool has_axes) {
  const char *path = dataset->path;
  AE_RETURN_IF(ae_h5_require(file, ae_h5_attach_text(target, "description", dataset->description), "describe", path,
                             AE_H5_SPACE));
  if (dataset->units != NULL)
    AE_RETURN_IF(
        ae_h5_require(file, ae_h5_attach_text(target, "units", dataset->units), "describe", path, AE_H5_SPACE));
  for (int i = 0; i < dataset->rank && has_axes; i++) AE_RETURN_IF(attach_axis(file, target, dataset, i));
  return AE_OK;
}

/* One row is the least a chunk can be, and MPI and HDF5 count its bytes in 31 bits. */
static ae_status check_size(const ae_h5_dataset *dataset) {
  int64_t bytes = ae_h5_type_size(dataset->type);
  for (int i = 0; i < dataset->rank; i++) AE_RETURN_IF(ae_multiply(bytes, dataset->dim[i], dataset->path, &bytes));
  if (bytes > 0 && dataset->rank > 0 && bytes / dataset->dim[0] > AE_H5_MAX_ROW)
    return AE_FAIL(AE_INTERNAL, "%s: a row has %lld bytes, at most %lld can be written; give it another first axis",
                   dataset->path, (long long)(bytes / dataset->dim[0]), (long long)AE_H5_MAX_ROW);
  return AE_OK;
}

/* netCDF readers need every axis named, and differently. */
static ae_status check_dataset(const ae_h5_dataset *dataset) {
  if (dataset->rank < 0 || dataset->rank > AE_H5_MAX_RANK)
    return AE_FAIL(AE_INTERNAL, "%s has %d axes; 0 to %d are possible", dataset->path, dataset->rank, AE_H5_MAX_RANK);
  if (dataset->description == NULL) return AE_FAIL(AE_INTERNAL, "%s needs a description", dataset->path);
  for (int i = 0; i < dataset->rank; i++) {
    if (dataset->dim[i] < 0) return AE_FAIL(AE_INTERNAL, "%s: axis %d has a negative length", dataset->path, i);
    if (dataset->axes[i] == NULL) return AE_FAIL(AE_INTERNAL, "%s: axis %d needs a name", dataset->path, i);
    for (int j = 0; j < i; j++)
      if (strcmp(dataset->axes[i], dataset->axes[j]) == 0)
        return AE_FAIL(AE_INTERNAL, "%s: axes %d and %d are both named '%s'", dataset->path, j, i, dataset->axes[i]);
  }
  return check_size(dataset);
}

static ae_status write_scalar(ae_h5 *file, hid_t target, const ae_h5_dataset *dataset, const void *value) {
  const herr_t result = H5Dwrite(target, ae_h5_memory_type(dataset->type), H5S_ALL, H5S_ALL, H5P_DEFAULT, value);
  return ae_h5_require(file, result, "write", dataset->path, AE_H5_SPACE);
}

/* What rank 0 alone does of a dataset before its rows are written: makes it, says what it is, as an axis of a name when
 * there is one, and gives its chunks places, for which there must be room. *target is to be released. */
static ae_status lay_out(ae_h5 *file, const ae_h5_dataset *dataset, const char *axis, const void *scalar,
                         const ae_h5_chunks *chunks, int64_t *place, hid_t *target) {
  AE_RETURN_IF(create_dataset(file, dataset, target));
  if (axis != NULL)
    AE_RETURN_IF(ae_h5_require(file, H5DSset_scale(*target, axis), "name axis", dataset->path, AE_H5_SPACE));
  AE_RETURN_IF(describe(file, *target, dataset, axis == NULL));
  if (dataset->rank == 0) AE_RETURN_IF(write_scalar(file, *target, dataset, scalar));
  if (chunks->count > 0) AE_RETURN_IF(ae_h5_reserve_digests(file, *target, dataset->path, chunks->count));
  if (chunks->count > 0) AE_RETURN_IF(ae_h5_place_chunks(file, *target, dataset->path, chunks, place));
  return ae_h5_reserve(file, AE_H5_PORTION);
}

/* A dataset, or when `axis` is not NULL the axis of that name. */
static ae_status write_dataset(ae_h5 *file, const ae_h5_dataset *dataset, const char *axis, int64_t begin,
                               int64_t count, const void *rows) {
  ae_status status = AE_OK;
  ae_h5_chunks chunks = {0};
  int64_t *place = NULL;
  hid_t target = H5I_INVALID_HID;
  AE_CHECK(ae_comm_agree(file->comm, check_dataset(dataset)));
  chunks = ae_h5_choose_chunks(dataset);
  AE_CHECK(ae_comm_agree(file->comm, AE_NEW(place, chunks.count)));
  if (ae_h5_is_root(file)) status = lay_out(file, dataset, axis, rows, &chunks, place, &target);
  AE_CHECK(ae_comm_agree(file->comm, status));
  ae_comm_broadcast(file->comm, place, chunks.count * (int64_t)sizeof *place);
  if (chunks.count > 0) AE_CHECK(ae_h5_write_chunks(file, dataset, &chunks, place, target, begin, count, rows));
cleanup:
  ae_h5_release(&target);
  AE_FREE(place);
  return status;
}

ae_status ae_h5_write(ae_h5 *file, const ae_h5_dataset *dataset, int64_t begin, int64_t count, const void *rows) {
  return write_dataset(file, dataset, NULL, begin, count, rows);
}

/* This rank's share of the values of an axis. */
static ae_status fill_axis(int64_t begin, int64_t count, const int64_t *values, int64_t **out) {
  AE_RETURN_IF(AE_NEW(*out, count));
  for (int64_t i = 0; i < count; i++) (*out)[i] = values == NULL ? begin + i : values[begin + i];
  return AE_OK;
}

ae_status ae_h5_create_axis(ae_h5 *file, const char *group, const char *name, int64_t length, const int64_t *values,
                            const char *description) {
  ae_status status = AE_OK;
  int64_t *own = NULL;
  char path[AE_MESSAGE_SIZE / 2];
  const int rank = ae_comm_rank(file->comm), ranks = ae_comm_size(file->comm);
  const int64_t begin = ae_muldiv(rank, length, ranks), count = ae_muldiv(rank + 1, length, ranks) - begin;
  const ae_h5_dataset dataset = {path, AE_H5_INT64, 1, {length}, {name}, description, NULL};
  snprintf(path, sizeof path, "%s/%s", strcmp(group, "/") == 0 ? "" : group, name);
  AE_CHECK(ae_comm_agree(file->comm, fill_axis(begin, count, values, &own)));
  AE_CHECK(write_dataset(file, &dataset, name, begin, count, own));
cleanup:
  AE_FREE(own);
  return status;
}
