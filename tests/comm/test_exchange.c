/* The gradient exchange on any layout of ranks over nodes. Nodes are made up here, by wrapping at link time
 * MPI_Comm_split_type and the statvfs that looks for room; MPI_Isend is counted (see tests.cmake). */
#include "harness.h"

#include "mpiae/base/arithmetic.h"
#include "mpiae/comm/exchange.h"
#include "mpiae/comm/host.h"

#include <math.h>
#include <string.h>
#include <sys/statvfs.h>

/* Ranks of each node, the last one has the rest; none: as it is. The node without room, −1 = none. */
enum { MOST_NODES = 16 };
static int node_size[MOST_NODES], nodes, full_node = -1;
static int64_t sends;

static int node_of(int rank) {
  int node = 0;
  for (int end = node_size[0]; node < nodes - 1 && rank >= end; end += node_size[++node]) continue;
  return node;
}

int __real_MPI_Comm_split_type(MPI_Comm comm, int type, int key, MPI_Info info, MPI_Comm *out);
int __wrap_MPI_Comm_split_type(MPI_Comm comm, int type, int key, MPI_Info info, MPI_Comm *out);
int __real_MPI_Isend(const void *bytes, int count, MPI_Datatype type, int to, int tag, MPI_Comm comm,
                     MPI_Request *request);
int __wrap_MPI_Isend(const void *bytes, int count, MPI_Datatype type, int to, int tag, MPI_Comm comm,
                     MPI_Request *request);
int __real_statvfs(const char *path, struct statvfs *out);
int __wrap_statvfs(const char *path, struct statvfs *out);

int __wrap_MPI_Comm_split_type(MPI_Comm comm, int type, int key, MPI_Info info, MPI_Comm *out) {
  if (nodes == 0) return __real_MPI_Comm_split_type(comm, type, key, info, out);
  return MPI_Comm_split(comm, node_of(ae_comm_rank(ae_test_comm())), key, out);
}

int __wrap_MPI_Isend(const void *bytes, int count, MPI_Datatype type, int to, int tag, MPI_Comm comm,
                     MPI_Request *request) {
  sends++;
  return __real_MPI_Isend(bytes, count, type, to, tag, comm, request);
}

int __wrap_statvfs(const char *path, struct statvfs *out) {
  const int result = __real_statvfs(path, out);
  if (nodes > 0 && node_of(ae_comm_rank(ae_test_comm())) == full_node) out->f_bavail = 0;
  return result;
}

/* The gradient of element i from shard v: sums depend on the order of addition. */
static float slope(int v, int64_t i) { return (float)(i % 97 + 1) / (float)(3 + v * v) * (v % 3 == 1 ? 1e6f : 1.0f); }

static float add_up(int64_t lo, int64_t hi, int64_t i) {
  if (hi - lo == 1) return slope((int)lo, i);
  const int64_t middle = ae_tree_split(lo, hi);
  const float left = add_up(lo, middle, i);
  return left + add_up(middle, hi, i);
}

/* Elements that are alike. */
enum { PERIOD = 97 };
static void fill(ae_range shards, int64_t count, float *out) {
  float one[PERIOD];
  for (int i = 0; i < PERIOD; i++) one[i] = add_up(shards.begin, shards.end, i);
  for (int64_t i = 0; i < count; i++) out[i] = one[i % PERIOD];
}

enum { BUCKETS = 4, BLOCKS = 20, COUNT = BLOCKS * AE_BLOCK, MOST_SHARDS = 64 };
static const int64_t border[] = {0, AE_BLOCK, 5 * AE_BLOCK, 5 * AE_BLOCK, COUNT};

typedef struct trial {
  ae_shards shards;
  ae_exchange *exchange;
  float gradient[PERIOD]; /* over all shards */
  double squared_norm;
} trial;

static void begin(trial *t, int shard_count, ae_exchange_way way) {
  const ae_comm *comm = ae_test_comm();
  ae_test_ok(ae_shards_init(&t->shards, 100, shard_count, ae_comm_rank(comm), ae_comm_size(comm)));
  ae_test_ok(ae_exchange_create(comm, &t->shards, border, BUCKETS, 2, way, &t->exchange));
  fill((ae_range){0, shard_count}, PERIOD, t->gradient);
  t->squared_norm = 0;
  for (int i = 0; i < COUNT; i++) t->squared_norm += (double)t->gradient[i % PERIOD] * (double)t->gradient[i % PERIOD];
}

