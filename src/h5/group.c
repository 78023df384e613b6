/* Links, groups and paths. */
#include "mpiae/base/memory.h"
#include "private.h"

#include <string.h>

/* Copies the first components of a path, up to the end of the one that starts at `from`. Returns where the next
 * one starts, or 0 after the last. */
static size_t prefix_of(const char *path, size_t from, char *prefix) {
  while (path[from] == '/') from++;
  const size_t end = from + strcspn(path + from, "/");
  memcpy(prefix, path, end);
  prefix[end] = '\0';
  return path[end] == '\0' ? 0 : end + 1;
}

/* Below a dataset there is nothing, which HDF5 calls an error. */
static bool is_below_dataset(const ae_h5 *file, char *prefix) {
  H5O_info_t info;
  char *slash = strrchr(prefix, '/');
  if (slash == NULL || slash == prefix) return false;
  *slash = '\0';
  const bool below =
      H5Oget_info_by_name(file->handle, prefix, &info, H5P_DEFAULT) >= 0 && info.type == H5O_TYPE_DATASET;
  *slash = '/';
  return below;
}

ae_status ae_h5_find(ae_h5 *file, const char *path, const char *advice, bool *found) {
  char *prefix = NULL;
  htri_t exists = 1;
  size_t next = 0;
  AE_RETURN_IF(AE_NEW(prefix, strlen(path) + 1));
  if (path[strspn(path, "/")] != '\0') do {
      next = prefix_of(path, next, prefix);
      exists = H5Lexists(file->handle, prefix, H5P_DEFAULT);
      if (exists < 0 && is_below_dataset(file, prefix)) exists = 0;
    } while (next != 0 && exists > 0);
  AE_FREE(prefix);
  *found = exists > 0;
  return ae_h5_require(file, exists, "look up", path, advice);
}

static hid_t make_group(hid_t file, const char *path) {
  hid_t list = H5Pcreate(H5P_GROUP_CREATE), group = H5I_INVALID_HID;
  if (list >= 0 && H5Pset_obj_track_times(list, false) >= 0)
    group = H5Gcreate2(file, path, H5P_DEFAULT, list, H5P_DEFAULT);
  ae_h5_release(&list);
  return group;
}

ae_status ae_h5_make_parents(ae_h5 *file, const char *path) {
  ae_status status = AE_OK;
  char *prefix = NULL;
  AE_CHECK(AE_NEW(prefix, strlen(path) + 1));
  for (size_t next = prefix_of(path, 0, prefix); next != 0; next = prefix_of(path, next, prefix)) {
    const htri_t found = H5Lexists(file->handle, prefix, H5P_DEFAULT);
    AE_CHECK(ae_h5_require(file, found, "look up", prefix, AE_H5_SPACE));
    if (found > 0) continue;
    hid_t group = make_group(file->handle, prefix);
    AE_CHECK(ae_h5_require(file, group, "make group", prefix, AE_H5_SPACE));
    ae_h5_release(&group);
  }
cleanup:
  AE_FREE(prefix);
  return status;
}

ae_status ae_h5_exists(ae_h5 *file, const char *path, bool *exists) {
  bool found = false;
  const ae_status status = ae_h5_is_root(file) ? ae_h5_find(file, path, AE_H5_DAMAGED, &found) : AE_OK;
  AE_RETURN_IF(ae_comm_agree(file->comm, status));
  *exists = ae_comm_max(file->comm, found) > 0;
  return AE_OK;
}

static ae_status create_on_root(ae_h5 *file, const char *path, const char *description) {
  ae_status status = AE_OK;
  hid_t group = H5I_INVALID_HID;
  AE_CHECK(ae_h5_make_parents(file, path));
  group = make_group(file->handle, path);
  AE_CHECK(ae_h5_require(file, group, "make group", path, AE_H5_SPACE));
  if (description != NULL)
    AE_CHECK(
        ae_h5_require(file, ae_h5_attach_text(group, "description", description), "describe group", path, AE_H5_SPACE));
cleanup:
  ae_h5_release(&group);
  return status;
}

ae_status ae_h5_create_group(ae_h5 *file, const char *path, const char *description) {
  return ae_comm_agree(file->comm, ae_h5_is_root(file) ? create_on_root(file, path, description) : AE_OK);
}

/* A list of names under construction: the first pass measures, the second copies. */
typedef struct name_list {
  char **names; /* NULL while measuring */
  char *next;
  int count;
  size_t bytes;
} name_list;

static herr_t visit_name(hid_t group, const char *name, const H5L_info_t *info, void *context) {
  (void)group, (void)info;
  name_list *list = context;
  if (list->names != NULL) {
    list->names[list->count] = strcpy(list->next, name);
    list->next += strlen(name) + 1;
  }
  list->count++;
  list->bytes += strlen(name) + 1;
  return 0;
}

static herr_t visit_all(hid_t group, name_list *list) {
  hsize_t position = 0;
  list->count = 0;
  return H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, &position, visit_name, list);
}

ae_status ae_h5_list(ae_h5 *file, const char *group, char ***names, int *count) {
  ae_status status = AE_OK;
  name_list list = {0};
  char *block = NULL;
  *names = NULL;
  *count = 0;
  hid_t handle = H5Gopen2(file->handle, group, H5P_DEFAULT);
  AE_CHECK(ae_h5_require(file, handle, "open group", group, AE_H5_DAMAGED));
  AE_CHECK(ae_h5_require(file, visit_all(handle, &list), "list group", group, AE_H5_DAMAGED));
  const size_t pointers = (size_t)list.count * sizeof(char *);
  AE_CHECK(AE_NEW(block, pointers + list.bytes));
  list.names = (char **)(void *)block;
  list.next = block + pointers;
  AE_CHECK(ae_h5_require(file, visit_all(handle, &list), "list group", group, AE_H5_DAMAGED));
cleanup:
  ae_h5_release(&handle);
  status = ae_comm_agree(file->comm, status);
  if (status != AE_OK) {
    AE_FREE(block);
    return status;
  }
  *names = list.names;
  *count = list.count;
  return AE_OK;
}
