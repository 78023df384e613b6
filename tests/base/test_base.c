/* Status, memory, exact arithmetic, random numbers. */
#include "harness.h"

#include "mpiae/base/arithmetic.h"
#include "mpiae/base/philox.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void an_error_keeps_code_message_and_place(void **state) {
  (void)state;
  ae_status status = AE_FAIL(AE_DATA, "file %s, line %d", "a.yaml", 3);
  assert_int_equal(ae_error_code(status), AE_DATA);
  assert_string_equal(ae_error_message(status), "file a.yaml, line 3");
  assert_int_equal(ae_error_line(status), __LINE__ - 3);
  status = ae_error_prefix(status, "reading");
  assert_string_equal(ae_error_message(status), "reading: file a.yaml, line 3");
  status = ae_error_prefix(status, "a\tb\nc\x1b[2J\x7f ä");
  assert_string_equal(ae_error_message(status), "a b c?[2J? ä: reading: file a.yaml, line 3");
  status = ae_error_first(status, AE_FAIL(AE_USAGE, "second"));
  ae_test_error(status, AE_DATA, "a.yaml");
  ae_test_error(ae_error_first(AE_OK, AE_FAIL(AE_USAGE, "second")), AE_USAGE, "second");
}

/* Letters of two to four bytes stay; Latin-1, control characters above ASCII, what is longer than it need be, halves of
 * pairs, what is beyond Unicode, and what is cut do not. */
static void texts_become_printable(void **state) {
  (void)state;
  static const char *const cases[][2] = {
      {"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"},
      {"caf\xe9", "caf?"},
      {"\xc2\x9b[2J", "??[2J"},
      {"\xc0\xaf\xe0\x9f\xbf", "?????"},
      {"\xed\xa0\x80", "???"},
      {"\xf4\x90\x80\x80", "????"},
      {"a\xe2\x82", "a??"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char text[16];
    snprintf(text, sizeof text, "%s", cases[i][0]);
    ae_make_printable(text, strlen(text));
    assert_string_equal(text, cases[i][1]);
  }
}

static void memory_beyond_the_host_is_refused(void **state) {
  (void)state;
  ae_test_ok(ae_memory_expect(1e6, "%d clusters", 3));
  ae_test_error(ae_memory_expect(1e18, "%d clusters", 3), AE_USAGE,
                "3 clusters would take 1000000000.0 GB on a rank of a host that has ");
}

/* Small, and with huge pages and a rest: after other numbers at its place. */
static void memory_is_zeroed_aligned_and_counted(void **state) {
  (void)state;
  const int64_t blocks = ae_memory_blocks(), bytes = ae_memory_bytes();
  static const int counts[] = {1000, 700000, 700000};
  double *values;
  for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
    ae_test_ok(AE_NEW(values, counts[c]));
    assert_int_equal((uintptr_t)values % 64, 0);
    for (int i = 0; i < counts[c]; i++) assert_true(values[i] == 0.0);
    for (int i = 0; i < counts[c]; i++) values[i] = 1;
    assert_int_equal(ae_memory_blocks(), blocks + 1);
    assert_true(ae_memory_bytes() >= bytes + counts[c] * (int64_t)sizeof *values);
    AE_FREE(values);
    assert_null(values);
    assert_int_equal(ae_memory_bytes(), bytes);
  }
  ae_test_error(AE_NEW(values, SIZE_MAX / 4), AE_INTERNAL, "out of memory");
}

static void arithmetic_is_exact(void **state) {
  (void)state;
  assert_int_equal(ae_muldiv(INT64_C(4000000000), INT64_C(4000000000), INT64_C(4000000000)), INT64_C(4000000000));
  assert_int_equal(ae_muldiv(7, 60000, 8), 52500);
  for (int64_t n = 2; n < 70; n++) {
    const int64_t power = ae_power_of_two_below(n);
    assert_true(power < n && 2 * power >= n && (power & (power - 1)) == 0);
  }
  int64_t product;
  ae_test_error(ae_multiply(INT64_MAX, 2, "rows", &product), AE_INTERNAL, "rows");
  int small;
  ae_test_error(ae_to_int(INT64_C(3000000000), "rows", &small), AE_INTERNAL, "rows");
}

/* Known answers of Random123's kat_vectors for philox4x32-10; the counter's parts are taken apart as in philox.c. */
static void philox_gives_the_known_answers(void **state) {
  (void)state;
  uint32_t out[4];
  ae_philox((ae_stream){0, 0, 0, 0}, 0, out);
  assert_int_equal(out[0], 0x6627e8d5);
  assert_int_equal(out[1], 0xe169c58d);
  assert_int_equal(out[2], 0xbc57ac4c);
  assert_int_equal(out[3], 0x9b00dbd8);
  const ae_stream ones = {UINT64_MAX, UINT64_C(0xffffffffffff), UINT32_MAX, 0xffff};
  ae_philox(ones, UINT32_MAX, out);
  assert_int_equal(out[0], 0x408f276d);
  assert_int_equal(out[1], 0x41c83b0e);
  assert_int_equal(out[2], 0xa20bc7c6);
  assert_int_equal(out[3], 0x6d5451fd);
}

static void normal_numbers_have_the_moments(void **state) {
  (void)state;
  enum { COUNT = 200000 };
  const double count = COUNT;
  float *values, *part;
  ae_test_ok(AE_NEW(values, COUNT));
  ae_test_ok(AE_NEW(part, 7));
  const ae_stream stream = ae_stream_of(5, AE_RANDOM_NOISE_Z, 3, 11);
  ae_random_fill_normal(stream, COUNT, values);
  ae_random_fill_normal(stream, 7, part);
  assert_memory_equal(values, part, 7 * sizeof *part);
  double sum = 0, square = 0, fourth = 0;
  for (int i = 0; i < COUNT; i++) {
    assert_true(isfinite(values[i]));
    sum += values[i];
    square += values[i] * values[i];
    fourth += pow(values[i], 4);
  }
  /* five standard errors: 1, √2 and √96 over √COUNT */
  const double error = 5 / sqrt(count);
  assert_true(fabs(sum / count) < error);
  assert_true(fabs(square / count - 1) < 1.42 * error);
  assert_true(fabs(fourth / count - 3) < 9.8 * error);
  AE_FREE(values);
  AE_FREE(part);
}

static void bounded_numbers_stay_in_bounds_and_reach_them(void **state) {
  (void)state;
  int seen[7] = {0};
  const ae_stream stream = ae_stream_of(1, AE_RANDOM_SHUFFLE, 0, 0);
  for (uint32_t i = 0; i < 7000; i++) {
    const int64_t value = ae_random_below(stream, i, 7);
    ae_test_in_range(value, 0, 6);
    seen[value]++;
  }
  for (int i = 0; i < 7; i++) ae_test_in_range(seen[i], 850, 1150); /* 5 σ ≈ 146 */
  assert_int_equal(ae_random_below(stream, 9, 1), 0);
}

int main(int argc, char **argv) {
  const ae_test tests[] = {AE_TEST(an_error_keeps_code_message_and_place),
                           AE_TEST(texts_become_printable),
                           AE_TEST(memory_beyond_the_host_is_refused),
                           AE_TEST(memory_is_zeroed_aligned_and_counted),
                           AE_TEST(arithmetic_is_exact),
                           AE_TEST(philox_gives_the_known_answers),
                           AE_TEST(normal_numbers_have_the_moments),
                           AE_TEST(bounded_numbers_stay_in_bounds_and_reach_them)};
  return ae_test_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
