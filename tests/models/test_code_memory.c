/* The memory of an associative compression network, on ranks with and without examples: first codes, the neighbours
 * drawn in an epoch, files of its middle, damaged ones, and what inference recalls, all against formulas that every
 * rank knows for every example. */
#include "harness.h"

#include "mpiae/base/philox.h"
#include "mpiae/models/acn/code_memory.h"

#include <hdf5_hl.h>
#include <math.h>
#include <string.h>

enum { SEED = 11, BATCH = 6, MOST = 60, WIDEST = 8 };

typedef struct memory_case {
  int64_t examples, latent;
  int shards, neighbours;
} memory_case;

/* Shards and ranks without examples; fewer examples than neighbours; shards that divide nothing. */
static const memory_case cases[] = {{60, 3, 8, 4}, {23, 2, 13, 5}, {3, 4, 7, 5},
                                    {2, 1, 9, 1},  {2, 8, 7, 3},   {40, 1, 7, 1}};
enum { CASES = sizeof cases / sizeof *cases };

typedef struct bench {
  memory_case c;
  ae_dataset data; /* not of a file */
  ae_code_memory *memory;
} bench;

static ae_status try_create(bench *b, const memory_case *c) {
  *b = (bench){.c = *c, .data = {.path = (char[]){"train.h5"}, .examples = c->examples}};
  ae_test_ok(ae_shards_init(&b->data.shards, c->examples, c->shards, ae_comm_rank(ae_test_comm()),
                            ae_comm_size(ae_test_comm())));
  return ae_code_memory_create(ae_test_comm(), &b->data, c->latent, c->neighbours, SEED, &b->memory);
}

static void create(bench *b, const memory_case *c) { ae_test_ok(try_create(b, c)); }

static ae_code_memory *create_for_inference(const memory_case *c) {
  ae_code_memory *memory;
  ae_test_ok(ae_code_memory_create(ae_test_comm(), NULL, c->latent, c->neighbours, SEED, &memory));
  return memory;
}

static int64_t begin_of(const bench *b) { return ae_shards_own_begin(&b->data.shards); }
static int64_t count_of(const bench *b) { return ae_shards_own_count(&b->data.shards); }

/* (μ | s) of an example as recorded in an epoch; of epoch 0, what it starts with. */
static void gaussian_of(int64_t latent, uint32_t epoch, int64_t example, float out[2 * WIDEST]) {
  memset(out, 0, 2 * WIDEST * sizeof *out);
  if (epoch == 0) ae_random_fill_normal(ae_stream_of(SEED, AE_RANDOM_CODE, 0, example), latent, out);
  else ae_random_fill_normal(ae_stream_of(SEED, AE_RANDOM_SELFTEST, epoch, example), 2 * latent, out);
}

static double squared(int64_t latent, const float *a, const float *b) {
  double sum = 0;
  for (int64_t j = 0; j < latent; j++) sum += ((double)a[j] - b[j]) * ((double)a[j] - b[j]);
  return sum;
}

/* The nearest to a code among the means of an epoch, but for example `except`, −1 where there are no more. */
static void find_nearest(const memory_case *c, uint32_t epoch, const float *code, int64_t except, int64_t *number) {
  bool is_taken[MOST] = {false};
  for (int place = 0; place < c->neighbours; place++) {
    double least = INFINITY;
    number[place] = -1;
    for (int64_t i = 0; i < c->examples; i++) {
      float other[2 * WIDEST];
      gaussian_of(c->latent, epoch, i, other);
      const double distance = squared(c->latent, code, other);
      if (i == except || is_taken[i] || !(distance < least)) continue;
      least = distance;
      number[place] = i;
    }
    if (number[place] >= 0) is_taken[number[place]] = true;
  }
}

