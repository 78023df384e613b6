#include "harness.h"

#include "mpiae/data/sampler.h"

#include <string.h>

/* Plays all ranks of one run in one process. */
typedef struct run {
  int64_t examples, batch;
  int shards, ranks;
} run;

/* The rows of one shard in one step. */
static int segment_of(ae_sampler *sampler, const ae_shards *shards, int64_t step, int shard, int64_t *rows) {
  ae_batch batch;
  ae_sampler_batch(sampler, step, &batch);
  assert_int_equal(batch.segments, shards->count);
  assert_int_equal(batch.offset[0], 0);
  assert_true(batch.offset[batch.segments] <= ae_sampler_capacity(sampler));
  const int s = shard - shards->first;
  const int64_t count = batch.offset[s + 1] - batch.offset[s];
  assert_true(count >= 0);
  memcpy(rows, batch.example + batch.offset[s], (size_t)count * sizeof *rows);
  return (int)count;
}

/* Marks the examples of a step as seen, which they must not have been. Returns their number. */
static int64_t mark_step(ae_sampler *sampler, const ae_shards *shards, int64_t step, char *seen) {
  ae_batch batch;
  ae_sampler_batch(sampler, step, &batch);
  assert_int_equal(batch.step, step);
  assert_int_equal(batch.segments, shards->count);
  assert_int_equal(batch.offset[0], 0);
  for (int s = 0; s < batch.segments; s++)
    for (int64_t row = batch.offset[s]; row < batch.offset[s + 1]; row++) {
      assert_int_equal(ae_shards_find(shards, batch.example[row]), shards->first + s);
      assert_int_equal(seen[batch.example[row]]++, 0);
    }
  assert_true(batch.offset[batch.segments] <= ae_sampler_capacity(sampler));
  return batch.offset[batch.segments];
}

static void expect_epoch(const run *of, int64_t most_over) {
  char seen[2000] = {0};
  int64_t total[2000] = {0}, over = 0;
  ae_shards shards;
  ae_sampler *sampler = NULL;
  const int64_t steps = (of->examples + of->batch - 1) / of->batch;
  for (int rank = 0; rank < of->ranks; rank++) {
    int64_t most = 0;
    ae_test_ok(ae_shards_init(&shards, of->examples, of->shards, rank, of->ranks));
    ae_test_ok(ae_sampler_create(&shards, of->batch, 42, &sampler));
    assert_int_equal(ae_sampler_steps(sampler), steps);
    ae_sampler_begin(sampler, 3);
    for (int64_t step = 0; step < steps; step++) {
      const int64_t here = mark_step(sampler, &shards, step, seen);
      total[step] += here;
      most = here > most ? here : most;
    }
    over = ae_sampler_capacity(sampler) - most > over ? ae_sampler_capacity(sampler) - most : over;
    ae_sampler_destroy(&sampler);
  }
  assert_true(over <= most_over);
  for (int64_t i = 0; i < of->examples; i++) assert_int_equal(seen[i], 1);
  for (int64_t step = 0; step < steps; step++)
    assert_int_equal(total[step], step + 1 < steps ? of->batch : of->examples - step * of->batch);
}

/* V divides neither B nor N in most of these; shards may be empty, batches smaller than V. */
static void every_example_appears_once(void **state) {
  (void)state;
  static const int64_t examples[] = {1, 2, 7, 100, 1003};
  static const int shards[] = {1, 2, 3, 7, 8, 40, 120};
  static const int64_t batches[] = {1, 2, 3, 5, 8, 13, 64, 100, 128, 2000};
  for (size_t n = 0; n < sizeof examples / sizeof *examples; n++)
    for (size_t v = 0; v < sizeof shards / sizeof *shards; v++)
      for (size_t b = 0; b < sizeof batches / sizeof *batches; b++)
        for (int ranks = 1; ranks <= shards[v] && ranks <= 7; ranks += 2) {
          const run now = {examples[n], batches[b], shards[v], ranks};
          expect_epoch(&now, batches[b]);
        }
}

static void capacity_is_close(void **state) {
  (void)state;
  for (int ranks = 1; ranks <= 8; ranks++) {
    const run now = {1999, 100, 8, ranks};
    expect_epoch(&now, 2);
  }
  const run whole = {1999, 100, 8, 1};
  expect_epoch(&whole, 0);
}

/* A shard gives its floor of the even share or one more, whatever the step. */
static void shards_give_evenly(void **state) {
  (void)state;
  int64_t rows[200];
  ae_shards shards;
  ae_sampler *sampler = NULL;
  ae_test_ok(ae_shards_init(&shards, 1000, 7, 0, 1));
  ae_test_ok(ae_sampler_create(&shards, 30, 1, &sampler));
  ae_sampler_begin(sampler, 1);
  for (int64_t step = 0; step + 1 < ae_sampler_steps(sampler); step++)
    for (int shard = 0; shard < 7; shard++) {
      const int count = segment_of(sampler, &shards, step, shard, rows);
      assert_true(count >= 3 && count <= 6);
    }
  ae_sampler_destroy(&sampler);
}

