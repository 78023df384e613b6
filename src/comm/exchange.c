#include "exchange_state.h"

#include "mpiae/base/arithmetic.h"
#include "mpiae/base/memory.h"
#include "mpiae/base/profile.h"

#include <sched.h>
#include <string.h>

float *ae_exchange_values(ae_exchange *exchange) { return exchange->values; }
float *ae_exchange_gradient(ae_exchange *exchange, int plane) { return exchange->gradient[plane]; }
int ae_exchange_planes(const ae_exchange *exchange) { return exchange->own_nodes; }

/* A rank's shared piece: marks, its planes, and on rank 0 the values. */
static int64_t marks_bytes(const ae_exchange *exchange) {
  return ae_round_up((exchange->buckets + 1) * (int64_t)sizeof(uint64_t), 64);
}

static int64_t plane_bytes(const ae_exchange *exchange) { return exchange->count * (int64_t)sizeof(float); }

static int64_t piece_bytes(const ae_exchange *exchange) {
  const int arrays = exchange->own_nodes + (exchange->shards.rank == 0);
  return marks_bytes(exchange) + arrays * plane_bytes(exchange);
}

static ae_status lay_out_shared(ae_exchange *exchange) {
  const ae_nodes *nodes = &exchange->nodes;
  AE_RETURN_IF(AE_NEW(exchange->plane, exchange->all_nodes));
  AE_RETURN_IF(AE_NEW(exchange->mark, exchange->shards.ranks));
  for (int rank = 0; rank < exchange->shards.ranks; rank++) {
    char *piece = ae_shared_piece(exchange->shared, rank), *floats = piece + marks_bytes(exchange);
    exchange->mark[rank] = (_Atomic uint64_t *)(void *)piece;
    for (int node = nodes->first[rank]; node < nodes->first[rank + 1]; node++, floats += plane_bytes(exchange))
      exchange->plane[node] = (float *)(void *)floats;
    if (rank == 0) exchange->values = (float *)(void *)floats;
  }
  for (int plane = 0; plane < exchange->own_nodes; plane++)
    exchange->gradient[plane] = exchange->plane[nodes->first[exchange->shards.rank] + plane];
  return AE_OK;
}

/* Values, planes and what finishing a bucket needs. */
static ae_status create_arrays(ae_exchange *exchange) {
  AE_RETURN_IF(AE_NEW(exchange->gradient, exchange->own_nodes));
  AE_RETURN_IF(AE_NEW(exchange->rows, exchange->all_nodes));
  if (exchange->shared != NULL) return lay_out_shared(exchange);
  AE_RETURN_IF(AE_NEW(exchange->values, exchange->count));
  for (int plane = 0; plane < exchange->own_nodes; plane++)
    AE_RETURN_IF(AE_NEW(exchange->gradient[plane], exchange->count));
  return AE_OK;
}

static ae_status create_buckets(ae_exchange *exchange) {
  const int others = exchange->shards.ranks - 1;
  const int64_t per_bucket = exchange->foreign_nodes + (int64_t)others * (exchange->own_nodes + 2);
  int64_t received = 0;
  AE_RETURN_IF(AE_NEW(exchange->bucket, exchange->buckets));
  AE_RETURN_IF(AE_NEW(exchange->slices, exchange->buckets));
  AE_RETURN_IF(AE_NEW(exchange->requests, per_bucket * exchange->buckets));
  for (int b = 0; b < exchange->buckets; b++) {
    parcel *bucket = &exchange->bucket[b];
    int fits;
    bucket->own = ae_exchange_slice_of(exchange, b, exchange->shards.rank);
    AE_RETURN_IF(ae_to_int(ae_range_length(ae_exchange_slice_of(exchange, b, others)) + AE_BLOCK,
                           "floats of a gradient bucket", &fits));
    received += exchange->foreign_nodes * ae_range_length(bucket->own);
    bucket->partials = exchange->requests + per_bucket * b;
    bucket->arrivals = bucket->partials + exchange->foreign_nodes + (int64_t)others * exchange->own_nodes;
    bucket->departures = bucket->arrivals + others;
    if (ae_range_length(bucket->own) > 0) exchange->slices[exchange->slice_count++] = bucket->own;
  }
  if (exchange->shared != NULL) return AE_OK;
  AE_RETURN_IF(AE_NEW(exchange->received, received));
  received = 0;
  for (int b = 0; b < exchange->buckets; b++) {
    exchange->bucket[b].received = exchange->received + received;
    received += exchange->foreign_nodes * ae_range_length(exchange->bucket[b].own);
  }
  return AE_OK;
}

