#include "mpiae/comm/exchange.h"

#include "mpiae/base/arithmetic.h"
#include "mpiae/base/clones.h"
#include "mpiae/base/memory.h"
#include "mpiae/comm/nodes.h"

#include <stdlib.h>
#include <string.h>

/* One bucket: its place in the flat buffer, and the messages under way for it. */
typedef struct parcel {
  ae_range own;          /* own slice, floats */
  float *received;       /* foreign nodes × own floats, ranks ascending */
  MPI_Request *partials; /* first half: receives, then sends */
  int partial_count;
  MPI_Request *arrivals; /* second half: receives */
  int arrival_count;
  MPI_Request *departures; /* second half: sends */
  int departure_count;
} parcel;

/* Where a node of the tree over blocks stands in the gathered control records. */
typedef struct block_node {
  ae_range range;
  int64_t place;
} block_node;

struct ae_exchange {
  const ae_comm *comm;
  MPI_Comm handle;
  ae_shards shards;
  ae_nodes nodes;
  int own_nodes, all_nodes, foreign_nodes;
  int64_t count, *border;
  int buckets;
  parcel *bucket;
  ae_range *slices;
  int slice_count;
  float *values, **gradient;
  const float **rows; /* of all nodes, for finishing one bucket */
  MPI_Request *requests;
  float *received;
  struct {
    int64_t width;
    int *size, *at;    /* doubles of each rank's record, and where it begins */
    double *own, *all; /* records */
    double *block_sum; /* of one slice */
    double *rows;      /* node rows in tree order */
    block_node *block; /* nodes of the tree over blocks, ascending */
    int block_nodes;
    ae_range *block_range;
  } control;
};

float *ae_exchange_values(ae_exchange *exchange) { return exchange->values; }
float *ae_exchange_gradient(ae_exchange *exchange, int plane) { return exchange->gradient[plane]; }
int ae_exchange_planes(const ae_exchange *exchange) { return exchange->own_nodes; }

const ae_range *ae_exchange_plane_shards(const ae_exchange *exchange) {
  return exchange->nodes.range + exchange->nodes.first[exchange->shards.rank];
}

int ae_exchange_slices(const ae_exchange *exchange, const ae_range **slices) {
  *slices = exchange->slices;
  return exchange->slice_count;
}

/* The floats of bucket b that rank p owns: whole blocks. */
static ae_range slice_of(const ae_exchange *exchange, int b, int rank) {
  const int64_t begin = exchange->border[b] / AE_BLOCK, blocks = exchange->border[b + 1] / AE_BLOCK - begin;
  const int ranks = exchange->shards.ranks;
  return (ae_range){(begin + blocks * rank / ranks) * AE_BLOCK, (begin + blocks * (rank + 1) / ranks) * AE_BLOCK};
}

static int64_t length(ae_range range) { return range.end - range.begin; }

static ae_status create_buffers(ae_exchange *exchange) {
  const int others = exchange->shards.ranks - 1;
  int64_t received = 0;
  AE_RETURN_IF(AE_NEW(exchange->values, exchange->count));
  AE_RETURN_IF(AE_NEW(exchange->gradient, exchange->own_nodes));
  for (int plane = 0; plane < exchange->own_nodes; plane++)
    AE_RETURN_IF(AE_NEW(exchange->gradient[plane], exchange->count));
  AE_RETURN_IF(AE_NEW(exchange->rows, exchange->all_nodes));
  AE_RETURN_IF(AE_NEW(exchange->bucket, exchange->buckets));
  AE_RETURN_IF(AE_NEW(exchange->slices, exchange->buckets));
  const int64_t per_bucket = exchange->foreign_nodes + (int64_t)others * (exchange->own_nodes + 2);
  AE_RETURN_IF(AE_NEW(exchange->requests, per_bucket * exchange->buckets));
  for (int b = 0; b < exchange->buckets; b++) {
    parcel *bucket = &exchange->bucket[b];
    int fits;
    bucket->own = slice_of(exchange, b, exchange->shards.rank);
    AE_RETURN_IF(ae_to_int(length(slice_of(exchange, b, others)) + AE_BLOCK, "floats of a gradient bucket", &fits));
    received += exchange->foreign_nodes * length(bucket->own);
    bucket->partials = exchange->requests + per_bucket * b;
    bucket->arrivals = bucket->partials + exchange->foreign_nodes + (int64_t)others * exchange->own_nodes;
    bucket->departures = bucket->arrivals + others;
    if (length(bucket->own) > 0) exchange->slices[exchange->slice_count++] = bucket->own;
  }
  AE_RETURN_IF(AE_NEW(exchange->received, received));
  received = 0;
  for (int b = 0; b < exchange->buckets; b++) {
    exchange->bucket[b].received = exchange->received + received;
    received += exchange->foreign_nodes * length(exchange->bucket[b].own);
  }
  return AE_OK;
}

