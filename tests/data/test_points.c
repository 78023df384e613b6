#include "harness.h"

#include "mpiae/data/points.h"

/* Two images of 2 × 4; what is equal to the threshold is no point. */
static void pixels_above_the_threshold_become_points(void **state) {
  (void)state;
  static const uint8_t bytes[16] = {0, 20, 21, 0, 255, 0, 0, 30, 1, 2, 3, 4, 5, 20, 0, 0};
  static const float expected[] = {0, 0.5f, 0.5f, 0, 0.5f, 0.75f};
  int64_t *offset = NULL;
  float *points = NULL, reals[16];
  for (int type = 0; type < 2; type++) {
    for (int i = 0; i < 16; i++) reals[i] = (float)bytes[i] / 100;
    ae_test_ok(type == 0 ? ae_points_of_images(AE_H5_UINT8, bytes, 2, 2, 4, 20, &offset, &points)
                         : ae_points_of_images(AE_H5_FLOAT32, reals, 2, 2, 4, 0.2f, &offset, &points));
    assert_int_equal(offset[0], 0);
    assert_int_equal(offset[1], 3);
    assert_int_equal(offset[2], 3);
    for (int i = 0; i < 6; i++) assert_float_equal(points[i], expected[i], 0);
    AE_FREE(offset);
    AE_FREE(points);
  }
}

static void points_are_counted_and_lie_below_one(void **state) {
  (void)state;
  uint8_t image[28 * 28];
  float points[2 * 28 * 28];
  for (int i = 0; i < 28 * 28; i++) image[i] = 21;
  assert_int_equal(ae_points_of_image(AE_H5_UINT8, image, 28, 28, 255, NULL), 0);
  assert_int_equal(ae_points_of_image(AE_H5_UINT8, image, 28, 28, -1, NULL), 28 * 28);
  assert_int_equal(ae_points_of_image(AE_H5_UINT8, image, 28, 28, AE_POINTS_THRESHOLD, points), 28 * 28);
  for (int i = 0; i < 28 * 28; i++) {
    assert_float_equal(points[2 * i], (float)(i / 28) / 28, 0);
    assert_float_equal(points[2 * i + 1], (float)(i % 28) / 28, 0);
  }
}

static void no_images_are_no_sets(void **state) {
  (void)state;
  int64_t *offset = NULL;
  float *points = NULL;
  ae_test_ok(ae_points_of_images(AE_H5_UINT8, NULL, 0, 28, 28, 20, &offset, &points));
  assert_int_equal(offset[0], 0);
  AE_FREE(offset);
  AE_FREE(points);
}

int main(int argc, char **argv) {
  static const ae_test tests[] = {
      AE_TEST(pixels_above_the_threshold_become_points),
      AE_TEST(points_are_counted_and_lie_below_one),
      AE_TEST(no_images_are_no_sets),
  };
  return ae_test_main(argc, argv, tests, (int)(sizeof tests / sizeof *tests));
}
