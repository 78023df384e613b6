/* Convolutions of every library of the build, on numbers of every multiplier that is there, against sums in float64 and
 * so against each other, on many shapes; with masks, numbers of images that come and go, and none at all. */
#include "harness.h"

#include "mpiae/base/philox.h"
#include "mpiae/tensor/bf16.h"
#include "mpiae/tensor/blas.h"
#include "mpiae/tensor/convolution_kind.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#if MPIAE_TEST_KINDS > 1
#include "../../src/tensor/onednn.h"
#endif

/* A library, and the multiplier whose numbers it is given. */
typedef struct way {
  const ae_convolver_kind *kind;
  const ae_multiplier *multiplier;
} way;

/* The way of this number, of those of the build that the processor has; false when there are no more. */
static bool way_of(int number, way *out) {
  int kinds, multipliers;
  const ae_convolver_kind *const *kind = ae_convolver_kinds(&kinds);
  const ae_multiplier *const *multiplier = ae_multipliers(&multipliers);
  for (int i = 0; i < kinds * multipliers; i++) {
    *out = (way){kind[i / multipliers], multiplier[i % multipliers]};
    if (out->kind->computes(out->multiplier) && out->multiplier->lacks() == NULL && number-- == 0) return true;
  }
  return false;
}

/* Everything about one shape, number of images and whether numbers are bf16: they are then so in x, dy and w too, but
 * not in what is loaded. */
typedef struct bench {
  ae_convolution_shape shape;
  bool rounded;
  int64_t images, x_floats, y_floats, w_floats;
  float *x, *dy, *w, *loaded;
  ae_bf16 *x_rounded, *dy_rounded;
  float *y, *dx, *dw;              /* of the way at hand */
  double *y_sum, *dx_sum, *dw_sum; /* in float64 */
} bench;

static float *numbers(int64_t count, int64_t stream) {
  float *made;
  ae_test_ok(AE_NEW(made, count));
  ae_random_fill_uniform(ae_stream_of(7, AE_RANDOM_SELFTEST, 0, stream), -1, 1, count, made);
  return made;
}

/* Rounds numbers where they stand, too. */
static void round_all(int64_t count, float *x, ae_bf16 **out) {
  ae_test_ok(AE_NEW(*out, count));
  ae_bf16_round(count, x, *out);
  ae_bf16_widen(count, *out, x);
}

static void round_numbers(bench *b) {
  ae_bf16 *weight;
  round_all(b->x_floats, b->x, &b->x_rounded);
  round_all(b->y_floats, b->dy, &b->dy_rounded);
  round_all(b->w_floats, b->w, &weight);
  AE_FREE(weight);
}

static void create(bench *b, ae_convolution_shape shape, bool rounded, int64_t images) {
  *b = (bench){.shape = shape, .rounded = rounded, .images = images};
  b->x_floats = images * shape.rows * shape.columns * shape.channels;
  b->y_floats = images * ae_convolution_rows(&shape) * ae_convolution_columns(&shape) * shape.outputs;
  b->w_floats = shape.outputs * shape.kernel[0] * shape.kernel[1] * shape.channels;
  b->x = numbers(b->x_floats, 1);
  b->dy = numbers(b->y_floats, 2);
  b->w = numbers(b->w_floats, 3);
  b->loaded = numbers(b->w_floats, 3);
  if (rounded) round_numbers(b);
  b->y = numbers(b->y_floats, 4);
  b->dx = numbers(b->x_floats, 5);
  b->dw = numbers(b->w_floats, 6);
  ae_test_ok(AE_NEW(b->y_sum, b->y_floats));
  ae_test_ok(AE_NEW(b->dx_sum, b->x_floats));
  ae_test_ok(AE_NEW(b->dw_sum, b->w_floats));
}

static void destroy(bench *b) {
  AE_FREE(b->x);
  AE_FREE(b->dy);
  AE_FREE(b->w);
  AE_FREE(b->loaded);
  AE_FREE(b->x_rounded);
  AE_FREE(b->dy_rounded);
  AE_FREE(b->y);
  AE_FREE(b->dx);
  AE_FREE(b->dw);
  AE_FREE(b->y_sum);
  AE_FREE(b->dx_sum);
  AE_FREE(b->dw_sum);
}