/* Nodes of the tree over blocks that rank p contributes; written to `out` where not NULL, with places from `place` on.
 */
static int list_block_nodes(const ae_exchange *exchange, int rank, int64_t place, block_node *out) {
  ae_range nodes[AE_TREE_MAX_NODES];
  int listed = 0;
  for (int b = 0; b < exchange->buckets; b++) {
    const ae_range slice = slice_of(exchange, b, rank);
    const int found = ae_tree_cover(exchange->count / AE_BLOCK, slice.begin / AE_BLOCK, slice.end / AE_BLOCK, nodes);
    for (int i = 0; i < found && out != NULL; i++) out[listed + i] = (block_node){nodes[i], place + listed + i};
    listed += found;
  }
  return listed;
}

static int compare_nodes(const void *a, const void *b) {
  const int64_t left = ((const block_node *)a)->range.begin, right = ((const block_node *)b)->range.begin;
  return (left > right) - (left < right);
}

/* A rank's control record: flags, its shard nodes' terms, its block nodes' sums. */
static ae_status create_control(ae_exchange *exchange, int64_t width) {
  const int ranks = exchange->shards.ranks;
  int64_t total = 0, longest = 0;
  exchange->control.width = width;
  AE_RETURN_IF(AE_NEW(exchange->control.size, ranks));
  AE_RETURN_IF(AE_NEW(exchange->control.at, ranks));
  for (int rank = 0; rank < ranks; rank++) {
    const int block_nodes = list_block_nodes(exchange, rank, 0, NULL);
    const int shard_nodes = exchange->nodes.first[rank + 1] - exchange->nodes.first[rank];
    exchange->control.block_nodes += block_nodes;
    AE_RETURN_IF(ae_to_int(1 + shard_nodes * width + block_nodes, "control record", &exchange->control.size[rank]));
    AE_RETURN_IF(ae_to_int(total, "control records", &exchange->control.at[rank]));
    total += exchange->control.size[rank];
  }
  for (int b = 0; b < exchange->buckets; b++) longest = ae_max(longest, length(exchange->bucket[b].own) / AE_BLOCK);
  AE_RETURN_IF(AE_NEW(exchange->control.own, exchange->control.size[exchange->shards.rank]));
  AE_RETURN_IF(AE_NEW(exchange->control.all, total));
  AE_RETURN_IF(AE_NEW(exchange->control.block_sum, longest));
  AE_RETURN_IF(
      AE_NEW(exchange->control.rows, ae_max(exchange->control.block_nodes, exchange->all_nodes * ae_max(width, 1))));
  AE_RETURN_IF(AE_NEW(exchange->control.block, exchange->control.block_nodes));
  AE_RETURN_IF(AE_NEW(exchange->control.block_range, exchange->control.block_nodes));
  for (int rank = 0, listed = 0; rank < ranks; rank++) {
    const int shard_nodes = exchange->nodes.first[rank + 1] - exchange->nodes.first[rank];
    const int64_t place = exchange->control.at[rank] + 1 + shard_nodes * width;
    listed += list_block_nodes(exchange, rank, place, exchange->control.block + listed);
  }
  qsort(exchange->control.block, (size_t)exchange->control.block_nodes, sizeof(block_node), compare_nodes);
  for (int i = 0; i < exchange->control.block_nodes; i++)
    exchange->control.block_range[i] = exchange->control.block[i].range;
  return AE_OK;
}

