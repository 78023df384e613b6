/* Text datasets. */
#include "mpiae/base/memory.h"
#include "private.h"

#include <string.h>

/* A text dataset lives in its object header, whose checksum covers it; a header message holds less than 64 KiB. */
#define LONGEST_TEXT 60000

static hid_t create_text(hid_t file, const char *path, hid_t type) {
  hid_t space = H5Screate(H5S_SCALAR), list = H5Pcreate(H5P_DATASET_CREATE), dataset = H5I_INVALID_HID;
  if (space >= 0 && list >= 0 && H5Pset_layout(list, H5D_COMPACT) >= 0 && H5Pset_obj_track_times(list, false) >= 0)
    dataset = H5Dcreate2(file, path, type, space, H5P_DEFAULT, list, H5P_DEFAULT);
  ae_h5_release(&list);
  ae_h5_release(&space);
  return dataset;
}

static ae_status write_text_on_root(ae_h5 *file, const char *path, const char *text, const char *description) {
  ae_status status = AE_OK;
  hid_t type = H5I_INVALID_HID, dataset = H5I_INVALID_HID;
  AE_CHECK(ae_h5_make_parents(file, path));
  type = ae_h5_text_type(strlen(text) + 1, ae_h5_letters_of(text));
  dataset = type < 0 ? type : create_text(file->handle, path, type);
  AE_CHECK(ae_h5_require(file, dataset, "create", path, AE_H5_SPACE));
  AE_CHECK(
      ae_h5_require(file, H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, text), "write", path, AE_H5_SPACE));
  AE_CHECK(ae_h5_require(file, ae_h5_attach_text(dataset, "description", description), "describe", path, AE_H5_SPACE));
cleanup:
  ae_h5_release(&dataset);
  ae_h5_release(&type);
  return status;
}

ae_status ae_h5_write_text(ae_h5 *file, const char *path, const char *text, const char *description) {
  ae_status status = AE_OK;
  const size_t size = strlen(text) + 1;
  if (size > LONGEST_TEXT)
    status = AE_FAIL(AE_INTERNAL, "%s: text %s has %zu bytes; a text dataset holds at most %d", file->path, path, size,
                     LONGEST_TEXT);
  else if (ae_h5_is_root(file)) status = write_text_on_root(file, path, text, description);
  return ae_comm_agree(file->comm, status);
}

/* A dataset of texts. */
typedef struct texts {
  hid_t dataset, type, space;
} texts;

static ae_status open_texts(ae_h5 *file, const char *path, texts *out) {
  *out = (texts){H5I_INVALID_HID, H5I_INVALID_HID, H5I_INVALID_HID};
  out->dataset = H5Dopen2(file->handle, path, H5P_DEFAULT);
  AE_RETURN_IF(ae_h5_require(file, out->dataset, "open", path, AE_H5_DAMAGED));
  AE_RETURN_IF(ae_h5_require_parts(file, out->dataset, path));
  out->type = H5Dget_type(out->dataset);
  out->space = H5Dget_space(out->dataset);
  return ae_h5_require(file, out->type < 0 || out->space < 0 ? -1 : 0, "read", path, AE_H5_DAMAGED);
}

static void close_texts(texts *opened) {
  ae_h5_release(&opened->space);
  ae_h5_release(&opened->type);
  ae_h5_release(&opened->dataset);
}

ae_status ae_h5_read_text(ae_h5 *file, const char *path, char **text) {
  ae_status status;
  texts opened;
  *text = NULL;
  AE_CHECK(open_texts(file, path, &opened));
  if (H5Sget_simple_extent_npoints(opened.space) != 1)
    AE_RAISE(AE_DATA, "%s: %s must hold one text; " AE_H5_DAMAGED, file->path, path);
  AE_CHECK(ae_h5_take_text(file, opened.dataset, opened.type, path, text));
cleanup:
  close_texts(&opened);
  return ae_h5_agree_text(file, status, text);
}

/* Texts of a fixed size, which may fill it, or of their own, as one block of pointers and copies. */
static ae_status copy_texts(const char *raw, size_t size, bool variable, int64_t count, char ***out) {
  const size_t pointers = (size_t)count * sizeof(char *);
  size_t bytes = 0;
  char *block = NULL;
  char *const *own = (char *const *)(const void *)raw;
  for (int64_t i = 0; i < count; i++) bytes += (variable ? own[i] == NULL ? 0 : strlen(own[i]) : size) + 1;
  AE_RETURN_IF(AE_NEW(block, pointers + bytes));
  *out = (char **)(void *)block;
  char *next = block + pointers;
  for (int64_t i = 0; i < count; i++) {
    const char *from = variable ? own[i] == NULL ? "" : own[i] : raw + (size_t)i * size;
    size_t length;
    (*out)[i] = next;
    if (variable) {
      length = strlen(from);
      memcpy(next, from, length + 1);
    } else {
      length = strnlen(from, size);
      memcpy(next, from, length);
    }
    next += length + 1;
  }
  return AE_OK;
}

/* Rows of a dataset as they are in the file; of texts of no fixed size, pointers that HDF5 must be given back. */
static ae_status take_texts(ae_h5 *file, const char *path, const texts *from, int64_t begin, int64_t count,
                            char ***out) {
  ae_status status = AE_OK;
  char *raw = NULL;
  hsize_t dim[H5S_MAX_RANK] = {0}, start[H5S_MAX_RANK] = {(hsize_t)begin};
  const int rank = H5Sget_simple_extent_dims(from->space, dim, NULL);
  const bool variable = H5Tis_variable_str(from->type) > 0;
  const size_t size = variable ? sizeof(char *) : H5Tget_size(from->type);
  int64_t total = 1;
  dim[0] = (hsize_t)count;
  for (int i = 0; i < rank; i++) total *= (int64_t)dim[i];
  hid_t memory = H5Screate_simple(rank, dim, NULL);
  AE_CHECK(AE_NEW(raw, (size_t)total * size));
  const bool chosen = memory >= 0 && H5Sselect_hyperslab(from->space, H5S_SELECT_SET, start, NULL, dim, NULL) >= 0;
  const herr_t result = chosen ? H5Dread(from->dataset, from->type, memory, from->space, H5P_DEFAULT, raw) : -1;
  AE_CHECK(ae_h5_require(file, result, "read", path, AE_H5_DAMAGED));
  status = copy_texts(raw, size, variable, total, out);
  if (variable) H5Dvlen_reclaim(from->type, memory, H5P_DEFAULT, raw);
cleanup:
  AE_FREE(raw);
  ae_h5_release(&memory);
  return status;
}

ae_status ae_h5_read_texts(ae_h5 *file, const char *path, int64_t begin, int64_t count, char ***out) {
  ae_status status;
  texts opened;
  *out = NULL;
  AE_CHECK(open_texts(file, path, &opened));
  AE_CHECK(take_texts(file, path, &opened, begin, count, out));
cleanup:
  close_texts(&opened);
  status = ae_comm_agree(file->comm, status);
  if (status != AE_OK) AE_FREE(*out);
  return status;
}
