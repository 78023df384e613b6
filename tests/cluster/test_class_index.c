#include "harness.h"

#include "mpiae/base/philox.h"
#include "mpiae/cluster/class_index.h"

#include <string.h>

/* Lets an allocation that cannot be met fail under the address sanitizer as it does without. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) { return "allocator_may_return_null=1"; }

/* V < ranks cannot be; V > N leaves shards and ranks empty. */
typedef struct index_case {
  int64_t examples;
  int shards, classes, exemplars;
} index_case;

static const index_case cases[] = {{500, 8, 10, 5},   {500, 7, 10, 3}, {501, 13, 4, 5}, {5, 13, 3, 4}, {1, 7, 1, 6},
                                   {300, 16, 300, 2}, {64, 8, 100, 1}, {50, 7, 3, 0},   {0, 7, 2, 3}};

/* Uneven classes, some of them empty. */
static int32_t label_of(int64_t example, int classes) {
  const int64_t a = ae_random_below(ae_stream_of(3, AE_RANDOM_SELFTEST, 0, example), 0, classes);
  const int64_t b = ae_random_below(ae_stream_of(3, AE_RANDOM_SELFTEST, 0, example), 1, classes);
  return (int32_t)(a < b ? a : b);
}

static ae_shards shards_of(const index_case *c) {
  ae_shards shards;
  ae_test_ok(
      ae_shards_init(&shards, c->examples, c->shards, ae_comm_rank(ae_test_comm()), ae_comm_size(ae_test_comm())));
  return shards;
}

static ae_class_index *create(const index_case *c, const ae_shards *shards) {
  int32_t *label;
  ae_class_index *index;
  const int64_t own = ae_shards_own_count(shards), begin = ae_shards_own_begin(shards);
  ae_test_ok(AE_NEW(label, own));
  for (int64_t i = 0; i < own; i++) label[i] = label_of(begin + i, c->classes);
  ae_test_ok(ae_class_index_create(ae_test_comm(), shards, own > 0 ? label : NULL, c->classes, &index));
  AE_FREE(label);
  return index;
}

static void sizes_are_global(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const index_case *c = &cases[i];
    const ae_shards shards = shards_of(c);
    ae_class_index *index = create(c, &shards);
    int64_t expected[300] = {0};
    for (int64_t e = 0; e < c->examples; e++) expected[label_of(e, c->classes)]++;
    for (int k = 0; k < c->classes; k++) assert_int_equal(ae_class_index_size(index, k), expected[k]);
    ae_class_index_destroy(&index);
    assert_null(index);
  }
}

/* The members of every class in order of number, as one rank alone would list them: (classes, examples). */
static int64_t *list_members(const index_case *c, int64_t *size) {
  int64_t *member;
  ae_test_ok(AE_NEW(member, c->classes * c->examples));
  memset(size, 0, (size_t)c->classes * sizeof *size);
  for (int64_t e = 0; e < c->examples; e++) {
    const int32_t k = label_of(e, c->classes);
    member[k * c->examples + size[k]++] = e;
  }
  return member;
}

static void check_draws(const index_case *c, uint64_t seed, uint32_t epoch) {
  const ae_shards shards = shards_of(c);
  const int64_t own = ae_shards_own_count(&shards), begin = ae_shards_own_begin(&shards);
  int64_t size[300], *member = list_members(c, size), *drawn;
  ae_class_index *index = create(c, &shards);
  ae_test_ok(AE_NEW(drawn, own * c->exemplars));
  ae_test_ok(ae_class_index_draw(index, seed, epoch, c->exemplars, drawn));
  for (int64_t i = 0; i < own; i++)
    for (int e = 0; e < c->exemplars; e++) {
      const int32_t k = label_of(begin + i, c->classes);
      const int64_t at =
          ae_random_below(ae_stream_of(seed, AE_RANDOM_EXEMPLAR, epoch, begin + i), (uint32_t)e, size[k]);
      if (drawn[i * c->exemplars + e] != member[k * c->examples + at])
        fail_msg("example %lld, exemplar %d", (long long)(begin + i), e);
    }
  AE_FREE(drawn);
  AE_FREE(member);
  ae_class_index_destroy(&index);
}

