#include "harness.h"

#include "mpiae/data/scale.h"
#include "mpiae/data/writer.h"

#include <math.h>
#include <string.h>

#define EXAMPLES 37
#define FEATURES 6

/* Features of other sizes and offsets; the last one never changes. */
static float value_at(int64_t example, int64_t feature) {
  if (feature == FEATURES - 1) return 0.1f;
  return (float)(feature * 1000) + (float)((example * 29 + feature * 11) % 53) * (float)(feature + 1);
}

static void write(const char *name, ae_h5_type type, int most, char path[512]) {
  const ae_dataset_shape shape = {EXAMPLES, 3, {2, 1, 3}, type};
  uint8_t bytes[EXAMPLES * FEATURES];
  float reals[EXAMPLES * FEATURES];
  const int rank = ae_comm_rank(ae_test_comm()), ranks = ae_comm_size(ae_test_comm());
  const int64_t begin = (int64_t)rank * EXAMPLES / ranks, end = (int64_t)(rank + 1) * EXAMPLES / ranks;
  for (int64_t i = 0; i < EXAMPLES * FEATURES; i++) {
    bytes[i] = (uint8_t)(i % (most + 1));
    reals[i] = value_at(i / FEATURES, i % FEATURES);
  }
  const void *rows = type == AE_H5_UINT8 ? (const void *)(bytes + begin * FEATURES) : (reals + begin * FEATURES);
  ae_test_ok(ae_dataset_write(ae_test_comm(), strcpy(path, ae_test_path(name)), &shape, begin, end - begin, rows, NULL,
                              NULL, "a test"));
}

static ae_dataset *open_scaled(const char *path, const char *asked, const char *found, ae_data_scale *scale) {
  ae_dataset *data = NULL;
  const char *said = NULL;
  ae_test_ok(ae_dataset_open(ae_test_comm(), path, 8, &data));
  ae_test_ok(ae_data_scale_choose(ae_test_comm(), asked, data, &said, scale));
  assert_string_equal(said, found);
  ae_test_ok(ae_dataset_use_scale(ae_test_comm(), data, scale));
  return data;
}

static void close(ae_dataset **data, ae_data_scale *scale) {
  ae_dataset_close(data);
  ae_data_scale_free(scale);
}

/* Bytes of 0 … most, read with `asked`: what the largest and the smallest become. */
static void expect_bytes(int most, const char *asked, const char *found, float low, float high, bool whole) {
  char path[512];
  float x[FEATURES];
  ae_data_scale scale;
  write("bytes.h5", AE_H5_UINT8, most, path);
  ae_dataset *data = open_scaled(path, asked, found, &scale);
  assert_float_equal(data->least, 0, 0);
  assert_float_equal(data->most, most, 0);
  assert_float_equal(data->low, low, 0);
  assert_float_equal(data->high, high, 0);
  assert_int_equal(data->whole, whole);
  for (int64_t i = 0; i < ae_shards_own_count(&data->shards); i++) {
    const uint8_t *row = (const uint8_t *)data->rows + i * data->row_bytes;
    ae_dataset_to_float(data, row, 1, x);
    for (int f = 0; f < FEATURES; f++) {
      const float scaled = scale.offset == NULL ? row[f] / 255.0F : high * row[f] / (float)most;
      assert_float_equal(x[f], scaled, 1e-7F);
    }
    ae_dataset_to_units(data, row, 1, x);
    for (int f = 0; f < FEATURES; f++) {
      const float units = scale.offset == NULL ? row[f] / 255.0F : row[f];
      assert_float_equal(x[f], units, 1e-7F);
    }
  }
  close(&data, &scale);
}

static void bytes_are_what_they_are_said_to_be(void **state) {
  (void)state;
  expect_bytes(200, "auto", "type", 0, 1, false);
  expect_bytes(1, "auto", "none", 0, 1, true);
  expect_bytes(1, "type", "type", 0, 1, false);
  expect_bytes(200, "none", "none", 0, 200, true);
  expect_bytes(200, "0-1", "0-1", 0, 1, false);
  expect_bytes(16, "16", "16", 0, 1, false);
}

