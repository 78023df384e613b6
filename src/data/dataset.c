#include "mpiae/data/dataset.h"

#include "mpiae/base/arithmetic.h"
#include "mpiae/base/clones.h"
#include "mpiae/base/log.h"
#include "mpiae/base/memory.h"
#include "mpiae/base/profile.h"
#include "mpiae/data/array.h"
#include "mpiae/data/labels.h"
#include "mpiae/data/loader.h"
#include "mpiae/data/location.h"
#include "mpiae/data/scale.h"
#include "source.h"
#include "sparse.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

static ae_status check_format(ae_h5 *file, const char *path) {
  char *format = NULL;
  ae_status status = ae_h5_get_kind(file, &format);
  if (status == AE_OK && (format == NULL || strcmp(format, "dataset") != 0))
    status = AE_FAIL(
        AE_DATA,
        "%s is not a dataset file (attribute mpiae_format is %s%s%s): give one made by mpiae import or synth, or "
        "name an array of examples in it as %s:/path ('mpiae info %s' lists what it holds)",
        path, format != NULL ? "'" : "", format != NULL ? format : "missing", format != NULL ? "'" : "", path, path);
  AE_FREE(format);
  return status;
}

static ae_status take_shape(const ae_source *from, int rank, const int64_t *dim, ae_dataset *dataset) {
  if (from->bare) {
    if (!ae_array_shape(rank, dim, &dataset->rank, dataset->dim))
      return AE_FAIL(AE_DATA, "%s:%s has %d axes; examples are " AE_ARRAY_SHAPES, from->path, from->array, rank);
    return AE_OK;
  }
  if (rank != 2 && rank != 4)
    return AE_FAIL(AE_DATA, "%s:%s has %d axes; store it as (N, C, H, W) or (N, F)", from->path, from->array, rank);
  dataset->rank = rank - 1;
  for (int i = 0; i < dataset->rank; i++) dataset->dim[i] = dim[1 + i];
  return AE_OK;
}

/* Images as most libraries for pictures hold them. */
static void warn_of_channels(const ae_source *from, const ae_dataset *dataset) {
  const int64_t *dim = dataset->dim;
  if (dataset->rank != 3 || dim[2] > 4 || dim[0] <= 4 || dim[1] <= 4) return;
  ae_log_warning("%s:%s is taken as images of %lld channels, %lld × %lld: if these are %lld × %lld with the %lld "
                 "channels last, store them as (N, C, H, W)",
                 from->path, from->array, (long long)dim[0], (long long)dim[1], (long long)dim[2], (long long)dim[0],
                 (long long)dim[1], (long long)dim[2]);
}

/* Sets of one size as libraries for clouds of points hold them. */
static void warn_of_points(const ae_source *from, int rank, const int64_t *dim) {
  if (!from->bare || rank != 3 || dim[2] > 3 || dim[1] <= 4) return;
  ae_log_warning(
      "%s:%s is taken as images of %lld × %lld: if these are sets of %lld points, store them as points (%lld, "
      "%lld) beside offset, the multiples of %lld",
      from->path, from->array, (long long)dim[1], (long long)dim[2], (long long)dim[1], (long long)(dim[0] * dim[1]),
      (long long)dim[2], (long long)dim[1]);
}

/* Rank, shape and type as stored. */
static ae_status look_at(const ae_comm *comm, ae_source *from, int *rank, int64_t dim[AE_H5_MAX_RANK],
                         ae_dataset *dataset) {
  if (from->sparse) {
    dataset->type = AE_H5_FLOAT32;
    *rank = 2;
    return ae_sparse_find(comm, from->file, from->array, &from->sparse, dim);
  }
  AE_RETURN_IF(ae_numbers_find(comm, from->file, from->array, &from->numbers));
  dataset->type = from->numbers.packed && from->bare ? AE_H5_FLOAT32 : from->numbers.type;
  *rank = from->numbers.rank;
  memcpy(dim, from->numbers.dim, sizeof from->numbers.dim);
  return AE_OK;
}

