#include "mpiae/data/import.h"

#include "mpiae/base/arithmetic.h"
#include "mpiae/base/log.h"
#include "mpiae/base/memory.h"
#include "mpiae/base/philox.h"
#include "mpiae/data/cifar10.h"
#include "mpiae/data/idx.h"
#include "mpiae/data/npy.h"
#include "mpiae/data/points.h"
#include "mpiae/data/writer.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MESSAGE_BYTES ((int64_t)1 << 30)
#define TAG 1

static const ae_import_format formats[] = {
    {"cifar10", ae_cifar10_read, true, "the binary version of CIFAR-10, labels included"},
    {"idx", ae_idx_read, false, "the format of MNIST, unsigned bytes"},
    {"npy", ae_npy_read, false, "NumPy's numpy.save: uint8 stays, other integers, bool and floats become float32"},
    {NULL, NULL, false, NULL}};

const ae_import_format *ae_import_formats(void) { return formats; }

/* What is asked for. */
typedef struct request {
  const ae_import_format *format;
  const char *const *files;
  int count;
  const ae_import_options *options;
  const char *out;
} request;

/* What rank 0 has read, before it is dealt out. */
typedef struct source {
  ae_array *arrays; /* one per file */
  int files;
  ae_array labels;
  int64_t examples; /* in all files */
  int64_t *order;   /* place in the files of each example to write */
} source;

/* A rank's part of the dataset to write. */
typedef struct part {
  int64_t begin, count;
  uint8_t *rows;
  int32_t *label;
  int64_t *index;
} part;

/* What all ranks must know. */
typedef struct plan {
  ae_dataset_shape shape;
  int64_t row_bytes;
  int64_t labelled;
} plan;

static ae_status check_request(const request *asked) {
  const ae_import_options *options = asked->options;
  if (options->labels != NULL && asked->format->labelled)
    return AE_FAIL(AE_USAGE, "--labels is not for %s: its files hold the labels of their examples; leave it out",
                   asked->format->name);
  if (options->class_count > 0 && options->labels == NULL && !asked->format->labelled)
    return AE_FAIL(AE_USAGE, "--classes needs --labels: classes are told by the labels");
  return AE_OK;
}

static ae_status check_finite(const char *path, const ae_array *array, int64_t features) {
  const float *value = array->values;
  if (array->type != AE_H5_FLOAT32) return AE_OK;
  for (int64_t i = 0; i < array->dim[0] * features; i++)
    if (!isfinite(value[i]))
      return AE_FAIL(AE_DATA, "%s: example %lld holds a value that is %s; remove or replace it", path,
                     (long long)(i / features), isnan(value[i]) ? "not a number" : "infinite or beyond float32");
  return AE_OK;
}

static bool same_shape(const ae_dataset_shape *one, const ae_dataset_shape *other) {
  return one->rank == other->rank && memcmp(one->dim, other->dim, sizeof one->dim) == 0;
}

static ae_status take_file(const char *path, const char *first, const ae_array *array, int64_t features,
                           const ae_dataset_shape *shape, const plan *what) {
  if (!same_shape(shape, &what->shape))
    return AE_FAIL(AE_DATA, "%s: its examples have another shape than those of %s; import them apart", path, first);
  if (shape->type != what->shape.type)
    return AE_FAIL(AE_DATA, "%s and %s: one is uint8, the other not; convert one of them, or import them apart", first,
                   path);
  return check_finite(path, array, features);
}

