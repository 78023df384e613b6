/* Agreement, reduction and window on several ranks. */
#include "harness.h"

#include "mpiae/base/arithmetic.h"
#include "mpiae/comm/reduce.h"
#include "mpiae/comm/tree.h"
#include "mpiae/comm/window.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static ae_shards shards_of(int64_t examples, int count) {
  ae_shards shards;
  const ae_comm *comm = ae_test_comm();
  ae_test_ok(ae_shards_init(&shards, examples, count, ae_comm_rank(comm), ae_comm_size(comm)));
  return shards;
}

static void ranks_agree_on_the_lowest_error(void **state) {
  (void)state;
  const ae_comm *comm = ae_test_comm();
  const int rank = ae_comm_rank(comm), size = ae_comm_size(comm);
  ae_test_ok(ae_comm_agree(comm, AE_OK));
  ae_status last = rank == size - 1 ? AE_FAIL(AE_DATA, "rank %d failed", rank) : AE_OK;
  char expected[64];
  snprintf(expected, sizeof expected, "rank %d failed", size - 1);
  ae_test_error(ae_comm_agree(comm, last), AE_DATA, expected);
  ae_test_error(ae_comm_agree(comm, AE_FAIL(AE_USAGE, "rank %d failed", rank)), AE_USAGE, "rank 0 failed");
}

static void a_text_file_reaches_all_ranks(void **state) {
  (void)state;
  const ae_comm *comm = ae_test_comm();
  const char *path = ae_test_path("text");
  if (ae_comm_rank(comm) == 0) {
    FILE *file = fopen(path, "w");
    fputs("model: vhe\n", file);
    fclose(file);
  }
  char *text;
  int64_t length;
  ae_test_ok(ae_comm_read_text(comm, path, &text, &length));
  assert_string_equal(text, "model: vhe\n");
  assert_int_equal(length, 11);
  AE_FREE(text);
  ae_test_error(ae_comm_read_text(comm, ae_test_path("absent"), &text, &length), AE_USAGE, "No such file");
}

/* The number shard v contributes to column j: sums of these depend on the order of addition. */
static double number(int v, int64_t j) { return (1.0 + (double)j) / (3.0 + v * v) * (v % 3 == 1 ? 1e12 : 1.0); }

static void expect_sum(ae_shards shards, int64_t width) {
  const int count = shards.shards;
  double *values, *sum, *expected;
  ae_test_ok(AE_NEW(values, shards.count * width));
  ae_test_ok(AE_NEW(sum, width));
  ae_test_ok(AE_NEW(expected, count * width));
  for (int v = 0; v < count; v++)
    for (int64_t j = 0; j < width; j++) expected[v * width + j] = number(v, j);
  memcpy(values, expected + shards.first * width, (size_t)(shards.count * width) * sizeof *values);
  ae_tree_add(count, expected, width);
  ae_test_ok(ae_reduce_sum(ae_test_comm(), &shards, shards.count > 0 ? values : NULL, width, sum));
  assert_memory_equal(sum, expected, (size_t)width * sizeof *sum);
  AE_FREE(values);
  AE_FREE(sum);
  AE_FREE(expected);
}

static void the_reduction_adds_along_the_tree(void **state) {
  (void)state;
  const int64_t widths[] = {1, 3, 1000};
  for (int count = 7; count <= 13; count += 3)
    for (int w = 0; w < 3; w++) expect_sum(shards_of(100, count), widths[w]);
}

/* Sums over 1 … 9 blocks, on ranks of which some hold none. */
static void ranks_without_a_block_take_part_in_sums(void **state) {
  (void)state;
  const ae_comm *comm = ae_test_comm();
  for (int64_t blocks = 1; blocks <= 9; blocks++) {
    ae_shards shards;
    ae_test_ok(ae_shards_init_blocks(&shards, blocks * 10 - 3, 10, ae_comm_rank(comm), ae_comm_size(comm)));
    assert_int_equal(shards.shards, blocks);
    expect_sum(shards, 1);
    expect_sum(shards, 1000);
  }
}

/* Numbers 0 … 99 are dealt to ranks, many or none to each; of every three the values are equal. */
static void the_first_pairs_of_all_ranks(void **state) {
  (void)state;
  enum { ALL = 100, MOST = 120 };
  const int64_t counts[] = {1, 2, 37, ALL, MOST};
  const ae_comm *comm = ae_test_comm();
  for (int c = 0; c < 5; c++)
    for (int deal = 1; deal <= 50; deal += 7) {
      ae_ranked pairs[ALL + MOST];
      int own = 0;
      for (int i = 0; i < ALL; i++)
        if (i / deal % ae_comm_size(comm) == ae_comm_rank(comm)) pairs[own++] = (ae_ranked){i / 3, i};
      for (int i = 0; i < MOST; i++) pairs[own + i] = (ae_ranked){-1, INT64_MAX};
      qsort(pairs, (size_t)own + MOST, sizeof *pairs, ae_ranked_compare);
      ae_test_ok(ae_reduce_first(comm, pairs, counts[c]));
      for (int i = 0; i < counts[c]; i++) {
        /* 99; 96, 97, 98; 93, 94, 95; … */
        const int expected = i == 0 ? 99 : 99 - (i + 2) / 3 * 3 + (i - 1) % 3;
        assert_int_equal(pairs[i].index, i < ALL ? expected : INT64_MAX);
        assert_true(pairs[i].value == (i < ALL ? expected / 3 : -1));
      }
    }
}

enum { EXAMPLES = 20, WIDTH = 5 };

static void fetch_all(ae_shards shards) {
  const int64_t begin = ae_shards_own_begin(&shards), count = ae_shards_own_count(&shards);
  uint8_t *rows, got[EXAMPLES * WIDTH];
  ae_test_ok(AE_NEW(rows, count * WIDTH));
  for (int64_t i = 0; i < count * WIDTH; i++) rows[i] = (uint8_t)(begin * WIDTH + i);
  ae_window *window;
  ae_test_ok(ae_window_create(ae_test_comm(), &shards, rows, WIDTH, &window));
  int64_t examples[EXAMPLES];
  for (int64_t i = 0; i < EXAMPLES; i++) examples[i] = EXAMPLES - 1 - i;
  for (int again = 0; again < 3; again++) {
    memset(got, 0xff, sizeof got);
    ae_window_fetch(window, examples, EXAMPLES, got);
    ae_window_wait(window);
    for (int i = 0; i < EXAMPLES * WIDTH; i++) assert_int_equal(got[i], (EXAMPLES - 1 - i / WIDTH) * WIDTH + i % WIDTH);
  }
  ae_comm_barrier(ae_test_comm());
  ae_window_destroy(&window);
  AE_FREE(rows);
}

static void any_example_can_be_fetched(void **state) {
  (void)state;
  const ae_comm *comm = ae_test_comm();
  ae_shards blocks;
  fetch_all(shards_of(EXAMPLES, 13));
  ae_test_ok(ae_shards_init_blocks(&blocks, EXAMPLES, 10, ae_comm_rank(comm), ae_comm_size(comm)));
  fetch_all(blocks);
}

int main(int argc, char **argv) {
  const ae_test tests[] = {AE_TEST(ranks_agree_on_the_lowest_error),   AE_TEST(a_text_file_reaches_all_ranks),
                           AE_TEST(the_reduction_adds_along_the_tree), AE_TEST(ranks_without_a_block_take_part_in_sums),
                           AE_TEST(the_first_pairs_of_all_ranks),      AE_TEST(any_example_can_be_fetched)};
  return ae_test_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
