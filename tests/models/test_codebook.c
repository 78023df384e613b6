/* The codebook of moving averages against the formulas written out, on a batch that all ranks share. */
#include "harness.h"

#include "mpiae/base/philox.h"
#include "mpiae/models/vqvae/codebook.h"

#include <math.h>
#include <string.h>

enum { EXAMPLES = 40, SHARDS = 8, PLACES = 3, ENTRIES = 6, WIDTH = 4, ALL = EXAMPLES * PLACES };

/* A step in which all examples are the batch, and what is assigned in it. */
typedef struct step {
  ae_shards shards;
  int64_t offset[SHARDS + 1], example[EXAMPLES];
  ae_batch batch;
  float all[ALL * WIDTH], index[ALL]; /* of all ranks */
  ae_codebook_batch assignment;
} step;

/* Entries from `used` on are not assigned to. */
static void make_step(step *s, int64_t number, int used) {
  memset(s, 0, sizeof *s);
  ae_test_ok(ae_shards_init(&s->shards, EXAMPLES, SHARDS, ae_comm_rank(ae_test_comm()), ae_comm_size(ae_test_comm())));
  const int64_t begin = ae_shards_own_begin(&s->shards);
  for (int v = 0; v <= s->shards.count; v++) s->offset[v] = ae_shards_begin(&s->shards, s->shards.first + v) - begin;
  const ae_stream stream = ae_stream_of(7, AE_RANDOM_SELFTEST, 0, number);
  ae_random_fill_normal(stream, ALL * WIDTH, s->all);
  for (int i = 0; i < ALL; i++) s->index[i] = (float)ae_random_below(stream, (uint32_t)i, used);
  s->batch = (ae_batch){1, number, 10, EXAMPLES, s->shards.count, s->offset, s->example};
  s->assignment =
      (ae_codebook_batch){&s->batch, &s->shards, PLACES, s->all + begin * PLACES * WIDTH, s->index + begin * PLACES};
}

static ae_codebook *make(bool averages, int64_t revive_after) {
  ae_codebook *codebook;
  ae_test_ok(
      ae_codebook_create(ae_test_comm(), ENTRIES, WIDTH, averages, 0.9, averages ? revive_after : 0, 3, &codebook));
  return codebook;
}

static bool is_near(double a, double b) { return fabs(a - b) <= 1e-12 * (1 + fabs(b)); }

/* m, N and then the entries, from numbers of all ranks at once. */
static void averages_follow_the_formulas(void **state) {
  (void)state;
  static step s;
  double count[ENTRIES] = {0}, sum[ENTRIES * WIDTH] = {0};
  ae_codebook *codebook = make(true, 0);
  for (int t = 1; t <= 3; t++) {
    double counts[ENTRIES] = {0}, sums[ENTRIES * WIDTH] = {0}, total = 0;
    make_step(&s, t, ENTRIES - 1);
    ae_test_ok(ae_codebook_update(codebook, &s.assignment));
    for (int i = 0; i < ALL; i++) {
      const int k = (int)s.index[i];
      counts[k]++;
      for (int j = 0; j < WIDTH; j++) sums[k * WIDTH + j] += (double)s.all[i * WIDTH + j];
    }
    const double correction = 1 - pow(0.9, t);
    for (int k = 0; k < ENTRIES; k++) total += (count[k] = 0.9 * count[k] + 0.1 * counts[k]) / correction;
    for (int k = 0; k < ENTRIES; k++) {
      const double size = (count[k] / correction + 1e-5) * total / (total + (double)ENTRIES * 1e-5);
      assert_true(is_near(codebook->count[k], count[k]));
      for (int j = k * WIDTH; j < (k + 1) * WIDTH; j++) {
        sum[j] = 0.9 * sum[j] + 0.1 * sums[j];
        assert_true(is_near(codebook->sum[j], sum[j]));
        assert_true(fabs((double)codebook->entry[j] - sum[j] / correction / size) < 1e-6);
      }
    }
  }
  assert_int_equal(codebook->unused[ENTRIES - 1], 3);
  ae_codebook_destroy(&codebook);
}

static void entries_start_within_their_bound(void **state) {
  (void)state;
  float largest = 0;
  ae_codebook *codebook = make(true, 0);
  for (int j = 0; j < ENTRIES * WIDTH; j++) largest = fmaxf(largest, fabsf(codebook->entry[j]));
  assert_true(largest <= sqrtf(0.75f) && largest > 0.5f);
  ae_codebook_destroy(&codebook);
}

/* A mean of one vector alone. */
static bool is_at(const ae_codebook *codebook, int entry, const float *vector) {
  for (int j = 0; j < WIDTH; j++)
    if (!(fabs(codebook->sum[entry * WIDTH + j] / codebook->count[entry] - (double)vector[j]) < 1e-12)) return false;
  return true;
}