/* Own rows (own, L) hold the means (half 0) or log standard deviations (half 1) of an epoch. */
static void expect_rows(const bench *b, const float *rows, uint32_t epoch, int half) {
  const int64_t latent = b->c.latent;
  for (int64_t i = 0; i < count_of(b); i++) {
    float gaussian[2 * WIDEST];
    gaussian_of(latent, epoch, begin_of(b) + i, gaussian);
    assert_memory_equal(rows + i * latent, gaussian + half * latent, (size_t)latent * sizeof *rows);
  }
}

/* Of every `every`-th example. */
static void record(bench *b, uint32_t epoch, int every) {
  for (int64_t e = begin_of(b); e < begin_of(b) + count_of(b); e++) {
    float gaussian[2 * WIDEST];
    gaussian_of(b->c.latent, epoch, e, gaussian);
    if (e % every == 0) ae_code_memory_record(b->memory, e, gaussian);
  }
}

/* Draws of epoch `epoch` among what was recorded in epoch `remembered`. */
static void expect_chosen(const bench *b, uint32_t epoch, uint32_t remembered) {
  const int found = (int)(b->c.examples - 1 < b->c.neighbours ? b->c.examples - 1 : b->c.neighbours);
  for (int64_t i = 0; i < count_of(b); i++) {
    int64_t nearest[MOST];
    float own[2 * WIDEST];
    const int64_t example = begin_of(b) + i;
    gaussian_of(b->c.latent, remembered, example, own);
    find_nearest(&b->c, remembered, own, example, nearest);
    const int64_t drawn = ae_random_below(ae_stream_of(SEED, AE_RANDOM_NEIGHBOUR, epoch, example), 0, found);
    assert_true(b->memory->chosen[i] != example);
    assert_int_equal(b->memory->chosen[i], nearest[drawn]);
  }
}

/* What all batches of an epoch fetch are means of epoch `remembered`, of the neighbours drawn. */
static void expect_fetched(bench *b, uint32_t epoch, uint32_t remembered) {
  ae_sampler *sampler;
  int64_t wanted[MOST], rows = 0;
  float out[MOST * WIDEST];
  ae_test_ok(ae_sampler_create(&b->data.shards, BATCH, SEED, &sampler));
  ae_sampler_begin(sampler, epoch);
  for (int64_t t = 0; t < ae_sampler_steps(sampler); t++) {
    ae_batch batch;
    ae_sampler_batch(sampler, t, &batch);
    ae_code_memory_fetch(b->memory, &batch, wanted, out);
    ae_window_wait(b->memory->window);
    for (int64_t i = 0; i < batch.offset[batch.segments]; i++, rows++) {
      float expected[2 * WIDEST];
      gaussian_of(b->c.latent, remembered, b->memory->chosen[batch.example[i] - begin_of(b)], expected);
      assert_memory_equal(out + i * b->c.latent, expected, (size_t)b->c.latent * sizeof *out);
    }
  }
  assert_int_equal(rows, count_of(b));
  ae_sampler_destroy(&sampler);
}

static void one_example_has_no_neighbour(void **state) {
  (void)state;
  const memory_case one = {1, 2, 7, 5};
  bench b;
  ae_test_error(try_create(&b, &one), AE_USAGE,
                "train.h5 holds one example, which has no neighbour: model 'acn' needs more");
  assert_null(b.memory);
}

static void first_codes_are_normal(void **state) {
  (void)state;
  for (int i = 0; i < CASES; i++) {
    bench b;
    create(&b, &cases[i]);
    ae_code_memory_start(b.memory);
    expect_rows(&b, b.memory->mean, 0, 0);
    expect_rows(&b, b.memory->logstd, 0, 1);
    expect_rows(&b, b.memory->remembered, 0, 0);
    ae_code_memory_destroy(&b.memory);
    assert_null(b.memory);
  }
}

