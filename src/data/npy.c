#include "mpiae/data/npy.h"

#include "input.h"
#include "mpiae/base/arithmetic.h"
#include "mpiae/base/memory.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* NumPy itself reads no longer headers unless told to. */
enum { MOST_HEADER = 10000, NAME_SIZE = 32 };

/* "<f4" and the like. */
typedef struct number_type {
  char kind; /* 'u', 'i', 'b' (bool) or 'f' */
  int size;
  bool big_endian;
} number_type;

typedef struct header {
  char type_name[NAME_SIZE]; /* empty for a structure */
  bool has_type, has_order, has_shape;
  bool fortran;
  int rank;
  int64_t dim[AE_ARRAY_MAX_RANK];
  int64_t stride[AE_ARRAY_MAX_RANK]; /* numbers from one to the next along an axis */
} header;

static void pass_spaces(const char **at) { *at += strspn(*at, " "); }

static bool take(const char **at, char wanted) {
  pass_spaces(at);
  if (**at != wanted) return false;
  (*at)++;
  return true;
}

static bool take_word(const char **at, const char *word) {
  pass_spaces(at);
  if (strncmp(*at, word, strlen(word)) != 0) return false;
  *at += strlen(word);
  return true;
}

/* 'text'; longer ones are cut. */
static bool take_text(const char **at, char out[NAME_SIZE]) {
  pass_spaces(at);
  const char quote = **at;
  if (quote != '\'' && quote != '"') return false;
  const char *end = strchr(*at + 1, quote);
  if (end == NULL) return false;
  const size_t length = (size_t)ae_min(end - *at - 1, NAME_SIZE - 1);
  memcpy(out, *at + 1, length);
  out[length] = '\0';
  *at = end + 1;
  return true;
}

/* A list of fields: what is in it does not matter, it cannot be read. */
static bool pass_list(const char **at) {
  int depth = 0;
  pass_spaces(at);
  if (**at != '[') return false;
  do {
    if (**at == '\0') return false;
    depth += (**at == '[') - (**at == ']');
    (*at)++;
  } while (depth > 0);
  return true;
}

/* Digits, with the L that Python 2 wrote behind long ones. */
static bool take_size(const char **at, int64_t *out) {
  pass_spaces(at);
  const char *start = *at;
  *out = 0;
  for (; **at >= '0' && **at <= '9'; (*at)++) {
    const int digit = **at - '0';
    if (*out > (INT64_MAX - digit) / 10) return false;
    *out = *out * 10 + digit;
  }
  const bool digits = *at > start;
  if (**at == 'L') (*at)++;
  return digits;
}

/* "()", "(3,)", "(3, 4)"; axes beyond the fourth are counted only. */
static bool take_shape(const char **at, header *head) {
  if (!take(at, '(')) return false;
  while (!take(at, ')')) {
    int64_t size = 0;
    if (!take_size(at, &size)) return false;
    if (head->rank < AE_ARRAY_MAX_RANK) head->dim[head->rank] = size;
    head->rank++;
    if (!take(at, ',')) return take(at, ')');
  }
  return true;
}

static bool take_entry(const char **at, header *head) {
  char key[NAME_SIZE];
  if (!take_text(at, key) || !take(at, ':')) return false;
  if (strcmp(key, "descr") == 0 && !head->has_type) {
    head->has_type = true;
    return take_text(at, head->type_name) || pass_list(at);
  }
  if (strcmp(key, "fortran_order") == 0 && !head->has_order) {
    head->has_order = true;
    head->fortran = take_word(at, "True");
    return head->fortran || take_word(at, "False");
  }
  if (strcmp(key, "shape") == 0 && !head->has_shape) {
    head->has_shape = true;
    return take_shape(at, head);
  }
  return false;
}

/* {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), } */
static bool parse_header(const char *text, header *head) {
  const char *at = text;
  if (!take(&at, '{')) return false;
  while (!take(&at, '}')) {
    if (!take_entry(&at, head)) return false;
    if (take(&at, ',')) continue;
    if (!take(&at, '}')) return false;
    break;
  }
  pass_spaces(&at);
  return *at == '\0' && head->has_type && head->has_order && head->has_shape;
}

