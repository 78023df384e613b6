#include "odd_file.h"

#include "fuzz.h"

#include <hdf5.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_PATHS = 256, MOST_EDITS = 16, MOST_POINTS = 4096, MOST_ELEMENT = 256, MOST_RANK = 9 };

#define CHOOSE(choices, array) (array)[ae_choose(choices, sizeof(array) / sizeof *(array))]

/* A file, and what edits of it may be about. */
typedef struct odd_file {
  ae_choices *choices;
  hid_t handle;
  char *path[MOST_PATHS];
  unsigned paths;
} odd_file;

/* What an array is, apart from its values. */
typedef struct form {
  hid_t type;
  int rank; /* −1: it is empty */
  hsize_t dim[MOST_RANK];
} form;

unsigned ae_choose(ae_choices *choices, unsigned count) {
  if (choices->left == 0) return 0;
  choices->left--;
  return *choices->at++ % count;
}

static void drop(hid_t object) {
  if (object >= 0) H5Idec_ref(object);
}

static double choose_number(ae_choices *choices) {
  static const double number[] = {0,   1,    -1,   2,         3,         0.5,       9,       255,     1e9,   INT32_MAX,
                                  1e3, 1e19, -1e9, INT32_MIN, 0x1p31,    0x1p53,    0x1p62,  -0x1p63, NAN,   INFINITY,
                                  4,   5,    6,    -INFINITY, 3.4028e38, 3.4029e38, 1.7e308, 1e-45,   65504, 0x1p40};
  return CHOOSE(choices, number);
}

static const char *choose_text(ae_choices *choices) {
  static const char *const text[] = {
      "dataset",
      "checkpoint",
      "codes",
      "csr_matrix",
      "csc_matrix",
      "",
      "a\nb",
      "\xff\xfe",
      "0",
      "-1",
      "1",
      "3",
      "16",
      "1000000000",
      "auto",
      "true",
      "[]",
      "[1, 2]",
      "vae",
      "\x1b[2J",
      "a line that is longer than most lines of text are, by far: it does not end for a long time"};
  return CHOOSE(choices, text);
}

static hid_t make_half(void) {
  const hid_t type = H5Tcopy(H5T_IEEE_F32LE);
  H5Tset_fields(type, 15, 10, 5, 0, 10);
  H5Tset_size(type, 2);
  H5Tset_ebias(type, 15);
  return type;
}

static hid_t make_text(size_t size, H5T_str_t padding) {
  const hid_t type = H5Tcopy(H5T_C_S1);
  H5Tset_size(type, size);
  H5Tset_strpad(type, padding);
  return type;
}

static hid_t make_enumeration(hid_t base, const char *zero, const char *one) {
  const hid_t type = H5Tenum_create(base);
  long long value = 0;
  H5Tenum_insert(type, zero, &value);
  value = 1;
  H5Tenum_insert(type, one, &value);
  return type;
}

static hid_t make_structure(void) {
  const hid_t type = H5Tcreate(H5T_COMPOUND, 16);
  H5Tinsert(type, "r", 0, H5T_IEEE_F64LE);
  H5Tinsert(type, "i", 8, H5T_STD_I32BE);
  return type;
}

static hid_t make_short_integer(void) {
  const hid_t type = H5Tcopy(H5T_STD_I32LE);
  H5Tset_precision(type, 13);
  H5Tset_offset(type, 5);
  return type;
}

static hid_t choose_number_type(ae_choices *choices) {
  const hid_t type[] = {H5T_IEEE_F32LE, H5T_STD_U8LE,  H5T_STD_I64LE, H5T_STD_I32LE,  H5T_IEEE_F64LE,
                        H5T_STD_I8LE,   H5T_STD_U16BE, H5T_STD_I16LE, H5T_STD_U32LE,  H5T_STD_U64LE,
                        H5T_IEEE_F32BE, H5T_STD_I64BE, H5T_STD_B8LE,  H5T_UNIX_D64LE, H5T_NATIVE_LDOUBLE};
  return H5Tcopy(CHOOSE(choices, type));
}