/* What is recorded in it is seen by the next. */
static void an_epoch_sees_the_codes_of_its_begin(void **state) {
  (void)state;
  for (int i = 0; i < CASES; i++) {
    bench b;
    create(&b, &cases[i]);
    ae_code_memory_start(b.memory);
    for (uint32_t epoch = 1; epoch <= 3; epoch++) {
      ae_test_ok(ae_code_memory_epoch_begin(b.memory, epoch));
      expect_chosen(&b, epoch, epoch - 1);
      record(&b, epoch, 1);
      expect_fetched(&b, epoch, epoch - 1);
      expect_rows(&b, b.memory->mean, epoch, 0);
      expect_rows(&b, b.memory->logstd, epoch, 1);
      expect_rows(&b, b.memory->remembered, epoch - 1, 0);
      ae_code_memory_epoch_end(b.memory);
      expect_rows(&b, b.memory->remembered, epoch, 0);
    }
    ae_code_memory_destroy(&b.memory);
  }
}

/* Files. */

static void save(const bench *b, const char *path) {
  ae_h5 *file;
  ae_test_ok(ae_h5_create(ae_test_comm(), path, &file));
  ae_test_ok(ae_code_memory_save(b->memory, file));
  ae_test_ok(ae_h5_commit(&file));
}

static ae_status load(ae_code_memory *memory, const char *path) {
  ae_h5 *file;
  ae_test_ok(ae_h5_open(ae_test_comm(), path, &file));
  const ae_status status = ae_code_memory_load(memory, file);
  ae_h5_close(&file);
  return status;
}

/* A file of the middle of epoch 2: every second example has been recorded in it. */
static void save_middle(bench *b, const char *path) {
  ae_code_memory_start(b->memory);
  ae_test_ok(ae_code_memory_epoch_begin(b->memory, 1));
  record(b, 1, 1);
  ae_code_memory_epoch_end(b->memory);
  ae_test_ok(ae_code_memory_epoch_begin(b->memory, 2));
  record(b, 2, 2);
  save(b, path);
}

/* Into other shards, as other ranks would have them; and on from there. */
static void an_epoch_goes_on_from_a_file_of_its_middle(void **state) {
  (void)state;
  for (int i = 0; i < CASES; i++) {
    const char *path = ae_test_path("middle.h5");
    memory_case dealt = cases[i];
    bench saved, loaded;
    create(&saved, &cases[i]);
    save_middle(&saved, path);
    ae_code_memory_destroy(&saved.memory);
    dealt.shards += 4;
    create(&loaded, &dealt);
    ae_test_ok(load(loaded.memory, path));
    expect_rows(&loaded, loaded.memory->remembered, 1, 0);
    for (int64_t e = 0; e < count_of(&loaded); e++) {
      const int64_t latent = dealt.latent, example = begin_of(&loaded) + e;
      const size_t bytes = (size_t)latent * sizeof(float);
      float gaussian[2 * WIDEST];
      gaussian_of(latent, example % 2 == 0 ? 2 : 1, example, gaussian);
      assert_memory_equal(loaded.memory->mean + e * latent, gaussian, bytes);
      assert_memory_equal(loaded.memory->logstd + e * latent, gaussian + latent, bytes);
    }
    ae_test_ok(ae_code_memory_epoch_begin(loaded.memory, 2));
    expect_chosen(&loaded, 2, 1);
    record(&loaded, 2, 1);
    ae_code_memory_epoch_end(loaded.memory);
    expect_rows(&loaded, loaded.memory->remembered, 2, 0);
    ae_test_ok(ae_code_memory_gather(loaded.memory));
    for (int64_t example = 0; example < dealt.examples; example++) {
      float gaussian[2 * WIDEST];
      gaussian_of(dealt.latent, 2, example, gaussian);
      assert_memory_equal(loaded.memory->all + example * dealt.latent, gaussian, (size_t)dealt.latent * sizeof(float));
    }
    ae_code_memory_destroy(&loaded.memory);
  }
}

static void expect_recalled(const ae_code_memory *memory, const memory_case *c, const float *code, int64_t count) {
  int64_t number[MOST * 5], nearest[MOST];
  ae_test_ok(ae_code_memory_recall(memory, count, code, number));
  for (int64_t i = 0; i < count; i++) {
    find_nearest(c, 1, code + i * c->latent, -1, nearest);
    assert_memory_equal(number + i * c->neighbours, nearest, (size_t)c->neighbours * sizeof *nearest);
  }
}