/* A draw depends on seed, epoch and example alone: what one rank would draw from the whole list. */
static void draws_equal_those_of_one_rank(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) check_draws(&cases[i], 11, (uint32_t)i);
}

/* Sets that each rank names, on some none: the same of any class, for any rank that asks. */
static void sets_are_drawn_for_who_names_them(void **state) {
  (void)state;
  enum { EXEMPLARS = 3 };
  const index_case c = {501, 13, 4, EXEMPLARS};
  const ae_shards shards = shards_of(&c);
  const int64_t count = (int64_t)(ae_comm_rank(ae_test_comm()) % 3) * 40;
  int64_t size[300], *member = list_members(&c, size), *drawn;
  ae_exemplar_set *set;
  ae_class_index *index = create(&c, &shards);
  ae_test_ok(AE_NEW(set, count));
  ae_test_ok(AE_NEW(drawn, count * EXEMPLARS));
  for (int64_t i = 0; i < count; i++) set[i] = (ae_exemplar_set){(int32_t)(i * 7 % 3), (uint32_t)i % 5, 1000 + i};
  ae_test_ok(ae_class_index_draw_sets(index, 11, 2, EXEMPLARS, set, count, drawn));
  for (int64_t i = 0; i < count * EXEMPLARS; i++) {
    const ae_exemplar_set *s = &set[i / EXEMPLARS];
    const int64_t at = ae_random_below(ae_stream_of(11, AE_RANDOM_SHARED, 2, s->number),
                                       s->first + (uint32_t)(i % EXEMPLARS), size[s->class_number]);
    assert_int_equal(drawn[i], member[s->class_number * c.examples + at]);
  }
  AE_FREE(set);
  AE_FREE(drawn);
  AE_FREE(member);
  ae_class_index_destroy(&index);
}

/* More draws than one round of messages takes (2^20). */
static void draws_go_in_rounds(void **state) {
  (void)state;
  const index_case many = {3000, 8, 7, 1000};
  check_draws(&many, 5, 2);
}

static void epochs_and_seeds_differ(void **state) {
  (void)state;
  const index_case c = {500, 8, 3, 2};
  const ae_shards shards = shards_of(&c);
  const int64_t count = ae_shards_own_count(&shards) * c.exemplars;
  int64_t *draw[3], same[2] = {0, 0};
  ae_class_index *index = create(&c, &shards);
  for (int i = 0; i < 3; i++) {
    ae_test_ok(AE_NEW(draw[i], count));
    ae_test_ok(ae_class_index_draw(index, i == 2 ? 8 : 7, i == 1, c.exemplars, draw[i]));
  }
  for (int64_t i = 0; i < count; i++) {
    same[0] += draw[0][i] == draw[1][i];
    same[1] += draw[0][i] == draw[2][i];
  }
  /* Classes have about 55 members or more, so one draw in 50 may agree by chance. */
  ae_test_in_range(same[0], 0, count / 10);
  ae_test_in_range(same[1], 0, count / 10);
  for (int i = 0; i < 3; i++) AE_FREE(draw[i]);
  ae_class_index_destroy(&index);
}

static void too_large_a_table_is_refused(void **state) {
  (void)state;
  const index_case c = {4, 1 << 30, INT32_MAX, 1};
  const ae_shards shards = shards_of(&c);
  const int32_t label[4] = {0};
  ae_class_index *index;
  ae_test_error(ae_class_index_create(ae_test_comm(), &shards, label, c.classes, &index), AE_INTERNAL,
                "2147483647 classes × 1073741824 shards");
  assert_null(index);
  ae_class_index_destroy(&index);
}

int main(int argc, char **argv) {
  const ae_test tests[] = {
      AE_TEST(sizes_are_global),        AE_TEST(draws_equal_those_of_one_rank),
      AE_TEST(draws_go_in_rounds),      AE_TEST(sets_are_drawn_for_who_names_them),
      AE_TEST(epochs_and_seeds_differ), AE_TEST(too_large_a_table_is_refused),
  };
  return ae_test_main(argc, argv, tests, (int)(sizeof tests / sizeof *tests));
}
