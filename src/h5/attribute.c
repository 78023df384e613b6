/* Attributes, and text datasets. */
#include "mpiae/base/memory.h"
#include "private.h"

#include <stdio.h>
#include <string.h>

/* A text dataset lives in its object header, whose checksum covers it; a header message holds less than 64 KiB. */
#define LONGEST_TEXT 60000

static herr_t attach(hid_t object, const char *name, hid_t type, const void *value) {
  hid_t space = H5Screate(H5S_SCALAR), attribute = H5I_INVALID_HID;
  herr_t result = -1;
  const htri_t exists = H5Aexists(object, name);
  if (space < 0 || exists < 0 || (exists > 0 && H5Adelete(object, name) < 0)) goto cleanup;
  attribute = H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
  if (attribute >= 0) result = H5Awrite(attribute, type, value);
cleanup:
  ae_h5_release(&attribute);
  ae_h5_release(&space);
  return result;
}

static hid_t text_type(size_t size, H5T_cset_t letters) {
  hid_t type = H5Tcopy(H5T_C_S1);
  if (type >= 0 && (H5Tset_size(type, size) < 0 || H5Tset_cset(type, letters) < 0)) ae_h5_release(&type);
  return type;
}

/* HDF5 does not convert between ASCII and UTF-8, even where they are the same bytes, and Octave asks for ASCII: a text
 * dataset that is not gives up the whole file there. */
static H5T_cset_t letters_of(const char *text) {
  for (; *text != '\0'; text++)
    if ((unsigned char)*text > 127) return H5T_CSET_UTF8;
  return H5T_CSET_ASCII;
}

herr_t ae_h5_attach_text(hid_t object, const char *name, const char *text) {
  /* Of this size h5py gives a str; of a fixed one, bytes. */
  hid_t type = text_type(H5T_VARIABLE, H5T_CSET_UTF8);
  const herr_t result = type < 0 ? -1 : attach(object, name, type, &text);
  ae_h5_release(&type);
  return result;
}

static void name_attribute(char *out, const char *name, const char *path) {
  snprintf(out, AE_MESSAGE_SIZE / 4, "attribute '%s' of %s", name, path);
}

/* Rank 0. Puts a number when type ≥ 0, else a text. */
static ae_status put_on_root(ae_h5 *file, const char *path, const char *name, hid_t type, const void *value) {
  char object[AE_MESSAGE_SIZE / 4];
  name_attribute(object, name, path);
  hid_t owner = H5Oopen(file->handle, path, H5P_DEFAULT);
  herr_t result = -1;
  if (owner >= 0) result = type < 0 ? ae_h5_attach_text(owner, name, value) : attach(owner, name, type, value);
  ae_status status = ae_h5_require(file, result, "write", object, AE_H5_SPACE);
  ae_h5_release(&owner);
  return status;
}

static ae_status put(ae_h5 *file, const char *path, const char *name, hid_t type, const void *value) {
  return ae_comm_agree(file->comm, ae_h5_is_root(file) ? put_on_root(file, path, name, type, value) : AE_OK);
}

ae_status ae_h5_put_text(ae_h5 *file, const char *path, const char *name, const char *text) {
  return put(file, path, name, H5I_INVALID_HID, text);
}

ae_status ae_h5_put_integer(ae_h5 *file, const char *path, const char *name, int64_t value) {
  return put(file, path, name, H5T_NATIVE_INT64, &value);
}

ae_status ae_h5_put_real(ae_h5 *file, const char *path, const char *name, double value) {
  return put(file, path, name, H5T_NATIVE_DOUBLE, &value);
}

ae_status ae_h5_has_attribute(ae_h5 *file, const char *path, const char *name, bool *exists) {
  char object[AE_MESSAGE_SIZE / 4];
  const htri_t found = ae_h5_is_root(file) ? H5Aexists_by_name(file->handle, path, name, H5P_DEFAULT) : 0;
  name_attribute(object, name, path);
  AE_RETURN_IF(ae_comm_agree(file->comm, ae_h5_require(file, found, "look up", object, AE_H5_DAMAGED)));
  *exists = ae_comm_max(file->comm, found) > 0;
  return AE_OK;
}