/* Codes of new examples, and of those that are remembered themselves. */
static void the_nearest_are_recalled(void **state) {
  (void)state;
  for (int i = 0; i < CASES; i++) {
    const memory_case *c = &cases[i];
    const char *path = ae_test_path("recalled.h5");
    float fresh[MOST * WIDEST];
    int64_t number[MOST];
    bench saved;
    create(&saved, c);
    save_middle(&saved, path);
    ae_code_memory_destroy(&saved.memory);
    ae_code_memory *memory = create_for_inference(c);
    ae_test_ok(load(memory, path));
    assert_int_equal(memory->examples, c->examples);
    for (int64_t e = 0; e < c->examples; e++) {
      float own[2 * WIDEST];
      gaussian_of(c->latent, 1, e, own);
      assert_memory_equal(memory->all + e * c->latent, own, (size_t)c->latent * sizeof *own);
      expect_recalled(memory, c, own, 1);
      ae_test_ok(ae_code_memory_recall(memory, 1, own, number));
      assert_int_equal(number[0], e);
    }
    ae_random_fill_normal(ae_stream_of(SEED, AE_RANDOM_SELFTEST, 9, 0), MOST * c->latent, fresh);
    expect_recalled(memory, c, fresh, MOST);
    fresh[2 * c->latent] = NAN;
    ae_test_error(ae_code_memory_recall(memory, 3, fresh, number), AE_DATA, "code 2, whose neighbours are sought");
    ae_code_memory_destroy(&memory);
  }
}

/* Damaged files. */

enum { EXAMPLES = 5, LATENT = 8, NUMBERS = EXAMPLES * LATENT };
enum { REMEMBERED, MEAN, LOGSTD, PARTS };
static const char *const paths[PARTS] = {"/code_memory/remembered", "/code_memory/mean", "/code_memory/logstd"};

/* One dataset of three is of another shape (no axes: is missing), or its last number is another. */
typedef struct damage {
  int part, rank;
  int64_t dim[3];
  float last;
  const char *message; /* NULL: none in inference either */
  bool in_training;    /* alone: inference knows no number of examples, and reads what is remembered only */
} damage;

static const char shape[] = "has another shape than the configuration in the same file says";
static const char size[] = "its shape (2305843009213693952, 8) asks for more than 2^63 bytes";
static const char value[] = "of example 4 is not finite or too large for a code";

static const damage damages[] = {{REMEMBERED, 2, {EXAMPLES, LATENT}, 1, NULL, false},
                                 {REMEMBERED, 0, {0}, 1, "has no dataset /code_memory/remembered", false},
                                 {REMEMBERED, 1, {NUMBERS}, 1, shape, false},
                                 {REMEMBERED, 3, {EXAMPLES, LATENT, 1}, 1, shape, false},
                                 {REMEMBERED, 2, {EXAMPLES, LATENT - 1}, 1, shape, false},
                                 {REMEMBERED, 2, {0, LATENT}, 1, shape, false},
                                 /* as many numbers as overflow to none */
                                 {REMEMBERED, 2, {(int64_t)1 << 61, LATENT}, 1, size, false},
                                 {REMEMBERED, 2, {EXAMPLES - 1, LATENT}, 1, shape, true},
                                 {REMEMBERED, 2, {EXAMPLES + 1, LATENT}, 1, shape, true},
                                 {REMEMBERED, 2, {EXAMPLES, LATENT}, NAN, value, false},
                                 {REMEMBERED, 2, {EXAMPLES, LATENT}, -INFINITY, value, false},
                                 {REMEMBERED, 2, {EXAMPLES, LATENT}, 1e30f, value, false},
                                 {MEAN, 0, {0}, 1, "has no dataset /code_memory/mean", true},
                                 {MEAN, 2, {EXAMPLES, LATENT - 1}, 1, shape, true},
                                 {MEAN, 2, {EXAMPLES - 1, LATENT}, 1, shape, true},
                                 {MEAN, 2, {EXAMPLES + 1, LATENT}, 1, shape, true},
                                 {MEAN, 2, {EXAMPLES, LATENT}, NAN, value, true},
                                 {MEAN, 2, {EXAMPLES, LATENT}, 1e30f, value, true},
                                 {LOGSTD, 0, {0}, 1, "has no dataset /code_memory/logstd", true},
                                 {LOGSTD, 1, {NUMBERS}, 1, shape, true},
                                 {LOGSTD, 2, {EXAMPLES + 1, LATENT}, 1, shape, true},
                                 {LOGSTD, 2, {EXAMPLES, LATENT}, INFINITY, value, true}};