/* Fills in what the file says of the examples. */
static ae_status describe_examples(const ae_comm *comm, ae_source *from, ae_dataset *dataset) {
  int rank = 0;
  int64_t dim[AE_H5_MAX_RANK] = {0};
  AE_RETURN_IF(look_at(comm, from, &rank, dim, dataset));
  AE_RETURN_IF(take_shape(from, rank, dim, dataset));
  if (dataset->type != AE_H5_UINT8 && dataset->type != AE_H5_FLOAT32) {
    if (!from->bare)
      return AE_FAIL(
          AE_DATA,
          "%s:%s is neither uint8 nor float32; store it as one of them, or name it as %s:%s: then other numbers "
          "become float32",
          from->path, from->array, from->path, from->array);
    dataset->type = AE_H5_FLOAT32;
  }
  dataset->examples = dim[0];
  dataset->features = 1;
  for (int i = 0; i < dataset->rank; i++)
    AE_RETURN_IF(ae_multiply(dataset->features, dataset->dim[i], from->array, &dataset->features));
  if (dataset->examples == 0 || dataset->features == 0)
    return AE_FAIL(AE_DATA, "%s:%s is empty; a dataset needs at least one example of one feature", from->path,
                   from->array);
  dataset->row_bytes = dataset->features * (dataset->type == AE_H5_UINT8 ? 1 : (int64_t)sizeof(float));
  warn_of_channels(from, dataset);
  warn_of_points(from, rank, dim);
  return AE_OK;
}

/* What is no labels is an error in a dataset file, and somebody else's beside a bare array. */
static ae_status read_labels(const ae_comm *comm, const ae_source *from, ae_dataset *dataset) {
  ae_labels labels;
  snprintf(dataset->no_labels, sizeof dataset->no_labels, "has no known /label");
  if (strcmp(from->label, from->array) == 0) return AE_OK;
  AE_RETURN_IF(ae_labels_read(comm, from->file, from->label, dataset->examples, ae_shards_own_begin(&dataset->shards),
                              ae_shards_own_count(&dataset->shards), &labels));
  dataset->label = labels.label;
  dataset->names = labels.names;
  dataset->classes = labels.classes;
  snprintf(
      dataset->no_labels, sizeof dataset->no_labels, "%s%.200s",
      labels.why[0] == '\0' ? "has no known /label" : "has no labels, for its /label is another thing: ", labels.why);
  if (labels.why[0] == '\0') return AE_OK;
  if (!from->bare) return AE_FAIL(AE_DATA, "%s:%s: %s", from->path, from->label, labels.why);
  ae_log_warning("%s:%s is not taken as labels: %s", from->path, from->label, labels.why);
  return AE_OK;
}

/* Rows here: examples, or the points of the own sets. */
static int64_t count_rows(const ae_dataset *dataset) {
  const int64_t count = ae_shards_own_count(&dataset->shards);
  return dataset->offset != NULL ? dataset->offset[count] : count;
}

/* Own rows [begin, begin + count), as they have just been read. */
typedef struct piece {
  int64_t begin, count;
  void *rows;
} piece;

static ae_status name_bad_value(const ae_source *from, const ae_dataset *dataset, const piece *read, int64_t place) {
  const int64_t begin = ae_shards_own_begin(&dataset->shards);
  const long long row = read->begin + place / dataset->features, feature = place % dataset->features;
  const char *what = isnan(((const float *)read->rows)[place]) ? "not a number" : "infinite";
  int64_t set = 0;
  if (dataset->offset == NULL)
    return AE_FAIL(AE_DATA, "%s:%s: feature %lld of example %lld is %s; remove or replace it", from->path, from->array,
                   feature, (long long)begin + row, what);
  while (dataset->offset[set + 1] <= row) set++;
  return AE_FAIL(AE_DATA, "%s:%s: coordinate %lld of point %lld of set %lld is %s; remove or replace it", from->path,
                 from->array, feature, row - (long long)dataset->offset[set], (long long)(begin + set), what);
}

static ae_status check_finite(const ae_source *from, const ae_dataset *dataset, const piece *read) {
  const float *value = read->rows;
  if (dataset->type != AE_H5_FLOAT32) return AE_OK;
  for (int64_t i = 0; i < read->count * dataset->features; i++)
    if (!isfinite(value[i])) return name_bad_value(from, dataset, read, i);
  return AE_OK;
}

/* −lowest, highest; 1 when a number is not whole. Of own rows. */
static void bound_floats(const float *value, int64_t count, float bound[3]) {
  for (int64_t i = 0; i < count; i++) {
    if (-value[i] > bound[0]) bound[0] = -value[i];
    if (value[i] > bound[1]) bound[1] = value[i];
    if (value[i] != rintf(value[i])) bound[2] = 1;
  }
}