static ae_status create_local(ae_exchange *exchange, const int64_t *border, int64_t width) {
  const int rank = exchange->shards.rank;
  AE_RETURN_IF(AE_NEW(exchange->border, exchange->buckets + 1));
  memcpy(exchange->border, border, (size_t)(exchange->buckets + 1) * sizeof *border);
  exchange->count = border[exchange->buckets];
  AE_RETURN_IF(ae_nodes_create(&exchange->shards, &exchange->nodes));
  exchange->all_nodes = exchange->nodes.first[exchange->shards.ranks];
  exchange->own_nodes = exchange->nodes.first[rank + 1] - exchange->nodes.first[rank];
  exchange->foreign_nodes = exchange->all_nodes - exchange->own_nodes;
  AE_RETURN_IF(create_buffers(exchange));
  return create_control(exchange, width);
}

ae_status ae_exchange_create(const ae_comm *comm, const ae_shards *shards, const int64_t *border, int buckets,
                             int64_t width, ae_exchange **out) {
  ae_exchange *exchange = NULL;
  *out = NULL;
  AE_RETURN_IF(ae_comm_agree(comm, AE_NEW(exchange, 1)));
  exchange->comm = comm;
  exchange->shards = *shards;
  exchange->buckets = buckets;
  ae_comm_require(comm, MPI_Comm_dup(ae_comm_handle(comm), &exchange->handle), "a communicator for gradients");
  MPI_Comm_set_errhandler(exchange->handle, MPI_ERRORS_RETURN);
  ae_status status = ae_comm_agree(comm, create_local(exchange, border, width));
  if (status != AE_OK) ae_exchange_destroy(&exchange);
  else *out = exchange;
  return status;
}

void ae_exchange_destroy(ae_exchange **out) {
  ae_exchange *exchange = *out;
  if (exchange == NULL) return;
  if (exchange->requests != NULL && exchange->bucket != NULL) ae_exchange_settle(exchange);
  MPI_Comm_free(&exchange->handle);
  ae_nodes_free(&exchange->nodes);
  for (int plane = 0; exchange->gradient != NULL && plane < exchange->own_nodes; plane++)
    AE_FREE(exchange->gradient[plane]);
  void **held[] = {(void **)&exchange->border,
                   (void **)&exchange->bucket,
                   (void **)&exchange->slices,
                   (void **)&exchange->values,
                   (void **)&exchange->gradient,
                   (void **)&exchange->rows,
                   (void **)&exchange->requests,
                   (void **)&exchange->received,
                   (void **)&exchange->control.size,
                   (void **)&exchange->control.at,
                   (void **)&exchange->control.own,
                   (void **)&exchange->control.all,
                   (void **)&exchange->control.block,
                   (void **)&exchange->control.rows,
                   (void **)&exchange->control.block_sum,
                   (void **)&exchange->control.block_range};
  for (size_t i = 0; i < sizeof held / sizeof *held; i++) ae_memory_free(held[i]);
  AE_FREE(*out);
}

static void wait_all(ae_exchange *exchange, MPI_Request *requests, int *count) {
  ae_comm_require(exchange->comm, MPI_Waitall(*count, requests, MPI_STATUSES_IGNORE), "waiting for gradients");
  *count = 0;
}