static ae_status read_examples(const request *asked, source *from, plan *what) {
  int64_t features = 1;
  AE_RETURN_IF(AE_NEW(from->arrays, from->files));
  for (int i = 0; i < from->files; i++) {
    ae_array *array = &from->arrays[i];
    ae_dataset_shape shape = {0};
    AE_RETURN_IF(asked->format->read(asked->files[i], AE_ARRAY_EXAMPLES, array));
    AE_ASSERT(array->type == AE_H5_UINT8 || array->type == AE_H5_FLOAT32);
    shape.type = array->type;
    if (!ae_array_shape(array->rank, array->dim, &shape.rank, shape.dim))
      return AE_FAIL(AE_DATA, "%s: it has %d axes; examples are " AE_ARRAY_SHAPES, asked->files[i], array->rank);
    if (i == 0) {
      what->shape = shape;
      for (int axis = 0; axis < shape.rank; axis++) features *= shape.dim[axis];
    }
    AE_RETURN_IF(take_file(asked->files[i], asked->files[0], array, features, &shape, what));
    from->examples += array->dim[0];
  }
  if (from->examples == 0 || features == 0)
    return AE_FAIL(AE_DATA, "%s: it has no examples, so %s would be empty", asked->files[0], asked->out);
  what->row_bytes = features * (what->shape.type == AE_H5_UINT8 ? 1 : (int64_t)sizeof(float));
  return AE_OK;
}

/* The file that holds this place, which becomes the place in it. */
static const ae_array *file_of(const source *from, int64_t *place) {
  const ae_array *file = from->arrays;
  while (*place >= file->dim[0]) *place -= (file++)->dim[0];
  return file;
}

static int64_t label_of(const source *from, int64_t place) {
  const ae_array *labels = &from->labels;
  if (labels->values == NULL) {
    const ae_array *file = file_of(from, &place);
    return file->label[place];
  }
  if (labels->type == AE_H5_UINT8) return ((const uint8_t *)labels->values)[place];
  return ((const int64_t *)labels->values)[place];
}

static ae_status read_labels(const request *asked, source *from) {
  const char *path = asked->options->labels;
  AE_RETURN_IF(asked->format->read(path, AE_ARRAY_LABELS, &from->labels));
  if (from->labels.rank != 1)
    return AE_FAIL(AE_DATA, "%s: labels have one axis, this file has %d; is it an image file?", path,
                   from->labels.rank);
  if (from->labels.type != AE_H5_UINT8 && from->labels.type != AE_H5_INT64)
    return AE_FAIL(AE_DATA, "%s: labels are integers, this file has floats; convert it", path);
  if (from->labels.dim[0] != from->examples)
    return AE_FAIL(AE_DATA, "%s: it has %lld labels, but there are %lld examples; give the file that belongs to them",
                   path, (long long)from->labels.dim[0], (long long)from->examples);
  for (int64_t i = 0; i < from->examples; i++)
    if (label_of(from, i) < -1 || label_of(from, i) >= INT32_MAX)
      return AE_FAIL(AE_DATA, "%s: label %lld of example %lld is out of range; labels are -1 (unknown) or from 0", path,
                     (long long)label_of(from, i), (long long)i);
  return AE_OK;
}

/* Fills in the order with the places that have one of the classes. */
static ae_status choose_classes(const ae_import_options *options, source *from, int64_t *count) {
  bool *found = NULL;
  AE_RETURN_IF(AE_NEW(found, options->class_count));
  *count = 0;
  for (int64_t i = 0; i < from->examples; i++)
    for (int c = 0; c < options->class_count; c++)
      if (label_of(from, i) == options->classes[c]) {
        found[c] = true;
        from->order[(*count)++] = i;
        break;
      }
  int missing = 0;
  while (missing < options->class_count && found[missing]) missing++;
  AE_FREE(found);
  if (missing == options->class_count) return AE_OK;
  return AE_FAIL(AE_USAGE, "--classes names %d, but no example in %s has that label", options->classes[missing],
                 options->labels != NULL ? options->labels : "the files");
}

/* Fisher–Yates from the front, so that the first `limit` places need no more draws than that. */
static ae_status choose_order(const ae_import_options *options, source *from, int64_t *kept) {
  int64_t n = from->examples;
  AE_RETURN_IF(AE_NEW(from->order, n));
  for (int64_t i = 0; i < n; i++) from->order[i] = i;
  if (options->class_count > 0) AE_RETURN_IF(choose_classes(options, from, &n));
  *kept = options->limit > 0 ? ae_min(options->limit, n) : n;
  for (int64_t i = 0; options->shuffle && i < *kept; i++) {
    const int64_t j = i + ae_random_below(ae_stream_of(options->seed, AE_RANDOM_IMPORT, 0, i), 0, n - i);
    const int64_t swapped = from->order[i];
    from->order[i] = from->order[j];
    from->order[j] = swapped;
  }
  return AE_OK;
}