static void backward(trial *t) {
  const ae_range *shards = ae_exchange_plane_shards(t->exchange);
  for (int plane = 0; plane < ae_exchange_planes(t->exchange); plane++)
    fill(shards[plane], COUNT, ae_exchange_gradient(t->exchange, plane));
  for (int b = BUCKETS - 1; b >= 0; b--) {
    ae_exchange_start(t->exchange, b);
    ae_exchange_progress(t->exchange);
  }
  ae_exchange_reduce(t->exchange);
}

/* With the "optimizer" value += gradient. */
static void update(trial *t) {
  const ae_range *slices;
  double terms[2 * MOST_SHARDS] = {0}, sums[2];
  for (int s = 0; s < t->shards.count; s++) terms[2 * s + 1] = 1;
  ae_control control = {.terms = terms, .sums = sums, .flags = 1u << (t->shards.rank % 3)};
  ae_exchange_control(t->exchange, &control);
  assert_int_equal(control.flags, (1u << (t->shards.ranks < 3 ? t->shards.ranks : 3)) - 1);
  assert_true(sums[1] == t->shards.shards);
  assert_true(fabs(control.squared_norm / t->squared_norm - 1) < 1e-12);
  const int count = ae_exchange_slices(t->exchange, &slices);
  for (int s = 0; s < count; s++)
    for (int64_t i = slices[s].begin; i < slices[s].end; i++)
      ae_exchange_values(t->exchange)[i] += ae_exchange_gradient(t->exchange, 0)[i];
  ae_exchange_publish(t->exchange);
}

static void expect_values(trial *t, int b, int rounds) {
  float expected[PERIOD] = {0};
  const float *values = ae_exchange_values(t->exchange);
  for (int i = 0; i < PERIOD; i++)
    for (int k = 0; k < rounds; k++) expected[i] += t->gradient[i];
  ae_exchange_need(t->exchange, b);
  for (int64_t i = border[b]; i < border[b + 1]; i++)
    if (memcmp(&values[i], &expected[i % PERIOD], sizeof *values) != 0)
      fail_msg("another value after %d rounds", rounds);
}

/* Each rank's own slices of its own array reach all. */
static void expect_gathered(trial *t) {
  const ae_range *slices;
  float *flat = ae_exchange_gradient(t->exchange, 0);
  const int count = ae_exchange_slices(t->exchange, &slices);
  ae_exchange_settle(t->exchange);
  memset(flat, 0, COUNT * sizeof *flat);
  for (int s = 0; s < count; s++)
    for (int64_t i = slices[s].begin; i < slices[s].end; i++) flat[i] = (float)i;
  ae_exchange_gather(t->exchange, flat);
  for (int64_t i = 0; i < COUNT; i++) assert_true(flat[i] == (float)i);
}

/* Buckets are asked for in order, in reverse, or not at all. */
static void run(int shard_count, ae_exchange_way way) {
  trial t;
  begin(&t, shard_count, way);
  for (int round = 1; round <= 4; round++) {
    backward(&t);
    update(&t);
    for (int b = 0; b < BUCKETS && round != 3; b++) expect_values(&t, round == 1 ? b : BUCKETS - 1 - b, round);
  }
  expect_gathered(&t);
  ae_exchange_destroy(&t.exchange);
}

static void the_exchange_gives_the_tree_sum_everywhere(void **state) {
  (void)state;
  for (ae_exchange_way way = AE_EXCHANGE_BEST; way <= AE_EXCHANGE_MESSAGES; way++) {
    run(16, way);
    run(9, way);
    run(13, way);
  }
}

/* The same numbers on all ranks, from one test to the next. */
static int draw(int below) {
  static uint64_t state = 1;
  state = state * UINT64_C(6364136223846793005) + 1;
  return (int)((state >> 33) % (uint64_t)below);
}

/* Nodes can be made up of one host alone. */
static bool is_one_host(void) {
  ae_host host;
  ae_host_find(ae_test_comm(), &host);
  ae_host_release(&host);
  return host.hosts == 1;
}