static ae_status create_shape(ae_exchange *exchange, const int64_t *border) {
  const int rank = exchange->shards.rank;
  AE_RETURN_IF(AE_NEW(exchange->border, exchange->buckets + 1));
  memcpy(exchange->border, border, (size_t)(exchange->buckets + 1) * sizeof *border);
  exchange->count = border[exchange->buckets];
  AE_RETURN_IF(ae_nodes_create(&exchange->shards, &exchange->nodes));
  exchange->all_nodes = exchange->nodes.first[exchange->shards.ranks];
  exchange->own_nodes = exchange->nodes.first[rank + 1] - exchange->nodes.first[rank];
  exchange->foreign_nodes = exchange->all_nodes - exchange->own_nodes;
  return AE_OK;
}

static ae_status create_local(ae_exchange *exchange, int64_t width) {
  AE_RETURN_IF(create_arrays(exchange));
  AE_RETURN_IF(create_buckets(exchange));
  return ae_exchange_create_control(exchange, width);
}

ae_status ae_exchange_create(const ae_comm *comm, const ae_shards *shards, const int64_t *border, int buckets,
                             int64_t width, ae_exchange_way way, ae_exchange **out) {
  ae_status status;
  ae_exchange *exchange = NULL;
  *out = NULL;
  AE_CHECK(ae_comm_agree(comm, AE_NEW(exchange, 1)));
  exchange->comm = comm;
  exchange->shards = *shards;
  exchange->buckets = buckets;
  ae_comm_require(comm, MPI_Comm_dup(ae_comm_handle(comm), &exchange->handle), "a communicator for gradients");
  MPI_Comm_set_errhandler(exchange->handle, MPI_ERRORS_RETURN);
  AE_CHECK(ae_comm_agree(comm, create_shape(exchange, border)));
  if (way == AE_EXCHANGE_BEST) AE_CHECK(ae_shared_create(comm, piece_bytes(exchange), &exchange->shared));
  AE_CHECK(ae_comm_agree(comm, create_local(exchange, width)));
  *out = exchange;
  exchange = NULL;
cleanup:
  ae_exchange_destroy(&exchange);
  return status;
}

void ae_exchange_destroy(ae_exchange **out) {
  ae_exchange *exchange = *out;
  if (exchange == NULL) return;
  if (exchange->requests != NULL && exchange->bucket != NULL) ae_exchange_settle(exchange);
  MPI_Comm_free(&exchange->handle);
  ae_nodes_free(&exchange->nodes);
  for (int plane = 0; exchange->gradient != NULL && exchange->shared == NULL && plane < exchange->own_nodes; plane++)
    AE_FREE(exchange->gradient[plane]);
  if (exchange->shared == NULL) AE_FREE(exchange->values);
  ae_shared_destroy(&exchange->shared);
  void **held[] = {(void **)&exchange->border,
                   (void **)&exchange->bucket,
                   (void **)&exchange->slices,
                   (void **)&exchange->plane,
                   (void **)&exchange->mark,
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
                   (void **)&exchange->control.square,
                   (void **)&exchange->control.block_range};
  for (size_t i = 0; i < sizeof held / sizeof *held; i++) ae_memory_free(held[i]);
  AE_FREE(*out);
}

static void wait_all(ae_exchange *exchange, MPI_Request *requests, int *count) {
  const bool before = ae_profile_wait(true);
  ae_comm_require(exchange->comm, MPI_Waitall(*count, requests, MPI_STATUSES_IGNORE), "waiting for gradients");
  ae_profile_wait(before);
  *count = 0;
}

/* Waits until every rank's mark number `place` has come to `step`. MPI is entered meanwhile: the others may be waiting
 * for examples that only this rank's progress brings them. */
static void await(ae_exchange *exchange, int place, uint64_t step) {
  const bool before = ae_profile_wait(true);
  for (int rank = 0; rank < exchange->shards.ranks; rank++)
    while (atomic_load_explicit(&exchange->mark[rank][place], memory_order_acquire) < step) {
      ae_exchange_progress(exchange);
      sched_yield();
    }
  ae_profile_wait(before);
}

static void set_mark(const ae_exchange *exchange, int place, uint64_t step) {
  atomic_store_explicit(&exchange->mark[exchange->shards.rank][place], step, memory_order_release);
}

/* A lone rank's gradient is the global one. */
static bool is_alone(const ae_exchange *exchange) { return exchange->shards.ranks == 1; }

