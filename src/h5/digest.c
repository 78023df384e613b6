/* Digests of arrays: the attribute `digests` of a dataset has n numbers of 64 bits, for n blocks of ⌈rows / n⌉ rows (of
 * the last there may be fewer). The number of a block is XXH3 (xxhash.com) of its bytes as they lie in the file, seeded
 * by that of the array's path, seeded by that of "(<length>, <length>) <block>": so zeros, blocks of elsewhere and those
 * that were never written are noticed, which HDF5's fletcher32, being zero for zeros, does not. */
#include "mpiae/base/arithmetic.h"
#include "mpiae/base/memory.h"
#include "private.h"

#include <stdio.h>
#include <string.h>
#include <xxhash.h>

#define NAME "digests"
#define CHANGED                                                                                                        \
  "the file is damaged: make it again or take another copy (whoever changes or moves an array of ours on purpose "     \
  "deletes its attribute '" NAME "')"

/* A shape is printed as Python prints a tuple. */
uint64_t ae_h5_digest(const char *path, int rank, const int64_t *dim, int64_t block, const void *bytes, int64_t count) {
  char place[32 * AE_H5_MAX_RANK + 32];
  size_t used = 0;
  for (int i = 0; i < rank; i++)
    used += (size_t)snprintf(place + used, sizeof place - used, "%s%lld", i > 0 ? ", " : "(", (long long)dim[i]);
  used += (size_t)snprintf(place + used, sizeof place - used, "%s) %lld", rank == 1 ? "," : "", (long long)block);
  const XXH64_hash_t seed = XXH3_64bits_withSeed(path, strlen(path), XXH3_64bits(place, used));
  return XXH3_64bits_withSeed(bytes, (size_t)count, seed);
}

/* The room that they take is known before the rows are. */
ae_status ae_h5_reserve_digests(ae_h5 *file, hid_t dataset, const char *path, int64_t count) {
  const hsize_t length = (hsize_t)count;
  hid_t space = H5Screate_simple(1, &length, NULL), attribute = H5I_INVALID_HID;
  if (space >= 0) attribute = H5Acreate2(dataset, NAME, H5T_STD_U64LE, space, H5P_DEFAULT, H5P_DEFAULT);
  ae_status status = ae_h5_require(file, attribute, "make room for the digests of", path, AE_H5_SPACE);
  ae_h5_release(&attribute);
  ae_h5_release(&space);
  return status;
}

ae_status ae_h5_write_digests(ae_h5 *file, hid_t dataset, const char *path, const uint64_t *digest) {
  hid_t attribute = H5Aopen(dataset, NAME, H5P_DEFAULT);
  const herr_t result = attribute < 0 ? -1 : H5Awrite(attribute, H5T_NATIVE_UINT64, digest);
  ae_status status = ae_h5_require(file, result, "write the digests of", path, AE_H5_SPACE);
  ae_h5_release(&attribute);
  return status;
}

/* Their number, with room for them; 0 of an array without. */
static ae_status read_digests(ae_h5 *file, hid_t dataset, const char *path, int64_t rows, int64_t *count,
                              uint64_t **digest) {
  ae_status status = AE_OK;
  hid_t attribute = H5I_INVALID_HID, space = H5I_INVALID_HID;
  const htri_t exists = H5Aexists(dataset, NAME);
  AE_CHECK(ae_h5_require(file, exists, "look for the digests of", path, AE_H5_DAMAGED));
  *count = 0;
  if (exists == 0) return AE_OK;
  attribute = H5Aopen(dataset, NAME, H5P_DEFAULT);
  space = attribute < 0 ? attribute : H5Aget_space(attribute);
  AE_CHECK(ae_h5_require(file, space, "read the digests of", path, AE_H5_DAMAGED));
  *count = (int64_t)H5Sget_simple_extent_npoints(space);
  if (*count < 1 || *count > rows)
    AE_RAISE(AE_DATA, "%s: %s has %lld digests of %lld rows: " CHANGED, file->path, path, (long long)*count,
             (long long)rows);
  AE_CHECK(AE_NEW(*digest, *count));
  AE_CHECK(
      ae_h5_require(file, H5Aread(attribute, H5T_NATIVE_UINT64, *digest), "read the digests of", path, AE_H5_DAMAGED));
cleanup:
  ae_h5_release(&space);
  ae_h5_release(&attribute);
  return status;
}