/* Nodes of 1 to 4 ranks, of which one may have no room. */
static void draw_nodes(int ranks) {
  int left = ranks;
  for (nodes = 0; left > 0; nodes++) {
    node_size[nodes] = (int)ae_min(1 + draw(4), left);
    left -= node_size[nodes];
  }
  full_node = draw(3) == 0 ? draw(nodes) : -1;
}

static void any_layout_gives_the_tree_sum(void **state) {
  (void)state;
  const int ranks = ae_comm_size(ae_test_comm());
  if (!is_one_host()) return;
  for (int layout = 0; layout < 8; layout++) {
    draw_nodes(ranks);
    run(ranks + draw(MOST_SHARDS - ranks), AE_EXCHANGE_BEST);
  }
  nodes = 0;
}

/* What a rank sends in a step at most: to each other node, for each bucket, the partials of its own and, after the
 * update, its slice; of a larger node than the own its share of guests. */
static int64_t most_sends(const trial *t) {
  const int own = node_of(t->shards.rank);
  int64_t sent = 0;
  for (int node = 0; node < nodes; node++)
    if (node != own)
      sent += (node_size[node] + node_size[own] - 1) / node_size[own] * ae_exchange_partials(t->exchange) + 1;
  return BUCKETS * sent;
}

static void expect_few_sends(int shard_count, int partials) {
  trial t;
  begin(&t, shard_count, AE_EXCHANGE_BEST);
  assert_int_equal(ae_exchange_domains(t.exchange), nodes);
  assert_int_equal(ae_exchange_partials(t.exchange), nodes > 1 ? partials : 0);
  sends = 0;
  backward(&t);
  update(&t);
  ae_exchange_settle(t.exchange);
  assert_true(sends <= most_sends(&t));
  assert_true(nodes == 1 || ae_comm_max(ae_test_comm(), sends) > 0);
  ae_exchange_destroy(&t.exchange);
}

/* As many ranks on each node as divide them: 7 are alone, 9 in threes. */
static void a_node_sends_its_sums_once(void **state) {
  (void)state;
  const int ranks = ae_comm_size(ae_test_comm()), each = ranks % 2 == 0 ? 2 : ranks % 3 == 0 ? 3 : 1;
  if (!is_one_host()) return;
  full_node = -1;
  nodes = ranks / each;
  for (int node = 0; node < nodes; node++) node_size[node] = each;
  /* two or four shards a node */
  if (each < 3) expect_few_sends(each == 2 ? 2 * ranks : 4 * ranks, 1);
  else expect_few_sends(ranks, 2); /* of 9 shards the node of [3, 6) has the subtrees [3, 4) and [4, 6) */
  if (ranks > 2) {
    /* uneven: all but the last on one node; 1 more than a power of two */
    nodes = 2;
    node_size[0] = ranks - 1;
    node_size[1] = 1;
    expect_few_sends(ranks, __builtin_popcount((unsigned)ranks - 1));
  }
  nodes = 0;
}

/* Only the ranks of the node itself are apart. */
static void a_node_without_room_is_nodes_of_one_rank(void **state) {
  (void)state;
  trial t;
  const int ranks = ae_comm_size(ae_test_comm());
  if (ranks < 4 || !is_one_host()) return;
  nodes = 2;
  node_size[0] = 2;
  node_size[1] = ranks - 2;
  for (full_node = 0; full_node < 2; full_node++) {
    begin(&t, ranks, AE_EXCHANGE_BEST);
    assert_int_equal(ae_exchange_domains(t.exchange), 1 + node_size[full_node]);
    ae_exchange_destroy(&t.exchange);
  }
  full_node = -1;
  begin(&t, ranks, AE_EXCHANGE_MESSAGES);
  assert_int_equal(ae_exchange_domains(t.exchange), ranks);
  ae_exchange_destroy(&t.exchange);
  nodes = 0;
}

int main(int argc, char **argv) {
  const ae_test tests[] = {AE_TEST(the_exchange_gives_the_tree_sum_everywhere), AE_TEST(any_layout_gives_the_tree_sum),
                           AE_TEST(a_node_sends_its_sums_once), AE_TEST(a_node_without_room_is_nodes_of_one_rank)};
  return ae_test_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
