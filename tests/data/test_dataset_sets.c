/* Sets of points: written, read, cut into blocks, fetched; and what can be wrong with them. */
#include "harness.h"

#include "mpiae/data/block.h"
#include "mpiae/data/points.h"
#include "mpiae/data/writer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define SETS 53
#define DIM 3
#define MOST 10 /* points of a set */

static const char *path_of(char out[512], const char *name) { return strcpy(out, ae_test_path(name)); }

/* Every fifth is empty; some have one point. */
static int64_t size_at(int64_t set) { return set % 5 == 0 ? 0 : set * 7 % 11; }
static int32_t label_at(int64_t set) { return (int32_t)(set % 6) - 1; }
static float value_at(int64_t set, int64_t point, int64_t coordinate) {
  return 0.25f * (float)((set * 31 + point * 7 + coordinate * 3) % 64);
}

/* Sets that a rank writes, freely changed by a test. */
typedef struct share {
  ae_sets sets;
  int64_t offset[SETS + 1], source[SETS];
  float points[SETS * MOST * DIM];
  int32_t label[SETS];
} share;

static void make_share(share *own, int64_t begin, int64_t end) {
  *own = (share){.sets = {SETS, DIM, begin, end - begin, own->offset, own->points}};
  for (int64_t i = 0; i < end - begin; i++) {
    own->label[i] = label_at(begin + i);
    own->source[i] = begin + i;
    own->offset[i + 1] = own->offset[i] + size_at(begin + i);
    for (int64_t p = 0; p < size_at(begin + i); p++)
      for (int64_t c = 0; c < DIM; c++) own->points[(own->offset[i] + p) * DIM + c] = value_at(begin + i, p, c);
  }
}

static void make_even_share(share *own) {
  const int rank = ae_comm_rank(ae_test_comm()), ranks = ae_comm_size(ae_test_comm());
  make_share(own, (int64_t)rank * SETS / ranks, (int64_t)(rank + 1) * SETS / ranks);
}

static void write_share(const char *path, const share *own, bool labelled) {
  ae_test_ok(ae_dataset_write_sets(ae_test_comm(), path, &own->sets, labelled ? own->label : NULL,
                                   labelled ? own->source : NULL, "a test"));
}

static void write_sets(const char *path, bool labelled) {
  static share own;
  make_even_share(&own);
  write_share(path, &own, labelled);
}

static ae_dataset *open_with(const char *path, int shards) {
  ae_dataset *dataset = NULL;
  ae_test_ok(ae_dataset_open(ae_test_comm(), path, shards, &dataset));
  return dataset;
}

static ae_dataset *open_blocks(const char *path, int64_t block) {
  ae_dataset *dataset = NULL;
  ae_test_ok(ae_dataset_open_blocks(ae_test_comm(), path, block, &dataset));
  return dataset;
}

static void refuse(const char *path, const char *part) {
  ae_dataset *dataset = NULL;
  ae_test_error(ae_dataset_open(ae_test_comm(), path, 0, &dataset), AE_DATA, part);
  assert_null(dataset);
  ae_test_error(ae_dataset_open_blocks(ae_test_comm(), path, 2, &dataset), AE_DATA, part);
  assert_null(dataset);
}

static void expect_set(int64_t set, const float *points, int64_t count) {
  assert_int_equal(count, size_at(set));
  for (int64_t p = 0; p < count; p++)
    for (int64_t c = 0; c < DIM; c++) assert_float_equal(points[p * DIM + c], value_at(set, p, c), 0);
}

static void expect_sets(const ae_dataset *dataset) {
  const int64_t begin = ae_shards_own_begin(&dataset->shards), count = ae_shards_own_count(&dataset->shards);
  int64_t first = 0;
  for (int64_t i = 0; i < begin; i++) first += size_at(i);
  assert_int_equal(dataset->first_point, first);
  assert_int_equal(dataset->offset[0], 0);
  for (int64_t e = begin; e < begin + count; e++) {
    int64_t size = -1;
    const float *points = ae_dataset_set(dataset, e, &size);
    expect_set(e, points, size);
    if (dataset->label != NULL) assert_int_equal(dataset->label[e - begin], label_at(e));
  }
}

/* The checksums were found with Python's zlib.crc32 over "set 53 208 3", the offsets from the second on, the points and
 * the labels (little-endian). */