/* One tap at one position of one image: x and y are where their channels begin. */
static void sum_tap(bench *b, int64_t x, int64_t y, int64_t tap) {
  const ae_convolution_shape *s = &b->shape;
  for (int64_t o = 0; o < s->outputs; o++)
    for (int64_t i = 0; i < s->channels; i++) {
      const int64_t w = (o * s->kernel[0] * s->kernel[1] + tap) * s->channels + i;
      b->y_sum[y + o] += (double)b->x[x + i] * (double)b->w[w];
      b->dx_sum[x + i] += (double)b->dy[y + o] * (double)b->w[w];
      b->dw_sum[w] += (double)b->dy[y + o] * (double)b->x[x + i];
    }
}

static void sum_position(bench *b, int64_t image, int64_t row, int64_t column) {
  const ae_convolution_shape *s = &b->shape;
  const int64_t y = ((image * ae_convolution_rows(s) + row) * ae_convolution_columns(s) + column) * s->outputs;
  for (int64_t i = 0; i < s->taps[0]; i++)
    for (int64_t j = 0; j < s->taps[1]; j++) {
      const int64_t at_row = row * s->stride - s->padding[0] + i, at_column = column * s->stride - s->padding[1] + j;
      if (at_row < 0 || at_row >= s->rows || at_column < 0 || at_column >= s->columns) continue;
      sum_tap(b, ((image * s->rows + at_row) * s->columns + at_column) * s->channels, y, i * s->kernel[1] + j);
    }
}

static void sum_all(bench *b) {
  for (int64_t image = 0; image < b->images; image++)
    for (int64_t row = 0; row < ae_convolution_rows(&b->shape); row++)
      for (int64_t column = 0; column < ae_convolution_columns(&b->shape); column++)
        sum_position(b, image, row, column);
}

/* Sums of at most 2000 products of numbers below 1: adding them in float32 rounds by about √2000 · 2^-24 = 2.7e-6 of the
 * largest; twice that. Products of bf16 are exact in float32. All within half of 1e-5 agree with each other to 1e-5. */
static void compare(const bench *b, way w, const char *what, const double *expected, const float *got, int64_t count) {
  double largest = 1e-30, worst = 0;
  for (int64_t i = 0; i < count; i++) {
    const double apart = fabs(expected[i] - (double)got[i]);
    largest = fmax(largest, fabs(expected[i]));
    if (!(apart <= worst)) worst = apart;
  }
  if (!(worst <= 5e-6 * largest))
    fail_msg("%s, %s by %s: %s of %d images of %d x %d x %d under %d kernels of %d x %d is %g off, the largest being "
             "%g",
             w.kind->library(), w.multiplier->precision, w.multiplier->library, what, (int)b->images,
             (int)b->shape.rows, (int)b->shape.columns, (int)b->shape.channels, (int)b->shape.outputs,
             (int)b->shape.kernel[0], (int)b->shape.kernel[1], worst, largest);
}

static void compare_all(const bench *b, way w) {
  compare(b, w, "the output", b->y_sum, b->y, b->y_floats);
  compare(b, w, "the gradient of the input", b->dx_sum, b->dx, b->x_floats);
  compare(b, w, "the gradient of the weight", b->dw_sum, b->dw, b->w_floats);
}

static void run(bench *b, ae_convolver *convolver) {
  const void *x = b->rounded ? (const void *)b->x_rounded : b->x;
  const void *dy = b->rounded ? (const void *)b->dy_rounded : b->dy;
  ae_convolver_forward(convolver, b->images, x, b->y);
  ae_convolver_gradient(convolver, b->images, x, dy, b->dw);
  ae_convolver_backward(convolver, b->images, dy, b->dx);
}

static ae_convolver *make(way w, const ae_convolution_shape *shape) {
  ae_convolver *convolver;
  ae_test_ok(ae_convolver_create_of(w.kind, shape, w.multiplier, &convolver));
  return convolver;
}

static void check_way(bench *b, way w) {
  ae_convolver *convolver = make(w, &b->shape);
  ae_convolver_load(convolver, b->loaded);
  run(b, convolver);
  compare_all(b, w);
  ae_convolver_destroy(&convolver);
}

