#include "mpiae/run/safetensors.h"

#include "mpiae/base/arithmetic.h"
#include "mpiae/base/memory.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* Bytes of the header's length, and what the arrays begin at a multiple of; the longest header that there is. */
enum { LENGTH = 8, LONGEST = 100000000 };

struct ae_safetensors {
  char *path;
  char *bytes; /* the whole file */
  int64_t begin, size;
  json_t *header; /* without what was taken */
};

static const char *type_name(ae_h5_type type) {
  return type == AE_H5_FLOAT64 ? "F64" : type == AE_H5_INT64 ? "I64" : "F32";
}

static int64_t type_size(ae_h5_type type) { return type == AE_H5_FLOAT32 ? 4 : 8; }

/* Those of 0 numbers have none. */
static ae_status find_bytes(const ae_named_array *array, int64_t *bytes) {
  AE_RETURN_IF(ae_size_of(array->rank, array->dim, type_size(array->type), array->name, bytes));
  for (int i = 0; i < array->rank; i++)
    if (array->dim[i] == 0) *bytes = 0;
  return AE_OK;
}

/* Writing. */

static json_t *describe(const ae_named_array *array, int64_t begin, int64_t end) {
  json_t *shape = json_array();
  for (int i = 0; i < array->rank; i++) json_array_append_new(shape, json_integer(array->dim[i]));
  return json_pack("{s:s, s:o, s:[I, I]}", "dtype", type_name(array->type), "shape", shape, "data_offsets",
                   (json_int_t)begin, (json_int_t)end);
}

/* The header, padded with spaces; to be freed by free(). */
static ae_status make_header(int count, const ae_named_array *array, char **out) {
  json_t *header = json_pack("{s:{s:s}}", "__metadata__", "format", "pt");
  int64_t at = 0, bytes;
  for (int64_t size = 8; size >= 4; size -= 4)
    for (int i = 0; i < count; i++) {
      if (type_size(array[i].type) != size) continue;
      AE_RETURN_IF(find_bytes(&array[i], &bytes));
      json_object_set_new(header, array[i].name, describe(&array[i], at, at + bytes));
      at += bytes;
    }
  char *text = json_dumps(header, JSON_COMPACT | JSON_SORT_KEYS);
  json_decref(header);
  const int width = text == NULL ? 0 : (int)ae_round_up((int64_t)strlen(text), LENGTH);
  const bool made = text != NULL && asprintf(out, "%-*s", width, text) >= 0;
  free(text);
  return made ? AE_OK : AE_FAIL(AE_INTERNAL, "no memory for the names of %d arrays", count);
}

static bool write_bytes(FILE *file, const void *bytes, int64_t count) {
  return fwrite(bytes, 1, (size_t)count, file) == (size_t)count;
}

ae_status ae_safetensors_write(const char *path, int count, const ae_named_array *array) {
  char *header;
  AE_RETURN_IF(make_header(count, array, &header));
  const uint64_t length = strlen(header);
  FILE *file = fopen(path, "wbe");
  bool written = file != NULL && write_bytes(file, &length, LENGTH) && write_bytes(file, header, (int64_t)length);
  for (int64_t size = 8; size >= 4; size -= 4)
    for (int i = 0; i < count && written; i++) {
      int64_t bytes = 0;
      if (type_size(array[i].type) != size) continue;
      ae_status unused = find_bytes(&array[i], &bytes); /* make_header has asked */
      ae_error_clear(&unused);
      written = write_bytes(file, array[i].values, bytes);
    }
  free(header);
  if (file != NULL && fclose(file) != 0) written = false;
  return written ? AE_OK : AE_FAIL(AE_DATA, "cannot write %s: %s", path, strerror(errno));
}

/* Reading. */

static ae_status read_bytes(ae_safetensors *file) {
  struct stat about;
  FILE *stream = fopen(file->path, "rbe");
  ae_status status = AE_OK;
  if (stream == NULL || fstat(fileno(stream), &about) != 0 || !S_ISREG(about.st_mode))
    AE_RAISE(AE_DATA, "cannot open %s: %s", file->path, stream == NULL ? strerror(errno) : "it is no file");
  file->size = about.st_size;
  AE_CHECK(ae_memory_expect((double)file->size, "the arrays of %s", file->path));
  AE_CHECK(AE_NEW(file->bytes, file->size));
  if (fread(file->bytes, 1, (size_t)file->size, stream) != (size_t)file->size)
    AE_RAISE(AE_DATA, "cannot read %s", file->path);
cleanup:
  if (stream != NULL) fclose(stream);
  return status;
}