static void sets_are_read_in_any_number_of_shards(void **state) {
  (void)state;
  char path[512], bare[512];
  const int counts[] = {0, ae_comm_size(ae_test_comm()), 8, 52, 200};
  write_sets(path_of(path, "sets.h5"), true);
  write_sets(path_of(bare, "bare.h5"), false);
  for (int i = 0; i < 5; i++) {
    ae_dataset *dataset = open_with(path, counts[i]), *unlabelled = open_with(bare, counts[i]);
    assert_int_equal(dataset->examples, SETS);
    assert_int_equal(dataset->points, 208);
    assert_int_equal(dataset->most_points, MOST);
    assert_int_equal(dataset->rank, 1);
    assert_int_equal(dataset->dim[0], DIM);
    assert_int_equal(dataset->features, DIM);
    assert_int_equal(dataset->type, AE_H5_FLOAT32);
    assert_int_equal(dataset->row_bytes, DIM * sizeof(float));
    assert_int_equal(dataset->classes, 5);
    assert_float_equal(dataset->low, 0, 0);
    assert_float_equal(dataset->high, 15.75f, 0);
    assert_int_equal(dataset->checksum, UINT32_C(0xaf76ad9f));
    assert_null(unlabelled->label);
    assert_int_equal(unlabelled->checksum, UINT32_C(0x437eeabd));
    expect_sets(dataset);
    ae_dataset_close(&dataset);
    ae_dataset_close(&unlabelled);
  }
}

/* With slices of 30 there are fewer than ranks, so some ranks hold nothing. */
static void blocks_are_walked_on_any_number_of_ranks(void **state) {
  (void)state;
  char path[512];
  const int64_t sizes[] = {1, 16, 30, 53, 256};
  write_sets(path_of(path, "blocks.h5"), true);
  for (int i = 0; i < 5; i++) {
    ae_dataset *dataset = open_blocks(path, sizes[i]);
    ae_block_walk walk;
    int64_t seen = 0;
    assert_int_equal(dataset->checksum, UINT32_C(0xaf76ad9f));
    assert_int_equal(dataset->most_points, MOST);
    expect_sets(dataset);
    for (ae_block_first(&walk, dataset); walk.block.count > 0; ae_block_next(&walk)) {
      const ae_block *block = &walk.block;
      assert_int_equal(walk.place, seen);
      assert_int_equal(block->offset[0], 0);
      for (int64_t j = 0; j < block->count; j++)
        expect_set(block->example[j], (const float *)block->rows + block->offset[j] * DIM,
                   block->offset[j + 1] - block->offset[j]);
      seen += block->count;
    }
    assert_int_equal(seen, ae_shards_own_count(&dataset->shards));
    ae_dataset_close(&dataset);
  }
}

/* Sets of one coordinate: 20 000 points, none, then 600 of 100, with two slices (of at most 400) to cut them. */
static void blocks_hold_a_bounded_number_of_points(void **state) {
  (void)state;
  enum { COUNT = 602, LARGE = 20000, SMALL = 100, ALL = LARGE + 600 * SMALL };
  static const int64_t expected[][2] = {{0, 1},    {1, 82},   {83, 81},  {164, 81}, {245, 56},
                                        {301, 81}, {382, 81}, {463, 81}, {544, 58}};
  static int64_t offset[COUNT + 1];
  static float points[ALL];
  char path[512];
  const bool root = ae_comm_rank(ae_test_comm()) == 0;
  int64_t found[COUNT] = {0};
  offset[1] = offset[2] = LARGE;
  for (int64_t i = 2; i < COUNT; i++) offset[i + 1] = offset[i] + SMALL;
  const ae_sets sets = {COUNT, 1, root ? 0 : COUNT, root ? COUNT : 0, offset, points};
  ae_test_ok(ae_dataset_write_sets(ae_test_comm(), path_of(path, "large.h5"), &sets, NULL, NULL, "a test"));
  ae_dataset *dataset = open_blocks(path, 400);
  ae_block_walk walk;
  for (ae_block_first(&walk, dataset); walk.block.count > 0; ae_block_next(&walk))
    found[walk.block.example[0]] = walk.block.count;
  MPI_Allreduce(MPI_IN_PLACE, found, COUNT, MPI_INT64_T, MPI_SUM, ae_comm_handle(ae_test_comm()));
  for (int i = 0; i < (int)(sizeof expected / sizeof *expected); i++) {
    assert_int_equal(found[expected[i][0]], expected[i][1]);
    found[expected[i][0]] = 0;
  }
  for (int i = 0; i < COUNT; i++) assert_int_equal(found[i], 0);
  ae_dataset_close(&dataset);
}

