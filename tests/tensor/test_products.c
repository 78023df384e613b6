/* Every way to multiply that there is: its numbers beside float64, and rows in segments with the bits of one product
 * each. */
#include "harness.h"

#include "mpiae/base/philox.h"
#include "mpiae/tensor/bf16.h"
#include "mpiae/tensor/products.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { ROWS = 320, MOST = 784, NUMBERS = MOST * MOST };

/* Random numbers, in the type of the multiplier; those of bf16 of many sizes, so that float32 cannot hold their sums. */
typedef struct bench {
  const ae_multiplier *multiplier;
  float *x, *w, *y, *z;
  ae_bf16 *x_rounded, *w_rounded;
} bench;

static void draw(uint32_t number, float **out, ae_bf16 **rounded) {
  ae_test_ok(AE_NEW(*out, NUMBERS));
  ae_test_ok(AE_NEW(*rounded, NUMBERS));
  ae_random_fill_uniform(ae_stream_of(1, AE_RANDOM_SELFTEST, 0, number), -1, 1, NUMBERS, *out);
  for (int64_t i = 0; i < NUMBERS; i++) {
    const float x = (*out)[i], cube = x * x * x;
    ae_bf16_round(1, &cube, *rounded + i);
  }
}

static void create(bench *b) {
  draw(4, &b->x, &b->x_rounded);
  draw(5, &b->w, &b->w_rounded);
  ae_test_ok(AE_NEW(b->y, NUMBERS));
  ae_test_ok(AE_NEW(b->z, NUMBERS));
}

static void destroy(bench *b) {
  AE_FREE(b->x);
  AE_FREE(b->w);
  AE_FREE(b->y);
  AE_FREE(b->z);
  AE_FREE(b->x_rounded);
  AE_FREE(b->w_rounded);
}

static const void *x_of(const bench *b) { return b->multiplier->rounded ? (const void *)b->x_rounded : b->x; }
static const void *w_of(const bench *b) { return b->multiplier->rounded ? (const void *)b->w_rounded : b->w; }

static double number(const bench *b, const float *plain, const ae_bf16 *rounded, int64_t at) {
  float value = plain[at];
  if (b->multiplier->rounded) ae_bf16_widen(1, &rounded[at], &value);
  return (double)value;
}

/* Sums of k float products: each addition rounds by 2^-24 of what it has. */
static void check_product(const bench *b, const ae_product *p) {
  for (int64_t i = 0; i < p->m; i++)
    for (int64_t j = 0; j < p->n; j++) {
      double sum = p->beta != 0 ? (double)b->z[i * p->ldc + j] : 0, size = fabs(sum);
      for (int64_t k = 0; k < p->k; k++) {
        const double term = number(b, b->x, b->x_rounded, p->trans_a ? k * p->lda + i : i * p->lda + k) *
                            number(b, b->w, b->w_rounded, p->trans_b ? j * p->ldb + k : k * p->ldb + j);
        sum += term;
        size += fabs(term);
      }
      const double got = (double)p->c[i * p->ldc + j];
      if (!(fabs(got - sum) <= (double)(p->k + 1) * size * 0x1p-24))
        fail_msg("%s by %s: %d × %d × %d, %d %d %g: (%d, %d) is %.9g, expected %.9g", b->multiplier->precision,
                 b->multiplier->library, (int)p->m, (int)p->n, (int)p->k, p->trans_a, p->trans_b, (double)p->beta,
                 (int)i, (int)j, got, sum);
    }
}

/* Ways of a product: both transposed or not, added or not, of one shape or of varying ones. */
enum { TRANS_A = 1, TRANS_B = 2, ADDS = 4, VARIES = 8, WAYS = 16 };

static void try_shape(bench *b, ae_products *products, const int64_t shape[3], int way) {
  const int64_t m = shape[0], n = shape[1], k = shape[2];
  const bool trans_a = (way & TRANS_A) != 0, trans_b = (way & TRANS_B) != 0;
  const ae_product p = {.trans_a = trans_a,
                        .trans_b = trans_b,
                        .varies = (way & VARIES) != 0,
                        .m = m,
                        .n = n,
                        .k = k,
                        .a = x_of(b),
                        .lda = (trans_a ? m : k) + 3, /* part of a wider matrix */
                        .b = w_of(b),
                        .ldb = (trans_b ? k : n) + 1,
                        .beta = (way & ADDS) != 0 ? 1.0f : 0.0f,
                        .c = b->y,
                        .ldc = n + 2};
  for (int64_t i = 0; i < m * p.ldc; i++) b->y[i] = b->z[i] = b->x[i % 1000];
  ae_products_one(products, &p);
  check_product(b, &p);
  for (int64_t i = 0; i < m; i++) assert_memory_equal(b->y + i * p.ldc + n, b->z + i * p.ldc + n, 2 * sizeof *b->y);
}

