/* Types, shapes, rows. */
#include "mpiae/base/arithmetic.h"
#include "private.h"

#include <strings.h>

/* Bytes of one transfer. */
#define SLICE_BYTES ((int64_t)1 << 30)

hid_t ae_h5_memory_type(ae_h5_type type) {
  switch (type) {
  case AE_H5_UINT8:
    return H5T_NATIVE_UINT8;
  case AE_H5_INT32:
    return H5T_NATIVE_INT32;
  case AE_H5_INT64:
    return H5T_NATIVE_INT64;
  case AE_H5_FLOAT32:
    return H5T_NATIVE_FLOAT;
  case AE_H5_FLOAT64:
    return H5T_NATIVE_DOUBLE;
  }
  return H5I_INVALID_HID;
}

hid_t ae_h5_file_type(ae_h5_type type) {
  switch (type) {
  case AE_H5_UINT8:
    return H5T_STD_U8LE;
  case AE_H5_INT32:
    return H5T_STD_I32LE;
  case AE_H5_INT64:
    return H5T_STD_I64LE;
  case AE_H5_FLOAT32:
    return H5T_IEEE_F32LE;
  case AE_H5_FLOAT64:
    return H5T_IEEE_F64LE;
  }
  return H5I_INVALID_HID;
}

int64_t ae_h5_type_size(ae_h5_type type) {
  switch (type) {
  case AE_H5_UINT8:
    return 1;
  case AE_H5_INT32:
  case AE_H5_FLOAT32:
    return 4;
  case AE_H5_INT64:
  case AE_H5_FLOAT64:
    return 8;
  }
  return 0;
}

/* Rows per transfer, at least one, so that none moves more bytes than MPI can count. */
static int64_t slice_rows(int rank, const int64_t *dim, ae_h5_type type) {
  int64_t row_bytes = ae_h5_type_size(type);
  for (int i = 1; i < rank; i++) row_bytes *= ae_max(1, dim[i]);
  return ae_max(1, SLICE_BYTES / row_bytes);
}

/* As h5py stores bool. */
static bool is_bool(hid_t type) {
  char *first = H5Tget_nmembers(type) == 2 ? H5Tget_member_name(type, 0) : NULL;
  const bool found = first != NULL && strcasecmp(first, "FALSE") == 0;
  if (first != NULL) H5free_memory(first);
  return found;
}

static bool nearest_type(hid_t type, ae_h5_type *out);

static bool nearest_of_enumeration(hid_t type, ae_h5_type *out) {
  hid_t base = H5Tget_super(type);
  const bool found = base >= 0 && nearest_type(base, out);
  if (is_bool(type)) *out = AE_H5_UINT8;
  ae_h5_release(&base);
  return found;
}

/* False when no type of ours holds the values. */
static bool nearest_type(hid_t type, ae_h5_type *out) {
  const H5T_class_t class = H5Tget_class(type);
  const size_t size = H5Tget_size(type);
  if (class == H5T_ENUM) return nearest_of_enumeration(type, out);
  const bool is_unsigned = class == H5T_INTEGER && H5Tget_sign(type) == H5T_SGN_NONE;
  if (class == H5T_INTEGER && is_unsigned && size == 1) *out = AE_H5_UINT8;
  else if (class == H5T_INTEGER) *out = size < 4 || (size == 4 && !is_unsigned) ? AE_H5_INT32 : AE_H5_INT64;
  else if (class == H5T_FLOAT) *out = size <= 4 ? AE_H5_FLOAT32 : AE_H5_FLOAT64;
  else return false;
  return true;
}

