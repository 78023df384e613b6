/* Shards and the tree, played for many ranks on one. */
#include "harness.h"

#include "mpiae/comm/nodes.h"
#include "mpiae/comm/shards.h"
#include "mpiae/comm/tree.h"

static void shards_cover_the_dataset_once(void **state) {
  (void)state;
  const int64_t sizes[] = {1, 5, 100, 60000, 60001};
  for (size_t s = 0; s < 5; s++)
    for (int v = 1; v < 14; v++)
      for (int p = 1; p <= v; p++) {
        int64_t next = 0;
        int next_shard = 0;
        for (int r = 0; r < p; r++) {
          ae_shards shards;
          ae_test_ok(ae_shards_init(&shards, sizes[s], v, r, p));
          assert_int_equal(shards.first, next_shard);
          assert_true(shards.count >= 1);
          next_shard += shards.count;
          assert_int_equal(ae_shards_own_begin(&shards), next);
          next += ae_shards_own_count(&shards);
          for (int own = shards.first; own < shards.first + shards.count; own++)
            assert_int_equal(ae_shards_owner(&shards, own), r);
        }
        assert_int_equal(next, sizes[s]);
        assert_int_equal(next_shard, v);
      }
}

static void an_example_is_found_in_its_shard(void **state) {
  (void)state;
  ae_shards shards;
  ae_test_ok(ae_shards_init(&shards, 1003, 13, 0, 1));
  for (int64_t i = 0; i < 1003; i++) {
    const int v = ae_shards_find(&shards, i);
    assert_true(ae_shards_begin(&shards, v) <= i && i < ae_shards_begin(&shards, v + 1));
  }
}

static void every_batch_is_full_and_every_example_taken(void **state) {
  (void)state;
  const int64_t n = 1003, batch = 32;
  for (int v = 1; v < 40; v += 3) {
    ae_shards shards;
    ae_test_ok(ae_shards_init(&shards, n, v, 0, 1));
    for (int64_t t = 1; t <= (n + batch - 1) / batch + 2; t++) {
      int64_t total = 0;
      for (int i = 0; i < v; i++) total += ae_shards_taken(&shards, i, t, batch);
      assert_int_equal(total, t * batch < n ? t * batch : n);
    }
  }
}

static void more_ranks_than_shards_are_refused(void **state) {
  (void)state;
  ae_shards shards;
  ae_test_error(ae_shards_init(&shards, 100, 3, 0, 4), AE_USAGE, "data.shards");
  ae_test_error(ae_shards_init(&shards, 100, 0, 0, 1), AE_USAGE, "data.shards");
}

/* Every rank of P over blocks: contiguous, none too long, found again. Ranks beyond the blocks hold nothing. */
static void expect_blocks(int64_t n, int64_t block, int ranks) {
  int64_t next = 0;
  int next_shard = 0, holders = 0;
  ae_shards shards;
  for (int r = 0; r < ranks; r++) {
    ae_test_ok(ae_shards_init_blocks(&shards, n, block, r, ranks));
    assert_int_equal(shards.first, next_shard);
    assert_int_equal(ae_shards_own_begin(&shards), next);
    holders += shards.count > 0;
    next_shard += shards.count;
    next += ae_shards_own_count(&shards);
    if (shards.count == 0) assert_int_equal(ae_shards_own_count(&shards), 0);
    for (int v = shards.first; v < next_shard; v++) {
      assert_int_equal(ae_shards_owner(&shards, v), r);
      assert_true(ae_shards_begin(&shards, v + 1) - ae_shards_begin(&shards, v) <= block);
    }
    for (int64_t i = ae_shards_own_begin(&shards); i < next; i++)
      assert_int_equal(ae_shards_owner(&shards, ae_shards_find(&shards, i)), r);
  }
  assert_int_equal(shards.shards, n == 0 ? 1 : (n + block - 1) / block);
  assert_int_equal(next_shard, shards.shards);
  assert_int_equal(next, n);
  assert_int_equal(holders, shards.shards < ranks ? shards.shards : ranks);
}

static void blocks_cover_the_dataset_once_on_any_ranks(void **state) {
  (void)state;
  const int64_t sizes[] = {0, 1, 255, 256, 257, 1003, 2048};
  const int64_t blocks[] = {1, 7, 256};
  for (size_t s = 0; s < 7; s++)
    for (size_t b = 0; b < 3; b++)
      for (int ranks = 1; ranks <= 13; ranks++) expect_blocks(sizes[s], blocks[b], ranks);
  ae_shards shards;
  ae_test_error(ae_shards_init_blocks(&shards, INT64_MAX, 256, 0, 1), AE_INTERNAL, "number of blocks");
}

/* Sums numbers whose float64 sum depends on the order: the tree must give the same bits for every split over ranks. */
static void the_tree_does_not_depend_on_ranks(void **state) {
  (void)state;
  for (int v = 1; v <= 33; v++) {
    double first = 0;
    for (int p = 1; p <= 40; p++) {
      ae_shards shards;
      ae_nodes nodes = {0};
      ae_test_ok(ae_shards_init_blocks(&shards, v, 1, 0, p));
      ae_test_ok(ae_nodes_create(&shards, &nodes));
      const int count = nodes.first[p];
      double rows[64], sum, leaf[64];
      int64_t covered = 0;
      for (int i = 0; i < count; i++) {
        assert_int_equal(nodes.range[i].begin, covered);
        covered = nodes.range[i].end;
        for (int64_t j = nodes.range[i].begin; j < covered; j++)
          leaf[j] = 1.0 / (double)(1 + j * j * j) + 1e9 * (j % 3 == 1);
        ae_tree_add(covered - nodes.range[i].begin, leaf + nodes.range[i].begin, 1);
        rows[i] = leaf[nodes.range[i].begin];
      }
      assert_int_equal(covered, v);
      ae_tree_finish(v, nodes.range, count, rows, 1, &sum);
      if (p == 1) first = sum;
      assert_memory_equal(&first, &sum, sizeof sum);
      ae_nodes_free(&nodes);
    }
  }
}

int main(int argc, char **argv) {
  const ae_test tests[] = {AE_TEST(shards_cover_the_dataset_once),
                           AE_TEST(an_example_is_found_in_its_shard),
                           AE_TEST(every_batch_is_full_and_every_example_taken),
                           AE_TEST(blocks_cover_the_dataset_once_on_any_ranks),
                           AE_TEST(more_ranks_than_shards_are_refused),
                           AE_TEST(the_tree_does_not_depend_on_ranks)};
  return ae_test_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