/* Length of the header's text, from the bytes before it. */
static ae_status read_length(gzFile stream, const char *path, int64_t *length) {
  uint8_t bytes[12];
  int64_t got = 0, more = 0;
  AE_RETURN_IF(ae_input_read(stream, path, bytes, 8, &got));
  if (got == 8 && memcmp(bytes, "PK\3\4", 4) == 0)
    return AE_FAIL(
        AE_DATA,
        "%s: it is an archive of arrays, as numpy.savez makes: unpack it (unzip %s), and import the .npy of the "
        "array that is meant",
        path, path);
  if (got < 8 || memcmp(bytes, "\x93NUMPY", 6) != 0)
    return AE_FAIL(AE_DATA, "%s: it does not begin as a file of numpy.save does (93 'NUMPY'); is it another format?",
                   path);
  if (bytes[6] < 1 || bytes[6] > 3)
    return AE_FAIL(AE_DATA, "%s: it has version %d.%d of NumPy's format, but 1.0 to 3.0 can be read; save it again",
                   path, bytes[6], bytes[7]);
  const int64_t size = bytes[6] == 1 ? 2 : 4;
  AE_RETURN_IF(ae_input_read(stream, path, bytes + 8, size, &more));
  *length = 0;
  for (int64_t i = size; i-- > 0;) *length = *length << 8 | bytes[8 + i];
  if (more < size || *length > MOST_HEADER)
    return AE_FAIL(AE_DATA, "%s: its header is damaged, or describes more than plain numbers; save it again", path);
  return AE_OK;
}

static ae_status read_header(gzFile stream, const char *path, header *head) {
  char text[MOST_HEADER + 1];
  int64_t length = 0, got = 0;
  AE_RETURN_IF(read_length(stream, path, &length));
  AE_RETURN_IF(ae_input_read(stream, path, text, length, &got));
  text[got] = '\0';
  ae_make_printable(text, (size_t)got);
  if (got < length || !parse_header(text, head))
    return AE_FAIL(AE_DATA, "%s: its header is damaged: '%.80s'; save it again", path, text);
  if (head->rank < 1 || head->rank > AE_ARRAY_MAX_RANK)
    return AE_FAIL(AE_DATA, "%s: it has %d axes; examples are " AE_ARRAY_SHAPES, path, head->rank);
  return AE_OK;
}

static ae_status find_type(const char *path, const char *name, number_type *type) {
  static const char *const known[] = {"b1", "u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f2", "f4", "f8"};
  bool found = false;
  for (size_t i = 0; i < sizeof known / sizeof *known && name[0] != '\0'; i++)
    found = found || strcmp(name + 1, known[i]) == 0;
  if (found) *type = (number_type){.kind = name[1], .size = name[2] - '0', .big_endian = name[0] == '>'};
  if (found && strchr(type->size == 1 ? "|<>" : "<>", name[0]) != NULL) return AE_OK;
  return AE_FAIL(AE_DATA,
                 "%s: its numbers are %s%s%s; known are integers, bool, float16, float32 and float64: convert it with "
                 "numpy's astype",
                 path, name[0] == '\0' ? "structures" : "of type '", name, name[0] == '\0' ? "" : "'");
}

static uint64_t load(const uint8_t *bytes, number_type type) {
  uint64_t bits = 0;
  for (int i = 0; i < type.size; i++) bits = bits << 8 | bytes[type.big_endian ? i : type.size - 1 - i];
  return bits;
}

static int64_t with_sign(uint64_t bits, int size) {
  const int unused = 64 - 8 * size;
  return (int64_t)(bits << unused) >> unused;
}

static int64_t to_integer(uint64_t bits, number_type type) {
  if (type.kind == 'i') return with_sign(bits, type.size);
  if (type.kind == 'b') return bits != 0;
  return bits > INT64_MAX ? INT64_MAX : (int64_t)bits;
}

/* IEEE 754 binary16: 1 sign, 5 exponent, 10 mantissa. */
static float half_to_float(uint64_t bits) {
  const int exponent = (int)(bits >> 10 & 31), mantissa = (int)(bits & 1023);
  float size;
  if (exponent == 31) size = mantissa == 0 ? INFINITY : NAN;
  else size = exponent == 0 ? ldexpf((float)mantissa, -24) : ldexpf((float)(1024 + mantissa), exponent - 25);
  return bits >> 15 ? -size : size;
}