static void bound_bytes(const uint8_t *value, int64_t count, float bound[3]) {
  uint8_t least = UINT8_MAX, most = 0;
  for (int64_t i = 0; i < count; i++) {
    least = value[i] < least ? value[i] : least;
    most = value[i] > most ? value[i] : most;
  }
  if (count == 0) return;
  bound[0] = fmaxf(bound[0], -(float)least);
  bound[1] = fmaxf(bound[1], (float)most);
}

static void agree_on_bounds(const ae_comm *comm, ae_dataset *dataset, float bound[3]) {
  const bool bytes = dataset->type == AE_H5_UINT8;
  ae_comm_require(comm, MPI_Allreduce(MPI_IN_PLACE, bound, 3, MPI_FLOAT, MPI_MAX, ae_comm_handle(comm)),
                  "bounds of the data");
  if (dataset->offset != NULL && dataset->points == 0) bound[0] = bound[1] = 0;
  dataset->least = 0.0f - bound[0]; /* not -0 */
  dataset->most = bound[1];
  dataset->integral = bound[2] == 0;
  dataset->low = bytes ? 0 : dataset->least;
  dataset->high = bytes ? 1 : dataset->most;
  dataset->whole = !bytes && dataset->integral;
}

/* Whether HDF5 alone makes the rows of what is in the file. */
static bool is_plain(const ae_source *from, const ae_dataset *dataset) {
  return !from->sparse && (!from->bare || dataset->offset != NULL || ae_numbers_are_plain(&from->numbers));
}

static ae_status read_numbers(const ae_comm *comm, const ae_source *from, const ae_dataset *dataset, int64_t begin,
                              const piece *read) {
  const int64_t shape[2] = {dataset->examples, dataset->features};
  ae_rounding rounding;
  if (is_plain(from, dataset))
    return ae_h5_read(from->file, from->array, dataset->type, dataset->features, begin, read->count, read->rows);
  if (from->sparse) return ae_sparse_read(comm, from->file, from->array, shape, begin, read->count, read->rows);
  AE_RETURN_IF(ae_numbers_read(&from->numbers, begin, read->count, NULL, read->rows, &rounding));
  ae_numbers_warn(&from->numbers, &rounding);
  return AE_OK;
}

/* Continues a checksum over every rank's `count` bytes, whose own checksum is `own`, in rank order, as if one rank had
 * them all. */
static ae_status combine_checksums(const ae_comm *comm, uLong own, int64_t count, uint32_t *checksum) {
  int64_t *pieces = NULL;
  const int ranks = ae_comm_size(comm);
  AE_RETURN_IF(ae_comm_agree(comm, AE_NEW(pieces, 2 * ranks)));
  const int64_t pair[2] = {(int64_t)own, count};
  ae_comm_require(comm, MPI_Allgather(pair, 2, MPI_INT64_T, pieces, 2, MPI_INT64_T, ae_comm_handle(comm)),
                  "gather checksums");
  uLong sum = *checksum;
  for (int rank = 0; rank < ranks; rank++) sum = crc32_combine(sum, (uLong)pieces[2 * rank], pieces[2 * rank + 1]);
  *checksum = (uint32_t)sum;
  AE_FREE(pieces);
  return AE_OK;
}

static ae_status checksum_all(const ae_comm *comm, const void *bytes, int64_t count, uint32_t *checksum) {
  return combine_checksums(comm, crc32_z(0, bytes, (z_size_t)count), count, checksum);
}

/* Reads own rows, all at once or at most `most` at a time into the same memory, and finds what is to be known of all. */
static ae_status read_pieces(const ae_comm *comm, const ae_source *from, ae_dataset *dataset, int64_t most,
                             void *rows) {
  const int64_t begin = dataset->offset != NULL ? dataset->first_point : ae_shards_own_begin(&dataset->shards);
  const int64_t count = count_rows(dataset), pieces = ae_comm_max(comm, ae_max(1, (count + most - 1) / most));
  float bound[3] = {-INFINITY, -INFINITY, 0};
  uLong own = crc32_z(0, NULL, 0);
  for (int64_t i = 0; i < pieces; i++) {
    const int64_t at = ae_min(count, i * most);
    const piece read = {at, ae_min(most, count - at), rows};
    AE_RETURN_IF(read_numbers(comm, from, dataset, begin + at, &read));
    AE_RETURN_IF(ae_comm_agree(comm, check_finite(from, dataset, &read)));
    const int64_t numbers = read.count * dataset->features;
    if (dataset->type == AE_H5_UINT8) bound_bytes(rows, numbers, bound);
    else bound_floats(rows, numbers, bound);
    if (read.count > 0) own = crc32_z(own, rows, (z_size_t)(read.count * dataset->row_bytes));
  }
  agree_on_bounds(comm, dataset, bound);
  return combine_checksums(comm, own, count * dataset->row_bytes, &dataset->checksum);
}

