#include "bench.h"

#include "mpiae/base/arithmetic.h"
#include "mpiae/base/memory.h"
#include "mpiae/base/philox.h"
#include "mpiae/data/writer.h"
#include "mpiae/models/configure.h"

#include <stdio.h>
#include <string.h>

enum { FEWEST_POINTS = 60, MOST_POINTS = 200 };

/* Where a configuration is silent the defaults hold, which are those of configs/. */
static const ae_bench_preset presets[] = {
    {"vhe", "model: vhe", 3, {1, 28, 28}, 25600, false, true},
    {"vae", "model: vae", 3, {1, 28, 28}, 25600, false, true},
    {"vhe-classes", "model: vhe\nvhe: {sets: class}", 3, {1, 28, 28}, 25600, false, true},
    {"vqvae",
     "model: vqvae\ndata: {center: 0.5}\ntrain: {batch_size: 32}\nvqvae: {codebook: loss}",
     3,
     {3, 32, 32},
     6400,
     false,
     false},
    {"set-vae", "model: set-vae\ntrain: {batch_size: 16}", 1, {2}, 1600, true, false},
    {0}};

const ae_bench_preset *ae_bench_presets(void) { return presets; }

/* The made-up data. */

static void fill_bytes(int64_t example, int64_t count, uint8_t *out) {
  const ae_stream stream = ae_stream_of(0, AE_RANDOM_SELFTEST, 1, example);
  for (int64_t at = 0; at < count; at += 16) {
    uint32_t words[4];
    ae_philox(stream, (uint32_t)(at / 16), words);
    memcpy(out + at, words, (size_t)ae_min(16, count - at));
  }
}

static ae_status write_images(const ae_bench *bench, const ae_bench_preset *preset, int64_t examples, int64_t begin,
                              int64_t count, const char *path) {
  ae_dataset_shape shape = {.examples = examples, .rank = preset->rank, .type = AE_H5_UINT8};
  const int64_t features = preset->dim[0] * preset->dim[1] * preset->dim[2];
  uint8_t *rows = NULL;
  ae_status status;
  memcpy(shape.dim, preset->dim, sizeof shape.dim);
  AE_CHECK(ae_comm_agree(bench->comm, AE_NEW(rows, count * features)));
  for (int64_t i = 0; i < count; i++) fill_bytes(begin + i, features, rows + i * features);
  AE_CHECK(ae_dataset_write(bench->comm, path, &shape, begin, count, rows, NULL, NULL, "mpiae bench"));
cleanup:
  AE_FREE(rows);
  return status;
}

static int64_t size_of_set(int64_t example) {
  return FEWEST_POINTS +
         ae_random_below(ae_stream_of(0, AE_RANDOM_SELFTEST, 2, example), 0, MOST_POINTS - FEWEST_POINTS + 1);
}

static ae_status write_sets(const ae_bench *bench, const ae_bench_preset *preset, int64_t examples, int64_t begin,
                            int64_t count, const char *path) {
  int64_t *offset = NULL;
  float *points = NULL;
  ae_status status = AE_NEW(offset, count + 1);
  AE_CHECK(ae_comm_agree(bench->comm, status));
  for (int64_t i = 0; i < count; i++) offset[i + 1] = offset[i] + size_of_set(begin + i);
  AE_CHECK(ae_comm_agree(bench->comm, AE_NEW(points, offset[count] * preset->dim[0])));
  for (int64_t i = 0; i < count; i++)
    ae_random_fill_uniform(ae_stream_of(0, AE_RANDOM_SELFTEST, 3, begin + i), 0, 1,
                           (offset[i + 1] - offset[i]) * preset->dim[0], points + offset[i] * preset->dim[0]);
  const ae_sets sets = {examples, preset->dim[0], begin, count, offset, points};
  AE_CHECK(ae_dataset_write_sets(bench->comm, path, &sets, NULL, NULL, "mpiae bench"));
cleanup:
  AE_FREE(offset);
  AE_FREE(points);
  return status;
}

ae_status ae_bench_write_data(const ae_bench *bench, const ae_bench_preset *preset, int64_t examples) {
  const int rank = ae_comm_rank(bench->comm), ranks = ae_comm_size(bench->comm);
  const int64_t begin = ae_muldiv(rank, examples, ranks), end = ae_muldiv(rank + 1, examples, ranks);
  char path[AE_PATH_SIZE];
  ae_bench_path(bench, AE_BENCH_DATA, path);
  return (preset->sets ? write_sets : write_images)(bench, preset, examples, begin, end - begin, path);
}

ae_status ae_bench_train(const ae_bench *bench, const ae_bench_preset *preset, const char *const *overrides,
                         const ae_follower *follower) {
  enum { MOST_OVERRIDES = 8 };
  ae_status status;
  ae_config *config = NULL;
  int count = 1;
  char path[AE_PATH_SIZE], data[AE_PATH_SIZE + 16];
  const char *all[MOST_OVERRIDES] = {data};
  ae_bench_path(bench, AE_BENCH_DATA, path);
  snprintf(data, sizeof data, "data.train=%s", path);
  for (int i = 0; overrides != NULL && overrides[i] != NULL; i++) {
    AE_ASSERT(count < MOST_OVERRIDES);
    all[count++] = overrides[i];
  }
  AE_CHECK(ae_comm_agree(bench->comm, ae_model_configure(preset->config, (int64_t)strlen(preset->config), preset->name,
                                                         all, count, &config)));
  AE_CHECK(ae_train_followed(bench->comm, config, follower));
cleanup:
  ae_config_destroy(&config);
  return status;
}