/* Whoever is given the shape may multiply its lengths, and those by the bytes of a number, in the file or of ours. */
static ae_status check_size(ae_h5 *file, const char *path, hid_t dataset, int rank, const int64_t *dim) {
  int64_t bytes;
  hid_t type = H5Dget_type(dataset);
  const int64_t size = type < 0 ? -1 : (int64_t)H5Tget_size(type);
  ae_status status = ae_h5_require(file, size, "read the type of", path, AE_H5_DAMAGED);
  ae_h5_release(&type);
  if (status == AE_OK) status = ae_size_of(rank, dim, ae_max(size, (int64_t)sizeof(double)), path, &bytes);
  return ae_error_prefix(status, "%s", file->path);
}

/* Local. Opens a dataset with its shape. */
static ae_status open_dataset(ae_h5 *file, const char *path, hid_t *dataset, int *rank, int64_t dim[AE_H5_MAX_RANK]) {
  ae_status status = AE_OK;
  hsize_t size[H5S_MAX_RANK];
  hid_t space = H5I_INVALID_HID;
  bool found;
  AE_CHECK(ae_h5_find(file, path, AE_H5_DAMAGED, &found));
  if (!found) AE_RAISE(AE_DATA, "%s has no dataset %s; give a file that has one", file->path, path);
  *dataset = H5Dopen2(file->handle, path, H5P_DEFAULT);
  if (*dataset < 0) AE_CHECK(ae_h5_explain_open(file, path));
  AE_CHECK(ae_h5_require(file, *dataset, "open dataset", path, AE_H5_DAMAGED));
  space = H5Dget_space(*dataset);
  *rank = space < 0 ? -1 : H5Sget_simple_extent_dims(space, size, NULL);
  AE_CHECK(ae_h5_require(file, *rank, "read the shape of", path, AE_H5_DAMAGED));
  if (*rank > AE_H5_MAX_RANK || H5Sget_simple_extent_type(space) == H5S_NULL)
    AE_RAISE(AE_DATA, "%s: %s is empty or has more than %d axes", file->path, path, AE_H5_MAX_RANK);
  for (int i = 0; i < *rank; i++) dim[i] = size[i] > INT64_MAX ? -1 : (int64_t)size[i];
  AE_CHECK(check_size(file, path, *dataset, *rank, dim));
cleanup:
  ae_h5_release(&space);
  return status;
}

static ae_status type_of(ae_h5 *file, const char *path, hid_t dataset, ae_h5_type *type) {
  hid_t stored = H5Dget_type(dataset);
  ae_status status = ae_h5_require(file, stored, "read the type of", path, AE_H5_DAMAGED);
  if (status == AE_OK && !nearest_type(stored, type))
    status = AE_FAIL(AE_DATA, "%s: %s must hold numbers, integers or floats; convert it first", file->path, path);
  ae_h5_release(&stored);
  return status;
}

ae_status ae_h5_describe(ae_h5 *file, const char *path, ae_h5_type *type, int *rank, int64_t dim[AE_H5_MAX_RANK]) {
  ae_status status = AE_OK;
  hid_t dataset = H5I_INVALID_HID;
  AE_CHECK(open_dataset(file, path, &dataset, rank, dim));
  AE_CHECK(type_of(file, path, dataset, type));
cleanup:
  ae_h5_release(&dataset);
  return ae_comm_agree(file->comm, status);
}

ae_status ae_h5_expect(ae_h5 *file, const char *path, int rank, const int64_t *dim) {
  ae_h5_type type;
  int64_t found[AE_H5_MAX_RANK];
  int found_rank;
  AE_RETURN_IF(ae_h5_describe(file, path, &type, &found_rank, found));
  bool right = found_rank == rank;
  for (int i = 0; i < rank && right; i++) right = dim[i] < 0 || dim[i] == found[i];
  if (right) return AE_OK;
  return AE_FAIL(AE_DATA,
                 "%s: %s has another shape than the configuration in the same file says: the file is damaged or was "
                 "changed",
                 file->path, path);
}

