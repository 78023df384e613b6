#include "mpiae/data/block.h"

#include "mpiae/base/arithmetic.h"

/* The block that begins at `place`; an empty one at the end. Slices without examples are passed by. */
static void place_block(ae_block_walk *walk, int64_t place) {
  const ae_dataset *data = walk->block.data;
  const ae_shards *shards = &data->shards;
  const int64_t begin = ae_shards_own_begin(shards);
  walk->place = place;
  walk->block.count = 0;
  if (place >= ae_shards_own_count(shards)) return;
  while (ae_shards_begin(shards, shards->first + walk->shard + 1) <= begin + place) walk->shard++;
  const int64_t end = ae_shards_begin(shards, shards->first + walk->shard + 1) - begin;
  walk->block.count = ae_min(AE_BLOCK_ROWS, end - place);
  walk->block.rows = ae_dataset_row(data, begin + place);
  walk->block.example = walk->example;
  for (int64_t i = 0; i < walk->block.count; i++) walk->example[i] = begin + place + i;
}

void ae_block_first(ae_block_walk *walk, const ae_dataset *data) {
  walk->block.data = data;
  walk->shard = 0;
  place_block(walk, 0);
}

void ae_block_next(ae_block_walk *walk) { place_block(walk, walk->place + walk->block.count); }

void ae_block_share(const ae_comm *comm, int64_t count, int64_t *begin, int64_t *end) {
  const int64_t blocks = (count + AE_BLOCK_ROWS - 1) / AE_BLOCK_ROWS;
  const int rank = ae_comm_rank(comm), size = ae_comm_size(comm);
  *begin = ae_min(count, blocks * rank / size * AE_BLOCK_ROWS);
  *end = ae_min(count, blocks * (rank + 1) / size * AE_BLOCK_ROWS);
}