static void sets_of_all_ranks_are_fetched(void **state) {
  (void)state;
  enum { WANTED = 70 };
  char path[512];
  int64_t examples[WANTED];
  ae_block_copy copy;
  write_sets(path_of(path, "fetch.h5"), false);
  for (int i = 0; i < WANTED; i++) examples[i] = (i * 20 + 52) % SETS;
  for (int64_t block = 1; block <= 64; block *= 8) {
    ae_dataset *dataset = open_blocks(path, block);
    ae_test_ok(ae_block_fetch(ae_test_comm(), dataset, examples, WANTED, &copy));
    assert_ptr_equal(copy.block.data, dataset);
    assert_int_equal(copy.block.count, WANTED);
    assert_memory_equal(copy.block.example, examples, sizeof examples);
    for (int i = 0; i < WANTED; i++)
      expect_set(examples[i], (const float *)copy.block.rows + copy.block.offset[i] * DIM,
                 copy.block.offset[i + 1] - copy.block.offset[i]);
    ae_block_copy_free(&copy);
    ae_test_ok(ae_block_fetch(ae_test_comm(), dataset, NULL, 0, &copy));
    assert_int_equal(copy.block.offset[0], 0);
    ae_block_copy_free(&copy);
    ae_test_error(ae_block_fetch(ae_test_comm(), dataset, (const int64_t[]){3, 53}, 2, &copy), AE_USAGE,
                  "there is no example 53: ");
    ae_test_error(ae_block_fetch(ae_test_comm(), dataset, (const int64_t[]){-1}, 1, &copy), AE_USAGE,
                  "fetch.h5 has 53, numbered from 0");
    ae_dataset_close(&dataset);
  }
}

/* Against the sum of the largest by removal of one after another. */
static void the_most_points_of_a_batch_are_those_of_the_largest_sets(void **state) {
  (void)state;
  char path[512];
  write_sets(path_of(path, "most.h5"), false);
  for (int64_t block = 2; block <= 64; block *= 8) {
    ae_dataset *dataset = open_blocks(path, block);
    const int64_t begin = ae_shards_own_begin(&dataset->shards), count = ae_shards_own_count(&dataset->shards);
    bool taken[SETS] = {false};
    int64_t expected = 0, most = -1;
    ae_test_ok(ae_points_most(count, dataset->offset, 0, &most));
    assert_int_equal(most, 0);
    for (int64_t sets = 1; sets <= count + 2; sets++) {
      int64_t largest = -1;
      for (int64_t i = 0; i < count; i++)
        if (!taken[i] && (largest < 0 || size_at(begin + i) > size_at(begin + largest))) largest = i;
      if (largest >= 0) taken[largest] = true;
      if (largest >= 0) expected += size_at(begin + largest);
      ae_test_ok(ae_points_most(count, dataset->offset, sets, &most));
      assert_int_equal(most, expected);
    }
    ae_dataset_close(&dataset);
  }
}

/* A file made by hand, as a user might. */
static ae_h5 *start_file(const char *path) {
  ae_h5 *file = NULL;
  ae_test_ok(ae_h5_create(ae_test_comm(), path, &file));
  ae_test_ok(ae_h5_put_text(file, "/", "mpiae_format", "dataset"));
  ae_test_ok(ae_h5_put_integer(file, "/", "mpiae_version", 1));
  return file;
}

/* Adds an array that rank 0 gives, over axes of its own. */
static void add_array(ae_h5 *file, const char *path, ae_h5_type type, int rank, const int64_t *dim,
                      const void *values) {
  static const char *const ends[2] = {"_a", "_b"};
  char axis[2][64];
  ae_h5_dataset dataset = {path, type, rank, {0}, {NULL}, "an array", NULL};
  for (int i = 0; i < rank; i++) {
    dataset.dim[i] = dim[i];
    dataset.axes[i] = strcat(strcpy(axis[i], path + 1), ends[i]);
    ae_test_ok(ae_h5_create_axis(file, "/", axis[i], dim[i], NULL, "an axis"));
  }
  ae_test_ok(ae_h5_write(file, &dataset, 0, ae_comm_rank(ae_test_comm()) == 0 ? dim[0] : 0, values));
}

