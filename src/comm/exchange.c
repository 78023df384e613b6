#include "exchange_state.h"

#include "mpiae/base/arithmetic.h"
#include "mpiae/base/memory.h"

#include <string.h>

float *ae_exchange_values(ae_exchange *exchange) { return exchange->values; }
float *ae_exchange_gradient(ae_exchange *exchange, int plane) { return exchange->gradient[plane]; }
int ae_exchange_planes(const ae_exchange *exchange) { return exchange->own_nodes; }

static ae_status find_arrays(ae_exchange *exchange) {
  const ae_domains *domains = exchange->domains;
  const int ranks = ae_domains_size(domains, domains->own), first = domains->first[domains->own];
  AE_RETURN_IF(AE_NEW(exchange->gradient, exchange->own_nodes));
  AE_RETURN_IF(AE_NEW(exchange->mark, ranks));
  exchange->values = ae_shared_common(exchange->shared);
  for (int i = 0; i < ranks; i++) exchange->mark[i] = ae_shared_piece(exchange->shared, first + i);
  for (int plane = 0; plane < exchange->own_nodes; plane++)
    exchange->gradient[plane] = ae_exchange_plane_of(exchange, exchange->shards.rank, plane);
  return AE_OK;
}

/* Floats that this rank adds up for its guests in a bucket: partials of one plane are sent from there. */
static int64_t added_floats(const ae_exchange *exchange, int b) {
  const ae_layout *layout = &exchange->layout;
  int64_t floats = 0, sums = 0;
  for (int i = 0; i < layout->partials; i++) sums += layout->partial[i].planes > 1;
  for (int i = 0; i < layout->guests; i++)
    floats += sums * ae_range_length(ae_exchange_slice_of(exchange, b, layout->guest[i]));
  return floats;
}

static void place_messages(ae_exchange *exchange, parcel *bucket, MPI_Request *request) {
  const ae_layout *layout = &exchange->layout;
  bucket->partials.request = request;
  bucket->arrivals.request = request + layout->foreign + (int64_t)layout->guests * layout->partials;
  bucket->departures.request = bucket->arrivals.request + layout->guests;
}

static ae_status create_buffers(ae_exchange *exchange) {
  int64_t received = 0, added = 0;
  for (int b = 0; b < exchange->buckets; b++) {
    received += exchange->layout.foreign * ae_range_length(exchange->bucket[b].own);
    added += added_floats(exchange, b);
  }
  AE_RETURN_IF(AE_NEW(exchange->received, received));
  AE_RETURN_IF(AE_NEW(exchange->added, added));
  received = added = 0;
  for (int b = 0; b < exchange->buckets; b++) {
    exchange->bucket[b].received = exchange->received + received;
    exchange->bucket[b].added = exchange->added + added;
    received += exchange->layout.foreign * ae_range_length(exchange->bucket[b].own);
    added += added_floats(exchange, b);
  }
  return AE_OK;
}

static ae_status create_buckets(ae_exchange *exchange) {
  const ae_layout *layout = &exchange->layout;
  const int64_t per_bucket = layout->foreign + (int64_t)layout->guests * (layout->partials + 1) + layout->peers;
  AE_RETURN_IF(AE_NEW(exchange->bucket, exchange->buckets));
  AE_RETURN_IF(AE_NEW(exchange->slices, exchange->buckets));
  AE_RETURN_IF(AE_NEW(exchange->share, exchange->shards.ranks));
  AE_RETURN_IF(AE_NEW(exchange->share_at, exchange->shards.ranks));
  AE_RETURN_IF(AE_NEW(exchange->requests, per_bucket * exchange->buckets));
  for (int b = 0; b < exchange->buckets; b++) {
    parcel *bucket = &exchange->bucket[b];
    int fits;
    AE_RETURN_IF(ae_to_int(exchange->border[b + 1] - exchange->border[b], "floats of a gradient bucket", &fits));
    bucket->own = ae_exchange_slice_of(exchange, b, exchange->shards.rank);
    place_messages(exchange, bucket, exchange->requests + per_bucket * b);
    if (ae_range_length(bucket->own) > 0) exchange->slices[exchange->slice_count++] = bucket->own;
  }
  return create_buffers(exchange);
}

static ae_status create_shape(ae_exchange *exchange, const int64_t *border) {
  const int rank = exchange->shards.rank;
  AE_RETURN_IF(AE_NEW(exchange->border, exchange->buckets + 1));
  memcpy(exchange->border, border, (size_t)(exchange->buckets + 1) * sizeof *border);
  exchange->count = border[exchange->buckets];
  AE_RETURN_IF(ae_nodes_create(&exchange->shards, &exchange->nodes));
  exchange->all_nodes = exchange->nodes.first[exchange->shards.ranks];
  exchange->own_nodes = exchange->nodes.first[rank + 1] - exchange->nodes.first[rank];
  return AE_OK;
}

static ae_status create_local(ae_exchange *exchange, int64_t width) {
  AE_RETURN_IF(find_arrays(exchange));
  AE_RETURN_IF(ae_exchange_create_layout(exchange));
  AE_RETURN_IF(create_buckets(exchange));
  return ae_exchange_create_control(exchange, width);
}

static ae_status create_empty(ae_exchange **out) {
  AE_RETURN_IF(AE_NEW(*out, 1));
  (*out)->handle = MPI_COMM_NULL;
  return AE_OK;
}

ae_status ae_exchange_create(const ae_comm *comm, const ae_shards *shards, const int64_t *border, int buckets,
                             int64_t width, ae_exchange_way way, ae_exchange **out) {
  ae_status status;
  ae_exchange *exchange = NULL;
  *out = NULL;
  AE_CHECK(ae_comm_agree(comm, create_empty(&exchange)));
  exchange->comm = comm;
  exchange->shards = *shards;
  exchange->buckets = buckets;
  ae_comm_require(comm, MPI_Comm_dup(ae_comm_handle(comm), &exchange->handle), "a communicator for gradients");
  MPI_Comm_set_errhandler(exchange->handle, MPI_ERRORS_RETURN);
  AE_CHECK(ae_comm_agree(comm, create_shape(exchange, border)));
  AE_CHECK(ae_shared_create(comm, way == AE_EXCHANGE_MESSAGES, ae_exchange_piece_bytes(exchange),
                            ae_exchange_plane_bytes(exchange), &exchange->shared));
  exchange->domains = ae_shared_domains(exchange->shared);
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
  if (exchange->step > 0) ae_exchange_settle(exchange);
  if (exchange->handle != MPI_COMM_NULL) MPI_Comm_free(&exchange->handle);
  ae_nodes_free(&exchange->nodes);
  ae_shared_destroy(&exchange->shared);
  ae_exchange_free_layout(&exchange->layout);
  void **held[] = {
      (void **)&exchange->border,       (void **)&exchange->bucket,         (void **)&exchange->slices,
      (void **)&exchange->mark,         (void **)&exchange->gradient,       (void **)&exchange->requests,
      (void **)&exchange->received,     (void **)&exchange->added,          (void **)&exchange->share,
      (void **)&exchange->share_at,     (void **)&exchange->control.size,   (void **)&exchange->control.at,
      (void **)&exchange->control.own,  (void **)&exchange->control.all,    (void **)&exchange->control.block,
      (void **)&exchange->control.rows, (void **)&exchange->control.square, (void **)&exchange->control.block_range};
  for (size_t i = 0; i < sizeof held / sizeof *held; i++) ae_memory_free(held[i]);
  AE_FREE(*out);
}
