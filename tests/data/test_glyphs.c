#include "harness.h"

#include "mpiae/data/dataset.h"
#include "mpiae/data/glyphs.h"
#include "mpiae/data/points.h"
#include "mpiae/data/synth.h"

#include <string.h>

#define PIXELS (AE_GLYPH_SIZE * AE_GLYPH_SIZE)
#define CLASSES 40
#define PER_CLASS 30

static void glyphs_depend_on_their_arguments_alone(void **state) {
  (void)state;
  uint8_t first[PIXELS], again[PIXELS], other[PIXELS];
  for (int class_number = 0; class_number < 60; class_number++) {
    ae_glyph_draw(1, class_number, 5, first);
    ae_glyph_draw(1, class_number, 5, again);
    assert_memory_equal(first, again, PIXELS);
    ae_glyph_draw(2, class_number, 5, other);
    assert_memory_not_equal(first, other, PIXELS);
    ae_glyph_draw(1, class_number, 6, other);
    assert_memory_not_equal(first, other, PIXELS);
    ae_glyph_draw(1, class_number + 1, 5, other);
    assert_memory_not_equal(first, other, PIXELS);
  }
}

/* Between 2 % and 45 % ink, dark somewhere, hardly any of it in the outermost pixels. */
static void glyphs_fill_their_frame(void **state) {
  (void)state;
  uint8_t image[PIXELS];
  int64_t edge = 0, all = 0;
  for (int i = 0; i < 2000; i++) {
    int64_t ink = 0, darkest = 0;
    ae_glyph_draw(3, i % 50, i, image);
    for (int p = 0; p < PIXELS; p++) {
      const int row = p / AE_GLYPH_SIZE, column = p % AE_GLYPH_SIZE;
      const bool outer = row == 0 || column == 0 || row == AE_GLYPH_SIZE - 1 || column == AE_GLYPH_SIZE - 1;
      ink += image[p];
      edge += outer ? image[p] : 0;
      darkest = image[p] > darkest ? image[p] : darkest;
    }
    all += ink;
    ae_test_in_range(ink, 255 * PIXELS * 2 / 100, 255 * PIXELS * 45 / 100);
    ae_test_in_range(darkest, 200, 255);
  }
  assert_true(edge * 200 < all);
}

typedef struct means {
  double mean[CLASSES][PIXELS];
} means;

static void average(uint64_t seed, means *out) {
  uint8_t image[PIXELS];
  memset(out, 0, sizeof *out);
  for (int i = 0; i < CLASSES * PER_CLASS; i++) {
    ae_glyph_draw(seed, i % CLASSES, i, image);
    for (int p = 0; p < PIXELS; p++) out->mean[i % CLASSES][p] += image[p] / 255.0 / PER_CLASS;
  }
}

static double distance(const double *a, const double *b) {
  double sum = 0;
  for (int p = 0; p < PIXELS; p++) sum += (a[p] - b[p]) * (a[p] - b[p]);
  return sum;
}

static int nearest(const means *all, const double *image, int classes) {
  int best = 0;
  for (int c = 1; c < classes; c++)
    if (distance(all->mean[c], image) < distance(all->mean[best], image)) best = c;
  return best;
}

static means first, second;

/* The mean image of a class under one seed is nearest to that of the same class under another. */
static void classes_are_the_same_under_every_seed(void **state) {
  (void)state;
  average(1, &first);
  average(99, &second);
  for (int c = 0; c < CLASSES; c++) assert_int_equal(nearest(&first, second.mean[c], CLASSES), c);
}

/* Nearest mean is a poor classifier of handwriting (82 % on MNIST): far above chance, far below all. */
static void digits_overlap_as_handwriting_does(void **state) {
  (void)state;
  uint8_t image[PIXELS];
  double values[PIXELS];
  int right = 0;
  average(1, &first);
  for (int i = 0; i < 1000; i++) {
    ae_glyph_draw(7, i % 10, i, image);
    for (int p = 0; p < PIXELS; p++) values[p] = image[p] / 255.0;
    right += nearest(&first, values, 10) == i % 10;
  }
  ae_test_in_range(right, 650, 950);
}

static void expect_file(int64_t count, int lowest, int classes, uint64_t seed, const ae_dataset *dataset) {
  uint8_t image[PIXELS];
  const int64_t begin = ae_shards_own_begin(&dataset->shards);
  assert_int_equal(dataset->examples, count);
  assert_int_equal(dataset->classes, lowest + (classes < count ? classes : count));
  assert_int_equal(dataset->dim[0], 1);
  assert_int_equal(dataset->dim[1], AE_GLYPH_SIZE);
  assert_int_equal(dataset->dim[2], AE_GLYPH_SIZE);
  for (int64_t e = begin; e < begin + ae_shards_own_count(&dataset->shards); e++) {
    assert_int_equal(dataset->label[e - begin], lowest + e % classes);
    ae_glyph_draw(seed, lowest + (int)(e % classes), e, image);
    assert_memory_equal(ae_dataset_row(dataset, e), image, PIXELS);
  }
}