static void check_shape(ae_convolution_shape shape, int64_t images) {
  for (int rounded = 0; rounded < 2; rounded++) {
    bench b;
    way w;
    create(&b, shape, rounded != 0, images);
    sum_all(&b);
    for (int i = 0; way_of(i, &w); i++)
      if (w.multiplier->rounded == b.rounded) check_way(&b, w);
    destroy(&b);
  }
}

static int threads(void) {
  int count = 0;
  DIR *tasks = opendir("/proc/self/task");
  assert_non_null(tasks);
  while (readdir(tasks) != NULL) count++;
  closedir(tasks);
  return count;
}

/* The first convolutions of the program: OpenMP keeps the threads that it has started. */
static void threads_are_those_told(void **state) {
  (void)state;
  const int before = threads(), more = MPIAE_TEST_KINDS - 1;
  const ae_convolution_shape shape = {16, 16, 16, 32, {4, 4}, {1, 1}, 2, {4, 4}};
  check_shape(shape, 8);
  assert_int_equal(threads(), before);
  ae_blas_use_threads(2);
  check_shape(shape, 8);
  ae_blas_use_threads(1);
  assert_true(threads() >= before + more);
}

static void shapes_agree(void **state) {
  (void)state;
  const int64_t channels[][2] = {{1, 3}, {3, 64}, {64, 1}, {5, 17}}, sides[][2] = {{8, 8}, {7, 9}};
  const int64_t kernels[] = {1, 3, 4};
  for (int c = 0; c < 4; c++)
    for (int side = 0; side < 2; side++)
      for (int k = 0; k < 3; k++)
        for (int64_t stride = 1; stride <= 2; stride++)
          for (int64_t padding = 0; padding < kernels[k] && padding < 3; padding++)
            check_shape((ae_convolution_shape){sides[side][0],
                                               sides[side][1],
                                               channels[c][0],
                                               channels[c][1],
                                               {kernels[k], kernels[k]},
                                               {padding, padding},
                                               stride,
                                               {kernels[k], kernels[k]}},
                        3);
}

static void large_layers_agree(void **state) {
  (void)state;
  check_shape((ae_convolution_shape){16, 16, 64, 128, {4, 4}, {1, 1}, 2, {4, 4}}, 17);
  check_shape((ae_convolution_shape){28, 28, 1, 32, {4, 4}, {1, 1}, 2, {4, 4}}, 19);
  check_shape((ae_convolution_shape){8, 8, 128, 64, {1, 1}, {0, 0}, 1, {1, 1}}, 5);
}

/* Masks of both sides, up to the middle and before it, down to no tap at all. */
static void masked_taps_count_as_nothing(void **state) {
  (void)state;
  const int64_t taps[][2] = {{2, 3}, {1, 3}, {3, 2}, {3, 1}, {2, 1}, {0, 3}, {3, 0}};
  for (int t = 0; t < 7; t++)
    for (int64_t stride = 1; stride <= 2; stride++)
      check_shape((ae_convolution_shape){6, 7, 5, 16, {3, 3}, {1, 1}, stride, {taps[t][0], taps[t][1]}}, 2);
  check_shape((ae_convolution_shape){8, 8, 16, 16, {1, 7}, {0, 3}, 1, {1, 3}}, 2);
  check_shape((ae_convolution_shape){8, 8, 16, 16, {7, 7}, {3, 3}, 1, {3, 7}}, 2);
}

/* A convolver used before, and one made for this. */
static void check_bits(way w, ae_convolver *used, const ae_convolution_shape *shape, int64_t images) {
  bench b, again;
  create(&b, *shape, w.multiplier->rounded, images);
  create(&again, *shape, w.multiplier->rounded, images);
  ae_convolver *fresh = make(w, shape);
  ae_convolver_load(fresh, b.loaded);
  ae_convolver_load(used, b.loaded);
  run(&b, fresh);
  run(&again, used);
  assert_memory_equal(b.y, again.y, (size_t)b.y_floats * sizeof(float));
  assert_memory_equal(b.dx, again.dx, (size_t)b.x_floats * sizeof(float));
  assert_memory_equal(b.dw, again.dw, (size_t)b.w_floats * sizeof(float));
  ae_convolver_destroy(&fresh);
  destroy(&b);
  destroy(&again);
}

