#include "mpiae/data/import.h"

#include "mpiae/base/arithmetic.h"
#include "mpiae/base/log.h"
#include "mpiae/base/memory.h"
#include "mpiae/base/philox.h"
#include "mpiae/data/idx.h"
#include "mpiae/data/writer.h"

#include <stdio.h>
#include <string.h>

#define MESSAGE_BYTES ((int64_t)1 << 30)
#define TAG 1

/* What rank 0 has read, before it is dealt out. */
typedef struct source {
  ae_idx *images; /* one per file */
  int files;
  ae_idx labels;
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

static ae_status shape_of(const char *path, const ae_idx *idx, ae_dataset_shape *shape) {
  shape->type = AE_H5_UINT8;
  shape->examples = 0;
  if (idx->rank == 1)
    return AE_FAIL(AE_DATA, "%s: it has one axis, as labels have; give it with --labels and an image file first", path);
  shape->rank = idx->rank == 2 ? 1 : 3;
  shape->dim[0] = idx->rank == 3 ? 1 : idx->dim[1];
  if (idx->rank > 2) {
    shape->dim[1] = idx->dim[idx->rank - 2];
    shape->dim[2] = idx->dim[idx->rank - 1];
  }
  return AE_OK;
}

static ae_status read_images(const char *const *files, source *from, plan *what) {
  AE_RETURN_IF(AE_NEW(from->images, from->files));
  for (int i = 0; i < from->files; i++) {
    ae_dataset_shape shape = {0};
    AE_RETURN_IF(ae_idx_read(files[i], &from->images[i]));
    AE_RETURN_IF(shape_of(files[i], &from->images[i], &shape));
    if (i == 0) what->shape = shape;
    if (shape.rank != what->shape.rank || memcmp(shape.dim, what->shape.dim, sizeof shape.dim) != 0)
      return AE_FAIL(AE_DATA, "%s: its examples have another shape than those of %s; import them apart", files[i],
                     files[0]);
    from->examples += from->images[i].dim[0];
  }
  what->row_bytes = 1;
  for (int i = 0; i < what->shape.rank; i++) what->row_bytes *= what->shape.dim[i];
  return AE_OK;
}

static ae_status read_labels(const char *path, source *from) {
  AE_RETURN_IF(ae_idx_read(path, &from->labels));
  if (from->labels.rank != 1)
    return AE_FAIL(AE_DATA, "%s: labels have one axis, this file has %d; is it an image file?", path,
                   from->labels.rank);
  if (from->labels.dim[0] != from->examples)
    return AE_FAIL(AE_DATA, "%s: it has %lld labels, but there are %lld images; give the file that belongs to them",
                   path, (long long)from->labels.dim[0], (long long)from->examples);
  return AE_OK;
}

/* Fisher–Yates from the front, so that the first `limit` places need no more draws than that. */
static ae_status choose_order(const ae_import_options *options, source *from, int64_t *kept) {
  const int64_t n = from->examples;
  *kept = options->limit > 0 ? ae_min(options->limit, n) : n;
  AE_RETURN_IF(AE_NEW(from->order, n));
  for (int64_t i = 0; i < n; i++) from->order[i] = i;
  for (int64_t i = 0; options->shuffle && i < *kept; i++) {
    const int64_t j = i + ae_random_below(ae_stream_of(options->seed, AE_RANDOM_IMPORT, 0, i), 0, n - i);
    const int64_t swapped = from->order[i];
    from->order[i] = from->order[j];
    from->order[j] = swapped;
  }
  return AE_OK;
}

static ae_status read_source(const char *const *files, const ae_import_options *options, const char *out, source *from,
                             plan *what) {
  AE_RETURN_IF(read_images(files, from, what));
  if (options->labels != NULL) AE_RETURN_IF(read_labels(options->labels, from));
  what->labelled = options->labels != NULL;
  if (from->examples == 0 || what->row_bytes == 0)
    return AE_FAIL(AE_DATA, "%s: it has no examples, so %s would be empty", files[0], out);
  return choose_order(options, from, &what->shape.examples);
}

static void free_source(source *from) {
  for (int i = 0; i < from->files && from->images != NULL; i++) ae_idx_free(&from->images[i]);
  AE_FREE(from->images);
  ae_idx_free(&from->labels);
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

static const uint8_t *image_of(const source *from, int64_t place, int64_t row_bytes) {
  int file = 0;
  while (place >= from->images[file].dim[0]) place -= from->images[file++].dim[0];
  return from->images[file].values + place * row_bytes;
}

static void fill_part(const source *from, const plan *what, part *own) {
  for (int64_t i = 0; i < own->count; i++) {
    const int64_t place = from->order[own->begin + i];
    own->index[i] = place;
    memcpy(own->rows + i * what->row_bytes, image_of(from, place, what->row_bytes), (size_t)what->row_bytes);
    if (own->label != NULL) own->label[i] = from->labels.values[place];
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

static const char *base_name(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash == NULL ? path : slash + 1;
}

static void tell_origin(const char *const *files, int count, const ae_import_options *options, char *out, size_t size) {
  size_t length = (size_t)snprintf(out, size, "mpiae import idx");
  for (int i = 0; i < count && length < size; i++)
    length += (size_t)snprintf(out + length, size - length, " %s", base_name(files[i]));
  if (options->labels != NULL && length < size)
    length += (size_t)snprintf(out + length, size - length, " --labels %s", base_name(options->labels));
  if (options->shuffle && length < size)
    length += (size_t)snprintf(out + length, size - length, " --shuffle %llu", (unsigned long long)options->seed);
  if (options->limit > 0 && length < size)
    snprintf(out + length, size - length, " --limit %lld", (long long)options->limit);
}

ae_status ae_import_idx(const ae_comm *comm, const char *const *files, int count, const ae_import_options *options,
                        const char *out) {
  ae_status status = AE_OK;
  source from = {.files = count};
  plan what = {0};
  part own = {0};
  char origin[1024];
  const int rank = ae_comm_rank(comm), ranks = ae_comm_size(comm);
  tell_origin(files, count, options, origin, sizeof origin);
  AE_CHECK(ae_comm_agree(comm, rank == 0 ? read_source(files, options, out, &from, &what) : AE_OK));
  ae_comm_broadcast(comm, &what, (int64_t)sizeof what);
  place_part(&what, rank, ranks, &own);
  /* Rank 0 needs room for the largest part. */
  AE_CHECK(ae_comm_agree(comm, new_part(&what, (what.shape.examples + ranks - 1) / ranks, &own)));
  deal(comm, &from, &what, &own);
  free_source(&from);
  AE_CHECK(ae_dataset_write(comm, out, &what.shape, own.begin, own.count, own.rows, own.label, own.index, origin));
  ae_log_info("%lld examples in %s", (long long)what.shape.examples, out);
cleanup:
  free_source(&from);
  free_part(&own);
  return status;
}
