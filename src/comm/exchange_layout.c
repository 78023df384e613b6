/* Whose floats are whose, and who gives what to whom. */
#include "exchange_state.h"

#include "mpiae/base/arithmetic.h"
#include "mpiae/base/memory.h"

const ae_range *ae_exchange_plane_shards(const ae_exchange *exchange) {
  return exchange->nodes.range + exchange->nodes.first[exchange->shards.rank];
}

int ae_exchange_slices(const ae_exchange *exchange, const ae_range **slices) {
  *slices = exchange->slices;
  return exchange->slice_count;
}

int ae_exchange_domains(const ae_exchange *exchange) { return exchange->domains->count; }

int ae_exchange_partials(const ae_exchange *exchange) {
  const ae_layout *layout = &exchange->layout;
  int most = layout->peers > 0 ? layout->partials : 0;
  for (int i = 0; i < layout->peers; i++) most = (int)ae_max(most, layout->peer[i].partials);
  return most;
}

/* A rank's piece of the memory of its domain: marks, then its planes. */
static int64_t marks_bytes(const ae_exchange *exchange) {
  return ae_round_up((exchange->buckets + 1) * (int64_t)sizeof **exchange->mark, 64);
}

int64_t ae_exchange_plane_bytes(const ae_exchange *exchange) { return exchange->count * (int64_t)sizeof(float); }

int64_t ae_exchange_piece_bytes(const ae_exchange *exchange) {
  return marks_bytes(exchange) + exchange->own_nodes * ae_exchange_plane_bytes(exchange);
}

float *ae_exchange_plane_of(const ae_exchange *exchange, int rank, int plane) {
  char *piece = ae_shared_piece(exchange->shared, rank);
  return (float *)(void *)(piece + marks_bytes(exchange) + plane * ae_exchange_plane_bytes(exchange));
}

ae_range ae_exchange_slice_of(const ae_exchange *exchange, int b, int rank) {
  const int64_t begin = exchange->border[b] / AE_BLOCK, blocks = exchange->border[b + 1] / AE_BLOCK - begin;
  const int ranks = exchange->shards.ranks;
  return (ae_range){(begin + blocks * rank / ranks) * AE_BLOCK, (begin + blocks * (rank + 1) / ranks) * AE_BLOCK};
}

/* The maximal subtrees of a domain's shards. */
static int cover_domain(const ae_exchange *exchange, int domain, ae_range out[AE_TREE_MAX_NODES]) {
  const int *first = exchange->domains->first;
  return ae_tree_cover(exchange->shards.shards, ae_shards_first_of_rank(&exchange->shards, first[domain]),
                       ae_shards_first_of_rank(&exchange->shards, first[domain + 1]), out);
}

/* Rows of the own domain: a plane each. */
static void list_planes(ae_exchange *exchange) {
  const ae_domains *domains = exchange->domains;
  ae_layout *out = &exchange->layout;
  for (int rank = domains->first[domains->own]; rank < domains->first[domains->own + 1]; rank++)
    for (int node = exchange->nodes.first[rank], plane = 0; node < exchange->nodes.first[rank + 1]; node++, plane++) {
      out->range[out->rows] = exchange->nodes.range[node];
      out->plane[out->rows++] = ae_exchange_plane_of(exchange, rank, plane);
    }
}

static void list_own_partials(ae_exchange *exchange) {
  ae_range nodes[AE_TREE_MAX_NODES];
  ae_layout *out = &exchange->layout;
  int row = out->rows;
  out->partials = cover_domain(exchange, exchange->domains->own, nodes);
  list_planes(exchange);
  for (int i = 0; i < out->partials; i++) {
    out->partial[i] = (ae_partial){nodes[i], row, 0};
    while (row < out->rows && out->range[row].end <= nodes[i].end) row++;
    out->partial[i].planes = row - out->partial[i].first;
  }
}

/* Rows of another domain; its place among the peers is that behind the own domain. */
static void list_foreign_partials(ae_exchange *exchange, int domain) {
  ae_range nodes[AE_TREE_MAX_NODES];
  const ae_domains *domains = exchange->domains;
  ae_layout *out = &exchange->layout;
  const int found = cover_domain(exchange, domain, nodes);
  out->peer[(domain - domains->own - 1 + domains->count) % domains->count] =
      (ae_peer){ae_domains_lane(domains, domain, exchange->shards.rank), out->foreign, found};
  for (int i = 0; i < found; i++) out->range[out->rows++] = nodes[i];
  out->foreign += found;
}

static void list_guests(ae_exchange *exchange) {
  const ae_domains *domains = exchange->domains;
  const int rank = exchange->shards.rank, ranks = exchange->shards.ranks;
  for (int i = 1; i < ranks; i++) {
    const int other = (rank + i) % ranks;
    if (ae_domains_find(domains, other) == domains->own || ae_domains_lane(domains, domains->own, other) != rank)
      continue;
    exchange->layout.guest[exchange->layout.guests++] = other;
  }
}

ae_status ae_exchange_create_layout(ae_exchange *exchange) {
  const ae_domains *domains = exchange->domains;
  ae_layout *out = &exchange->layout;
  out->peers = domains->count - 1;
  /* planes are at least as many as the partials they add up to */
  AE_RETURN_IF(AE_NEW(out->range, exchange->all_nodes));
  AE_RETURN_IF(AE_NEW(out->plane, exchange->all_nodes));
  AE_RETURN_IF(AE_NEW(out->row, exchange->all_nodes));
  AE_RETURN_IF(AE_NEW(out->partial, AE_TREE_MAX_NODES));
  AE_RETURN_IF(AE_NEW(out->peer, out->peers));
  AE_RETURN_IF(AE_NEW(out->guest, exchange->shards.ranks));
  for (int domain = 0; domain < domains->count; domain++)
    if (domain == domains->own) list_own_partials(exchange);
    else list_foreign_partials(exchange, domain);
  list_guests(exchange);
  return AE_OK;
}

void ae_exchange_free_layout(ae_layout *layout) {
  AE_FREE(layout->range);
  AE_FREE(layout->plane);
  AE_FREE(layout->row);
  AE_FREE(layout->partial);
  AE_FREE(layout->peer);
  AE_FREE(layout->guest);
}
