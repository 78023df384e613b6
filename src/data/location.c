#include "mpiae/data/location.h"

#include "mpiae/base/memory.h"

#include <hdf5_hl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* Datasets that a message names. */
enum { MOST_NAMES = 6, NAMES_SIZE = 400 };

static bool exists(const char *text, size_t length) {
  char path[4096];
  struct stat info;
  if (length >= sizeof path) return false;
  memcpy(path, text, length);
  path[length] = '\0';
  return stat(path, &info) == 0;
}

/* "FILE.h5:path": a colon without a slash, behind the name of a file. */
static int64_t end_before_plain_path(const char *text, size_t length) {
  for (size_t i = length; i-- > 1;)
    if (text[i] == ':' && text[i + 1] != '\0' && exists(text, i)) return (int64_t)i;
  return (int64_t)length;
}

/* Where the file's name ends: at a colon, or at the end of the text. */
static int64_t end_of_file(const char *text) {
  const size_t length = strlen(text);
  size_t last = length;
  if (exists(text, length)) return (int64_t)length;
  for (size_t i = length; i-- > 1;) {
    if (text[i] != ':' || text[i + 1] != '/') continue;
    if (last == length) last = i;
    if (exists(text, i)) return (int64_t)i;
  }
  return last < length ? (int64_t)last : end_before_plain_path(text, length);
}

static ae_status take_apart(const char *text, size_t end, ae_location *out) {
  AE_RETURN_IF(ae_memory_text(text, &out->file));
  out->file[end] = '\0';
  if (text[end] != ':') return AE_OK;
  const bool rooted = text[end + 1] == '/';
  AE_RETURN_IF(ae_memory_text(text + end + rooted, &out->array)); /* the colon leaves room for a slash */
  out->array[0] = '/';
  return AE_OK;
}

ae_status ae_location_find(const ae_comm *comm, const char *text, ae_location *out) {
  int64_t end = 0;
  *out = (ae_location){0};
  if (ae_comm_rank(comm) == 0) end = end_of_file(text);
  ae_comm_broadcast(comm, &end, (int64_t)sizeof end);
  const ae_status status = ae_comm_agree(comm, take_apart(text, (size_t)end, out));
  if (status != AE_OK) ae_location_free(out);
  return status;
}

void ae_location_free(ae_location *location) {
  AE_FREE(location->file);
  AE_FREE(location->array);
}

bool ae_location_holds(const ae_h5 *file, const char *array) {
  H5O_info_t info;
  const hid_t handle = ae_h5_handle(file);
  const bool held = H5LTpath_valid(handle, array, true) > 0 &&
                    H5Oget_info_by_name(handle, array, &info, H5P_DEFAULT) >= 0 && info.type == H5O_TYPE_DATASET;
  H5Eclear2(H5E_DEFAULT);
  return held;
}

typedef struct name_list {
  char text[NAMES_SIZE];
  size_t used;
  int named, passed;
} name_list;

/* Dimension scales are no data. */
static herr_t name_dataset(hid_t root, const char *name, const H5O_info_t *info, void *context) {
  name_list *list = context;
  if (info->type != H5O_TYPE_DATASET || H5Aexists_by_name(root, name, "CLASS", H5P_DEFAULT) > 0) return 0;
  if (list->named == MOST_NAMES || list->used + strlen(name) + 4 > sizeof list->text) {
    list->passed++;
    return 0;
  }
  list->used += (size_t)sprintf(list->text + list->used, "%s/%s", list->named > 0 ? ", " : "", name);
  list->named++;
  return 0;
}

ae_status ae_location_require(const ae_comm *comm, ae_h5 *file, const char *array) {
  name_list list = {.text = ""};
  char more[32] = "";
  bool linked;
  if (ae_comm_max(comm, !ae_location_holds(file, array)) == 0) return AE_OK;
  AE_RETURN_IF(ae_h5_exists(file, array, &linked));
  if (linked) AE_RETURN_IF(ae_comm_agree(comm, ae_h5_explain_open(file, array)));
  H5Ovisit(ae_h5_handle(file), H5_INDEX_NAME, H5_ITER_INC, name_dataset, &list);
  H5Eclear2(H5E_DEFAULT);
  if (list.passed > 0) snprintf(more, sizeof more, " and %d more", list.passed);
  return ae_comm_agree(comm, AE_FAIL(AE_DATA, "%s has no dataset %s; it has %s%s", ae_h5_path(file), array,
                                     list.named > 0 ? list.text : "none that can be named here", more));
}