/* More numbers of images than any library keeps kernels for, twice; each with the bits it had alone. */
static void numbers_of_images_come_and_go(void **state) {
  (void)state;
  enum { MOST = 30 };
  const ae_convolution_shape shape = {6, 6, 3, 8, {3, 3}, {1, 1}, 1, {3, 3}};
  way w;
  for (int k = 0; way_of(k, &w); k++) {
    ae_convolver *used = make(w, &shape);
    for (int64_t i = 0; i < 2 * MOST; i++) check_bits(w, used, &shape, 1 + i % MOST);
    ae_convolver_destroy(&used);
  }
}

static void loaded_weights_replace_those_before(void **state) {
  (void)state;
  const ae_convolution_shape shape = {5, 5, 2, 3, {3, 3}, {1, 1}, 1, {3, 3}};
  way w;
  for (int k = 0; way_of(k, &w); k++) {
    bench b;
    create(&b, shape, w.multiplier->rounded, 2);
    float *other = numbers(b.w_floats, 9);
    ae_convolver *convolver = make(w, &shape);
    ae_convolver_load(convolver, other);
    run(&b, convolver);
    ae_convolver_load(convolver, b.loaded);
    run(&b, convolver);
    sum_all(&b);
    compare_all(&b, w);
    ae_convolver_destroy(&convolver);
    AE_FREE(other);
    destroy(&b);
  }
}

static void no_images_give_no_gradient(void **state) {
  (void)state;
  const ae_convolution_shape shape = {5, 4, 3, 6, {3, 3}, {1, 1}, 2, {3, 3}};
  ae_convolver *convolver;
  bench b;
  create(&b, shape, false, 1);
  const float before = b.dx[0];
  ae_test_ok(ae_convolver_create(&shape, &ae_multiplier_blas, &convolver));
  ae_convolver_load(convolver, b.w);
  ae_convolver_forward(convolver, 0, b.x, b.y);
  ae_convolver_backward(convolver, 0, b.dy, b.dx);
  ae_convolver_gradient(convolver, 0, b.x, b.dy, b.dw);
  assert_true(b.dx[0] >= before && b.dx[0] <= before);
  for (int64_t i = 0; i < b.w_floats; i++) assert_true(b.dw[i] >= 0 && b.dw[i] <= 0);
  ae_convolver_destroy(&convolver);
  destroy(&b);
}

/* More weights than there can be bytes. */
static void shapes_without_room_are_errors(void **state) {
  (void)state;
  const ae_convolution_shape shape = {4, 4, INT64_C(1) << 29, INT64_C(1) << 30, {3, 3}, {1, 1}, 1, {3, 3}};
  way w;
  for (int k = 0; way_of(k, &w); k++) {
    ae_convolver *convolver;
    ae_test_error(ae_convolver_create_of(w.kind, &shape, w.multiplier, &convolver), AE_INTERNAL, "");
    assert_null(convolver);
  }
}

#if MPIAE_TEST_KINDS > 1
/* Ours, wrapped: fails when told. */
static bool refuses;

dnnl_status_t __real_ae_onednn_describe_convolution(dnnl_engine_t engine, ae_onednn_way kind,
                                                    const ae_onednn_convolution *convolution,
                                                    dnnl_primitive_desc_t hint, dnnl_primitive_desc_t *out);
dnnl_status_t __wrap_ae_onednn_describe_convolution(dnnl_engine_t engine, ae_onednn_way kind,
                                                    const ae_onednn_convolution *convolution,
                                                    dnnl_primitive_desc_t hint, dnnl_primitive_desc_t *out);

dnnl_status_t __wrap_ae_onednn_describe_convolution(dnnl_engine_t engine, ae_onednn_way kind,
                                                    const ae_onednn_convolution *convolution,
                                                    dnnl_primitive_desc_t hint, dnnl_primitive_desc_t *out) {
  if (refuses) return dnnl_unimplemented;
  return __real_ae_onednn_describe_convolution(engine, kind, convolution, hint, out);
}