static ae_status check_as_set(const request *asked, const ae_dataset_shape *shape) {
  if (!asked->options->as_set) return AE_OK;
  if (shape->rank != 3)
    return AE_FAIL(AE_DATA, "%s: --as-set makes sets of the pixels of images (N, H, W), and its examples are vectors",
                   asked->files[0]);
  if (shape->dim[0] != 1)
    return AE_FAIL(AE_DATA, "%s: --as-set is for images of one channel; these have %lld: make them grey before",
                   asked->files[0], (long long)shape->dim[0]);
  if (shape->type != AE_H5_UINT8 && asked->options->threshold == NULL)
    return AE_FAIL(AE_USAGE,
                   "--as-set needs --threshold here: %s holds no bytes; say above which of its values a pixel is a "
                   "point",
                   asked->files[0]);
  return AE_OK;
}

static ae_status read_source(const request *asked, source *from, plan *what) {
  AE_RETURN_IF(check_request(asked));
  AE_RETURN_IF(read_examples(asked, from, what));
  AE_RETURN_IF(check_as_set(asked, &what->shape));
  if (asked->options->labels != NULL) AE_RETURN_IF(read_labels(asked, from));
  what->labelled = asked->options->labels != NULL || asked->format->labelled;
  return choose_order(asked->options, from, &what->shape.examples);
}

static void free_source(source *from) {
  for (int i = 0; i < from->files && from->arrays != NULL; i++) ae_array_free(&from->arrays[i]);
  AE_FREE(from->arrays);
  ae_array_free(&from->labels);
  AE_FREE(from->order);
}

static void place_part(const plan *what, int rank, int ranks, part *own) {
  own->begin = ae_muldiv(rank, what->shape.examples, ranks);
  own->count = ae_muldiv(rank + 1, what->shape.examples, ranks) - own->begin;
}

static ae_status new_part(const plan *what, int64_t count, part *own) {
  AE_RETURN_IF(AE_NEW(own->rows, count * what->row_bytes));
  AE_RETURN_IF(AE_NEW(own->index, count));
  return what->labelled ? AE_NEW(own->label, count) : AE_OK;
}

static void free_part(part *own) {
  AE_FREE(own->rows);
  AE_FREE(own->index);
  AE_FREE(own->label);
}

static const uint8_t *example_of(const source *from, int64_t place, int64_t row_bytes) {
  const ae_array *file = file_of(from, &place);
  return (const uint8_t *)file->values + place * row_bytes;
}

static void fill_part(const source *from, const plan *what, part *own) {
  for (int64_t i = 0; i < own->count; i++) {
    const int64_t place = from->order[own->begin + i];
    own->index[i] = place;
    memcpy(own->rows + i * what->row_bytes, example_of(from, place, what->row_bytes), (size_t)what->row_bytes);
    if (own->label != NULL) own->label[i] = (int32_t)label_of(from, place);
  }
}

static void move_bytes(const ae_comm *comm, void *bytes, int64_t count, int to) {
  const bool send = ae_comm_rank(comm) == 0;
  MPI_Comm handle = ae_comm_handle(comm);
  for (int64_t done = 0; done < count; done += MESSAGE_BYTES) {
    const int now = (int)ae_min(MESSAGE_BYTES, count - done);
    char *place = (char *)bytes + done;
    ae_comm_require(comm,
                    send ? MPI_Send(place, now, MPI_BYTE, to, TAG, handle)
                         : MPI_Recv(place, now, MPI_BYTE, 0, TAG, handle, MPI_STATUS_IGNORE),
                    "deal out examples");
  }
}

static void move_part(const ae_comm *comm, const plan *what, part *own, int to) {
  move_bytes(comm, own->rows, own->count * what->row_bytes, to);
  move_bytes(comm, own->index, own->count * (int64_t)sizeof *own->index, to);
  if (own->label != NULL) move_bytes(comm, own->label, own->count * (int64_t)sizeof *own->label, to);
}