void ae_exchange_start(ae_exchange *exchange, int b) {
  if (is_alone(exchange)) ae_exchange_square(exchange, b);
  if (exchange->shared != NULL) {
    set_mark(exchange, b, exchange->step + 1);
    return;
  }
  parcel *bucket = &exchange->bucket[b];
  const int64_t own = ae_range_length(bucket->own);
  MPI_Request *next = bucket->partials;
  float *target = bucket->received;
  for (int p = 0; p < exchange->shards.ranks; p++)
    for (int node = exchange->nodes.first[p];
         p != exchange->shards.rank && own > 0 && node < exchange->nodes.first[p + 1]; node++, target += own)
      ae_comm_require(exchange->comm, MPI_Irecv(target, (int)own, MPI_FLOAT, p, 2 * b, exchange->handle, next++),
                      "receiving gradients");
  for (int p = 0; p < exchange->shards.ranks; p++) {
    const ae_range slice = ae_exchange_slice_of(exchange, b, p);
    for (int plane = 0; p != exchange->shards.rank && ae_range_length(slice) > 0 && plane < exchange->own_nodes;
         plane++)
      ae_comm_require(exchange->comm,
                      MPI_Isend(exchange->gradient[plane] + slice.begin, (int)ae_range_length(slice), MPI_FLOAT, p,
                                2 * b, exchange->handle, next++),
                      "sending gradients");
  }
  bucket->partial_count = (int)(next - bucket->partials);
}

void ae_exchange_progress(ae_exchange *exchange) {
  if (is_alone(exchange)) return;
  int arrived;
  ae_comm_require(exchange->comm,
                  MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, exchange->handle, &arrived, MPI_STATUS_IGNORE), "progress");
}

/* Finishes the tree for the own slice of a bucket, from own planes and what the others sent. */
static void finish_bucket(ae_exchange *exchange, const parcel *bucket) {
  const int rank = exchange->shards.rank;
  const int64_t own = ae_range_length(bucket->own);
  const float *received = bucket->received;
  if (own == 0) return;
  for (int node = 0; node < exchange->all_nodes; node++) {
    const int plane = node - exchange->nodes.first[rank];
    const bool is_here = exchange->shared != NULL || (plane >= 0 && plane < exchange->own_nodes);
    const float *here = exchange->shared != NULL ? exchange->plane[node] : is_here ? exchange->gradient[plane] : NULL;
    exchange->rows[node] = is_here ? here + bucket->own.begin : received;
    if (!is_here) received += own;
  }
  ae_tree_finish_float(exchange->shards.shards, exchange->nodes.range, exchange->all_nodes, exchange->rows, 0, own,
                       exchange->gradient[0] + bucket->own.begin);
}

void ae_exchange_reduce(ae_exchange *exchange) {
  for (int b = exchange->buckets - 1; b >= 0; b--) {
    parcel *bucket = &exchange->bucket[b];
    if (exchange->shared != NULL) await(exchange, b, exchange->step + 1);
    wait_all(exchange, bucket->partials, &bucket->partial_count);
    wait_all(exchange, bucket->departures, &bucket->departure_count);
    if (is_alone(exchange)) continue;
    finish_bucket(exchange, bucket);
    ae_exchange_square(exchange, b);
  }
}

/* Sends own slices of `values` to all and receives theirs. */
static void publish(ae_exchange *exchange, float *values) {
  for (int b = 0; b < exchange->buckets; b++) {
    parcel *bucket = &exchange->bucket[b];
    for (int p = 0; p < exchange->shards.ranks; p++) {
      const ae_range slice = ae_exchange_slice_of(exchange, b, p);
      if (p == exchange->shards.rank) continue;
      if (ae_range_length(slice) > 0)
        ae_comm_require(exchange->comm,
                        MPI_Irecv(values + slice.begin, (int)ae_range_length(slice), MPI_FLOAT, p, 2 * b + 1,
                                  exchange->handle, &bucket->arrivals[bucket->arrival_count++]),
                        "receiving parameters");
      if (ae_range_length(bucket->own) > 0)
        ae_comm_require(exchange->comm,
                        MPI_Isend(values + bucket->own.begin, (int)ae_range_length(bucket->own), MPI_FLOAT, p,
                                  2 * b + 1, exchange->handle, &bucket->departures[bucket->departure_count++]),
                        "sending parameters");
    }
  }
}

void ae_exchange_publish(ae_exchange *exchange) {
  exchange->step++;
  if (exchange->shared != NULL) set_mark(exchange, exchange->buckets, exchange->step);
  else publish(exchange, exchange->values);
}

/* With shared values, whoever has published has also read what it needed of this rank's planes: they may be written
 * again. */
void ae_exchange_need(ae_exchange *exchange, int b) {
  if (exchange->shared != NULL) await(exchange, exchange->buckets, exchange->step);
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
