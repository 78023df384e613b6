#include "harness.h"

#include "mpiae/base/memory.h"
#include "mpiae/data/block.h"
#include "mpiae/data/loader.h"

#include <string.h>
#include <unistd.h>

enum { EXAMPLES = 997, FEATURES = 6, SHARDS = 7, BATCH = 60, BLOCK = 8, WINDOW = 3 };

/* Room for two windows of all shards, and less than the examples take on seven ranks. */
#define MEMORY ((int64_t)SHARDS * 2 * BLOCK * WINDOW * FEATURES)

typedef enum layout { CONTIGUOUS, CHUNKED, CHECKSUMMED, COMPRESSED, LAYOUTS } layout;

static uint8_t byte_at(int64_t example, int64_t feature) { return (uint8_t)((example * 31 + feature * 7) % 251); }

/* By rank 0, as others write them: chunks of rows that no block begins with. */
static const char *write_array(const char *name, layout kind) {
  static char location[512];
  static uint8_t x[EXAMPLES][FEATURES];
  const char *path = ae_test_path(name);
  snprintf(location, sizeof location, "%s:/x", path);
  if (ae_comm_rank(ae_test_comm()) == 0) {
    for (int64_t i = 0; i < EXAMPLES * FEATURES; i++)
      x[i / FEATURES][i % FEATURES] = byte_at(i / FEATURES, i % FEATURES);
    const hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), list = H5Pcreate(H5P_DATASET_CREATE);
    const hid_t space = H5Screate_simple(2, (const hsize_t[]){EXAMPLES, FEATURES}, NULL);
    if (kind != CONTIGUOUS) H5Pset_chunk(list, 2, (const hsize_t[]){50, FEATURES});
    if (kind == CHECKSUMMED) H5Pset_fletcher32(list);
    if (kind == COMPRESSED) H5Pset_deflate(list, 6);
    const hid_t dataset = H5Dcreate2(file, "x", H5T_NATIVE_UINT8, space, H5P_DEFAULT, list, H5P_DEFAULT);
    assert_true(H5Dwrite(dataset, H5T_NATIVE_UINT8, H5S_ALL, H5S_ALL, H5P_DEFAULT, x) >= 0);
    H5Dclose(dataset), H5Sclose(space), H5Pclose(list), H5Fclose(file);
  }
  ae_comm_barrier(ae_test_comm());
  return location;
}

static void open_both(const char *location, ae_dataset **kept, ae_dataset **read) {
  ae_test_ok(ae_dataset_open(ae_test_comm(), location, SHARDS, kept));
  ae_test_ok(ae_dataset_open_sliced(ae_test_comm(), location, (ae_slicing){.shards = SHARDS, .memory = MEMORY}, read));
  assert_null((*kept)->loader);
}

static ae_sampler *make_sampler(const ae_dataset *data, int64_t block, int64_t window) {
  ae_sampler *sampler = NULL;
  ae_test_ok(ae_sampler_create(&data->shards, BATCH, 3, &sampler));
  ae_test_ok(ae_sampler_shuffle_blocks(sampler, block, window));
  return sampler;
}

static void expect_row(const ae_dataset *data, int64_t example) {
  const uint8_t *row = ae_dataset_row(data, example);
  for (int64_t f = 0; f < FEATURES; f++) assert_int_equal(row[f], byte_at(example, f));
}

/* From step `first` of an epoch on. */
static void expect_epoch(const ae_dataset *data, ae_sampler *sampler, uint32_t epoch, int64_t first) {
  ae_sampler_begin(sampler, epoch);
  for (int64_t step = first; step < ae_sampler_steps(sampler); step++) {
    ae_batch batch;
    ae_sampler_batch(sampler, step, &batch);
    if (step == first) ae_loader_begin(data->loader, sampler, &batch);
    ae_loader_step(data->loader, &batch);
    for (int64_t i = 0; i < batch.offset[batch.segments]; i++) expect_row(data, batch.example[i]);
  }
}