static ae_status refuse_to_stream(const ae_source *from, const ae_dataset *dataset, int64_t memory) {
  if (is_plain(from, dataset) && dataset->offset == NULL) return AE_OK;
  return AE_FAIL(AE_USAGE,
                 "%s:%s takes more memory than the %.4g GiB of data.memory, and %s are kept there: set "
                 "data.memory=all, or store them as arrays of uint8 or float32",
                 from->path, from->array, (double)memory / 0x1p30,
                 dataset->offset != NULL ? "sets"
                 : from->sparse          ? "sparse rows"
                                         : "numbers that are converted");
}

/* What is read at once of rows that are not kept. */
enum { PIECE_BYTES = 1 << 24 };

static ae_status read_rows(const ae_comm *comm, ae_source *from, int64_t memory, ae_dataset *dataset) {
  ae_status status;
  char *rows = NULL;
  const int64_t count = count_rows(dataset);
  const bool kept = ae_comm_max(comm, memory > 0 && count > memory / dataset->row_bytes) == 0;
  const int64_t most = kept ? ae_max(1, count) : ae_max(1, PIECE_BYTES / dataset->row_bytes);
  if (!kept) AE_RETURN_IF(refuse_to_stream(from, dataset, memory));
  status = ae_memory_expect((double)ae_min(count, most) * (double)dataset->row_bytes, "%s: its share on %d ranks",
                            from->path, ae_comm_size(comm));
  if (status == AE_OK) status = AE_NEW(rows, ae_min(count, most) * dataset->row_bytes);
  AE_CHECK(ae_comm_agree(comm, status));
  AE_CHECK(read_pieces(comm, from, dataset, most, rows));
  if (kept) dataset->rows = rows;
  if (kept) rows = NULL;
cleanup:
  AE_FREE(rows);
  return status;
}

/* Of the shape alone. */
static void begin_checksum(ae_dataset *dataset) {
  char shape[128];
  int length;
  if (dataset->offset != NULL)
    length = snprintf(shape, sizeof shape, "set %lld %lld %lld", (long long)dataset->examples,
                      (long long)dataset->points, (long long)dataset->features);
  else
    length = snprintf(shape, sizeof shape, "%s %lld %lld %lld %lld", dataset->type == AE_H5_UINT8 ? "u1" : "f4",
                      (long long)dataset->examples, (long long)dataset->dim[0], (long long)dataset->dim[1],
                      (long long)dataset->dim[2]);
  dataset->checksum = (uint32_t)crc32_z(0, (const Bytef *)shape, (z_size_t)length);
}

static ae_status end_checksum(const ae_comm *comm, ae_dataset *dataset) {
  const int64_t count = ae_shards_own_count(&dataset->shards);
  if (dataset->label == NULL) return AE_OK;
  return checksum_all(comm, dataset->label, count * (int64_t)sizeof *dataset->label, &dataset->checksum);
}

/* The checksum takes the offsets as they are in the file; afterwards they count from the first own point. */
static ae_status read_offsets(const ae_comm *comm, const ae_source *from, ae_dataset *dataset) {
  const int64_t count = ae_shards_own_count(&dataset->shards);
  AE_RETURN_IF(ae_source_read_offsets(comm, from, dataset));
  begin_checksum(dataset);
  AE_RETURN_IF(checksum_all(comm, dataset->offset + 1, count * (int64_t)sizeof *dataset->offset, &dataset->checksum));
  dataset->first_point = dataset->offset[0];
  for (int64_t i = 0; i <= count; i++) dataset->offset[i] -= dataset->first_point;
  return AE_OK;
}

