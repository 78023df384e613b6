#include "mpiae/models/acn/code_memory.h"

#include "mpiae/base/memory.h"
#include "mpiae/base/philox.h"
#include "mpiae/base/profile.h"
#include "mpiae/cluster/neighbours.h"
#include "mpiae/models/model.h"
#include "mpiae/tensor/nearest.h"

#include <limits.h>
#include <math.h>
#include <string.h>

static int64_t own(const ae_code_memory *memory) {
  return memory->data == NULL ? 0 : ae_shards_own_count(&memory->data->shards);
}

static ae_status allocate(ae_code_memory *memory) {
  const int64_t count = own(memory) * memory->latent;
  if (memory->data == NULL) return AE_OK;
  memory->examples = memory->data->examples;
  if (memory->examples < 2)
    return AE_FAIL(AE_USAGE, "%s holds one example, which has no neighbour: model 'acn' needs more",
                   memory->data->path);
  AE_RETURN_IF(AE_NEW(memory->mean, count));
  AE_RETURN_IF(AE_NEW(memory->logstd, count));
  AE_RETURN_IF(AE_NEW(memory->remembered, count));
  return AE_NEW(memory->chosen, own(memory));
}

ae_status ae_code_memory_create(const ae_comm *comm, const ae_dataset *data, int64_t latent, int neighbours,
                                uint64_t seed, ae_code_memory **out) {
  ae_status status;
  ae_code_memory *made = NULL;
  status = AE_NEW(made, 1);
  if (status == AE_OK) {
    *made = (ae_code_memory){.comm = comm, .data = data, .seed = seed, .latent = latent, .neighbours = neighbours};
    status = allocate(made);
  }
  status = ae_comm_agree(comm, status);
  if (status != AE_OK) ae_code_memory_destroy(&made);
  *out = made;
  return status;
}

void ae_code_memory_destroy(ae_code_memory **memory) {
  if (*memory == NULL) return;
  ae_window_destroy(&(*memory)->window);
  AE_FREE((*memory)->mean);
  AE_FREE((*memory)->logstd);
  AE_FREE((*memory)->remembered);
  AE_FREE((*memory)->all);
  AE_FREE((*memory)->chosen);
  AE_FREE(*memory);
}

void ae_code_memory_start(ae_code_memory *memory) {
  const int64_t begin = ae_shards_own_begin(&memory->data->shards);
  for (int64_t i = 0; i < own(memory); i++)
    ae_random_fill_normal(ae_stream_of(memory->seed, AE_RANDOM_CODE, 0, begin + i), memory->latent,
                          memory->mean + i * memory->latent);
  ae_code_memory_epoch_end(memory);
}

static void choose(ae_code_memory *memory, uint32_t epoch, const int64_t *nearest) {
  const int64_t begin = ae_shards_own_begin(&memory->data->shards);
  for (int64_t i = 0; i < own(memory); i++) {
    int found = 0;
    while (found < memory->neighbours && nearest[i * memory->neighbours + found] >= 0) found++;
    const ae_stream stream = ae_stream_of(memory->seed, AE_RANDOM_NEIGHBOUR, epoch, begin + i);
    memory->chosen[i] = nearest[i * memory->neighbours + ae_random_below(stream, 0, found)];
  }
}

ae_status ae_code_memory_epoch_begin(ae_code_memory *memory, uint32_t epoch) {
  ae_status status;
  int64_t *nearest = NULL;
  const ae_shards *shards = &memory->data->shards;
  const ae_phase previous = ae_profile_enter(AE_PHASE_LABELS);
  AE_CHECK(ae_comm_agree(memory->comm, AE_NEW(nearest, own(memory) * memory->neighbours)));
  status = ae_neighbours_find(memory->comm, shards, memory->remembered, memory->latent, memory->neighbours, 0, nearest,
                              NULL);
  AE_CHECK(ae_model_blame_codes(status, epoch));
  choose(memory, epoch, nearest);
  AE_CHECK(ae_window_create(memory->comm, shards, memory->remembered,
                            memory->latent * (int64_t)sizeof *memory->remembered, &memory->window));
cleanup:
  AE_FREE(nearest);
  ae_profile_leave(previous);
  return status;
}