static void check_values(bench *b) {
  static const int64_t shapes[][3] = {{1, 1, 1},   {1, 20, 33}, {17, 1, 5},   {5, 3, 1},    {16, 64, 784},
                                      {37, 40, 2}, {64, 20, 7}, {3, 200, 50}, {33, 65, 129}};
  ae_products *products;
  ae_test_ok(ae_products_create(b->multiplier, &products));
  ae_products_want(products, MOST, MOST, NUMBERS, MOST, false);
  ae_test_ok(ae_products_seal(products));
  for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
    for (int way = 0; way < WAYS; way++) try_shape(b, products, shapes[s], way);
  ae_products_destroy(&products);
}

/* Shapes of the homoencoder's layers with segments of several sizes, some empty; and sums so few that they may be equal by
 * chance where they are tested. */
static void check_segments(bench *b) {
  static const int64_t offsets[][5] = {{0, 32, 64, 96, 128}, {0, 18, 37, 55, 73},    {0, 0, 3, 3, 10}, {0, 1, 2, 3, 4},
                                       {0, 2, 4, 6, 8},      {0, 80, 160, 240, 320}, {0, 0, 0, 0, 0}};
  static const int64_t shapes[][2] = {{64, 784}, {20, 512}, {512, 40}, {784, 96}, {3, 5}, {1, 20}, {1, 40}, {2, 3}};
  ae_products *products;
  ae_test_ok(ae_products_create(b->multiplier, &products));
  for (int s = 0; s < 8; s++)
    ae_products_want(products, ROWS, shapes[s][1], shapes[s][0] * shapes[s][1], shapes[s][0], true);
  ae_test_ok(ae_products_seal(products));
  for (int s = 0; s < 8; s++)
    for (int o = 0; o < 7; o++)
      for (int way = 0; way < 4; way++) {
        const int64_t n = shapes[s][0], k = shapes[s][1], rows = offsets[o][4];
        ae_product p = {.trans_b = (way & 1) != 0,
                        .m = rows,
                        .n = n,
                        .k = k,
                        .a = x_of(b),
                        .lda = k,
                        .b = w_of(b),
                        .ldb = (way & 1) != 0 ? k : n,
                        .beta = (way & 2) != 0 ? 1.0f : 0.0f,
                        .c = b->y,
                        .ldc = n};
        for (int64_t i = 0; i < rows * n; i++) b->y[i] = b->z[i] = b->x[i % 1000];
        ae_products_rows(products, 4, offsets[o], &p);
        p.c = b->z;
        ae_products_by_segment(products, 4, offsets[o], &p);
        assert_memory_equal(b->y, b->z, (size_t)(rows * n) * sizeof *b->y);
      }
  ae_products_destroy(&products);
}

static void with_all(void (*check)(bench *b)) {
  bench b;
  int count;
  const ae_multiplier *const *all = ae_multipliers(&count);
  create(&b);
  for (int i = 0; i < count; i++) {
    b.multiplier = all[i];
    if (b.multiplier->lacks() != NULL)
      print_message("%s by %s is not tried: %s\n", b.multiplier->precision, b.multiplier->library,
                    b.multiplier->lacks());
    else check(&b);
  }
  destroy(&b);
}

static void products_are_those_of_float64(void **state) {
  (void)state;
  with_all(check_values);
}

/* Aᵀ B part by part, and added to what is there: what the self-tests promise is kept on other numbers. */
static void check_parts(bench *b, ae_products *products, const ae_product *p) {
  enum { PART = 32 };
  if (!ae_products_parts(products, p, PART)) return;
  for (int64_t at = 0; at < p->m; at += PART) {
    ae_product part = *p;
    part.m = p->m - at < PART ? p->m - at : PART;
    part.a = ae_multiplier_at(b->multiplier, p->a, at);
    part.c = b->y + at * p->n;
    ae_products_one(products, &part);
  }
  assert_memory_equal(b->y, b->z, (size_t)(p->m * p->n) * sizeof *b->y);
}