void ae_exchange_start(ae_exchange *exchange, int b) {
  parcel *bucket = &exchange->bucket[b];
  const int64_t own = length(bucket->own);
  MPI_Request *next = bucket->partials;
  float *target = bucket->received;
  for (int p = 0; p < exchange->shards.ranks; p++)
    for (int node = exchange->nodes.first[p];
         p != exchange->shards.rank && own > 0 && node < exchange->nodes.first[p + 1]; node++, target += own)
      ae_comm_require(exchange->comm, MPI_Irecv(target, (int)own, MPI_FLOAT, p, 2 * b, exchange->handle, next++),
                      "receiving gradients");
  for (int p = 0; p < exchange->shards.ranks; p++) {
    const ae_range slice = slice_of(exchange, b, p);
    for (int plane = 0; p != exchange->shards.rank && length(slice) > 0 && plane < exchange->own_nodes; plane++)
      ae_comm_require(exchange->comm,
                      MPI_Isend(exchange->gradient[plane] + slice.begin, (int)length(slice), MPI_FLOAT, p, 2 * b,
                                exchange->handle, next++),
                      "sending gradients");
  }
  bucket->partial_count = (int)(next - bucket->partials);
}

void ae_exchange_progress(ae_exchange *exchange) {
  if (exchange->shards.ranks == 1) return;
  int arrived;
  ae_comm_require(exchange->comm,
                  MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, exchange->handle, &arrived, MPI_STATUS_IGNORE), "progress");
}

/* Finishes the tree for the own slice of a bucket, from own planes and what the others sent. */
static void finish_bucket(ae_exchange *exchange, const parcel *bucket) {
  const int rank = exchange->shards.rank;
  const int64_t own = length(bucket->own);
  const float *received = bucket->received;
  if (own == 0 || exchange->all_nodes == 1) return;
  for (int node = 0; node < exchange->all_nodes; node++) {
    const int plane = node - exchange->nodes.first[rank];
    const int is_own = plane >= 0 && plane < exchange->own_nodes;
    exchange->rows[node] = is_own ? exchange->gradient[plane] + bucket->own.begin : received;
    if (!is_own) received += own;
  }
  ae_tree_finish_float(exchange->shards.shards, exchange->nodes.range, exchange->all_nodes, exchange->rows, 0, own,
                       exchange->gradient[0] + bucket->own.begin);
}

void ae_exchange_reduce(ae_exchange *exchange) {
  for (int b = exchange->buckets - 1; b >= 0; b--) {
    parcel *bucket = &exchange->bucket[b];
    wait_all(exchange, bucket->partials, &bucket->partial_count);
    wait_all(exchange, bucket->departures, &bucket->departure_count);
    finish_bucket(exchange, bucket);
  }
}

/* Sends own slices of `values` to all and receives theirs. */
static void publish(ae_exchange *exchange, float *values) {
  for (int b = 0; b < exchange->buckets; b++) {
    parcel *bucket = &exchange->bucket[b];
    for (int p = 0; p < exchange->shards.ranks; p++) {
      const ae_range slice = slice_of(exchange, b, p);
      if (p == exchange->shards.rank) continue;
      if (length(slice) > 0)
        ae_comm_require(exchange->comm,
                        MPI_Irecv(values + slice.begin, (int)length(slice), MPI_FLOAT, p, 2 * b + 1, exchange->handle,
                                  &bucket->arrivals[bucket->arrival_count++]),
                        "receiving parameters");
      if (length(bucket->own) > 0)
        ae_comm_require(exchange->comm,
                        MPI_Isend(values + bucket->own.begin, (int)length(bucket->own), MPI_FLOAT, p, 2 * b + 1,
                                  exchange->handle, &bucket->departures[bucket->departure_count++]),
                        "sending parameters");
    }
  }
}

void ae_exchange_publish(ae_exchange *exchange) { publish(exchange, exchange->values); }

void ae_exchange_need(ae_exchange *exchange, int b) {
  wait_all(exchange, exchange->bucket[b].arrivals, &exchange->bucket[b].arrival_count);
}

void ae_exchange_settle(ae_exchange *exchange) {
  for (int b = 0; b < exchange->buckets; b++) {
    ae_exchange_need(exchange, b);
    wait_all(exchange, exchange->bucket[b].departures, &exchange->bucket[b].departure_count);
  }
}