void ae_code_memory_fetch(ae_code_memory *memory, const ae_batch *batch, int64_t *wanted, float *out) {
  const int64_t rows = batch->offset[batch->segments], begin = ae_shards_own_begin(&memory->data->shards);
  for (int64_t i = 0; i < rows; i++) wanted[i] = memory->chosen[batch->example[i] - begin];
  ae_window_fetch(memory->window, wanted, rows, out);
}

void ae_code_memory_record(ae_code_memory *memory, int64_t example, const float *gaussian) {
  const int64_t latent = memory->latent, place = (example - ae_shards_own_begin(&memory->data->shards)) * latent;
  memcpy(memory->mean + place, gaussian, (size_t)latent * sizeof *gaussian);
  memcpy(memory->logstd + place, gaussian + latent, (size_t)latent * sizeof *gaussian);
}

void ae_code_memory_epoch_end(ae_code_memory *memory) {
  ae_window_destroy(&memory->window);
  memcpy(memory->remembered, memory->mean, (size_t)(own(memory) * memory->latent) * sizeof *memory->mean);
}

static ae_status expect_all_codes(const ae_code_memory *memory, const char *what) {
  return ae_memory_expect_each((double)memory->examples * (double)memory->latent * sizeof(float), "%s", what);
}

/* Rows are the units, so that counts fit an int. */
static void gather_rows(ae_code_memory *memory, int *count, int *at) {
  const MPI_Comm comm = ae_comm_handle(memory->comm);
  const int own_count = (int)own(memory), ranks = ae_comm_size(memory->comm);
  MPI_Datatype row;
  const bool waits = ae_profile_wait(true);
  ae_comm_require(memory->comm, MPI_Allgather(&own_count, 1, MPI_INT, count, 1, MPI_INT, comm), "counts of codes");
  at[0] = 0;
  for (int r = 1; r < ranks; r++) at[r] = at[r - 1] + count[r - 1];
  ae_comm_require(memory->comm, MPI_Type_contiguous((int)memory->latent, MPI_FLOAT, &row), "type of a code");
  ae_comm_require(memory->comm, MPI_Type_commit(&row), "type of a code");
  ae_comm_require(memory->comm, MPI_Allgatherv(memory->remembered, own_count, row, memory->all, count, at, row, comm),
                  "codes");
  ae_profile_wait(waits);
  MPI_Type_free(&row);
}

ae_status ae_code_memory_gather(ae_code_memory *memory) {
  ae_status status;
  int *count = NULL, *at = NULL;
  status = memory->examples > INT_MAX
               ? AE_FAIL(AE_USAGE, "more than %d examples: leave data.test and output.samples out", INT_MAX)
               : expect_all_codes(memory, "the codes of all examples, which data.test and output.samples need,");
  if (status == AE_OK && memory->all == NULL) status = AE_NEW(memory->all, memory->examples * memory->latent);
  if (status == AE_OK) status = AE_NEW(count, ae_comm_size(memory->comm));
  if (status == AE_OK) status = AE_NEW(at, ae_comm_size(memory->comm));
  AE_CHECK(ae_comm_agree(memory->comm, status));
  gather_rows(memory, count, at);
cleanup:
  AE_FREE(count);
  AE_FREE(at);
  return status;
}

/* Files. In the middle of an epoch what is recorded and what is remembered differ. */

static ae_status write_rows(const ae_code_memory *memory, ae_h5 *file, const char *path, const char *description,
                            const float *rows) {
  const ae_h5_dataset dataset = {
      path, AE_H5_FLOAT32, 2, {memory->examples, memory->latent}, {"example", "latent"}, description, NULL};
  return ae_h5_write(file, &dataset, ae_shards_own_begin(&memory->data->shards), own(memory), rows);
}