/* Against the moments in another order of sums. */
static void features_are_standardised_by_the_training_data(void **state) {
  (void)state;
  char path[512];
  float x[FEATURES], image[FEATURES], units[FEATURES];
  ae_data_scale scale;
  write("reals.h5", AE_H5_FLOAT32, 1, path);
  ae_dataset *data = open_scaled(path, "standardize", "standardize", &scale);
  assert_int_equal(scale.features, FEATURES);
  for (int f = 0; f < FEATURES; f++) {
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < EXAMPLES; i++) sum += (double)value_at(i, f);
    for (int64_t i = 0; i < EXAMPLES; i++) squares += pow((double)value_at(i, f) - sum / EXAMPLES, 2);
    const float mean = (float)(sum / EXAMPLES);
    assert_float_equal(scale.offset[f], mean, 1e-3);
    const float divisor = f == FEATURES - 1 ? 1 : (float)sqrt(squares / EXAMPLES);
    assert_float_equal(scale.divisor[f], divisor, 1e-4);
  }
  float low = INFINITY, high = -INFINITY;
  for (int64_t i = 0; i < EXAMPLES; i++)
    for (int f = 0; f < FEATURES; f++) {
      low = fminf(low, (value_at(i, f) - scale.offset[f]) / scale.divisor[f]);
      high = fmaxf(high, (value_at(i, f) - scale.offset[f]) / scale.divisor[f]);
    }
  assert_float_equal(data->low, low, 0);
  assert_float_equal(data->high, high, 0);
  const int64_t begin = ae_shards_own_begin(&data->shards);
  for (int64_t e = begin; e < begin + ae_shards_own_count(&data->shards); e++) {
    ae_dataset_to_float(data, ae_dataset_row(data, e), 1, x);
    ae_dataset_to_images(data, ae_dataset_row(data, e), 1, image);
    ae_dataset_to_units(data, ae_dataset_row(data, e), 1, units);
    for (int f = 0; f < FEATURES; f++) assert_float_equal(image[f % 3 * 2 + f / 3], x[f], 0); /* 2 channels of 3 */
    ae_data_scale_undo(&scale, 1, FEATURES, x);
    for (int f = 0; f < FEATURES; f++) {
      assert_float_equal(units[f], value_at(e, f), 0);
      assert_float_equal(x[f], value_at(e, f), 1e-3);
    }
  }
  close(&data, &scale);
}

static ae_status fill(ae_h5 *file, void *context) { return ae_data_scale_save(context, "standardize", file); }

static void what_was_learnt_is_kept(void **state) {
  (void)state;
  char path[512], kept[512];
  ae_data_scale scale, back;
  ae_h5 *file = NULL;
  write("reals.h5", AE_H5_FLOAT32, 1, path);
  ae_dataset *data = open_scaled(path, "standardize", "standardize", &scale);
  strcpy(kept, ae_test_path("kept.h5"));
  ae_test_ok(ae_h5_produce(ae_test_comm(), kept, fill, &scale));
  ae_test_ok(ae_h5_open(ae_test_comm(), kept, &file));
  ae_test_ok(ae_data_scale_load(ae_test_comm(), "standardize", file, FEATURES, &back));
  assert_memory_equal(back.offset, scale.offset, FEATURES * sizeof(float));
  assert_memory_equal(back.divisor, scale.divisor, FEATURES * sizeof(float));
  ae_data_scale_free(&back);
  ae_test_error(ae_data_scale_load(ae_test_comm(), "standardize", file, FEATURES + 1, &back), AE_DATA, "/scale/offset");
  ae_test_ok(ae_data_scale_load(ae_test_comm(), "type", file, FEATURES, &back));
  assert_null(back.offset);
  ae_h5_close(&file);
  close(&data, &scale);
}

static void other_words_are_refused(void **state) {
  (void)state;
  static const char *const words[] = {"maximum", "0", "-3", "nan", "1e99", "2x", ""};
  char path[512];
  ae_dataset *data = NULL;
  ae_data_scale scale;
  const char *found;
  write("reals.h5", AE_H5_FLOAT32, 1, path);
  ae_test_ok(ae_dataset_open(ae_test_comm(), path, 8, &data));
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    ae_test_error(ae_data_scale_choose(ae_test_comm(), words[i], data, &found, &scale), AE_USAGE, "a number above 0");
  ae_dataset_close(&data);
}

int main(int argc, char **argv) {
  const ae_test tests[] = {AE_TEST(bytes_are_what_they_are_said_to_be),
                           AE_TEST(features_are_standardised_by_the_training_data), AE_TEST(what_was_learnt_is_kept),
                           AE_TEST(other_words_are_refused)};
  return ae_test_main(argc, argv, tests, (int)(sizeof tests / sizeof *tests));
}