static const double zeros[64];

static void add_points(ae_h5 *file, int64_t points, int64_t d) {
  add_array(file, "/points", AE_H5_FLOAT32, 2, (const int64_t[]){points, d}, zeros);
}

static void add_offset(ae_h5 *file, int64_t count, const int64_t *offset) {
  add_array(file, "/offset", AE_H5_INT64, 1, &count, offset);
}

/* Eight sets of together twelve points; of several faults the lowest is told. */
static void offsets_that_do_not_fit_are_refused(void **state) {
  (void)state;
  static const struct {
    int64_t offset[9];
    const char *part;
  } cases[] = {
      {{1, 1, 2, 3, 4, 5, 6, 7, 12}, "/offset begins with 1, not with 0; store the running sum of the sets' sizes"},
      {{-1, 1, 2, 3, 4, 5, 6, 7, 12}, "/offset begins with -1, not with 0"},
      {{0, 1, 2, 3, 2, 5, 4, 7, 12}, "/offset decreases: set 3 is points 3 to 2"},
      {{0, 1, 2, 3, 4, 5, 6, INT64_MIN, 12}, "/offset decreases: set 6 is points 6 to -9223372036854775808"},
      {{0, 1, 13, 3, 4, 5, 6, 7, 12}, "runs past the points: set 1 ends at 13, but /points has 12"},
      {{0, 1, 2, 3, 4, 5, 6, 7, 13}, "runs past the points: set 7 ends at 13, but /points has 12"},
      {{0, 1, 2, 3, 4, 5, 6, 7, INT64_MAX}, "runs past the points: set 7 ends at 9223372036854775807"},
      {{0, 1, 2, 3, 4, 5, 6, 7, 11}, "ends short: the last set, 7, ends at 11, but /points has 12 points"},
      {{0, 0, 0, 0, 0, 0, 0, 0, 0}, "ends short: the last set, 7, ends at 0"},
  };
  char path[512];
  for (int i = 0; i < (int)(sizeof cases / sizeof *cases); i++) {
    ae_h5 *file = start_file(path_of(path, "offset.h5"));
    add_points(file, 12, 2);
    add_offset(file, 9, cases[i].offset);
    ae_test_ok(ae_h5_commit(&file));
    refuse(path, cases[i].part);
  }
}

static void expect_refused(void (*fill)(ae_h5 *file), const char *part) {
  char path[512];
  ae_h5 *file = start_file(path_of(path, "form.h5"));
  fill(file);
  ae_test_ok(ae_h5_commit(&file));
  refuse(path, part);
}

static const int64_t ten[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10};

static void fill_points_alone(ae_h5 *file) { add_points(file, 10, 2); }
static void fill_offset_alone(ae_h5 *file) { add_offset(file, 11, ten); }
static void fill_sets(ae_h5 *file) {
  add_points(file, 10, 2);
  add_offset(file, 11, ten);
}
static void fill_both(ae_h5 *file) {
  fill_sets(file);
  add_array(file, "/x", AE_H5_FLOAT32, 2, (const int64_t[]){3, 2}, zeros);
}
static void fill_doubles(ae_h5 *file) {
  add_array(file, "/points", AE_H5_FLOAT64, 2, (const int64_t[]){10, 2}, zeros);
  add_offset(file, 11, ten);
}
static void fill_flat_points(ae_h5 *file) {
  add_array(file, "/points", AE_H5_FLOAT32, 1, (const int64_t[]){10}, zeros);
  add_offset(file, 11, ten);
}
static void fill_no_coordinates(ae_h5 *file) {
  add_points(file, 10, 0);
  add_offset(file, 11, ten);
}
static void fill_float_offset(ae_h5 *file) {
  add_points(file, 10, 2);
  add_array(file, "/offset", AE_H5_FLOAT32, 1, (const int64_t[]){11}, zeros);
}
static void fill_deep_offset(ae_h5 *file) {
  add_points(file, 10, 2);
  add_array(file, "/offset", AE_H5_INT64, 2, (const int64_t[]){11, 1}, ten);
}
static void fill_no_sets(ae_h5 *file) {
  add_points(file, 10, 2);
  add_offset(file, 1, ten);
}
static void fill_long_labels(ae_h5 *file) {
  fill_sets(file);
  add_array(file, "/label", AE_H5_INT32, 1, (const int64_t[]){11}, zeros);
}