/* The entry becomes one of the vectors of the batch, of whichever rank. */
static void unused_entries_restart(void **state) {
  (void)state;
  static step s;
  ae_codebook *codebook = make(true, 2);
  make_step(&s, 1, ENTRIES - 2);
  ae_test_ok(ae_codebook_update(codebook, &s.assignment));
  assert_int_equal(codebook->revived, 0);
  make_step(&s, 2, ENTRIES - 2);
  ae_test_ok(ae_codebook_update(codebook, &s.assignment));
  assert_int_equal(codebook->revived, 2);
  for (int k = ENTRIES - 2; k < ENTRIES; k++) {
    int found = 0;
    for (int i = 0; i < ALL; i++) found += is_at(codebook, k, &s.all[i * WIDTH]);
    assert_int_equal(found, 1);
    assert_int_equal(codebook->unused[k], 0);
    assert_true(is_near(codebook->count[k], 1 - 0.9 * 0.9));
  }
  ae_codebook_destroy(&codebook);
}

static void use_is_counted(void **state) {
  (void)state;
  static step s;
  double perplexity, entropy = 0;
  int64_t used, counts[ENTRIES] = {0};
  for (int averages = 0; averages < 2; averages++) {
    memset(counts, 0, sizeof counts);
    entropy = 0;
    ae_codebook *codebook = make(averages, 0);
    for (int t = 0; t < 2; t++) {
      make_step(&s, t, ENTRIES - 1 - t);
      ae_test_ok(ae_codebook_update(codebook, &s.assignment));
      for (int i = 0; i < ALL; i++) counts[(int)s.index[i]]++;
    }
    for (int k = 0; k < ENTRIES - 1; k++) {
      assert_int_equal(codebook->used[k], counts[k]);
      entropy -= (double)counts[k] / (2 * ALL) * log((double)counts[k] / (2 * ALL));
    }
    ae_codebook_epoch(codebook, &perplexity, &used);
    assert_true(is_near(perplexity, exp(entropy)));
    assert_int_equal(used, ENTRIES - 1);
    assert_int_equal(codebook->used[0], 0);
    ae_codebook_destroy(&codebook);
  }
}

static ae_status fill(ae_h5 *file, void *context) { return ae_codebook_save(context, file); }

static void files_bring_it_back(void **state) {
  (void)state;
  static step s;
  ae_h5 *file;
  for (int averages = 0; averages < 2; averages++) {
    ae_codebook *saved = make(averages, 1), *loaded = make(averages, 1);
    make_step(&s, 1, ENTRIES - 1);
    ae_test_ok(ae_codebook_update(saved, &s.assignment));
    ae_test_ok(ae_h5_produce(ae_test_comm(), ae_test_path("codebook.h5"), fill, saved));
    ae_test_ok(ae_h5_open(ae_test_comm(), ae_test_path("codebook.h5"), &file));
    ae_test_ok(ae_codebook_load(loaded, file));
    ae_h5_close(&file);
    make_step(&s, 2, ENTRIES - 1);
    ae_test_ok(ae_codebook_update(saved, &s.assignment));
    ae_test_ok(ae_codebook_update(loaded, &s.assignment));
    assert_memory_equal(saved->used, loaded->used, ENTRIES * sizeof *saved->used);
    assert_memory_equal(saved->unused, loaded->unused, ENTRIES * sizeof *saved->unused);
    assert_int_equal(saved->revived, loaded->revived);
    if (averages) assert_memory_equal(saved->entry, loaded->entry, ENTRIES * WIDTH * sizeof *saved->entry);
    if (averages) assert_memory_equal(saved->sum, loaded->sum, ENTRIES * WIDTH * sizeof *saved->sum);
    ae_codebook_destroy(&saved);
    ae_codebook_destroy(&loaded);
  }
}

static void a_codebook_that_cannot_be_is_refused(void **state) {
  (void)state;
  ae_h5 *file;
  ae_codebook *codebook = make(true, 0), *other;
  codebook->unused[2] = -1;
  ae_test_ok(ae_h5_produce(ae_test_comm(), ae_test_path("wrong.h5"), fill, codebook));
  ae_test_ok(ae_codebook_create(ae_test_comm(), ENTRIES + 1, WIDTH, true, 0.9, 0, 3, &other));
  ae_test_ok(ae_h5_open(ae_test_comm(), ae_test_path("wrong.h5"), &file));
  ae_test_error(ae_codebook_load(codebook, file), AE_DATA, "/codebook holds numbers that cannot be");
  ae_test_error(ae_codebook_load(other, file), AE_DATA, "/codebook/unused has another shape");
  ae_h5_close(&file);
  ae_codebook_destroy(&codebook);
  ae_codebook_destroy(&other);
}

int main(int argc, char **argv) {
  const ae_test tests[] = {AE_TEST(averages_follow_the_formulas), AE_TEST(entries_start_within_their_bound),
                           AE_TEST(unused_entries_restart),       AE_TEST(use_is_counted),
                           AE_TEST(files_bring_it_back),          AE_TEST(a_codebook_that_cannot_be_is_refused)};
  return ae_test_main(argc, argv, tests, (int)(sizeof tests / sizeof *tests));
}
