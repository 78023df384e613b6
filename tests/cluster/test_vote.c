#include "harness.h"

#include "mpiae/base/philox.h"
#include "mpiae/cluster/neighbours.h"
#include "mpiae/comm/shards.h"

#include <math.h>
#include <string.h>

/* Labels and neighbours of all examples, known to all ranks; each gives its own. */
static double find_accuracy(int64_t examples, int shard_count, const int32_t *label, const int64_t *neighbour,
                            int count, int64_t queries) {
  ae_shards shards;
  double accuracy = -1;
  ae_test_ok(
      ae_shards_init(&shards, examples, shard_count, ae_comm_rank(ae_test_comm()), ae_comm_size(ae_test_comm())));
  const int64_t begin = ae_shards_own_begin(&shards);
  ae_test_ok(ae_neighbours_accuracy(ae_test_comm(), &shards, label + begin, neighbour + begin * count, count, queries,
                                    &accuracy));
  return accuracy;
}

/* One query, example 0, whose neighbours 1 … 5 have these labels: is label 3 elected? */
static void votes_are_counted(void **state) {
  (void)state;
  const struct {
    int32_t label[5];
    int found;
  } cases[] = {
      {{3, 1, 1, 3, 3}, 1},     {{1, 3, 1, 3, 1}, 0},      {{3, 1, 3, 1, 2}, 1}, /* a tie: 3 is nearest */
      {{1, 3, 3, 1, 2}, 0},                                                      /* a tie: 1 is nearest */
      {{2, 3, 1, 1, 3}, 1},                                                      /* 2 is nearest, but not in the tie */
      {{-1, -1, -1, -1, 3}, 1},                                                  /* unknown ones have no vote */
      {{-1, -1, 1, 3, -5}, 0},  {{-1, -1, -1, -1, -1}, 0}, {{3, 2, 1, 0, 4}, 1},
  };
  const int64_t neighbour[6 * 5] = {1, 2, 3, 4, 5};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    int32_t label[6] = {3};
    memcpy(label + 1, cases[i].label, sizeof cases[i].label);
    assert_true(find_accuracy(6, 7, label, neighbour, 5, 1) == cases[i].found);
  }
}

static void missing_neighbours_have_no_vote(void **state) {
  (void)state;
  const int32_t label[3] = {4, 4, 7};
  const int64_t neighbour[3 * 3] = {2, 1, -1, 0, -1, -1, -1, -1, -1};
  /* 7 is nearest in the tie; 4 alone; nobody. */
  assert_true(find_accuracy(3, 8, label, neighbour, 3, 0) == 1.0 / 3);
}

static void unlabelled_queries_do_not_count(void **state) {
  (void)state;
  const int32_t label[4] = {-1, 5, 5, -1};
  const int64_t neighbour[4] = {1, 2, 3, 0};
  /* 1 finds 5; 2 has an unlabelled neighbour. */
  assert_true(find_accuracy(4, 7, label, neighbour, 1, 0) == 0.5);
  assert_true(find_accuracy(4, 7, label, neighbour, 1, 2) == 1);
  assert_true(isnan(find_accuracy(4, 7, label, neighbour, 1, 1)));
  assert_true(isnan(find_accuracy(0, 7, label, neighbour, 1, 0)));
}

enum { MANY = 5003, VOTERS = 3, CLASSES = 4 };

/* Whether the vote of three elects the label: two agree, or all differ and the first decides. */
static bool is_found(const int32_t *label, const int64_t *neighbour, int64_t i) {
  const int32_t a = label[neighbour[0]], b = label[neighbour[1]], c = label[neighbour[2]];
  return (b == c ? b : a) == label[i];
}

/* Several batches, neighbours anywhere, N and queries that no number of ranks divides. */
static void votes_come_from_all_ranks(void **state) {
  (void)state;
  int32_t *label;
  int64_t *neighbour;
  const int64_t queries[] = {MANY, 0, 2001};
  ae_test_ok(AE_NEW(label, MANY));
  ae_test_ok(AE_NEW(neighbour, MANY * VOTERS));
  for (int64_t i = 0; i < MANY; i++) {
    const ae_stream stream = ae_stream_of(3, AE_RANDOM_SELFTEST, 0, i);
    label[i] = (int32_t)ae_random_below(stream, VOTERS, CLASSES);
    for (int k = 0; k < VOTERS; k++) neighbour[i * VOTERS + k] = ae_random_below(stream, (uint32_t)k, MANY);
  }
  for (int i = 0; i < 3; i++) {
    const int64_t asked = queries[i] > 0 ? queries[i] : MANY;
    int64_t found = 0;
    for (int64_t q = 0; q < asked; q++) found += is_found(label, neighbour + q * VOTERS, q);
    assert_true(find_accuracy(MANY, 8, label, neighbour, VOTERS, queries[i]) == (double)found / (double)asked);
  }
  AE_FREE(label);
  AE_FREE(neighbour);
}

/* The whole probe: separate groups are all found again. */
static void neighbours_of_groups_agree(void **state) {
  (void)state;
  enum { EXAMPLES = 203, DIM = 3, COUNT = 5, GROUPS = 4 };
  float rows[EXAMPLES * DIM];
  int32_t label[EXAMPLES];
  int64_t neighbour[EXAMPLES * COUNT];
  ae_shards shards;
  ae_test_ok(ae_shards_init(&shards, EXAMPLES, 8, ae_comm_rank(ae_test_comm()), ae_comm_size(ae_test_comm())));
  for (int64_t i = 0; i < EXAMPLES; i++) {
    ae_random_fill_normal(ae_stream_of(4, AE_RANDOM_SELFTEST, 0, i), DIM, rows + i * DIM);
    rows[i * DIM] += (float)(100 * (i % GROUPS));
    label[i] = (int32_t)(i % GROUPS);
  }
  const int64_t begin = ae_shards_own_begin(&shards);
  ae_test_ok(
      ae_neighbours_find(ae_test_comm(), &shards, rows + begin * DIM, DIM, COUNT, 0, neighbour + begin * COUNT, NULL));
  assert_true(find_accuracy(EXAMPLES, 8, label, neighbour, COUNT, 0) == 1);
}

int main(int argc, char **argv) {
  const ae_test tests[] = {
      AE_TEST(votes_are_counted),
      AE_TEST(missing_neighbours_have_no_vote),
      AE_TEST(unlabelled_queries_do_not_count),
      AE_TEST(votes_come_from_all_ranks),
      AE_TEST(neighbours_of_groups_agree),
  };
  return ae_test_main(argc, argv, tests, (int)(sizeof tests / sizeof *tests));
}
