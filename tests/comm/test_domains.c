/* Domains and their lanes, played for many ranks on one. */
#include "harness.h"

#include "mpiae/comm/domains.h"

enum { MOST = 64 };

/* Ranks in domains of these sizes, seen by each of them. Each domain's lanes take all ranks elsewhere, none of them more
 * than its share. */
static void expect_lanes(const int *sizes, int count) {
  int leader[MOST], home[MOST], ranks = 0;
  for (int d = 0; d < count; d++)
    for (int i = 0, first = ranks; i < sizes[d]; i++, ranks++) leader[ranks] = first, home[ranks] = d;
  for (int rank = 0; rank < ranks; rank++) {
    ae_domains domains;
    ae_test_ok(ae_domains_create(leader, ranks, rank, &domains));
    assert_int_equal(domains.count, count);
    assert_int_equal(domains.own, home[rank]);
    assert_int_equal(ae_domains_lane(&domains, home[rank], rank), rank);
    for (int d = 0; d < count; d++) {
      int guests = 0, most = (sizes[d] + sizes[home[rank]] - 1) / sizes[home[rank]];
      assert_int_equal(ae_domains_size(&domains, d), sizes[d]);
      for (int other = 0; other < ranks; other++) {
        const int lane = ae_domains_lane(&domains, home[rank], other);
        assert_int_equal(ae_domains_find(&domains, other), home[other]);
        assert_int_equal(home[lane], home[rank]);
        guests += home[other] == d && lane == rank;
      }
      ae_test_in_range(guests, d == home[rank], most);
    }
    ae_domains_free(&domains);
  }
}

static void ranks_are_dealt_to_lanes_evenly(void **state) {
  (void)state;
  static const int layouts[][4] = {{1}, {5}, {1, 1}, {2, 2}, {3, 1}, {1, 4, 2}, {4, 4, 4}, {7, 3, 1, 2}, {2, 5, 16, 9}};
  for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++) {
    int count = 0;
    while (count < 4 && layouts[i][count] > 0) count++;
    expect_lanes(layouts[i], count);
  }
}

static void a_domain_is_contiguous(void **state) {
  (void)state;
  ae_domains domains;
  const int leader[] = {0, 1, 0};
  ae_test_error(ae_domains_create(leader, 3, 0, &domains), AE_INTERNAL, "rank 2 shares memory with rank 0");
  ae_domains_free(&domains);
}

int main(int argc, char **argv) {
  const ae_test tests[] = {AE_TEST(ranks_are_dealt_to_lanes_evenly), AE_TEST(a_domain_is_contiguous)};
  return ae_test_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