static ae_status read_header(ae_safetensors *file) {
  uint64_t length = 0;
  json_error_t error = {.text = "its header is longer than the file"};
  if (file->size >= LENGTH) memcpy(&length, file->bytes, LENGTH);
  file->begin = LENGTH + (int64_t)(length <= LONGEST ? length : 0);
  if (file->size >= LENGTH && length <= LONGEST && file->begin <= file->size)
    file->header = json_loadb(file->bytes + LENGTH, (size_t)length, JSON_REJECT_DUPLICATES, &error);
  if (!json_is_object(file->header))
    return AE_FAIL(AE_DATA, "%s is no safetensors file: %s", file->path,
                   file->header != NULL ? "its header is no object" : error.text);
  json_object_del(file->header, "__metadata__");
  return AE_OK;
}

ae_status ae_safetensors_open(const char *path, ae_safetensors **out) {
  ae_status status;
  ae_safetensors *file = NULL;
  AE_CHECK(AE_NEW(file, 1));
  AE_CHECK(ae_memory_text(path, &file->path));
  AE_CHECK(read_bytes(file));
  AE_CHECK(read_header(file));
  *out = file;
  return AE_OK;
cleanup:
  ae_safetensors_close(&file);
  return status;
}

void ae_safetensors_close(ae_safetensors **file) {
  if (*file == NULL) return;
  json_decref((*file)->header);
  AE_FREE((*file)->bytes);
  AE_FREE((*file)->path);
  AE_FREE(*file);
}

bool ae_safetensors_has(const ae_safetensors *file, const char *name) {
  return json_object_get(file->header, name) != NULL;
}

/* Its shape as a header has it: "[3, 4]". */
static bool has_shape(const ae_named_array *array, const json_t *shape) {
  if (!json_is_array(shape) || json_array_size(shape) != (size_t)array->rank) return false;
  for (int i = 0; i < array->rank; i++)
    if (!json_is_integer(json_array_get(shape, (size_t)i)) ||
        json_integer_value(json_array_get(shape, (size_t)i)) != array->dim[i])
      return false;
  return true;
}

static ae_status check_entry(const ae_safetensors *file, const ae_named_array *array, const json_t *entry) {
  char shape[AE_SHAPE_SIZE];
  ae_print_shape(NULL, array->rank, array->dim, shape);
  if (entry == NULL)
    return AE_FAIL(AE_USAGE, "%s has no tensor %s, which is %s in this model", file->path, array->name, shape);
  const char *type = json_string_value(json_object_get(entry, "dtype"));
  if (type == NULL || strcmp(type, type_name(array->type)) != 0)
    return AE_FAIL(AE_USAGE, "tensor %s of %s is of the type %.20s, but of %s in this model", array->name, file->path,
                   type != NULL ? type : "?", type_name(array->type));
  if (has_shape(array, json_object_get(entry, "shape"))) return AE_OK;
  char *other = json_dumps(json_object_get(entry, "shape"), JSON_ENCODE_ANY | JSON_COMPACT);
  const ae_status status = AE_FAIL(AE_USAGE, "tensor %s of %s has the shape %.100s, but is %s in this model",
                                   array->name, file->path, other != NULL ? other : "?", shape);
  free(other);
  return status;
}

ae_status ae_safetensors_take(ae_safetensors *file, const ae_named_array *array) {
  const json_t *entry = json_object_get(file->header, array->name);
  const json_t *offsets = json_object_get(entry, "data_offsets");
  int64_t bytes;
  AE_RETURN_IF(check_entry(file, array, entry));
  AE_RETURN_IF(find_bytes(array, &bytes));
  const json_t *first = json_array_get(offsets, 0), *second = json_array_get(offsets, 1);
  const int64_t begin = json_integer_value(first), end = json_integer_value(second);
  if (!json_is_integer(first) || !json_is_integer(second) || begin < 0 || end < begin || end - begin != bytes ||
      end > file->size - file->begin)
    return AE_FAIL(AE_DATA, "tensor %s is not within %s: the file is cut or damaged", array->name, file->path);
  memcpy(array->values, file->bytes + file->begin + begin, (size_t)bytes);
  ae_safetensors_pass(file, array->name);
  return AE_OK;
}

void ae_safetensors_pass(ae_safetensors *file, const char *name) { json_object_del(file->header, name); }

ae_status ae_safetensors_check_taken(const ae_safetensors *file) {
  const char *name = json_object_iter_key(json_object_iter(file->header));
  return name == NULL ? AE_OK
                      : AE_FAIL(AE_USAGE, "%s has the tensor %.200s, which this model has not", file->path, name);
}