static void expect_walk(const ae_dataset *data) {
  ae_block_walk walk;
  int64_t seen = 0;
  for (ae_block_first(&walk, data); walk.block.count > 0; ae_block_next(&walk), seen += walk.block.count)
    for (int64_t i = 0; i < walk.block.count * FEATURES; i++)
      assert_int_equal(((const uint8_t *)walk.block.rows)[i], byte_at(walk.block.example[i / FEATURES], i % FEATURES));
}

static void rows_are_those_of_the_file(void **state) {
  (void)state;
  static const char *const names[LAYOUTS] = {"contiguous.h5", "chunked.h5", "checksummed.h5", "compressed.h5"};
  for (layout kind = CONTIGUOUS; kind < LAYOUTS; kind++) {
    ae_dataset *kept, *data;
    open_both(write_array(names[kind], kind), &kept, &data);
    assert_int_equal(kept->checksum, data->checksum);
    assert_float_equal(kept->most, data->most, 0);
    if (data->loader == NULL) assert_true(ae_comm_size(ae_test_comm()) == 7); /* there a rank's share is small enough */
    ae_sampler *sampler = make_sampler(data, BLOCK, WINDOW);
    ae_test_ok(ae_loader_follow(ae_test_comm(), data->loader, sampler));
    expect_row(data, ae_shards_own_begin(&data->shards)); /* before any epoch */
    expect_epoch(data, sampler, 1, 0);
    expect_walk(data);
    expect_epoch(data, sampler, 2, 9);
    ae_test_ok(ae_dataset_take_error(data));
    ae_sampler_destroy(&sampler);
    ae_dataset_close(&kept);
    ae_dataset_close(&data);
  }
}

static void files_that_become_shorter_are_told(void **state) {
  (void)state;
  ae_dataset *kept, *data;
  const char *location = write_array("cut.h5", CONTIGUOUS), *path = ae_test_path("cut.h5");
  open_both(location, &kept, &data);
  ae_sampler *sampler = make_sampler(data, BLOCK, WINDOW);
  ae_test_ok(ae_loader_follow(ae_test_comm(), data->loader, sampler));
  ae_comm_barrier(ae_test_comm());
  if (ae_comm_rank(ae_test_comm()) == 0) assert_int_equal(truncate(path, 2048), 0);
  ae_comm_barrier(ae_test_comm());
  ae_batch batch;
  ae_sampler_begin(sampler, 1);
  ae_sampler_batch(sampler, 0, &batch);
  ae_loader_begin(data->loader, sampler, &batch);
  ae_loader_step(data->loader, &batch);
  if (data->loader != NULL) {
    const int64_t last = ae_shards_own_begin(&data->shards) + ae_shards_own_count(&data->shards) - 1;
    assert_int_equal(*(const uint8_t *)ae_dataset_row(data, last), 0);
    assert_true(ae_loader_has_failed(data->loader));
    ae_test_error(ae_dataset_take_error(data), AE_DATA, "has become shorter");
  }
  assert_false(ae_loader_has_failed(data->loader));
  ae_sampler_destroy(&sampler);
  ae_dataset_close(&kept);
  ae_dataset_close(&data);
}

/* Of a dataset of its own: ranks that have no fault to find may have begun to read. */
static void refuse(int64_t block, int64_t window, const char *part) {
  ae_dataset *kept, *data;
  open_both(write_array("sizes.h5", CONTIGUOUS), &kept, &data);
  if (data->loader != NULL) {
    ae_sampler *sampler = make_sampler(data, block, window);
    ae_test_error(ae_loader_follow(ae_test_comm(), data->loader, sampler), AE_USAGE, part);
    ae_sampler_destroy(&sampler);
  }
  ae_dataset_close(&kept);
  ae_dataset_close(&data);
}

static void windows_fit_memory_and_steps(void **state) {
  (void)state;
  refuse(10 * BLOCK, WINDOW, "data.memory is");
  refuse(2, 2, "have no more than 3");
}

int main(int argc, char **argv) {
  static const ae_test tests[] = {
      AE_TEST(rows_are_those_of_the_file),
      AE_TEST(files_that_become_shorter_are_told),
      AE_TEST(windows_fit_memory_and_steps),
  };
  return ae_test_main(argc, argv, tests, (int)(sizeof tests / sizeof *tests));
}