static void a_shape_that_onednn_lacks_is_an_error(void **state) {
  (void)state;
  const ae_convolution_shape shape = {5, 4, 3, 6, {3, 3}, {1, 1}, 2, {3, 3}};
  int count;
  const ae_multiplier *const *multiplier = ae_multipliers(&count);
  refuses = true;
  for (int i = 0; i < count; i++) {
    char message[256];
    ae_convolver *convolver;
    if (multiplier[i]->lacks() != NULL || !ae_convolver_onednn.computes(multiplier[i])) continue;
    snprintf(message, sizeof message,
             "cannot convolve images of 5 × 4 × 3 with 6 kernels of 3 × 3: it has no kernel for this shape; %s can",
             multiplier[i]->rounded ? "train.precision=bf16-emulated" : "mpiae built with -DMPIAE_ONEDNN=OFF");
    ae_test_error(ae_convolver_create(&shape, multiplier[i], &convolver), AE_INTERNAL, message);
    assert_null(convolver);
  }
  refuses = false;
}

static void arrays_are_described_or_refused(void **state) {
  (void)state;
  ae_onednn_layout *layout, *same, *other;
  ae_onednn_require(ae_onednn_layout_create(4, (dnnl_dims_t){2, 3, 4, 5}, dnnl_f32, dnnl_nhwc, &layout));
  ae_onednn_require(ae_onednn_layout_create(4, (dnnl_dims_t){2, 3, 4, 5}, dnnl_f32, dnnl_nhwc, &same));
  ae_onednn_require(ae_onednn_layout_create(4, (dnnl_dims_t){2, 3, 4, 5}, dnnl_f32, dnnl_nchw, &other));
  assert_int_equal(dnnl_memory_desc_get_size(layout), 2 * 3 * 4 * 5 * sizeof(float));
  assert_true(dnnl_memory_desc_equal(layout, same));
  assert_false(dnnl_memory_desc_equal(layout, other));
  ae_onednn_layout_destroy(&layout);
  ae_onednn_layout_destroy(&same);
  ae_onednn_layout_destroy(&other);
  assert_int_equal(ae_onednn_layout_create(4, (dnnl_dims_t){2, -1, 4, 5}, dnnl_f32, dnnl_nhwc, &layout),
                   dnnl_invalid_arguments);
  assert_null(layout);
  ae_onednn_layout_destroy(&layout);
}
#endif

/* The first of the table is the one in use, but for what it does not compute with; the last needs no library. */
static void the_library_is_named(void **state) {
  (void)state;
  int count;
  const ae_convolver_kind *const *kinds = ae_convolver_kinds(&count);
  const ae_multiplier *emulated;
  ae_test_ok(ae_multiplier_find("bf16-emulated", "auto", &emulated));
  assert_string_equal(ae_convolution_library(&ae_multiplier_blas), kinds[0]->library());
  assert_string_equal(ae_convolution_library(emulated), "im2col");
  assert_string_equal(kinds[count - 1]->library(), "im2col");
  assert_int_equal(count, MPIAE_TEST_KINDS);
#if MPIAE_TEST_KINDS > 1
  char version[16];
  snprintf(version, sizeof version, "oneDNN %d.", DNNL_VERSION_MAJOR);
  assert_memory_equal(kinds[0]->library(), version, strlen(version));
#endif
}

int main(int argc, char **argv) {
  const ae_test tests[] = {
    AE_TEST(the_library_is_named),
    AE_TEST(threads_are_those_told),
    AE_TEST(shapes_agree),
    AE_TEST(large_layers_agree),
    AE_TEST(masked_taps_count_as_nothing),
    AE_TEST(numbers_of_images_come_and_go),
    AE_TEST(loaded_weights_replace_those_before),
    AE_TEST(no_images_give_no_gradient),
#if MPIAE_TEST_KINDS > 1
    AE_TEST(a_shape_that_onednn_lacks_is_an_error),
    AE_TEST(arrays_are_described_or_refused),
#endif
    AE_TEST(shapes_without_room_are_errors)
  };
  return ae_test_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