static void check_adding(bench *b, ae_products *products, const ae_product *p) {
  if (!ae_products_adds(products, p)) return;
  for (int64_t i = 0; i < p->m * p->n; i++) {
    b->y[i] = b->x[i % 1000];
    b->z[i] = b->y[i] + b->z[i];
  }
  ae_product added = *p;
  added.beta = 1;
  added.c = b->y;
  ae_products_one(products, &added);
  assert_memory_equal(b->y, b->z, (size_t)(p->m * p->n) * sizeof *b->y);
}

/* m, n and k of weight gradients: rows of the weight, its columns, rows of a segment. */
static void check_gradients(bench *b) {
  enum { SHAPES = 7 };
  static const int64_t shapes[SHAPES][3] = {{64, 40, 16}, {100, 20, 5},  {48, 6, 7},    {20, 512, 16},
                                            {5, 3, 2},    {130, 97, 33}, {512, 200, 64}};
  ae_products *products;
  ae_test_ok(ae_products_create(b->multiplier, &products));
  for (int s = 0; s < SHAPES; s++)
    ae_products_want(products, shapes[s][2], shapes[s][1], shapes[s][0] * shapes[s][1], shapes[s][0], true);
  ae_test_ok(ae_products_seal(products));
  for (int s = 0; s < SHAPES; s++) {
    const int64_t m = shapes[s][0], n = shapes[s][1];
    const ae_product p = {.trans_a = true,
                          .m = m,
                          .n = n,
                          .k = shapes[s][2],
                          .a = x_of(b),
                          .lda = m,
                          .b = w_of(b),
                          .ldb = n,
                          .c = b->z,
                          .ldc = n};
    ae_products_one(products, &p);
    check_parts(b, products, &p);
    check_adding(b, products, &p);
  }
  ae_products_destroy(&products);
}

static void gradients_have_the_bits_that_are_promised(void **state) {
  (void)state;
  with_all(check_gradients);
}

static void products_have_the_bits_of_segments(void **state) {
  (void)state;
  with_all(check_segments);
}

static void check_nothing_to_sum(bench *b) {
  ae_products *products;
  float c[4] = {1, 2, 3, 4};
  ae_product p = {.m = 2, .n = 2, .a = x_of(b), .lda = 1, .b = w_of(b), .ldb = 2, .beta = 1, .c = c, .ldc = 2};
  ae_test_ok(ae_products_create(b->multiplier, &products));
  ae_test_ok(ae_products_seal(products));
  ae_products_one(products, &p);
  assert_true(c[0] == 1 && c[3] == 4);
  p.beta = 0;
  ae_products_one(products, &p);
  assert_true(c[0] == 0 && c[1] == 0 && c[3] == 0);
  ae_products_destroy(&products);
}

static void a_product_of_no_columns_is_the_old_matrix(void **state) {
  (void)state;
  with_all(check_nothing_to_sum);
}

static bool built_with_onednn(void) {
  int count;
  return ae_multipliers(&count) != NULL && count > 2;
}

static void a_way_that_is_not_there_is_refused(void **state) {
  (void)state;
  const ae_multiplier *found;
  ae_test_ok(ae_multiplier_find("f32", "blas", &found));
  assert_ptr_equal(found, &ae_multiplier_blas);
  ae_test_ok(ae_multiplier_find("bf16-emulated", "auto", &found));
  assert_true(found->rounded);
  ae_test_ok(ae_multiplier_find("f32", "auto", &found));
  assert_true(!found->rounded && found->lacks() == NULL);
  ae_test_error(ae_multiplier_find("bf16-emulated", "onednn", &found), AE_USAGE,
                "train.precision=bf16-emulated is computed by train.products=blas, not onednn");
  ae_test_error(ae_multiplier_find("bf16", "blas", &found), AE_USAGE,
                built_with_onednn() ? "train.precision=bf16 is computed by train.products=onednn, not blas"
                                    : "cannot be had here: this mpiae was built without oneDNN");
}

int main(int argc, char **argv) {
  const ae_test tests[] = {AE_TEST(products_are_those_of_float64), AE_TEST(products_have_the_bits_of_segments),
                           AE_TEST(gradients_have_the_bits_that_are_promised),
                           AE_TEST(a_product_of_no_columns_is_the_old_matrix),
                           AE_TEST(a_way_that_is_not_there_is_refused)};
  return ae_test_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