static hid_t choose_type(ae_choices *choices) {
  const hsize_t two = 2;
  switch (ae_choose(choices, 24)) {
  case 0:
    return make_half();
  case 1:
    return make_text(1 + ae_choose(choices, 40), H5T_STR_NULLPAD);
  case 2:
    return make_text(H5T_VARIABLE, H5T_STR_NULLTERM);
  case 3:
    return make_text(1 + ae_choose(choices, 9), H5T_STR_SPACEPAD);
  case 4:
    return make_enumeration(H5T_STD_I8LE, "FALSE", "TRUE");
  case 5:
    return make_enumeration(H5T_STD_I64LE, "a", "b");
  case 6:
    return make_structure();
  case 7:
    return H5Tcreate(H5T_OPAQUE, 1 + ae_choose(choices, 9));
  case 8:
    return H5Tarray_create2(H5T_IEEE_F32LE, 1, &two);
  case 9:
    return H5Tvlen_create(H5T_STD_I32LE);
  case 10:
    return H5Tcopy(H5T_STD_REF_OBJ);
  case 11:
    return make_short_integer();
  default:
    return choose_number_type(choices);
  }
}

static hsize_t choose_length(ae_choices *choices) {
  static const hsize_t large[] = {
      0, 1000, 1u << 31, (hsize_t)1 << 32, (hsize_t)1 << 61, (hsize_t)1 << 62, INT64_MAX, (hsize_t)1 << 63};
  const unsigned length = ae_choose(choices, 24);
  return length < 12 ? 1 + length % 9 : length < 16 ? 2 : CHOOSE(choices, large);
}

static form choose_form(ae_choices *choices, bool small) {
  form found = {.type = choose_type(choices), .rank = (int)ae_choose(choices, MOST_RANK + 1)};
  if (found.rank == MOST_RANK && ae_choose(choices, 2) == 0) found.rank = -1;
  else if (found.rank > 5) found.rank -= 4;
  for (int i = 0; i < found.rank; i++) found.dim[i] = small ? 1 + ae_choose(choices, 4) : choose_length(choices);
  return found;
}

static hid_t space_of(const form *of) {
  if (of->rank < 0) return H5Screate(H5S_NULL);
  return of->rank == 0 ? H5Screate(H5S_SCALAR) : H5Screate_simple(of->rank, of->dim, NULL);
}

/* 0 where there are too many to hold. */
static size_t count_points(const form *of) {
  double count = of->rank < 0 ? 0 : 1;
  for (int i = 0; i < of->rank; i++) count *= (double)of->dim[i];
  return count > MOST_POINTS ? 0 : (size_t)count;
}

static bool holds_numbers(hid_t type) { return H5Tget_class(type) == H5T_INTEGER || H5Tget_class(type) == H5T_FLOAT; }

/* The like of what there is, with one thing another. */
static bool take_form(odd_file *file, const char *path, form *out) {
  const htri_t exists = H5Lexists(file->handle, path, H5P_DEFAULT);
  const hid_t dataset = exists > 0 ? H5Dopen2(file->handle, path, H5P_DEFAULT) : -1;
  if (dataset < 0) return false;
  const hid_t space = H5Dget_space(dataset);
  *out = (form){.type = H5Dget_type(dataset), .rank = H5Sget_simple_extent_ndims(space)};
  const bool fits = out->rank < MOST_RANK;
  if (fits) H5Sget_simple_extent_dims(space, out->dim, NULL);
  drop(space);
  drop(dataset);
  if (!fits) drop(out->type);
  return fits;
}

static void change_form(ae_choices *choices, form *of) {
  const unsigned axis = of->rank > 0 ? ae_choose(choices, (unsigned)of->rank) : 0;
  switch (ae_choose(choices, 6)) {
  case 0:
    drop(of->type);
    of->type = choose_type(choices);
    break;
  case 1:
    of->dim[axis]++;
    break;
  case 2:
    of->dim[axis] -= of->dim[axis] > 0;
    break;
  case 3:
    of->dim[axis] = choose_length(choices);
    break;
  case 4:
    if (of->rank > 0) of->rank--;
    break;
  default:
    if (of->rank + 1 < MOST_RANK) of->dim[of->rank++] = 1 + ae_choose(choices, 3);
  }
  if (of->rank == 0) of->dim[0] = 0;
}

/* Numbers that begin somewhere and go on by steps, texts, or bytes. */
static void choose_values(ae_choices *choices, const form *of, size_t points, void *values) {
  const double begin = choose_number(choices), step = ae_choose(choices, 3) * 0.5;
  const size_t bytes = points * H5Tget_size(of->type);
  if (holds_numbers(of->type))
    for (size_t i = 0; i < points; i++) ((double *)values)[i] = begin + step * (double)i;
  else if (H5Tis_variable_str(of->type) > 0)
    for (size_t i = 0; i < points; i++) ((const char **)values)[i] = choose_text(choices);
  else if (H5Tget_class(of->type) != H5T_REFERENCE && H5Tget_class(of->type) != H5T_VLEN)
    for (size_t i = 0; i < bytes; i++)
      ((uint8_t *)values)[i] = (uint8_t)(H5Tget_class(of->type) == H5T_ENUM ? 0 : ae_choose(choices, 256));
}