/* The rows of a shard are the same for any number of ranks. */
static void rows_do_not_depend_on_ranks(void **state) {
  (void)state;
  int64_t first[100], rows[100];
  for (int ranks = 2; ranks <= 5; ranks++)
    for (int rank = 0; rank < ranks; rank++) {
      ae_shards alone, shards;
      ae_sampler *one = NULL, *many = NULL;
      ae_test_ok(ae_shards_init(&alone, 503, 5, 0, 1));
      ae_test_ok(ae_shards_init(&shards, 503, 5, rank, ranks));
      ae_test_ok(ae_sampler_create(&alone, 20, 9, &one));
      ae_test_ok(ae_sampler_create(&shards, 20, 9, &many));
      ae_sampler_begin(one, 2);
      ae_sampler_begin(many, 2);
      for (int64_t step = 0; step < ae_sampler_steps(one); step++)
        for (int shard = shards.first; shard < shards.first + shards.count; shard++) {
          const int count = segment_of(one, &alone, step, shard, first);
          assert_int_equal(segment_of(many, &shards, step, shard, rows), count);
          assert_memory_equal(first, rows, (size_t)count * sizeof *rows);
        }
      ae_sampler_destroy(&one);
      ae_sampler_destroy(&many);
    }
}

static void copy_batch(ae_sampler *sampler, uint32_t epoch, int64_t out[50]) {
  ae_batch batch;
  ae_sampler_begin(sampler, epoch);
  ae_sampler_batch(sampler, 0, &batch);
  assert_int_equal(batch.epoch, epoch);
  memcpy(out, batch.example, 50 * sizeof *out);
}

static void order_depends_on_epoch_and_seed_alone(void **state) {
  (void)state;
  int64_t first[50], second[50], again[50], other[50];
  ae_shards shards;
  ae_sampler *sampler = NULL, *seeded = NULL;
  ae_test_ok(ae_shards_init(&shards, 500, 1, 0, 1));
  ae_test_ok(ae_sampler_create(&shards, 50, 1, &sampler));
  ae_test_ok(ae_sampler_create(&shards, 50, 2, &seeded));
  copy_batch(sampler, 1, first);
  copy_batch(sampler, 2, second);
  copy_batch(sampler, 1, again);
  copy_batch(seeded, 1, other);
  assert_memory_equal(first, again, sizeof first);
  assert_memory_not_equal(first, second, sizeof first);
  assert_memory_not_equal(first, other, sizeof first);
  ae_sampler_destroy(&sampler);
  ae_sampler_destroy(&seeded);
}

static void two_batches_are_alive(void **state) {
  (void)state;
  int64_t copy[10];
  ae_shards shards;
  ae_sampler *sampler = NULL;
  ae_batch now, next;
  ae_test_ok(ae_shards_init(&shards, 95, 1, 0, 1));
  ae_test_ok(ae_sampler_create(&shards, 10, 1, &sampler));
  ae_sampler_begin(sampler, 1);
  ae_sampler_batch(sampler, 8, &now);
  memcpy(copy, now.example, sizeof copy);
  ae_sampler_batch(sampler, 9, &next);
  assert_memory_equal(copy, now.example, sizeof copy);
  assert_int_equal(now.global_rows, 10);
  assert_int_equal(next.global_rows, 5);
  assert_int_equal(next.offset[1], 5);
  ae_sampler_destroy(&sampler);
}

/* Each place of a permutation is equally likely to hold the first element: 2000 epochs, 10 places, 200 expected,
 * standard deviation 13.4. */
static void permutations_are_uniform(void **state) {
  (void)state;
  int64_t times[10] = {0};
  ae_shards shards;
  ae_sampler *sampler = NULL;
  ae_batch batch;
  ae_test_ok(ae_shards_init(&shards, 10, 1, 0, 1));
  ae_test_ok(ae_sampler_create(&shards, 10, 5, &sampler));
  for (uint32_t epoch = 1; epoch <= 2000; epoch++) {
    ae_sampler_begin(sampler, epoch);
    ae_sampler_batch(sampler, 0, &batch);
    for (int i = 0; i < 10; i++) times[i] += batch.example[i] == 0;
  }
  for (int i = 0; i < 10; i++) ae_test_in_range(times[i], 133, 267);
  ae_sampler_destroy(&sampler);
}