/* Local. Opens an attribute of one element and gives its type. */
static ae_status open_attribute(ae_h5 *file, const char *path, const char *name, const char *object, hid_t *attribute,
                                hid_t *type) {
  ae_status status = AE_OK;
  hid_t space = H5I_INVALID_HID;
  *type = H5I_INVALID_HID;
  *attribute = H5Aopen_by_name(file->handle, path, name, H5P_DEFAULT, H5P_DEFAULT);
  AE_CHECK(ae_h5_require(file, *attribute, "find", object, AE_H5_DAMAGED));
  *type = H5Aget_type(*attribute);
  space = H5Aget_space(*attribute);
  AE_CHECK(ae_h5_require(file, *type < 0 || space < 0 ? -1 : 0, "read", object, AE_H5_DAMAGED));
  if (H5Sget_simple_extent_npoints(space) != 1)
    AE_RAISE(AE_DATA, "%s: %s must have one value; " AE_H5_DAMAGED, file->path, object);
cleanup:
  ae_h5_release(&space);
  return status;
}

static ae_status get_number(ae_h5 *file, const char *path, const char *name, bool real, void *value) {
  ae_status status = AE_OK;
  char object[AE_MESSAGE_SIZE / 4];
  hid_t attribute, type;
  name_attribute(object, name, path);
  AE_CHECK(open_attribute(file, path, name, object, &attribute, &type));
  const H5T_class_t class = H5Tget_class(type);
  if (class != H5T_INTEGER && !(real && class == H5T_FLOAT))
    AE_RAISE(AE_DATA, "%s: %s must be %s; " AE_H5_DAMAGED, file->path, object, real ? "a number" : "an integer");
  AE_CHECK(ae_h5_require(file, H5Aread(attribute, real ? H5T_NATIVE_DOUBLE : H5T_NATIVE_INT64, value), "read", object,
                         AE_H5_DAMAGED));
cleanup:
  ae_h5_release(&type);
  ae_h5_release(&attribute);
  return ae_comm_agree(file->comm, status);
}

ae_status ae_h5_get_integer(ae_h5 *file, const char *path, const char *name, int64_t *value) {
  return get_number(file, path, name, false, value);
}

ae_status ae_h5_get_real(ae_h5 *file, const char *path, const char *name, double *value) {
  return get_number(file, path, name, true, value);
}

/* Local. Reads one text of either kind, variable or fixed, from an attribute or a dataset. */
static ae_status read_text(ae_h5 *file, hid_t source, hid_t type, const char *object, char **text) {
  ae_status status = AE_OK;
  const bool attribute = H5Iget_type(source) == H5I_ATTR;
  char *lent = NULL;
  *text = NULL;
  if (H5Tget_class(type) != H5T_STRING) AE_RAISE(AE_DATA, "%s: %s must be text; " AE_H5_DAMAGED, file->path, object);
  const bool variable = H5Tis_variable_str(type) > 0;
  if (!variable) AE_CHECK(AE_NEW(*text, H5Tget_size(type) + 1));
  void *place = variable ? (void *)&lent : *text;
  AE_CHECK(ae_h5_require(
      file, attribute ? H5Aread(source, type, place) : H5Dread(source, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, place),
      "read", object, AE_H5_DAMAGED));
  if (variable) AE_CHECK(ae_memory_text(lent == NULL ? "" : lent, text));
cleanup:
  if (lent != NULL) H5free_memory(lent);
  return status;
}

/* A text that only some ranks could read is given to none. */
static ae_status agree_text(const ae_h5 *file, ae_status status, char **text) {
  status = ae_comm_agree(file->comm, status);
  if (status != AE_OK) AE_FREE(*text);
  return status;
}

ae_status ae_h5_get_text(ae_h5 *file, const char *path, const char *name, char **text) {
  ae_status status = AE_OK;
  char object[AE_MESSAGE_SIZE / 4];
  hid_t attribute, type;
  *text = NULL;
  name_attribute(object, name, path);
  AE_CHECK(open_attribute(file, path, name, object, &attribute, &type));
  AE_CHECK(read_text(file, attribute, type, object, text));
cleanup:
  ae_h5_release(&type);
  ae_h5_release(&attribute);
  return agree_text(file, status, text);
}

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
  type = text_type(strlen(text) + 1, letters_of(text));
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
  AE_CHECK(read_text(file, dataset, type, path, text));
cleanup:
  ae_h5_release(&space);
  ae_h5_release(&type);
  ae_h5_release(&dataset);
  return agree_text(file, status, text);
}