static ae_status slice(const ae_comm *comm, ae_slicing cut, ae_dataset *dataset) {
  const int rank = ae_comm_rank(comm), ranks = ae_comm_size(comm);
  if (cut.block > 0) return ae_shards_init_blocks(&dataset->shards, dataset->examples, cut.block, rank, ranks);
  return ae_shards_init(&dataset->shards, dataset->examples, cut.shards == 0 ? ranks : cut.shards, rank, ranks);
}

/* What an array of indices tells of its codebook. Attributes of these names that are no such numbers are the user's. */
static ae_status read_codebook(const ae_source *from, ae_dataset *dataset) {
  static const char *const names[] = {"entries", "codebook"};
  int64_t *const values[] = {&dataset->entries, &dataset->codebook};
  for (int i = 0; i < 2; i++) {
    bool exists;
    AE_RETURN_IF(ae_h5_has_attribute(from->file, from->array, names[i], &exists));
    ae_status status = exists ? ae_h5_get_integer(from->file, from->array, names[i], values[i]) : AE_OK;
    if (status != AE_OK || *values[i] < 0) *values[i] = 0;
    ae_error_clear(&status);
  }
  return AE_OK;
}

static ae_status read_dataset(const ae_comm *comm, ae_source *from, ae_slicing cut, ae_dataset *dataset) {
  int64_t shape[2];
  if (from->bare) AE_RETURN_IF(ae_sparse_find(comm, from->file, from->array, &from->sparse, shape));
  if (!from->sparse)
    AE_RETURN_IF(from->bare ? ae_location_require(comm, from->file, from->array)
                            : check_format(from->file, from->path));
  AE_RETURN_IF(ae_source_find_sets(comm, from));
  AE_RETURN_IF(from->offset != NULL ? ae_source_describe_sets(from, dataset) : describe_examples(comm, from, dataset));
  AE_RETURN_IF(slice(comm, cut, dataset));
  if (from->offset != NULL) AE_RETURN_IF(read_offsets(comm, from, dataset));
  else begin_checksum(dataset);
  AE_RETURN_IF(read_rows(comm, from, cut.memory, dataset));
  AE_RETURN_IF(read_labels(comm, from, dataset));
  if (from->bare && !from->sparse) AE_RETURN_IF(read_codebook(from, dataset));
  return end_checksum(comm, dataset);
}

/* "/a/x" → "/a/label" */
static ae_status name_labels(const char *array, char **label) {
  const int group = (int)(strrchr(array, '/') - array);
  AE_RETURN_IF(AE_NEW(*label, (size_t)group + sizeof "/label"));
  sprintf(*label, "%.*s/label", group, array);
  return AE_OK;
}

static ae_status prepare(const char *path, const char *array, ae_dataset **out, char **label) {
  AE_RETURN_IF(AE_NEW(*out, 1));
  AE_RETURN_IF(ae_memory_text(path, &(*out)->path));
  return name_labels(array, label);
}

ae_status ae_dataset_open_sliced(const ae_comm *comm, const char *path, ae_slicing cut, ae_dataset **out) {
  ae_status status = AE_OK;
  ae_location place = {0};
  ae_source from = {0};
  char *label = NULL;
  ae_dataset *dataset = NULL;
  const ae_phase previous = ae_profile_enter(AE_PHASE_READ);
  *out = NULL;
  if (path[0] == '\0') AE_RAISE(AE_USAGE, "the name of a file is empty: give one, or leave the setting out");
  AE_CHECK(ae_location_find(comm, path, &place));
  from.bare = place.array != NULL;
  from.path = place.file;
  from.array = from.bare ? place.array : "/x";
  AE_CHECK(ae_comm_agree(comm, prepare(path, from.array, &dataset, &label)));
  from.label = label;
  AE_CHECK(ae_h5_open(comm, place.file, &from.file));
  AE_CHECK(read_dataset(comm, &from, cut, dataset));
  if (dataset->rows == NULL)
    AE_CHECK(ae_loader_open(comm, &from.file, from.array, dataset->type, dataset->features, &dataset->shards,
                            cut.memory, &dataset->loader));
  *out = dataset;
  dataset = NULL;
cleanup:
  ae_dataset_close(&dataset);
  ae_h5_close(&from.file);
  ae_location_free(&place);
  AE_FREE(from.offset);
  AE_FREE(label);
  ae_profile_leave(previous);
  return status;
}

