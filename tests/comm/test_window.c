/* Whether one-sided communication that goes wrong is noticed: values are spoilt here, by wrapping MPI_Get at link time
 * (see tests.cmake). */
#include "harness.h"

#include "mpiae/comm/host.h"
#include "mpiae/comm/window.h"

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

int main(int argc, char **argv) {
  const ae_test tests[] = {AE_TEST(right_values_pass), AE_TEST(wrong_values_are_told_by_all),
                           AE_TEST(ranks_of_one_host_find_each_other)};
  return ae_test_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