/* The rows of an array that a check is about; those at `rows` have been read already, or none where it is NULL. */
typedef struct checking {
  ae_h5 *file;
  const char *path;
  hid_t dataset, stored; /* `stored`: the type of the file */
  const ae_h5_rows *read;
  int64_t row_bytes, block_rows;
  char *own_path; /* of the dataset in its own file, wherever links led from */
  char *buffer;   /* for a block */
} checking;

static ae_status find_own_path(checking *check) {
  const ssize_t length = H5Iget_name(check->dataset, NULL, 0);
  AE_RETURN_IF(ae_h5_require(check->file, length, "name", check->path, AE_H5_DAMAGED));
  AE_RETURN_IF(AE_NEW(check->own_path, length + 1));
  return ae_h5_require(check->file, H5Iget_name(check->dataset, check->own_path, (size_t)length + 1), "name",
                       check->path, AE_H5_DAMAGED);
}

/* The bytes of a block as they lie in the file: those that were read, or read for this. */
static ae_status find_bytes(checking *check, int64_t first, int64_t count, const char **out) {
  const ae_h5_rows *read = check->read;
  if (read->rows != NULL && first >= read->begin && first + count <= read->begin + read->count) {
    *out = (const char *)read->rows + (first - read->begin) * check->row_bytes;
    return AE_OK;
  }
  if (check->buffer == NULL) AE_RETURN_IF(AE_NEW(check->buffer, check->block_rows * check->row_bytes));
  *out = check->buffer;
  const herr_t result =
      ae_h5_read_slice(check->dataset, check->stored, read->rank, read->dim, first, count, check->buffer);
  return ae_h5_require(check->file, result, "read", check->path, AE_H5_DAMAGED);
}

static ae_status check_block(checking *check, int64_t block, uint64_t digest) {
  const char *bytes;
  const ae_h5_rows *read = check->read;
  const int64_t first = block * check->block_rows, count = ae_min(check->block_rows, read->dim[0] - first);
  AE_RETURN_IF(find_bytes(check, first, count, &bytes));
  if (ae_h5_digest(check->own_path, read->rank, read->dim, block, bytes, count * check->row_bytes) == digest)
    return AE_OK;
  return AE_FAIL(AE_DATA, "%s: rows %lld to %lld of %s are not those that were written: " CHANGED, check->file->path,
                 (long long)first, (long long)(first + count - 1), check->path);
}

ae_status ae_h5_check_rows(ae_h5 *file, const char *path, hid_t dataset, const ae_h5_rows *read, bool *has_digests) {
  ae_status status = AE_OK;
  uint64_t *digest = NULL;
  int64_t count = 0;
  checking check = {.file = file, .path = path, .dataset = dataset, .stored = H5I_INVALID_HID, .read = read};
  AE_CHECK(read_digests(file, dataset, path, read->dim[0], &count, &digest));
  *has_digests = count > 0;
  if (count == 0 || read->count == 0) goto cleanup;
  AE_CHECK(find_own_path(&check));
  check.stored = H5Dget_type(dataset);
  AE_CHECK(ae_h5_require(file, check.stored, "read the type of", path, AE_H5_DAMAGED));
  check.row_bytes = (int64_t)H5Tget_size(check.stored);
  for (int i = 1; i < read->rank; i++) check.row_bytes *= read->dim[i];
  check.block_rows = (read->dim[0] + count - 1) / count;
  for (int64_t block = read->begin / check.block_rows; block * check.block_rows < read->begin + read->count; block++)
    AE_CHECK(check_block(&check, block, digest[block]));
cleanup:
  AE_FREE(check.buffer);
  AE_FREE(check.own_path);
  AE_FREE(digest);
  ae_h5_release(&check.stored);
  return status;
}
