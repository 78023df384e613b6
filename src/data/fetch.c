/* Examples of any rank on every rank, and own sets. */
#include "mpiae/base/arithmetic.h"
#include "mpiae/data/dataset.h"

#include <string.h>

#define MESSAGE_BYTES ((int64_t)1 << 26)

static ae_status check_examples(const ae_dataset *dataset, const int64_t *examples, int64_t count) {
  for (int64_t i = 0; i < count; i++)
    if (examples[i] < 0 || examples[i] >= dataset->examples)
      return AE_FAIL(AE_USAGE, "there is no example %lld: %s has %lld, numbered from 0", (long long)examples[i],
                     dataset->path, (long long)dataset->examples);
  return AE_OK;
}

static bool is_own(const ae_dataset *dataset, int64_t example) {
  const int64_t begin = ae_shards_own_begin(&dataset->shards);
  return example >= begin && example < begin + ae_shards_own_count(&dataset->shards);
}

/* Everything is zeros but on the rank that has it, so or-ing bits copies it. */
static void share_bytes(const ae_comm *comm, void *bytes, int64_t count) {
  for (int64_t at = 0; at < count; at += MESSAGE_BYTES)
    ae_comm_require(comm,
                    MPI_Allreduce(MPI_IN_PLACE, (char *)bytes + at, (int)ae_min(MESSAGE_BYTES, count - at), MPI_BYTE,
                                  MPI_BOR, ae_comm_handle(comm)),
                    "fetching examples");
}

ae_status ae_dataset_fetch(const ae_comm *comm, const ae_dataset *dataset, const int64_t *examples, int64_t count,
                           void *rows) {
  const int64_t row_bytes = dataset->row_bytes;
  char *out = rows;
  AE_ASSERT(dataset->offset == NULL);
  AE_RETURN_IF(ae_comm_agree(comm, check_examples(dataset, examples, count)));
  for (int64_t i = 0; i < count; i++)
    if (is_own(dataset, examples[i]))
      memcpy(out + i * row_bytes, ae_dataset_row(dataset, examples[i]), (size_t)row_bytes);
    else memset(out + i * row_bytes, 0, (size_t)row_bytes);
  AE_RETURN_IF(ae_comm_agree(comm, ae_dataset_take_error(dataset)));
  share_bytes(comm, rows, count * row_bytes);
  return AE_OK;
}

const float *ae_dataset_set(const ae_dataset *dataset, int64_t example, int64_t *count) {
  AE_ASSERT(dataset->offset != NULL && is_own(dataset, example));
  const int64_t *offset = dataset->offset + (example - ae_shards_own_begin(&dataset->shards));
  *count = offset[1] - offset[0];
  return (const float *)dataset->rows + offset[0] * dataset->features;
}

ae_status ae_dataset_fetch_offsets(const ae_comm *comm, const ae_dataset *dataset, const int64_t *examples,
                                   int64_t count, int64_t *offset) {
  AE_ASSERT(dataset->offset != NULL);
  AE_RETURN_IF(ae_comm_agree(comm, check_examples(dataset, examples, count)));
  memset(offset, 0, (size_t)(count + 1) * sizeof *offset);
  for (int64_t i = 0; i < count; i++)
    if (is_own(dataset, examples[i])) ae_dataset_set(dataset, examples[i], &offset[i + 1]);
  share_bytes(comm, offset, (count + 1) * (int64_t)sizeof *offset);
  for (int64_t i = 0; i < count; i++) offset[i + 1] += offset[i];
  return AE_OK;
}

ae_status ae_dataset_fetch_sets(const ae_comm *comm, const ae_dataset *dataset, const int64_t *examples, int64_t count,
                                const int64_t *offset, float *points) {
  const int64_t d = dataset->features, bytes = offset[count] * dataset->row_bytes;
  AE_RETURN_IF(ae_comm_agree(comm, check_examples(dataset, examples, count)));
  memset(points, 0, (size_t)bytes);
  for (int64_t i = 0; i < count; i++) {
    int64_t size;
    if (!is_own(dataset, examples[i])) continue;
    const float *set = ae_dataset_set(dataset, examples[i], &size);
    AE_ASSERT(size == offset[i + 1] - offset[i]);
    memcpy(points + offset[i] * d, set, (size_t)(size * dataset->row_bytes));
  }
  share_bytes(comm, points, bytes);
  return AE_OK;
}
