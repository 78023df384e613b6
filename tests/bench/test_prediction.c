/* What is predicted of a step, beside counts by hand and beside what the exchange sends. Nodes are made up by wrapping
 * MPI_Comm_split_type at link time; MPI_Isend is counted (see tests.cmake). */
#include "../../src/bench/prediction.h"
#include "harness.h"

#include "mpiae/comm/exchange.h"

#include <math.h>

static int ranks_of_node; /* 0 = as it is */
static int64_t sends, bytes;

int __real_MPI_Comm_split_type(MPI_Comm comm, int type, int key, MPI_Info info, MPI_Comm *out);
int __wrap_MPI_Comm_split_type(MPI_Comm comm, int type, int key, MPI_Info info, MPI_Comm *out);
int __real_MPI_Isend(const void *from, int count, MPI_Datatype type, int to, int tag, MPI_Comm comm,
                     MPI_Request *request);
int __wrap_MPI_Isend(const void *from, int count, MPI_Datatype type, int to, int tag, MPI_Comm comm,
                     MPI_Request *request);

int __wrap_MPI_Comm_split_type(MPI_Comm comm, int type, int key, MPI_Info info, MPI_Comm *out) {
  if (ranks_of_node == 0) return __real_MPI_Comm_split_type(comm, type, key, info, out);
  return MPI_Comm_split(comm, ae_comm_rank(ae_test_comm()) / ranks_of_node, key, out);
}

int __wrap_MPI_Isend(const void *from, int count, MPI_Datatype type, int to, int tag, MPI_Comm comm,
                     MPI_Request *request) {
  sends++;
  bytes += count * (int64_t)sizeof(float);
  return __real_MPI_Isend(from, count, type, to, tag, comm, request);
}

enum { BUCKETS = 3, FLOATS = 36 * AE_BLOCK };

static void run_step(int shard_count) {
  const int64_t border[] = {0, 6 * AE_BLOCK, 18 * AE_BLOCK, FLOATS};
  double terms[64] = {0}, sums[1];
  ae_shards shards;
  ae_exchange *exchange = NULL;
  ae_control control = {.terms = terms, .sums = sums};
  const ae_comm *comm = ae_test_comm();
  ae_test_ok(ae_shards_init(&shards, 100, shard_count, ae_comm_rank(comm), ae_comm_size(comm)));
  ae_test_ok(ae_exchange_create(comm, &shards, border, BUCKETS, 1, AE_EXCHANGE_BEST, &exchange));
  sends = bytes = 0;
  for (int b = BUCKETS - 1; b >= 0; b--) ae_exchange_start(exchange, b);
  ae_exchange_reduce(exchange);
  ae_exchange_control(exchange, &control);
  ae_exchange_publish(exchange);
  ae_exchange_settle(exchange);
  ae_exchange_destroy(&exchange);
}

/* 6 ranks: alone, in twos, in threes (whose shards are one subtree, or two) and all on one node. */
static void the_exchange_sends_as_much(void **state) {
  (void)state;
  const int ranks = ae_comm_size(ae_test_comm());
  for (ranks_of_node = 1; ranks_of_node <= ranks; ranks_of_node++)
    for (int shards = ranks; shards <= 4 * ranks && ranks % ranks_of_node == 0; shards += ranks) {
      const ae_bench_layout layout = {ranks, ranks / ranks_of_node, shards, BUCKETS, 1, FLOATS};
      const ae_bench_traffic traffic = ae_bench_count_traffic(&layout);
      int64_t of_node[64] = {0};
      run_step(shards);
      assert_int_equal(traffic.sends, ae_comm_max(ae_test_comm(), sends));
      of_node[ae_comm_rank(ae_test_comm()) / ranks_of_node] = bytes;
      MPI_Allreduce(MPI_IN_PLACE, of_node, 64, MPI_INT64_T, MPI_SUM, ae_comm_handle(ae_test_comm()));
      int64_t most = 0;
      for (int node = 0; node < ranks; node++) most = of_node[node] > most ? of_node[node] : most;
      assert_int_equal((int64_t)traffic.node_bytes, most);
    }
}

/* Two nodes of two ranks with a shard each. Ranks own 1024 floats; a node's two planes have one sum. For its sum a rank
 * reads two and writes one; to finish its own it reads two planes and a sum and writes one; Adam moves seven. */
static const ae_bench_layout tiny = {4, 2, 4, 1, 0, 4096};

static void counts_are_those_by_hand(void **state) {
  (void)state;
  const ae_bench_traffic found = ae_bench_count_traffic(&tiny);
  assert_int_equal(found.partials, 1);
  assert_int_equal(found.planes, 2);
  assert_int_equal(found.sends, 2);                   /* a sum, and the own slice */
  assert_true(found.node_bytes == 4 * (2048 + 2048)); /* sums for the other's floats, values of its own */
  assert_true(found.rank_floats == 1024 * ((2 + 1) + (3 + 1) + 7));
}

static void close_to(double found, double wanted) { assert_true(fabs(found / wanted - 1) < 1e-12); }

/* 3 s of products; half a second for the sums and for the values on the wire. */
static void what_can_be_hidden_is(void **state) {
  (void)state;
  const ae_bench_machine machine = {.row = 1, .memory = 4 * 14 * 1024, .message = 0.25, .wire = 4 * 4096};
  ae_bench_layout layout = tiny;
  ae_bench_prediction found = ae_bench_predict(&machine, &layout, 3);
  close_to(found.memory, 1);
  close_to(found.messages, 0.5);
  close_to(found.wire, 1);
  const double rest = 3 + found.memory + found.messages + found.control;
  close_to(found.open, rest + 1);
  close_to(found.hidden, rest + 1); /* one bucket leaves at the end */
  layout.buckets = 2;
  found = ae_bench_predict(&machine, &layout, 3);
  close_to(found.hidden, 3 + 1 + 1 + found.control + 0.25 + 0.25);
  found = ae_bench_predict(&machine, &layout, 0.3); /* 0.2 s and 0.1 s hide as much of them */
  close_to(found.hidden, 0.3 + 1 + 1 + found.control + 0.3 + 0.4);
  layout = (ae_bench_layout){1, 1, 1, 1, 0, 4096};
  found = ae_bench_predict(&machine, &layout, 3);
  close_to(found.hidden, 3 + 2); /* Adam on all */
  close_to(found.open, found.hidden);
}

int main(int argc, char **argv) {
  static const ae_test tests[] = {AE_TEST(the_exchange_sends_as_much), AE_TEST(counts_are_those_by_hand),
                                  AE_TEST(what_can_be_hidden_is)};
  return ae_test_main(argc, argv, tests, (int)(sizeof tests / sizeof *tests));
}
