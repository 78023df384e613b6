#include "mpiae/data/dataset.h"

#include "mpiae/base/arithmetic.h"
#include "mpiae/base/clones.h"
#include "mpiae/base/memory.h"
#include "mpiae/base/profile.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#define VERSION 1

/* More classes than this are believed only when there are as many examples. */
enum { MOST_CLASSES = 1000000 };

static ae_status check_format(ae_h5 *file, const char *path) {
  ae_status status = AE_OK;
  char *format = NULL;
  int64_t version = 0;
  AE_CHECK(ae_error_prefix(ae_h5_get_text(file, "/", "mpiae_format", &format), "not a dataset file"));
  if (strcmp(format, "dataset") != 0)
    AE_RAISE(AE_DATA, "%s: attribute mpiae_format is '%s', not 'dataset'; give a file made by mpiae import or synth",
             path, format);
  AE_CHECK(ae_h5_get_integer(file, "/", "mpiae_version", &version));
  if (version != VERSION)
    AE_RAISE(AE_DATA, "%s: attribute mpiae_version is %lld, but this program reads %d; use the program that made it",
             path, (long long)version, VERSION);
cleanup:
  AE_FREE(format);
  return status;
}

/* Fills in what the file says of /x. */
static ae_status describe_examples(ae_h5 *file, ae_dataset *dataset) {
  int rank = 0;
  int64_t dim[AE_H5_MAX_RANK] = {0};
  AE_RETURN_IF(ae_h5_describe(file, "/x", &dataset->type, &rank, dim));
  if (rank != 2 && rank != 4)
    return AE_FAIL(AE_DATA, "%s: /x has %d axes; store it as (N, C, H, W) or (N, F)", dataset->path, rank);
  if (dataset->type != AE_H5_UINT8 && dataset->type != AE_H5_FLOAT32)
    return AE_FAIL(AE_DATA, "%s: /x is neither uint8 nor float32; convert it to one of them", dataset->path);
  dataset->examples = dim[0];
  dataset->rank = rank - 1;
  dataset->features = 1;
  for (int i = 0; i < dataset->rank; i++) {
    dataset->dim[i] = dim[1 + i];
    AE_RETURN_IF(ae_multiply(dataset->features, dim[1 + i], "/x", &dataset->features));
  }
  if (dataset->examples == 0 || dataset->features == 0)
    return AE_FAIL(AE_DATA, "%s: /x is empty; a dataset needs at least one example of one feature", dataset->path);
  dataset->row_bytes = dataset->features * (dataset->type == AE_H5_UINT8 ? 1 : (int64_t)sizeof(float));
  return AE_OK;
}

static ae_status check_labels(ae_h5 *file, const ae_dataset *dataset) {
  int rank = 0;
  int64_t dim[AE_H5_MAX_RANK] = {0};
  ae_h5_type type;
  AE_RETURN_IF(ae_h5_describe(file, "/label", &type, &rank, dim));
  if (type == AE_H5_FLOAT32 || type == AE_H5_FLOAT64)
    return AE_FAIL(AE_DATA, "%s: /label must hold integers; convert it to int32", dataset->path);
  if (rank != 1 || dim[0] != dataset->examples)
    return AE_FAIL(AE_DATA, "%s: /label has %d axes and length %lld, but /x has %lld examples; they must match",
                   dataset->path, rank, (long long)dim[0], (long long)dataset->examples);
  return AE_OK;
}

/* Labels are read wide, so that one that does not fit is named, not clipped. */
static ae_status take_labels(ae_dataset *dataset, const int64_t *wide) {
  const int64_t begin = ae_shards_own_begin(&dataset->shards), count = ae_shards_own_count(&dataset->shards);
  AE_RETURN_IF(AE_NEW(dataset->label, count));
  for (int64_t i = 0; i < count; i++) {
    if (wide[i] < -1 || wide[i] >= INT32_MAX)
      return AE_FAIL(AE_DATA, "%s: label %lld of example %lld is out of range; labels are -1 (unknown) or from 0",
                     dataset->path, (long long)wide[i], (long long)(begin + i));
    dataset->label[i] = (int32_t)wide[i];
  }
  return AE_OK;
}