/* Of small sets and some large ones: what the steps of two epochs come to, counted anew. */
static void the_most_points_are_those_of_the_largest_step(void **state) {
  (void)state;
  enum { EXAMPLES = 300, LARGE = 10000, BATCH = 20, RANKS = 3 };
  for (int rank = 0; rank < RANKS; rank++) {
    ae_shards shards;
    ae_test_ok(ae_shards_init(&shards, EXAMPLES, 5, rank, RANKS));
    const int64_t first = ae_shards_own_begin(&shards), own = ae_shards_own_count(&shards);
    int64_t offset[EXAMPLES + 1] = {0}, expected = 0, all = 0;
    ae_sampler *sampler;
    ae_test_ok(ae_sampler_create(&shards, BATCH, 7, &sampler));
    for (int64_t i = 0; i < own; i++) offset[i + 1] = offset[i] + ((first + i) % 30 == 0 ? LARGE : (first + i) % 4);
    for (uint32_t epoch = 1; epoch <= 2; epoch++) {
      ae_sampler_begin(sampler, epoch);
      for (int64_t step = 0; step < ae_sampler_steps(sampler); step++) {
        ae_batch batch;
        int64_t points = 0;
        ae_sampler_batch(sampler, step, &batch);
        for (int64_t row = 0; row < batch.offset[batch.segments]; row++)
          points += batch.example[row] % 30 == 0 ? LARGE : batch.example[row] % 4;
        expected = points > expected ? points : expected;
        all += points;
      }
    }
    assert_int_equal(all, 2 * offset[own]);
    assert_int_equal(ae_sampler_most_points(sampler, 2, offset), expected);
    assert_true(ae_sampler_most_points(sampler, 1, offset) <= expected);
    assert_int_equal(ae_sampler_most_points(sampler, 0, offset), 0);
    assert_true(expected >= LARGE && expected < offset[own]);
    ae_sampler_destroy(&sampler);
  }
}

/* Where an example stands among those that a shard gives in an epoch. */
static void find_places(ae_sampler *sampler, const ae_shards *shards, int64_t *place) {
  int64_t given[8] = {0};
  for (int64_t step = 0; step < ae_sampler_steps(sampler); step++) {
    ae_batch batch;
    ae_sampler_batch(sampler, step, &batch);
    for (int s = 0; s < shards->count; s++)
      for (int64_t row = batch.offset[s]; row < batch.offset[s + 1]; row++) place[batch.example[row]] = given[s]++;
  }
}

/* A window of blocks is given whole before the next begins, its examples mixed; ranks do not matter. */
static void blocks_are_shuffled_in_windows(void **state) {
  (void)state;
  enum { EXAMPLES = 1000, SHARDS = 3, BLOCK = 7, WINDOW = 4 };
  int64_t alone[EXAMPLES], place[EXAMPLES], earlier[EXAMPLES], moved = 0, apart = 0;
  for (int rank = -1; rank < SHARDS; rank++) {
    ae_shards shards;
    ae_sampler *sampler;
    int64_t *found = rank < 0 ? alone : place;
    ae_test_ok(ae_shards_init(&shards, EXAMPLES, SHARDS, rank < 0 ? 0 : rank, rank < 0 ? 1 : SHARDS));
    ae_test_ok(ae_sampler_create(&shards, 30, 5, &sampler));
    ae_test_ok(ae_sampler_shuffle_blocks(sampler, BLOCK, WINDOW));
    ae_sampler_begin(sampler, 1);
    if (rank < 0) find_places(sampler, &shards, earlier);
    ae_sampler_begin(sampler, 2);
    find_places(sampler, &shards, found);
    ae_sampler_destroy(&sampler);
  }
  assert_memory_equal(alone, place, sizeof alone);
  for (int64_t i = 0; i + 1 < EXAMPLES; i++) {
    moved += place[i] != earlier[i];
    apart += place[i + 1] != place[i] + 1;
  }
  assert_true(moved > EXAMPLES * 9 / 10 && apart > EXAMPLES * 9 / 10);
  for (int64_t i = 0; i < 333 / BLOCK * BLOCK; i++) { /* the whole blocks of the first shard, of 333 */
    const int64_t distance = place[i] - place[i / BLOCK * BLOCK];
    assert_true(distance > -BLOCK * WINDOW && distance < BLOCK * WINDOW);
  }
}

static void an_empty_batch_is_refused(void **state) {
  (void)state;
  ae_shards shards;
  ae_sampler *sampler = NULL;
  ae_test_ok(ae_shards_init(&shards, 10, 1, 0, 1));
  ae_test_error(ae_sampler_create(&shards, 0, 5, &sampler), AE_USAGE, "at least 1");
  assert_null(sampler);
}

int main(int argc, char **argv) {
  static const ae_test tests[] = {
      AE_TEST(every_example_appears_once),
      AE_TEST(capacity_is_close),
      AE_TEST(shards_give_evenly),
      AE_TEST(rows_do_not_depend_on_ranks),
      AE_TEST(order_depends_on_epoch_and_seed_alone),
      AE_TEST(two_batches_are_alive),
      AE_TEST(permutations_are_uniform),
      AE_TEST(the_most_points_are_those_of_the_largest_step),
      AE_TEST(blocks_are_shuffled_in_windows),
      AE_TEST(an_empty_batch_is_refused),
  };
  return ae_test_main(argc, argv, tests, (int)(sizeof tests / sizeof *tests));
}