/* Never to what may be made of itself. */
static bool is_virtual(hid_t dataset) {
  const hid_t plan = H5Dget_create_plist(dataset);
  const bool found = H5Pget_layout(plan) == H5D_VIRTUAL;
  drop(plan);
  return found;
}

static void write_values(odd_file *file, hid_t target, const form *of, bool attribute) {
  static _Alignas(16) char values[MOST_POINTS * 64];
  const size_t points = count_points(of);
  if (points == 0 || points * H5Tget_size(of->type) > sizeof values) return;
  memset(values, 0, sizeof values);
  choose_values(file->choices, of, points, values);
  const hid_t type = holds_numbers(of->type) ? H5T_NATIVE_DOUBLE : of->type;
  if (attribute) H5Awrite(target, type, values);
  else H5Dwrite(target, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values);
}

static void choose_filters(ae_choices *choices, hid_t list) {
  switch (ae_choose(choices, 6)) {
  case 1:
    H5Pset_fletcher32(list);
    break;
  case 2:
    H5Pset_shuffle(list);
    H5Pset_deflate(list, 1);
    break;
  case 3:
    H5Pset_scaleoffset(list, H5Z_SO_INT, 2);
    break;
  default:
    break;
  }
}

/* Where it lies: those of many numbers are not written, and take no room. */
static hid_t choose_layout(ae_choices *choices, const form *of, const char *other) {
  hsize_t chunk[MOST_RANK];
  const hid_t list = H5Pcreate(H5P_DATASET_CREATE);
  const unsigned layout = ae_choose(choices, 8);
  const bool large = count_points(of) == 0;
  if (of->rank < 1 || (layout < 2 && !large)) return list;
  for (int i = 0; i < of->rank; i++)
    chunk[i] = of->dim[i] < 3 ? of->dim[i] + (of->dim[i] == 0) : 1 + ae_choose(choices, 3);
  if (layout == 2 && !large) H5Pset_layout(list, H5D_COMPACT);
  else if (layout == 3) {
    const hid_t space = space_of(of);
    H5Pset_virtual(list, space, ae_choose(choices, 2) == 0 ? "." : "absent.h5", other, space);
    drop(space);
  } else if (H5Pset_chunk(list, of->rank, chunk) >= 0) choose_filters(choices, list);
  return list;
}

static const char *choose_path(odd_file *file) { return file->path[ae_choose(file->choices, file->paths)]; }

/* The links to the root stay. */
static void remove_link(odd_file *file, const char *path) {
  if (strcmp(path, "/") != 0) H5Ldelete(file->handle, path, H5P_DEFAULT);
}

static void make_dataset(odd_file *file) {
  const char *path = choose_path(file), *other = choose_path(file);
  form made;
  if (ae_choose(file->choices, 2) == 0 && take_form(file, path, &made)) change_form(file->choices, &made);
  else made = choose_form(file->choices, false);
  remove_link(file, path);
  const hid_t space = space_of(&made), links = H5Pcreate(H5P_LINK_CREATE),
              list = choose_layout(file->choices, &made, other);
  H5Pset_create_intermediate_group(links, 1);
  const hid_t dataset = H5Dcreate2(file->handle, path, made.type, space, links, list, H5P_DEFAULT);
  if (dataset >= 0 && !is_virtual(dataset)) write_values(file, dataset, &made, false);
  drop(dataset);
  drop(list);
  drop(links);
  drop(space);
  drop(made.type);
}