static ae_status read_labels(ae_h5 *file, const ae_comm *comm, ae_dataset *dataset) {
  ae_status status = AE_OK;
  int64_t *wide = NULL, largest = -1;
  bool exists = false;
  const int64_t begin = ae_shards_own_begin(&dataset->shards), count = ae_shards_own_count(&dataset->shards);
  AE_CHECK(ae_h5_exists(file, "/label", &exists));
  if (!exists) goto cleanup;
  AE_CHECK(check_labels(file, dataset));
  AE_CHECK(ae_comm_agree(comm, AE_NEW(wide, count)));
  AE_CHECK(ae_h5_read(file, "/label", AE_H5_INT64, 1, begin, count, wide));
  AE_CHECK(ae_comm_agree(comm, take_labels(dataset, wide)));
  for (int64_t i = 0; i < count; i++) largest = ae_max(largest, wide[i]);
  largest = ae_comm_max(comm, largest);
  if (largest >= MOST_CLASSES && largest >= dataset->examples)
    AE_RAISE(AE_DATA, "%s: a label is %lld, with %lld examples: number the classes from 0", dataset->path,
             (long long)largest, (long long)dataset->examples);
  dataset->classes = (int)largest + 1;
cleanup:
  AE_FREE(wide);
  return status;
}

static ae_status check_finite(const ae_dataset *dataset) {
  const float *value = dataset->rows;
  const int64_t begin = ae_shards_own_begin(&dataset->shards), count = ae_shards_own_count(&dataset->shards);
  if (dataset->type != AE_H5_FLOAT32) return AE_OK;
  for (int64_t i = 0; i < count * dataset->features; i++)
    if (!isfinite(value[i]))
      return AE_FAIL(AE_DATA, "%s: feature %lld of example %lld of /x is %s; remove or replace it", dataset->path,
                     (long long)(i % dataset->features), (long long)(begin + i / dataset->features),
                     isnan(value[i]) ? "not a number" : "infinite");
  return AE_OK;
}

static void find_bounds(const ae_comm *comm, ae_dataset *dataset) {
  const float *value = dataset->rows;
  float bound[2] = {0, 1}; /* −lowest, highest */
  if (dataset->type == AE_H5_FLOAT32) {
    bound[0] = bound[1] = -INFINITY;
    for (int64_t i = 0; i < ae_shards_own_count(&dataset->shards) * dataset->features; i++) {
      if (-value[i] > bound[0]) bound[0] = -value[i];
      if (value[i] > bound[1]) bound[1] = value[i];
    }
    ae_comm_require(comm, MPI_Allreduce(MPI_IN_PLACE, bound, 2, MPI_FLOAT, MPI_MAX, ae_comm_handle(comm)),
                    "bounds of the data");
  }
  dataset->low = -bound[0];
  dataset->high = bound[1];
}

static ae_status read_rows(ae_h5 *file, const ae_comm *comm, ae_dataset *dataset) {
  const int64_t begin = ae_shards_own_begin(&dataset->shards), count = ae_shards_own_count(&dataset->shards);
  char *rows = NULL;
  const ae_status allocated = AE_NEW(rows, count * dataset->row_bytes);
  dataset->rows = rows;
  AE_RETURN_IF(ae_comm_agree(comm, allocated));
  AE_RETURN_IF(ae_h5_read(file, "/x", dataset->type, dataset->features, begin, count, dataset->rows));
  AE_RETURN_IF(ae_comm_agree(comm, check_finite(dataset)));
  find_bounds(comm, dataset);
  return AE_OK;
}

/* Continues a checksum over every rank's bytes in rank order, as if one rank had them all. */
static ae_status checksum_all(const ae_comm *comm, const void *bytes, int64_t count, uint32_t *checksum) {
  int64_t *pieces = NULL;
  const int ranks = ae_comm_size(comm);
  AE_RETURN_IF(ae_comm_agree(comm, AE_NEW(pieces, 2 * ranks)));
  const int64_t own[2] = {(int64_t)crc32_z(0, bytes, (z_size_t)count), count};
  ae_comm_require(comm, MPI_Allgather(own, 2, MPI_INT64_T, pieces, 2, MPI_INT64_T, ae_comm_handle(comm)),
                  "gather checksums");
  uLong sum = *checksum;
  for (int rank = 0; rank < ranks; rank++) sum = crc32_combine(sum, (uLong)pieces[2 * rank], pieces[2 * rank + 1]);
  *checksum = (uint32_t)sum;
  AE_FREE(pieces);
  return AE_OK;
}

