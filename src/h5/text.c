/* Text datasets. */
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

ae_status ae_h5_read_text(ae_h5 *file, const char *path, char **text) {
  ae_status status = AE_OK;
  hid_t type = H5I_INVALID_HID, space = H5I_INVALID_HID;
  *text = NULL;
  hid_t dataset = H5Dopen2(file->handle, path, H5P_DEFAULT);
  AE_CHECK(ae_h5_require(file, dataset, "open", path, AE_H5_DAMAGED));
  type = H5Dget_type(dataset);
  space = H5Dget_space(dataset);
  AE_CHECK(ae_h5_require(file, type < 0 || space < 0 ? -1 : 0, "read", path, AE_H5_DAMAGED));
  if (H5Sget_simple_extent_npoints(space) != 1)
    AE_RAISE(AE_DATA, "%s: %s must hold one text; " AE_H5_DAMAGED, file->path, path);
  AE_CHECK(ae_h5_take_text(file, dataset, type, path, text));
cleanup:
  ae_h5_release(&space);
  ae_h5_release(&type);
  ae_h5_release(&dataset);
  return ae_h5_agree_text(file, status, text);
}
