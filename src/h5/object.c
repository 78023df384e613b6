#include "mpiae/h5/object.h"

#include "private.h"

#include <string.h>

static ae_status damaged(const ae_h5 *file, const char *path) {
  return AE_FAIL(AE_DATA, "%s: %s cannot be read; the file may be damaged: make it again", ae_h5_path(file), path);
}

static ae_h5_content content_of(H5T_class_t class) {
  if (class == H5T_INTEGER || class == H5T_ENUM) return AE_H5_INTEGERS;
  if (class == H5T_FLOAT) return AE_H5_REALS;
  return class == H5T_STRING ? AE_H5_TEXTS : AE_H5_OTHERS;
}

static bool describe_type(hid_t dataset, ae_h5_object *out) {
  const hid_t type = H5Dget_type(dataset);
  if (type < 0) return false;
  const H5T_class_t class = H5Tget_class(type);
  out->content = content_of(class);
  out->bytes = H5Tget_size(type);
  out->is_signed = class != H5T_INTEGER || H5Tget_sign(type) == H5T_SGN_2;
  return H5Tclose(type) >= 0 && class != H5T_NO_CLASS;
}

static bool describe_space(hid_t dataset, ae_h5_object *out) {
  const hid_t space = H5Dget_space(dataset);
  if (space < 0) return false;
  out->rank = H5Sget_simple_extent_dims(space, out->dim, NULL);
  if (H5Sget_simple_extent_type(space) == H5S_NULL) out->kind = AE_H5_OBJECT_EMPTY;
  return H5Sclose(space) >= 0 && out->rank >= 0;
}

static bool describe_dataset(hid_t file, const char *path, ae_h5_object *out) {
  const hid_t dataset = H5Dopen2(file, path, H5P_DEFAULT);
  if (dataset < 0) return false;
  const htri_t scale = H5Aexists(dataset, "CLASS"); /* HDF5's mark of a dimension scale */
  if (scale > 0) out->kind = AE_H5_OBJECT_SCALE;
  const bool done = scale >= 0 && describe_type(dataset, out) && describe_space(dataset, out);
  return H5Dclose(dataset) >= 0 && done;
}

/* Whether something is there: not behind a link that leads nowhere, or to itself. < 0 when it cannot be told, with the
 * reason where there is one. */
static htri_t find(ae_h5 *file, const char *path, ae_status *reason) {
  H5L_info_t info;
  bool linked = false;
  *reason = ae_h5_find(file, path, AE_H5_DAMAGED, &linked);
  if (*reason != AE_OK) return -1;
  const htri_t there = linked ? H5Oexists_by_name(file->handle, path, H5P_DEFAULT) : 0;
  const bool soft = there < 0 && H5Lget_info(file->handle, path, &info, H5P_DEFAULT) >= 0 && info.type != H5L_TYPE_HARD;
  H5Eclear2(H5E_DEFAULT);
  return soft ? 0 : there;
}

static bool describe_object(ae_h5 *file, const char *path, ae_h5_object *out, ae_status *reason) {
  H5O_info_t info;
  *out = (ae_h5_object){.kind = AE_H5_OBJECT_OTHER};
  const htri_t there = strcmp(path, "/") == 0 ? 1 : find(file, path, reason);
  if (there <= 0) {
    out->kind = AE_H5_OBJECT_LOST;
    return there == 0;
  }
  if (H5Oget_info_by_name(file->handle, path, &info, H5P_DEFAULT) < 0) return false;
  out->attributes = (int)info.num_attrs;
  out->place[0] = info.fileno;
  out->place[1] = info.addr;
  if (info.type == H5O_TYPE_GROUP) out->kind = AE_H5_OBJECT_GROUP;
  if (info.type != H5O_TYPE_DATASET) return true;
  out->kind = AE_H5_OBJECT_DATASET;
  return describe_dataset(file->handle, path, out);
}

ae_status ae_h5_object_find(ae_h5 *file, const char *path, ae_h5_object *out) {
  ae_status status = AE_OK;
  if (!describe_object(file, path, out, &status) && status == AE_OK) {
    status = ae_h5_explain_open(file, path);
    if (status == AE_OK) status = damaged(file, path);
  }
  return ae_comm_agree(file->comm, status);
}

static ae_h5_content attribute_content(hid_t file, const char *path, const char *name) {
  const hid_t attribute = H5Aopen_by_name(file, path, name, H5P_DEFAULT, H5P_DEFAULT);
  if (attribute < 0) return AE_H5_OTHERS;
  const hid_t type = H5Aget_type(attribute), space = H5Aget_space(attribute);
  const bool single = type >= 0 && space >= 0 && H5Sget_simple_extent_npoints(space) == 1;
  const ae_h5_content content = single ? content_of(H5Tget_class(type)) : AE_H5_OTHERS;
  if (type >= 0) H5Tclose(type);
  if (space >= 0) H5Sclose(space);
  H5Aclose(attribute);
  return content;
}

ae_status ae_h5_attribute_find(ae_h5 *file, const char *path, int number, char name[AE_H5_NAME_SIZE],
                               ae_h5_content *content) {
  const hid_t handle = ae_h5_handle(file);
  const ssize_t length =
      H5Aget_name_by_idx(handle, path, H5_INDEX_NAME, H5_ITER_INC, (hsize_t)number, name, AE_H5_NAME_SIZE, H5P_DEFAULT);
  *content = length > 0 && length < AE_H5_NAME_SIZE ? attribute_content(handle, path, name) : AE_H5_OTHERS;
  return ae_comm_agree(file->comm, length < 0 ? damaged(file, path) : AE_OK);
}