/* Rows that were not converted are checked as they are. */
static ae_status check_rows(ae_h5 *file, const char *path, hid_t source, ae_h5_type type, ae_h5_rows read) {
  bool has_digests;
  hid_t stored = H5Dget_type(source);
  const htri_t equal = stored < 0 ? -1 : H5Tequal(stored, ae_h5_memory_type(type));
  ae_status status = ae_h5_require(file, equal, "read the type of", path, AE_H5_DAMAGED);
  ae_h5_release(&stored);
  if (equal == 0) read.rows = NULL;
  return status != AE_OK ? status : ae_h5_check_rows(file, path, source, &read, &has_digests);
}

static ae_status read_rows(ae_h5 *file, const char *path, hid_t source, ae_h5_type type, int64_t width, int rank,
                           const int64_t *dim, int64_t begin, int64_t count, char *rows) {
  const int64_t row_bytes = width * ae_h5_type_size(type);
  const int64_t most = slice_rows(rank, dim, type);
  int64_t found = 1;
  for (int i = 1; i < rank; i++) found *= dim[i];
  if (found != width)
    return AE_FAIL(AE_DATA,
                   "%s: %s has %lld numbers in a row, but %lld belong there: the file is damaged or was changed",
                   file->path, path, (long long)found, (long long)width);
  if (begin < 0 || count < 0 || begin > dim[0] - count)
    return AE_FAIL(AE_DATA, "%s: %s has %lld rows, but rows %lld to %lld were wanted", file->path, path,
                   (long long)dim[0], (long long)begin, (long long)(begin + count));
  for (int64_t done = 0; done < count && row_bytes > 0; done += most) {
    const herr_t result = ae_h5_read_slice(source, ae_h5_memory_type(type), rank, dim, begin + done,
                                           ae_min(most, count - done), rows + done * row_bytes);
    AE_RETURN_IF(ae_h5_explain_read(file, result, source, path));
  }
  return check_rows(file, path, source, type,
                    (ae_h5_rows){.rank = rank, .dim = dim, .begin = begin, .count = count, .rows = rows});
}

ae_status ae_h5_read(ae_h5 *file, const char *path, ae_h5_type type, int64_t width, int64_t begin, int64_t count,
                     void *rows) {
  ae_status status = AE_OK;
  hid_t source = H5I_INVALID_HID;
  int rank = 0;
  int64_t dim[AE_H5_MAX_RANK] = {0};
  ae_h5_type stored;
  AE_CHECK(open_dataset(file, path, &source, &rank, dim));
  AE_CHECK(type_of(file, path, source, &stored));
  AE_CHECK(ae_h5_require_parts(file, source, path));
  if (rank > 0) AE_CHECK(read_rows(file, path, source, type, width, rank, dim, begin, count, rows));
  else
    AE_CHECK(ae_h5_require(file, H5Dread(source, ae_h5_memory_type(type), H5S_ALL, H5S_ALL, H5P_DEFAULT, rows), "read",
                           path, AE_H5_DAMAGED));
cleanup:
  ae_h5_release(&source);
  return ae_comm_agree(file->comm, status);
}

ae_status ae_h5_verify(ae_h5 *file, const char *path, bool *has_digests) {
  ae_status status = AE_OK;
  hid_t source = H5I_INVALID_HID;
  int rank = 0;
  int64_t dim[AE_H5_MAX_RANK] = {0};
  *has_digests = false;
  AE_CHECK(open_dataset(file, path, &source, &rank, dim));
  if (rank == 0) goto cleanup;
  AE_CHECK(ae_h5_require_parts(file, source, path));
  const int64_t own = ae_comm_rank(file->comm), ranks = ae_comm_size(file->comm);
  const int64_t begin = ae_muldiv(dim[0], own, ranks), end = ae_muldiv(dim[0], own + 1, ranks);
  const ae_h5_rows read = {.rank = rank, .dim = dim, .begin = begin, .count = end - begin};
  AE_CHECK(ae_h5_check_rows(file, path, source, &read, has_digests));
cleanup:
  ae_h5_release(&source);
  return ae_comm_agree(file->comm, status);
}
