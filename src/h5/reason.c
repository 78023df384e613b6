/* Why a dataset of somebody else's cannot be opened or read: what HDF5 says of it is seldom what its owner can mend. */
#include "private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Filters that others register: https://github.com/HDFGroup/hdf5_plugins/blob/master/docs/RegisteredFilterPlugins.md */
static const struct {
  H5Z_filter_t number;
  const char *name;
} filters[] = {{H5Z_FILTER_SZIP, "szip"}, {305, "lzo"},   {307, "bzip2"},        {32000, "lzf"},
               {32001, "blosc"},          {32004, "lz4"}, {32008, "bitshuffle"}, {32013, "zfp"},
               {32015, "zstd"},           {32017, "sz"},  {32026, "blosc2"}};

static const char *name_of(H5Z_filter_t number) {
  for (size_t i = 0; i < sizeof filters / sizeof *filters; i++)
    if (filters[i].number == number) return filters[i].name;
  return "a filter that is not known here";
}

static ae_status lacks_filter(const ae_h5 *file, const char *path, H5Z_filter_t number) {
  return AE_FAIL(
      AE_DATA,
      "%s: %s is compressed with %s (filter %d of HDF5), which is not installed here: name the directory of "
      "its plugin in HDF5_PLUGIN_PATH (PyPI's hdf5plugin has many), or unpack the file where it can be read: "
      "h5repack -f NONE %s NEW",
      file->path, path, name_of(number), (int)number, file->path);
}

/* The first filter of its chunks that is not there; −1 = none is lacking. */
static int lacking(hid_t plan) {
  const int count = H5Pget_nfilters(plan);
  for (int i = 0; i < count; i++) {
    unsigned flags = 0;
    size_t values = 0;
    const H5Z_filter_t number = H5Pget_filter2(plan, (unsigned)i, &flags, &values, NULL, 0, NULL, NULL);
    if (number >= 0 && H5Zfilter_avail(number) <= 0) return (int)number;
  }
  return -1;
}

static ae_status lacks_part(ae_h5 *file, const char *path, size_t count, const char *part) {
  return AE_FAIL(
      AE_DATA,
      "%s: %s is a virtual dataset, made of parts in %zu places, and there is no file %s, which is one of them: "
      "put the files where it names them, or beside it",
      file->path, path, count, part);
}

/* Where HDF5 looks: beside the file that names it, and where the process is. */
static bool is_there(const ae_h5 *file, const char *part) {
  char beside[4096];
  const char *slash = strrchr(file->path, '/');
  const int folder = slash != NULL ? (int)(slash + 1 - file->path) : 0;
  snprintf(beside, sizeof beside, "%.*s%s", folder, file->path, part);
  return access(part, R_OK) == 0 || (part[0] != '/' && access(beside, R_OK) == 0);
}

/* Virtual datasets of one file may be made of one another, so many at most: HDF5 follows those that lead back to themselves
 * until its stack ends. Through other files it opens one at each turn, and there its end is that of descriptors. */
enum { MOST_VIRTUAL = 64 };

static bool has_end(hid_t dataset, int *left) {
  size_t count = 0;
  hid_t plan = H5Dget_create_plist(dataset), own = H5Iget_file_id(dataset);
  if (plan >= 0 && H5Pget_layout(plan) == H5D_VIRTUAL) H5Pget_virtual_count(plan, &count);
  bool found = count == 0 || --*left >= 0;
  for (size_t i = 0; i < count && found; i++) {
    char part[2] = "", name[1024] = "";
    if (H5Pget_virtual_filename(plan, i, part, sizeof part) != 1 || part[0] != '.') continue;
    H5Pget_virtual_dsetname(plan, i, name, sizeof name);
    hid_t source = H5Dopen2(own, name, H5P_DEFAULT);
    found = source < 0 || has_end(source, left);
    ae_h5_release(&source);
  }
  ae_h5_release(&own);
  ae_h5_release(&plan);
  return found;
}

/* HDF5 takes fill values, mostly zeros, for parts that it does not find. Names that are patterns ("%b") are left to it, and
 * all when the user has told it another place. */
ae_status ae_h5_require_parts(ae_h5 *file, hid_t dataset, const char *path) {
  ae_status status = AE_OK;
  size_t count = 0;
  hid_t plan = H5Dget_create_plist(dataset);
  if (plan >= 0 && H5Pget_layout(plan) == H5D_VIRTUAL) H5Pget_virtual_count(plan, &count);
  for (size_t i = 0; i < count && status == AE_OK && getenv("HDF5_VDS_PREFIX") == NULL; i++) {
    char part[2048] = ".";
    if (H5Pget_virtual_filename(plan, i, part, sizeof part) < 0 || strcmp(part, ".") == 0 || strchr(part, '%') != NULL)
      continue;
    if (!is_there(file, part)) status = lacks_part(file, path, count, part);
  }
  ae_h5_release(&plan);
  int left = MOST_VIRTUAL;
  if (status == AE_OK && count > 0 && !has_end(dataset, &left))
    status = AE_FAIL(AE_DATA, "%s: %s is a virtual dataset that is made of itself, or of more than %d others",
                     file->path, path, MOST_VIRTUAL);
  H5Eclear2(H5E_DEFAULT);
  return status;
}

ae_status ae_h5_explain_read(ae_h5 *file, int64_t result, hid_t dataset, const char *path) {
  if (result >= 0 && file->disk.error == 0) return AE_OK;
  ae_status status = ae_h5_require(file, result, "read", path, AE_H5_DAMAGED);
  hid_t plan = H5Dget_create_plist(dataset);
  const int filter = plan >= 0 ? lacking(plan) : -1;
  if (filter >= 0) {
    ae_error_clear(&status);
    status = lacks_filter(file, path, filter);
  }
  ae_h5_release(&plan);
  H5Eclear2(H5E_DEFAULT);
  return status;
}

/* Where a link leads, or NULL when it is no soft or external one, or leads on. */
static bool leads_nowhere(const ae_h5 *file, const char *path, char where[256]) {
  H5L_info_t info;
  char value[512] = "";
  const char *target = NULL, *name = NULL;
  if (H5Lget_info(file->handle, path, &info, H5P_DEFAULT) < 0 || info.type == H5L_TYPE_HARD) return false;
  if (H5Oexists_by_name(file->handle, path, H5P_DEFAULT) > 0) return false;
  if (H5Lget_val(file->handle, path, value, sizeof value - 1, H5P_DEFAULT) < 0) return false;
  if (info.type == H5L_TYPE_SOFT) snprintf(where, 256, "%.200s of the same file", value);
  else if (info.type == H5L_TYPE_EXTERNAL && H5Lunpack_elink_val(value, info.u.val_size, NULL, &name, &target) >= 0)
    snprintf(where, 256, "%.100s of %.100s", target, name);
  return true;
}

ae_status ae_h5_explain_open(ae_h5 *file, const char *path) {
  char where[256] = "another place";
  if (file->disk.error == 0 && leads_nowhere(file, path, where)) {
    file->disk.error = 0;
    H5Eclear2(H5E_DEFAULT);
    return AE_FAIL(AE_DATA,
                   "%s: %s is a link to %s, where nothing is: name the place where the data are, or put it there",
                   file->path, path, where);
  }
  hid_t object = file->disk.error == 0 ? H5Oopen(file->handle, path, H5P_DEFAULT) : H5I_INVALID_HID;
  ae_status status = ae_h5_require(file, object, "open", path, AE_H5_DAMAGED);
  ae_h5_release(&object);
  return status;
}