/* Rank 0 fills one part after the other and sends it; its own comes last, in the same memory. */
static void deal(const ae_comm *comm, const source *from, const plan *what, part *own) {
  const int rank = ae_comm_rank(comm), ranks = ae_comm_size(comm);
  if (rank > 0) {
    move_part(comm, what, own, 0);
    return;
  }
  for (int to = ranks - 1; to >= 0; to--) {
    place_part(what, to, ranks, own);
    fill_part(from, what, own);
    if (to > 0) move_part(comm, what, own, to);
  }
}

static float threshold_of(const ae_import_options *options) {
  return options->threshold != NULL ? *options->threshold : AE_POINTS_THRESHOLD;
}

static const char *base_name(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash == NULL ? path : slash + 1;
}

/* Continues a text as far as there is room. */
__attribute__((format(printf, 3, 4))) static void append(char *out, size_t size, const char *format, ...) {
  const size_t used = strlen(out);
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(out + used, size - used, format, arguments);
  va_end(arguments);
}

static void tell_origin(const request *asked, char *out, size_t size) {
  const ae_import_options *options = asked->options;
  snprintf(out, size, "mpiae import %s", asked->format->name);
  for (int i = 0; i < asked->count; i++) append(out, size, " %s", base_name(asked->files[i]));
  if (options->labels != NULL) append(out, size, " --labels %s", base_name(options->labels));
  for (int i = 0; i < options->class_count; i++)
    append(out, size, "%s%d", i == 0 ? " --classes " : ",", options->classes[i]);
  if (options->shuffle) append(out, size, " --shuffle %llu", (unsigned long long)options->seed);
  if (options->limit > 0) append(out, size, " --limit %lld", (long long)options->limit);
  if (options->as_set) append(out, size, " --as-set --threshold %.9g", (double)threshold_of(options));
}

static ae_status write_sets(const ae_comm *comm, const request *asked, const plan *what, const part *own,
                            const char *origin) {
  ae_status status;
  int64_t *offset = NULL;
  float *points = NULL;
  AE_CHECK(
      ae_comm_agree(comm, ae_points_of_images(what->shape.type, own->rows, own->count, what->shape.dim[1],
                                              what->shape.dim[2], threshold_of(asked->options), &offset, &points)));
  const ae_sets sets = {what->shape.examples, 2, own->begin, own->count, offset, points};
  if (ae_comm_max(comm, offset[own->count]) == 0)
    ae_log_warning("all %lld sets are empty: no pixel of %s is above --threshold %g", (long long)what->shape.examples,
                   asked->files[0], (double)threshold_of(asked->options));
  status = ae_dataset_write_sets(comm, asked->out, &sets, own->label, own->index, origin);
cleanup:
  AE_FREE(offset);
  AE_FREE(points);
  return status;
}

ae_status ae_import(const ae_comm *comm, const ae_import_format *format, const char *const *files, int count,
                    const ae_import_options *options, const char *out) {
  ae_status status = AE_OK;
  const request asked = {format, files, count, options, out};
  source from = {.files = count};
  plan what = {0};
  part own = {0};
  char origin[1024];
  const int rank = ae_comm_rank(comm), ranks = ae_comm_size(comm);
  tell_origin(&asked, origin, sizeof origin);
  AE_CHECK(ae_comm_agree(comm, rank == 0 ? read_source(&asked, &from, &what) : AE_OK));
  ae_comm_broadcast(comm, &what, (int64_t)sizeof what);
  place_part(&what, rank, ranks, &own);
  /* Rank 0 needs room for the largest part. */
  AE_CHECK(ae_comm_agree(comm, new_part(&what, (what.shape.examples + ranks - 1) / ranks, &own)));
  deal(comm, &from, &what, &own);
  free_source(&from);
  if (options->as_set) AE_CHECK(write_sets(comm, &asked, &what, &own, origin));
  else AE_CHECK(ae_dataset_write(comm, out, &what.shape, own.begin, own.count, own.rows, own.label, own.index, origin));
  ae_log_info("%lld examples in %s", (long long)what.shape.examples, out);
cleanup:
  free_source(&from);
  free_part(&own);
  return status;
}