void ae_exchange_gather(ae_exchange *exchange, float *values) {
  ae_exchange_settle(exchange);
  publish(exchange, values);
  ae_exchange_settle(exchange);
}

/* Sum of squares of each block in float64: 32 lanes, then their sum in order. */
AE_CLONES static void square_blocks(const float *restrict values, int64_t blocks, double *restrict sums) {
  enum { LANES = 32 };
  for (int64_t block = 0; block < blocks; block++, values += AE_BLOCK) {
    double lane[LANES] = {0}, sum = 0;
    for (int i = 0; i < AE_BLOCK; i += LANES)
      for (int j = 0; j < LANES; j++) lane[j] += (double)values[i + j] * (double)values[i + j];
    for (int j = 0; j < LANES; j++) sum += lane[j];
    sums[block] = sum;
  }
}

/* Own block nodes' sums of squares, into the record. */
static void square_own(ae_exchange *exchange, double *out) {
  ae_range nodes[AE_TREE_MAX_NODES];
  for (int s = 0; s < exchange->slice_count; s++) {
    const int64_t first = exchange->slices[s].begin / AE_BLOCK, end = exchange->slices[s].end / AE_BLOCK;
    double *sums = exchange->control.block_sum;
    square_blocks(exchange->gradient[0] + first * AE_BLOCK, end - first, sums);
    const int count = ae_tree_cover(exchange->count / AE_BLOCK, first, end, nodes);
    for (int i = 0; i < count; i++) {
      ae_tree_add(nodes[i].end - nodes[i].begin, sums + nodes[i].begin - first, 1);
      *out++ = sums[nodes[i].begin - first];
    }
  }
}

/* Own shards' terms added to own nodes, into the record. */
static void add_terms(ae_exchange *exchange, double *terms, double *out) {
  const int64_t width = exchange->control.width;
  const ae_range *nodes = ae_exchange_plane_shards(exchange);
  for (int node = 0; node < exchange->own_nodes; node++, out += width) {
    double *rows = terms + (nodes[node].begin - exchange->shards.first) * width;
    ae_tree_add(nodes[node].end - nodes[node].begin, rows, width);
    memcpy(out, rows, (size_t)width * sizeof *rows);
  }
}

/* The trees over shards and blocks, finished from all ranks' records. */
static void finish_control(ae_exchange *exchange, ae_control *control) {
  const int64_t width = exchange->control.width;
  double *rows = exchange->control.rows;
  control->flags = 0;
  for (int rank = 0; rank < exchange->shards.ranks; rank++) {
    const double *record = exchange->control.all + exchange->control.at[rank];
    const int first = exchange->nodes.first[rank], count = exchange->nodes.first[rank + 1] - first;
    control->flags |= (uint32_t)record[0];
    memcpy(rows + first * width, record + 1, (size_t)(count * width) * sizeof *rows);
  }
  ae_tree_finish(exchange->shards.shards, exchange->nodes.range, exchange->all_nodes, rows, width, control->sums);
  for (int i = 0; i < exchange->control.block_nodes; i++)
    rows[i] = exchange->control.all[exchange->control.block[i].place];
  ae_tree_finish(exchange->count / AE_BLOCK, exchange->control.block_range, exchange->control.block_nodes, rows, 1,
                 &control->squared_norm);
}

void ae_exchange_control(ae_exchange *exchange, ae_control *control) {
  double *own = exchange->control.own;
  own[0] = control->flags;
  add_terms(exchange, control->terms, own + 1);
  square_own(exchange, own + 1 + exchange->own_nodes * exchange->control.width);
  ae_comm_require(exchange->comm,
                  MPI_Allgatherv(own, exchange->control.size[exchange->shards.rank], MPI_DOUBLE, exchange->control.all,
                                 exchange->control.size, exchange->control.at, MPI_DOUBLE, exchange->handle),
                  "control reduction");
  finish_control(exchange, control);
}