static void files_of_another_form_are_refused(void **state) {
  (void)state;
  expect_refused(fill_points_alone, "holds /points but not /offset");
  expect_refused(fill_offset_alone, "holds /offset but not /points");
  expect_refused(fill_both, "holds both /x and /points");
  expect_refused(fill_doubles, "/points is not float32");
  expect_refused(fill_flat_points, "/points has 1 axes");
  expect_refused(fill_no_coordinates, "its points have no coordinate");
  expect_refused(fill_float_offset, "/offset must hold integers");
  expect_refused(fill_deep_offset, "/offset has 2 axes");
  expect_refused(fill_no_sets, "/offset has length 1, so there is no set");
  expect_refused(fill_long_labels, "/label: its shape is (11), but there are 10 examples");
}

static void the_lowest_coordinate_that_is_not_finite_is_named(void **state) {
  (void)state;
  static const struct {
    int64_t set, point, coordinate;
    float value;
    const char *part;
  } cases[] = {{1, 0, 0, NAN, "coordinate 0 of point 0 of set 1 is not a number"},
               {52, 0, 2, INFINITY, "coordinate 2 of point 0 of set 52 is infinite"},
               {29, 3, 1, -INFINITY, "coordinate 1 of point 3 of set 29 is infinite"}};
  static share own;
  char path[512];
  for (int i = 0; i < 3; i++) {
    make_even_share(&own);
    for (int64_t e = 0; e < own.sets.count; e++) {
      const int64_t set = own.sets.begin + e, first = own.offset[e] * DIM;
      if (set == cases[i].set) own.points[first + cases[i].point * DIM + cases[i].coordinate] = cases[i].value;
      /* Others further on must not be the ones named. */
      if (set > cases[i].set && size_at(set) > 0) own.points[first] = NAN;
    }
    write_share(path_of(path, "nan.h5"), &own, false);
    refuse(path, cases[i].part);
  }
}

static void sets_without_a_point_are_read(void **state) {
  (void)state;
  static const int64_t none[11];
  char path[512];
  ae_block_copy copy;
  ae_h5 *file = start_file(path_of(path, "none.h5"));
  add_points(file, 0, 2);
  add_offset(file, 11, none);
  ae_test_ok(ae_h5_commit(&file));
  for (int i = 0; i < 2; i++) {
    ae_dataset *dataset = i == 0 ? open_with(path, 0) : open_blocks(path, 4);
    ae_block_walk walk;
    assert_int_equal(dataset->examples, 10);
    assert_int_equal(dataset->features, 2);
    assert_int_equal(dataset->points, 0);
    assert_int_equal(dataset->most_points, 0);
    assert_float_equal(dataset->low, 0, 0);
    assert_float_equal(dataset->high, 0, 0);
    ae_block_first(&walk, dataset);
    if (ae_shards_own_count(&dataset->shards) > 0) assert_int_equal(walk.block.offset[walk.block.count], 0);
    ae_test_ok(ae_block_fetch(ae_test_comm(), dataset, (const int64_t[]){9, 0}, 2, &copy));
    assert_int_equal(copy.block.offset[2], 0);
    ae_block_copy_free(&copy);
    ae_dataset_close(&dataset);
  }
}

static const char *place_of(char out[600], const char *path, const char *array) {
  snprintf(out, 600, "%s:%s", path, array);
  return out;
}