ae_status ae_code_memory_save(const ae_code_memory *memory, ae_h5 *file) {
  AE_RETURN_IF(ae_h5_create_group(file, "/code_memory", "codes of the training examples"));
  AE_RETURN_IF(ae_h5_create_axis(file, "/code_memory", "example", memory->examples, NULL, "training example"));
  AE_RETURN_IF(ae_h5_create_axis(file, "/code_memory", "latent", memory->latent, NULL, "dimension of a code"));
  AE_RETURN_IF(write_rows(memory, file, "/code_memory/mean", "posterior means recorded last", memory->mean));
  AE_RETURN_IF(
      write_rows(memory, file, "/code_memory/logstd", "log standard deviations recorded last", memory->logstd));
  return write_rows(memory, file, "/code_memory/remembered",
                    "means that neighbours are sought among: those of the epoch before, in the middle of one",
                    memory->remembered);
}

/* Inference takes as many examples as the file has; what is loaded next must have as many. */
static ae_status take_shape(ae_code_memory *memory, ae_h5 *file, const char *path) {
  ae_h5_type type;
  int rank;
  int64_t dim[AE_H5_MAX_RANK];
  AE_RETURN_IF(ae_h5_describe(file, path, &type, &rank, dim));
  if (rank != 2 || dim[0] < 1 || dim[0] > INT64_MAX / memory->latent || dim[1] != memory->latent ||
      (memory->examples > 0 && dim[0] != memory->examples))
    return AE_FAIL(AE_DATA,
                   "%s: %s has another shape than the configuration in the same file says: the file is damaged or was "
                   "changed",
                   ae_h5_path(file), path);
  memory->examples = dim[0];
  return AE_OK;
}

static ae_status check_codes(const ae_code_memory *memory, const ae_h5 *file, const char *path, int64_t begin,
                             int64_t count, const float *rows) {
  for (int64_t i = 0; i < count * memory->latent; i++)
    if (!(fabsf(rows[i]) <= (float)AE_NEAREST_LIMIT))
      return AE_FAIL(AE_DATA,
                     "%s: %s of example %lld is not finite or too large for a code: the file is damaged or was changed",
                     ae_h5_path(file), path, (long long)(begin + i / memory->latent));
  return AE_OK;
}

static ae_status read_rows(ae_code_memory *memory, ae_h5 *file, const char *path, float **rows) {
  AE_RETURN_IF(take_shape(memory, file, path));
  const int64_t latent = memory->latent;
  if (memory->data == NULL)
    AE_RETURN_IF(ae_comm_agree(memory->comm, expect_all_codes(memory, "the codes of the training examples")));
  const int64_t begin = memory->data != NULL ? ae_shards_own_begin(&memory->data->shards) : 0;
  const int64_t count = memory->data != NULL ? own(memory) : memory->examples;
  if (*rows == NULL) AE_RETURN_IF(ae_comm_agree(memory->comm, AE_NEW(*rows, count * latent)));
  AE_RETURN_IF(ae_h5_read(file, path, AE_H5_FLOAT32, latent, begin, count, *rows));
  return ae_comm_agree(memory->comm, check_codes(memory, file, path, begin, count, *rows));
}

ae_status ae_code_memory_load(ae_code_memory *memory, ae_h5 *file) {
  AE_RETURN_IF(
      read_rows(memory, file, "/code_memory/remembered", memory->data == NULL ? &memory->all : &memory->remembered));
  if (memory->data == NULL) return AE_OK;
  AE_RETURN_IF(read_rows(memory, file, "/code_memory/mean", &memory->mean));
  return read_rows(memory, file, "/code_memory/logstd", &memory->logstd);
}

ae_status ae_code_memory_recall(const ae_code_memory *memory, int64_t count, const float *code, int64_t *number) {
  return ae_neighbours_among(memory->all, memory->examples, memory->latent, code, count, memory->neighbours, number);
}