static float double_to_float(uint64_t bits) {
  double value;
  memcpy(&value, &bits, sizeof value);
  if (isfinite(value) && fabs(value) > FLT_MAX) return value > 0 ? INFINITY : -INFINITY;
  return (float)value;
}

static float to_float(uint64_t bits, number_type type) {
  const uint32_t low = (uint32_t)bits;
  float value;
  if (type.kind == 'i') return (float)with_sign(bits, type.size);
  if (type.kind == 'b') return bits != 0;
  if (type.kind == 'u') return (float)bits;
  if (type.size == 2) return half_to_float(bits);
  if (type.size == 8) return double_to_float(bits);
  memcpy(&value, &low, sizeof value);
  return value;
}

/* Of Fortran order, in which the first axis runs fastest. */
static void set_strides(header *head) {
  head->stride[0] = 1;
  for (int axis = 1; axis < head->rank; axis++) head->stride[axis] = head->stride[axis - 1] * head->dim[axis - 1];
}

/* Where the number at a place in row-major order stands in the file. */
static int64_t place_in_file(const header *head, int64_t place) {
  if (!head->fortran) return place;
  int64_t found = 0;
  for (int axis = head->rank - 1; axis >= 0; axis--) {
    found += place % head->dim[axis] * head->stride[axis];
    place /= head->dim[axis];
  }
  return found;
}

static int memory_size(ae_h5_type type) { return type == AE_H5_UINT8 ? 1 : type == AE_H5_FLOAT32 ? 4 : 8; }

/* `in` may be `out` in C order when numbers do not grow. */
static void convert(const header *head, number_type type, int64_t count, const uint8_t *in, ae_h5_type to,
                    uint8_t *out) {
  for (int64_t i = 0; i < count; i++) {
    const uint64_t bits = load(in + place_in_file(head, i) * type.size, type);
    const int64_t integer = to == AE_H5_INT64 ? to_integer(bits, type) : 0;
    const float real = to == AE_H5_FLOAT32 ? to_float(bits, type) : 0;
    if (to == AE_H5_UINT8) out[i] = (uint8_t)bits;
    else if (to == AE_H5_INT64) memcpy(out + i * 8, &integer, sizeof integer);
    else memcpy(out + i * 4, &real, sizeof real);
  }
}

static ae_status convert_all(header *head, number_type type, int64_t bytes, ae_array *array) {
  const int size = memory_size(array->type);
  const int64_t count = bytes / type.size;
  uint8_t *raw = array->values, *out = NULL;
  if (!head->fortran && size <= type.size) {
    convert(head, type, count, raw, array->type, raw);
    return AE_OK;
  }
  if (count > 0) set_strides(head);
  AE_RETURN_IF(AE_NEW(out, count * size));
  convert(head, type, count, raw, array->type, out);
  array->values = out;
  AE_FREE(raw);
  return AE_OK;
}

static ae_status read_stream(gzFile stream, const char *path, ae_array_use use, ae_array *array) {
  header head = {.rank = 0};
  number_type type = {.size = 1};
  int64_t bytes = 0;
  AE_RETURN_IF(read_header(stream, path, &head));
  AE_RETURN_IF(find_type(path, head.type_name, &type));
  array->rank = head.rank;
  memcpy(array->dim, head.dim, sizeof array->dim);
  if (type.kind == 'u' && type.size == 1) array->type = AE_H5_UINT8;
  else array->type = use == AE_ARRAY_LABELS && type.kind != 'f' ? AE_H5_INT64 : AE_H5_FLOAT32;
  AE_RETURN_IF(ae_array_bytes(path, array, type.size, &bytes));
  AE_RETURN_IF(ae_input_read_rest(stream, path, bytes, &array->values));
  return convert_all(&head, type, bytes, array);
}

ae_status ae_npy_read(const char *path, ae_array_use use, ae_array *out) {
  gzFile stream = NULL;
  *out = (ae_array){0};
  ae_status status = ae_input_open(path, &stream);
  if (status == AE_OK) status = read_stream(stream, path, use, out);
  ae_input_close(stream);
  if (status != AE_OK) ae_array_free(out);
  return status;
}