/* Fewer glyphs than ranks, one, many. */
static void the_file_holds_the_glyphs(void **state) {
  (void)state;
  static const int64_t counts[] = {1, 3, 101};
  static const int classes[] = {10, 2, 17}, lowest[] = {0, 150, 3};
  for (int i = 0; i < 3; i++) {
    char path[512];
    ae_dataset *dataset = NULL;
    strcpy(path, ae_test_path("glyphs.h5"));
    ae_test_ok(ae_glyphs_write(ae_test_comm(), path, counts[i], lowest[i], classes[i], 11));
    ae_test_ok(ae_dataset_open(ae_test_comm(), path, 0, &dataset));
    expect_file(counts[i], lowest[i], classes[i], 11, dataset);
    ae_dataset_close(&dataset);
  }
}

/* Fewer sets than ranks, and many. */
static void sets_are_the_ink_of_the_glyphs(void **state) {
  (void)state;
  static const int64_t counts[] = {3, 101};
  for (int i = 0; i < 2; i++) {
    char path[512];
    ae_dataset *dataset = NULL;
    strcpy(path, ae_test_path("sets.h5"));
    ae_test_ok(ae_glyphs_write_sets(ae_test_comm(), path, counts[i], 4, 17, 11));
    ae_test_ok(ae_dataset_open(ae_test_comm(), path, 0, &dataset));
    assert_int_equal(dataset->examples, counts[i]);
    const int64_t begin = ae_shards_own_begin(&dataset->shards);
    for (int64_t e = begin; e < begin + ae_shards_own_count(&dataset->shards); e++) {
      uint8_t image[PIXELS];
      float points[2 * PIXELS];
      int64_t count = 0;
      const float *set = ae_dataset_set(dataset, e, &count);
      ae_glyph_draw(11, 4 + (int)(e % 17), e, image);
      assert_int_equal(dataset->label[e - begin], 4 + e % 17);
      assert_int_equal(count, ae_points_of_image(AE_H5_UINT8, image, AE_GLYPH_SIZE, AE_GLYPH_SIZE, 20, points));
      assert_memory_equal(set, points, (size_t)count * 2 * sizeof *set);
    }
    ae_dataset_close(&dataset);
  }
}

/* The checksum was recorded on one rank: a glyph is the same for ever and everywhere. */
static void the_dataset_never_changes(void **state) {
  (void)state;
  char path[512];
  ae_dataset *dataset = NULL;
  strcpy(path, ae_test_path("ever.h5"));
  ae_test_ok(ae_glyphs_write(ae_test_comm(), path, 1000, 0, 20, 1));
  ae_test_ok(ae_dataset_open(ae_test_comm(), path, 0, &dataset));
  assert_int_equal(dataset->checksum, UINT32_C(0x5e755215));
  ae_dataset_close(&dataset);
}

static void wrong_counts_are_refused(void **state) {
  (void)state;
  const char *path = ae_test_path("wrong.h5");
  ae_test_error(ae_glyphs_write(ae_test_comm(), path, 10, -1, 10, 1), AE_USAGE, "needed");
  ae_test_error(ae_glyphs_write(ae_test_comm(), path, 0, 0, 10, 1), AE_USAGE, "0 glyphs of 10 classes");
  ae_test_error(ae_glyphs_write_sets(ae_test_comm(), path, 0, 0, 10, 1), AE_USAGE, "0 glyphs of 10 classes");
  ae_test_error(ae_glyphs_write(ae_test_comm(), path, 10, 0, 0, 1), AE_USAGE, "10 glyphs of 0 classes");
  ae_test_error(ae_glyphs_write(ae_test_comm(), ae_test_path("absent/x.h5"), 10, 0, 10, 1), AE_DATA, "cannot create");
}

int main(int argc, char **argv) {
  static const ae_test tests[] = {
      AE_TEST(glyphs_depend_on_their_arguments_alone),
      AE_TEST(glyphs_fill_their_frame),
      AE_TEST(classes_are_the_same_under_every_seed),
      AE_TEST(digits_overlap_as_handwriting_does),
      AE_TEST(the_file_holds_the_glyphs),
      AE_TEST(sets_are_the_ink_of_the_glyphs),
      AE_TEST(the_dataset_never_changes),
      AE_TEST(wrong_counts_are_refused),
  };
  return ae_test_main(argc, argv, tests, (int)(sizeof tests / sizeof *tests));
}