/* Written as results are: in a file of another kind, under a prefix. */
static void sets_of_any_file_are_read(void **state) {
  (void)state;
  static share own;
  char path[512], place[600];
  ae_h5 *file = NULL;
  make_even_share(&own);
  ae_test_ok(ae_h5_create(ae_test_comm(), path_of(path, "pairs.h5"), &file));
  ae_test_ok(ae_sets_write(ae_test_comm(), file, "", &own.sets, "inputs"));
  ae_test_ok(ae_sets_write(ae_test_comm(), file, "reconstruction_", &own.sets, "outputs"));
  add_array(file, "/far_points", AE_H5_FLOAT64, 2, (const int64_t[]){4, 2}, zeros);
  add_array(file, "/far_offset", AE_H5_INT32, 1, (const int64_t[]){3}, (const int32_t[]){0, 0, 4});
  add_array(file, "/lone_points", AE_H5_FLOAT32, 2, (const int64_t[]){12, 2}, zeros);
  ae_test_ok(ae_h5_commit(&file));
  refuse(path, "not a dataset file");
  for (int i = 0; i < 2; i++) {
    ae_dataset *dataset = open_blocks(place_of(place, path, i == 0 ? "/points" : "/reconstruction_points"), 16);
    assert_int_equal(dataset->checksum, UINT32_C(0x437eeabd));
    expect_sets(dataset);
    ae_dataset_close(&dataset);
  }
  ae_dataset *far = open_blocks(place_of(place, path, "/far_points"), 16);
  assert_int_equal(far->examples, 2);
  assert_int_equal(far->most_points, 4);
  assert_int_equal(far->type, AE_H5_FLOAT32);
  ae_dataset_close(&far);
  ae_dataset *lone = open_blocks(place_of(place, path, "/lone_points"), 16);
  assert_int_equal(lone->examples, 12);
  assert_null(lone->offset);
  ae_dataset_close(&lone);
}

static void expect_same_file(const char *one, const char *other) {
  FILE *a = fopen(one, "rb"), *b = fopen(other, "rb");
  int64_t length = 0;
  assert_non_null(a);
  assert_non_null(b);
  for (int byte = 0; byte != EOF; length++) {
    byte = fgetc(a);
    assert_int_equal(byte, fgetc(b));
  }
  assert_true(length > SETS);
  fclose(a);
  fclose(b);
}

/* Dealt evenly, all to the first rank, all to the last. */
static void the_file_does_not_tell_who_wrote_what(void **state) {
  (void)state;
  static share own;
  char even[512], uneven[512];
  const int last = ae_comm_size(ae_test_comm()) - 1, rank = ae_comm_rank(ae_test_comm());
  write_sets(path_of(even, "even.h5"), true);
  for (int writer = 0; writer <= last; writer += last > 0 ? last : 1) {
    make_share(&own, rank > writer ? SETS : 0, rank >= writer ? SETS : 0);
    write_share(path_of(uneven, "uneven.h5"), &own, true);
    expect_same_file(even, uneven);
    ae_comm_barrier(ae_test_comm());
  }
}

static void the_writer_refuses_what_cannot_be_read(void **state) {
  (void)state;
  const int64_t offset[] = {0};
  const ae_sets none = {0, 2, 0, 0, offset, NULL}, flat = {4, 0, 0, 0, offset, NULL};
  const char *path = ae_test_path("refused.h5");
  ae_test_error(ae_dataset_write_sets(ae_test_comm(), path, &none, NULL, NULL, ""), AE_DATA, "at least one set");
  ae_test_error(ae_dataset_write_sets(ae_test_comm(), path, &flat, NULL, NULL, ""), AE_DATA, "have no coordinate");
}

int main(int argc, char **argv) {
  static const ae_test tests[] = {
      AE_TEST(sets_are_read_in_any_number_of_shards),
      AE_TEST(blocks_are_walked_on_any_number_of_ranks),
      AE_TEST(blocks_hold_a_bounded_number_of_points),
      AE_TEST(sets_of_all_ranks_are_fetched),
      AE_TEST(the_most_points_of_a_batch_are_those_of_the_largest_sets),
      AE_TEST(offsets_that_do_not_fit_are_refused),
      AE_TEST(files_of_another_form_are_refused),
      AE_TEST(the_lowest_coordinate_that_is_not_finite_is_named),
      AE_TEST(sets_without_a_point_are_read),
      AE_TEST(sets_of_any_file_are_read),
      AE_TEST(the_file_does_not_tell_who_wrote_what),
      AE_TEST(the_writer_refuses_what_cannot_be_read),
  };
  return ae_test_main(argc, argv, tests, (int)(sizeof tests / sizeof *tests));
}