static void make_attribute(odd_file *file) {
  static const char *const names[] = {
      "mpiae_format",  "mpiae_version", "digests",        "scale_factor",  "add_offset",      "_FillValue",
      "missing_value", "valid_min",     "valid_max",      "valid_range",   "entries",         "codebook",
      "names",         "shape",         "h5sparse_shape", "encoding-type", "h5sparse_format", "steps",
      "model",         "description",   "epoch_seconds",  "a\nb"};
  const char *path = choose_path(file), *name = CHOOSE(file->choices, names);
  form made = choose_form(file->choices, true);
  if (H5Oexists_by_name(file->handle, path, H5P_DEFAULT) > 0) {
    H5Adelete_by_name(file->handle, path, name, H5P_DEFAULT);
    const hid_t space = space_of(&made);
    const hid_t attribute =
        H5Acreate_by_name(file->handle, path, name, made.type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    if (attribute >= 0) write_values(file, attribute, &made, true);
    drop(attribute);
    drop(space);
  }
  drop(made.type);
}

static void make_group(odd_file *file) {
  const char *path = choose_path(file);
  remove_link(file, path);
  drop(H5Gcreate2(file->handle, path, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
}

static void make_link(odd_file *file) {
  const char *path = choose_path(file), *to = choose_path(file);
  remove_link(file, path);
  switch (ae_choose(file->choices, 4)) {
  case 0:
    H5Lcreate_soft(to, file->handle, path, H5P_DEFAULT, H5P_DEFAULT);
    break;
  case 1:
    H5Lcreate_external("absent.h5", to, file->handle, path, H5P_DEFAULT, H5P_DEFAULT);
    break;
  default:
    H5Lcreate_hard(file->handle, to, file->handle, path, H5P_DEFAULT, H5P_DEFAULT);
  }
}

static void change_number(odd_file *file, hid_t dataset, size_t points) {
  static double values[MOST_POINTS];
  if (H5Dread(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) < 0) return;
  const unsigned high = ae_choose(file->choices, 256), low = ae_choose(file->choices, 256);
  values[(256 * high + low) % points] = choose_number(file->choices);
  H5Dwrite(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values);
}

/* Another value in a line of "key: value". */
static void change_line(odd_file *file, hid_t dataset, hid_t type) {
  char *text = NULL, *changed = NULL;
  if (H5Tis_variable_str(type) <= 0 || H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, &text) < 0 || text == NULL)
    return;
  size_t at = 0;
  for (unsigned line = ae_choose(file->choices, 128); line > 0 && strchr(text + at, '\n') != NULL; line--)
    at = (size_t)(strchr(text + at, '\n') - text) + 1;
  const size_t end = at + strcspn(text + at, "\n"), key = at + strcspn(text + at, ":\n");
  if (asprintf(&changed, "%.*s: %s%s", (int)key, text, choose_text(file->choices), text + end) >= 0)
    H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, &changed);
  free(changed);
  H5free_memory(text);
}

static void change_value(odd_file *file) {
  form of;
  const char *path = choose_path(file);
  if (!take_form(file, path, &of)) return;
  const hid_t dataset = H5Dopen2(file->handle, path, H5P_DEFAULT);
  const size_t points = is_virtual(dataset) ? 0 : count_points(&of);
  /* the digests of what was there before hide all that comes behind them */
  if (ae_choose(file->choices, 8) > 0) H5Adelete(dataset, "digests");
  if (points > 0 && holds_numbers(of.type)) change_number(file, dataset, points);
  else if (points == 1 && H5Tget_class(of.type) == H5T_STRING) change_line(file, dataset, of.type);
  drop(dataset);
  drop(of.type);
}

static void edit(odd_file *file) {
  const unsigned what = ae_choose(file->choices, 16);
  if (what < 4) make_dataset(file);
  else if (what < 8) change_value(file);
  else if (what < 12) make_attribute(file);
  else if (what == 12) make_group(file);
  else if (what == 13) make_link(file);
  else remove_link(file, choose_path(file));
}

static herr_t note_path(hid_t root, const char *name, const H5O_info_t *info, void *context) {
  odd_file *file = context;
  (void)root, (void)info;
  if (file->paths < MOST_PATHS) file->path[file->paths++] = strdup(name[0] == '.' ? "/" : name);
  return 0;
}

static void begin(odd_file *file, const char *name, const char *const *path, bool is_new) {
  const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
  H5Pset_libver_bounds(access, ae_choose(file->choices, 2) == 0 ? H5F_LIBVER_EARLIEST : H5F_LIBVER_V110,
                       H5F_LIBVER_V110);
  file->handle = is_new ? H5Fcreate(name, H5F_ACC_TRUNC, H5P_DEFAULT, access) : H5Fopen(name, H5F_ACC_RDWR, access);
  ae_fuzz_require(file->handle >= 0, "there is a file to edit");
  drop(access);
  for (int i = 0; path[i] != NULL; i++) note_path(file->handle, path[i], NULL, file);
  if (!is_new) H5Ovisit2(file->handle, H5_INDEX_NAME, H5_ITER_INC, note_path, file, H5O_INFO_BASIC);
}

const char *ae_odd_file(ae_choices *choices, const char *const *path, const void *before, size_t count) {
  odd_file file = {.choices = choices};
  const char *name = ae_fuzz_file(before != NULL ? before : "", count);
  begin(&file, name, path, before == NULL);
  for (int edits = 0; choices->left > 0 && edits < MOST_EDITS; edits++) edit(&file);
  H5Fclose(file.handle);
  for (unsigned i = 0; i < file.paths; i++) free(file.path[i]);
  return name;
}