static ae_status take_checksum(const ae_comm *comm, ae_dataset *dataset) {
  char shape[128];
  const int64_t count = ae_shards_own_count(&dataset->shards);
  const int length = snprintf(shape, sizeof shape, "%s %lld %lld %lld %lld", dataset->type == AE_H5_UINT8 ? "u1" : "f4",
                              (long long)dataset->examples, (long long)dataset->dim[0], (long long)dataset->dim[1],
                              (long long)dataset->dim[2]);
  dataset->checksum = (uint32_t)crc32_z(0, (const Bytef *)shape, (z_size_t)length);
  AE_RETURN_IF(checksum_all(comm, dataset->rows, count * dataset->row_bytes, &dataset->checksum));
  if (dataset->label == NULL) return AE_OK;
  return checksum_all(comm, dataset->label, count * (int64_t)sizeof *dataset->label, &dataset->checksum);
}

/* How a dataset is to be cut. */
typedef struct slicing {
  int shards;    /* 0 = as many as ranks */
  int64_t block; /* most examples of a slice; 0 = by shards */
} slicing;

static ae_status slice(const ae_comm *comm, slicing cut, ae_dataset *dataset) {
  const int rank = ae_comm_rank(comm), ranks = ae_comm_size(comm);
  if (cut.block > 0) return ae_shards_init_blocks(&dataset->shards, dataset->examples, cut.block, rank, ranks);
  return ae_shards_init(&dataset->shards, dataset->examples, cut.shards == 0 ? ranks : cut.shards, rank, ranks);
}

static ae_status read_dataset(const ae_comm *comm, ae_h5 *file, slicing cut, ae_dataset *dataset) {
  AE_RETURN_IF(check_format(file, dataset->path));
  AE_RETURN_IF(describe_examples(file, dataset));
  AE_RETURN_IF(slice(comm, cut, dataset));
  AE_RETURN_IF(read_rows(file, comm, dataset));
  AE_RETURN_IF(read_labels(file, comm, dataset));
  return take_checksum(comm, dataset);
}

static ae_status new_dataset(const char *path, ae_dataset **out) {
  AE_RETURN_IF(AE_NEW(*out, 1));
  return ae_memory_text(path, &(*out)->path);
}

static ae_status open_sliced(const ae_comm *comm, const char *path, slicing cut, ae_dataset **out) {
  ae_status status = AE_OK;
  ae_h5 *file = NULL;
  ae_dataset *dataset = NULL;
  const ae_phase previous = ae_profile_enter(AE_PHASE_READ);
  *out = NULL;
  AE_CHECK(ae_comm_agree(comm, new_dataset(path, &dataset)));
  AE_CHECK(ae_h5_open(comm, path, &file));
  AE_CHECK(read_dataset(comm, file, cut, dataset));
  *out = dataset;
  dataset = NULL;
cleanup:
  ae_dataset_close(&dataset);
  ae_h5_close(&file);
  ae_profile_leave(previous);
  return status;
}

ae_status ae_dataset_open(const ae_comm *comm, const char *path, int shard_count, ae_dataset **out) {
  return open_sliced(comm, path, (slicing){.shards = shard_count}, out);
}

ae_status ae_dataset_open_blocks(const ae_comm *comm, const char *path, int64_t block, ae_dataset **out) {
  AE_ASSERT(block >= 1);
  return open_sliced(comm, path, (slicing){.block = block}, out);
}

void ae_dataset_close(ae_dataset **dataset) {
  if (*dataset == NULL) return;
  AE_FREE((*dataset)->path);
  AE_FREE((*dataset)->rows);
  AE_FREE((*dataset)->label);
  AE_FREE(*dataset);
}

/* 255 becomes exactly 1. */
AE_CLONES static void scale_bytes(const uint8_t *restrict bytes, int64_t count, float *restrict out) {
  for (int64_t i = 0; i < count; i++) out[i] = (float)bytes[i] * (1.0f / 255.0f);
}

void ae_dataset_to_float(const ae_dataset *dataset, const void *rows, int64_t count, float *out) {
  const int64_t values = count * dataset->features;
  if (dataset->type == AE_H5_FLOAT32) memcpy(out, rows, (size_t)values * sizeof *out);
  else scale_bytes(rows, values, out);
}

const void *ae_dataset_row(const ae_dataset *dataset, int64_t example) {
  const int64_t own = example - ae_shards_own_begin(&dataset->shards);
  AE_ASSERT(own >= 0 && own < ae_shards_own_count(&dataset->shards));
  return (const char *)dataset->rows + own * dataset->row_bytes;
}
