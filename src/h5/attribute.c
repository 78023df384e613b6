/* Attributes. */
#include "private.h"

#include <stdio.h>

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

herr_t ae_h5_attach_text(hid_t object, const char *name, const char *text) {
  /* Of this size h5py gives a str; of a fixed one, bytes. */
  hid_t type = ae_h5_text_type(H5T_VARIABLE, H5T_CSET_UTF8);
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

ae_status ae_h5_get_text(ae_h5 *file, const char *path, const char *name, char **text) {
  ae_status status = AE_OK;
  char object[AE_MESSAGE_SIZE / 4];
  hid_t attribute, type;
  *text = NULL;
  name_attribute(object, name, path);
  AE_CHECK(open_attribute(file, path, name, object, &attribute, &type));
  AE_CHECK(ae_h5_take_text(file, attribute, type, object, text));
cleanup:
  ae_h5_release(&type);
  ae_h5_release(&attribute);
  return ae_h5_agree_text(file, status, text);
}

static herr_t read_reals(hid_t attribute, hid_t type, hid_t space, int most, double *values, int *count) {
  const H5T_class_t class = H5Tget_class(type);
  const hssize_t held = H5Sget_simple_extent_npoints(space);
  if ((class != H5T_INTEGER && class != H5T_FLOAT) || held < 1 || held > most) return 0;
  *count = (int)held;
  return H5Aread(attribute, H5T_NATIVE_DOUBLE, values);
}

ae_status ae_h5_get_reals(ae_h5 *file, const char *path, const char *name, int most, double *values, int *count) {
  char object[AE_MESSAGE_SIZE / 4];
  name_attribute(object, name, path);
  *count = 0;
  hid_t attribute = H5Aopen_by_name(file->handle, path, name, H5P_DEFAULT, H5P_DEFAULT);
  hid_t type = attribute < 0 ? attribute : H5Aget_type(attribute);
  hid_t space = attribute < 0 ? attribute : H5Aget_space(attribute);
  const herr_t result = type < 0 || space < 0 ? -1 : read_reals(attribute, type, space, most, values, count);
  const ae_status status = ae_h5_require(file, result, "read", object, AE_H5_DAMAGED);
  ae_h5_release(&space);
  ae_h5_release(&type);
  ae_h5_release(&attribute);
  return ae_comm_agree(file->comm, status);
}