/* Without values, which the file need not have place for. */
static herr_t make_huge(hid_t file, const char *path, const hsize_t dim[2]) {
  const hsize_t chunk[] = {1, LATENT};
  const hid_t space = H5Screate_simple(2, dim, NULL), properties = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_chunk(properties, 2, chunk);
  const hid_t made = H5Dcreate2(file, path, H5T_IEEE_F32LE, space, H5P_DEFAULT, properties, H5P_DEFAULT);
  H5Pclose(properties);
  H5Sclose(space);
  return made < 0 ? -1 : H5Dclose(made);
}

static herr_t make_part(hid_t file, const damage *d, int part) {
  float rows[2 * NUMBERS];
  hsize_t dim[3] = {EXAMPLES, LATENT, 0};
  const bool is_other = part == d->part;
  if (is_other && d->rank == 0) return 0;
  for (int i = 0; i < 3 && is_other; i++) dim[i] = (hsize_t)d->dim[i];
  if (dim[0] > 2 * NUMBERS) return make_huge(file, paths[part], dim);
  for (int i = 0; i < 2 * NUMBERS; i++) rows[i] = (float)i;
  if (is_other) rows[NUMBERS - 1] = d->last;
  return H5LTmake_dataset_float(file, paths[part], is_other ? d->rank : 2, dim, rows);
}

static void make_file(const damage *d, const char *path) {
  herr_t result = 0;
  if (ae_comm_rank(ae_test_comm()) == 0) {
    const hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    H5Gclose(H5Gcreate2(file, "/code_memory", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    for (int part = 0; part < PARTS && result >= 0; part++) result = make_part(file, d, part);
    if (H5Fclose(file) < 0) result = -1;
  }
  assert_true(ae_comm_max(ae_test_comm(), result < 0) == 0);
}

static void expect_load(ae_code_memory *memory, const char *path, const char *message) {
  if (message == NULL) ae_test_ok(load(memory, path));
  else ae_test_error(load(memory, path), AE_DATA, message);
}

static void damaged_files_are_refused(void **state) {
  (void)state;
  const memory_case c = {EXAMPLES, LATENT, 7, 3};
  for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
    const char *path = ae_test_path("damaged.h5");
    bench b;
    make_file(&damages[i], path);
    create(&b, &c);
    expect_load(b.memory, path, damages[i].message);
    ae_code_memory_destroy(&b.memory);
    ae_code_memory *memory = create_for_inference(&c);
    expect_load(memory, path, damages[i].in_training ? NULL : damages[i].message);
    ae_code_memory_destroy(&memory);
  }
}

int main(int argc, char **argv) {
  const ae_test tests[] = {AE_TEST(one_example_has_no_neighbour),
                           AE_TEST(first_codes_are_normal),
                           AE_TEST(an_epoch_sees_the_codes_of_its_begin),
                           AE_TEST(an_epoch_goes_on_from_a_file_of_its_middle),
                           AE_TEST(the_nearest_are_recalled),
                           AE_TEST(damaged_files_are_refused)};
  return ae_test_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