ae_status ae_dataset_open(const ae_comm *comm, const char *path, int shard_count, ae_dataset **out) {
  return ae_dataset_open_sliced(comm, path, (ae_slicing){.shards = shard_count}, out);
}

ae_status ae_dataset_open_blocks(const ae_comm *comm, const char *path, int64_t block, ae_dataset **out) {
  AE_ASSERT(block >= 1);
  return ae_dataset_open_sliced(comm, path, (ae_slicing){.block = block}, out);
}

void ae_dataset_close(ae_dataset **dataset) {
  if (*dataset == NULL) return;
  AE_FREE((*dataset)->path);
  AE_FREE((*dataset)->rows);
  ae_loader_close(&(*dataset)->loader);
  AE_FREE((*dataset)->label);
  AE_FREE((*dataset)->names);
  AE_FREE((*dataset)->offset);
  AE_FREE(*dataset);
}

/* 255 becomes exactly 1. */
AE_CLONES static void scale_bytes(const uint8_t *restrict bytes, int64_t count, float *restrict out) {
  for (int64_t i = 0; i < count; i++) out[i] = (float)bytes[i] * (1.0f / 255.0f);
}

/* A value as stored. */
static float stored(const ae_dataset *dataset, const void *rows, int64_t place) {
  return dataset->type == AE_H5_UINT8 ? (float)((const uint8_t *)rows)[place] : ((const float *)rows)[place];
}

static void scale_rows(const ae_dataset *dataset, const void *rows, int64_t count, float *out) {
  const ae_data_scale *scale = dataset->scale;
  const int64_t features = dataset->features;
  for (int64_t i = 0; i < count * features; i++) {
    const int64_t f = scale->features == 1 ? 0 : i % features;
    out[i] = (stored(dataset, rows, i) - scale->offset[f]) / scale->divisor[f];
  }
}

void ae_dataset_to_float(const ae_dataset *dataset, const void *rows, int64_t count, float *out) {
  const int64_t values = count * dataset->features;
  if (dataset->scale != NULL) scale_rows(dataset, rows, count, out);
  else if (dataset->type == AE_H5_FLOAT32) memcpy(out, rows, (size_t)values * sizeof *out);
  else scale_bytes(rows, values, out);
}

void ae_dataset_to_units(const ae_dataset *dataset, const void *rows, int64_t count, float *out) {
  if (dataset->scale == NULL) ae_dataset_to_float(dataset, rows, count, out);
  else
    for (int64_t i = 0; i < count * dataset->features; i++) out[i] = stored(dataset, rows, i);
}

/* The value at `place` of an example, scaled. */
static float value_at(const ae_dataset *dataset, const void *row, int64_t place) {
  const ae_data_scale *scale = dataset->scale;
  const float value = stored(dataset, row, place);
  if (scale == NULL) return dataset->type == AE_H5_UINT8 ? value * (1.0f / 255.0f) : value;
  const int64_t f = scale->features == 1 ? 0 : place;
  return (value - scale->offset[f]) / scale->divisor[f];
}

/* One example, whose values are `places` of a channel, then those of the next. */
static void to_image(const ae_dataset *dataset, const void *row, int64_t channels, int64_t places, float *out) {
  for (int64_t c = 0; c < channels; c++)
    for (int64_t p = 0; p < places; p++) out[p * channels + c] = value_at(dataset, row, c * places + p);
}

void ae_dataset_to_images(const ae_dataset *dataset, const void *rows, int64_t count, float *out) {
  AE_ASSERT(dataset->rank == 3);
  if (dataset->dim[0] == 1) {
    ae_dataset_to_float(dataset, rows, count, out);
    return;
  }
  for (int64_t i = 0; i < count; i++)
    to_image(dataset, (const char *)rows + i * dataset->row_bytes, dataset->dim[0], dataset->dim[1] * dataset->dim[2],
             out + i * dataset->features);
}

const void *ae_dataset_row(const ae_dataset *dataset, int64_t example) {
  const int64_t own = example - ae_shards_own_begin(&dataset->shards);
  AE_ASSERT(dataset->offset == NULL && own >= 0 && own < ae_shards_own_count(&dataset->shards));
  if (dataset->loader != NULL) return ae_loader_row(dataset->loader, example);
  return (const char *)dataset->rows + own * dataset->row_bytes;
}

ae_status ae_dataset_take_error(const ae_dataset *dataset) { return ae_loader_take_error(dataset->loader); }
