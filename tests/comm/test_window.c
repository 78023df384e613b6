/* Whether one-sided communication that goes wrong is noticed: values are spoilt here, by wrapping MPI_Get at link time
 * (see tests.cmake). */
#include "harness.h"

#include "mpiae/comm/host.h"
#include "mpiae/comm/window.h"

#include <string.h>

static bool spoil;

int __real_MPI_Get(void *out, int count, MPI_Datatype type, int target, MPI_Aint place, int target_count,
                   MPI_Datatype target_type, MPI_Win window);
int __wrap_MPI_Get(void *out, int count, MPI_Datatype type, int target, MPI_Aint place, int target_count,
                   MPI_Datatype target_type, MPI_Win window);

/* Fetches nothing from rank 1. */
int __wrap_MPI_Get(void *out, int count, MPI_Datatype type, int target, MPI_Aint place, int target_count,
                   MPI_Datatype target_type, MPI_Win window) {
  if (spoil && target == 1) return MPI_SUCCESS;
  return __real_MPI_Get(out, count, type, target, place, target_count, target_type, window);
}

static void right_values_pass(void **state) {
  (void)state;
  spoil = false;
  ae_test_ok(ae_window_try(ae_test_comm()));
}

static void wrong_values_are_told_by_all(void **state) {
  (void)state;
  spoil = true;
  const ae_status status = ae_window_try(ae_test_comm());
  if (ae_comm_size(ae_test_comm()) == 1) ae_test_ok(status);
  else ae_test_error(status, AE_USAGE, "wrong values from rank 1: leave the choice to mpiae (unset OMPI_MCA_osc");
}

/* Rows of 5 bytes that begin at every place of a cache line, another on each rank; of several ranks one has none. */
static void rows_may_begin_anywhere(void **state) {
  (void)state;
  spoil = false;
  enum { ROW = 5, MOST = 64, LINE = 64 };
  const int rank = ae_comm_rank(ae_test_comm()), ranks = ae_comm_size(ae_test_comm());
  const int examples = ranks > 1 ? ranks - 1 : 3;
  char *own, fetched[MOST * ROW];
  int64_t every[MOST];
  ae_shards shards;
  assert_true(examples <= MOST);
  for (int i = 0; i < examples; i++) every[i] = i;
  ae_test_ok(ae_shards_init(&shards, examples, ranks, rank, ranks));
  ae_test_ok(AE_NEW(own, 2 * LINE + MOST * ROW));
  for (int lead = 0; lead < LINE; lead++) {
    char *rows = own + (lead * (rank + 1)) % LINE;
    memset(own, 0, 2 * LINE + MOST * ROW);
    ae_window *window;
    for (int64_t i = 0; i < ae_shards_own_count(&shards); i++)
      memset(rows + i * ROW, (int)(ae_shards_own_begin(&shards) + i + 1), ROW);
    ae_test_ok(ae_window_create(ae_test_comm(), &shards, rows, ROW, &window));
    ae_window_fetch(window, every, examples, fetched);
    ae_window_wait(window);
    for (int i = 0; i < examples * ROW; i++) assert_int_equal(fetched[i], i / ROW + 1);
    ae_window_destroy(&window);
  }
  AE_FREE(own);
}

/* Small rows in no order, in many batches. */
static void rows_are_there_after_the_wait(void **state) {
  (void)state;
  spoil = false;
  enum { EXAMPLES = 5003, BATCH = 3000, WINDOWS = 10, BATCHES = 3 };
  int32_t *own, *fetched;
  int64_t *asked;
  ae_shards shards;
  ae_test_ok(ae_shards_init(&shards, EXAMPLES, 8, ae_comm_rank(ae_test_comm()), ae_comm_size(ae_test_comm())));
  ae_test_ok(AE_NEW(own, ae_shards_own_count(&shards)));
  ae_test_ok(AE_NEW(fetched, BATCH));
  ae_test_ok(AE_NEW(asked, BATCH));
  for (int64_t i = 0; i < ae_shards_own_count(&shards); i++) own[i] = (int32_t)(ae_shards_own_begin(&shards) + i) + 1;
  for (int w = 0; w < WINDOWS; w++) {
    ae_window *window;
    ae_test_ok(ae_window_create(ae_test_comm(), &shards, own, sizeof *own, &window));
    for (int b = 0; b < BATCHES; b++) {
      memset(fetched, 0, BATCH * sizeof *fetched);
      for (int64_t i = 0; i < BATCH; i++) asked[i] = (i * 1777 + w * 31 + b) % EXAMPLES;
      ae_window_fetch(window, asked, BATCH, fetched);
      ae_window_wait(window);
      for (int i = 0; i < BATCH; i++) assert_int_equal(fetched[i], asked[i] + 1);
    }
    ae_window_destroy(&window);
  }
  AE_FREE(own);
  AE_FREE(fetched);
  AE_FREE(asked);
}

static void ranks_of_one_host_find_each_other(void **state) {
  (void)state;
  ae_host host;
  double latency, bandwidth;
  ae_host_find(ae_test_comm(), &host);
  assert_int_equal(host.hosts, 1);
  assert_int_equal(host.count, ae_comm_size(ae_test_comm()));
  assert_int_equal(host.first, 0);
  assert_int_equal(host.is_first, ae_comm_rank(ae_test_comm()) == 0);
  assert_int_equal(host.elsewhere, -1);
  assert_true(host.name[0] != '\0');
  ae_test_ok(ae_host_measure(ae_test_comm(), &host, &latency, &bandwidth));
  assert_true(latency == 0 && bandwidth == 0);
  ae_host_release(&host);
}

/* Between rank 0 and a rank that is said to be elsewhere; the others learn nothing. */
static void messages_between_hosts_are_timed(void **state) {
  (void)state;
  const ae_comm *comm = ae_test_comm();
  const ae_host apart = {.hosts = 2, .elsewhere = ae_comm_size(comm) - 1};
  double latency, bandwidth;
  if (apart.elsewhere == 0) return;
  ae_test_ok(ae_host_measure(comm, &apart, &latency, &bandwidth));
  if (ae_comm_rank(comm) > 0) assert_true(latency == 0 && bandwidth == 0);
  else assert_true(latency > 0 && latency < 1 && bandwidth > 4e6 && bandwidth < 1e13);
}

int main(int argc, char **argv) {
  const ae_test tests[] = {AE_TEST(right_values_pass),
                           AE_TEST(wrong_values_are_told_by_all),
                           AE_TEST(rows_may_begin_anywhere),
                           AE_TEST(rows_are_there_after_the_wait),
                           AE_TEST(ranks_of_one_host_find_each_other),
                           AE_TEST(messages_between_hosts_are_timed)};
  return ae_test_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
