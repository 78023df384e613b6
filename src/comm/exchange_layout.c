/* Whose floats are whose. */
#include "exchange_state.h"

const ae_range *ae_exchange_plane_shards(const ae_exchange *exchange) {
  return exchange->nodes.range + exchange->nodes.first[exchange->shards.rank];
}

int ae_exchange_slices(const ae_exchange *exchange, const ae_range **slices) {
  *slices = exchange->slices;
  return exchange->slice_count;
}

ae_range ae_exchange_slice_of(const ae_exchange *exchange, int b, int rank) {
  const int64_t begin = exchange->border[b] / AE_BLOCK, blocks = exchange->border[b + 1] / AE_BLOCK - begin;
  const int ranks = exchange->shards.ranks;
  return (ae_range){(begin + blocks * rank / ranks) * AE_BLOCK, (begin + blocks * (rank + 1) / ranks) * AE_BLOCK};
}
