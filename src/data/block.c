#include "mpiae/data/block.h"

#include "mpiae/base/arithmetic.h"
#include "mpiae/base/memory.h"
#include "mpiae/data/loader.h"

#include <string.h>

/* The sets from `place` on, at most `most`, that a block has. */
static void place_sets(ae_block_walk *walk, int64_t place, int64_t most) {
  const ae_dataset *data = walk->block.data;
  const int64_t *offset = data->offset + place;
  int64_t count = 1;
  while (count < most && offset[count + 1] - offset[0] <= AE_BLOCK_POINTS) count++;
  for (int64_t i = 0; i <= count; i++) walk->offset[i] = offset[i] - offset[0];
  walk->block.count = count;
  walk->block.rows = (const char *)data->rows + offset[0] * data->row_bytes;
  walk->block.offset = walk->offset;
}

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
  if (data->offset != NULL) place_sets(walk, place, walk->block.count);
  else if (data->loader != NULL) walk->block.rows = ae_loader_rows(data->loader, begin + place, walk->block.count);
  else walk->block.rows = ae_dataset_row(data, begin + place);
  walk->block.example = walk->example;
  for (int64_t i = 0; i < walk->block.count; i++) walk->example[i] = begin + place + i;
}

void ae_block_first(ae_block_walk *walk, const ae_dataset *data) {
  walk->block = (ae_block){.data = data};
  walk->shard = 0;
  place_block(walk, 0);
}

void ae_block_next(ae_block_walk *walk) { place_block(walk, walk->place + walk->block.count); }

static ae_status fetch_arrays(const ae_comm *comm, const ae_dataset *data, ae_block_copy *out) {
  char *rows = NULL;
  const ae_status allocated = AE_NEW(rows, out->block.count * data->row_bytes);
  out->rows = rows;
  AE_RETURN_IF(ae_comm_agree(comm, allocated));
  return ae_dataset_fetch(comm, data, out->example, out->block.count, rows);
}

static ae_status fetch_sets(const ae_comm *comm, const ae_dataset *data, ae_block_copy *out) {
  const int64_t count = out->block.count;
  float *points = NULL;
  AE_RETURN_IF(ae_comm_agree(comm, AE_NEW(out->offset, count + 1)));
  AE_RETURN_IF(ae_dataset_fetch_offsets(comm, data, out->example, count, out->offset));
  const ae_status allocated = AE_NEW(points, out->offset[count] * data->features);
  out->rows = points;
  AE_RETURN_IF(ae_comm_agree(comm, allocated));
  return ae_dataset_fetch_sets(comm, data, out->example, count, out->offset, points);
}

ae_status ae_block_fetch(const ae_comm *comm, const ae_dataset *data, const int64_t *examples, int64_t count,
                         ae_block_copy *out) {
  *out = (ae_block_copy){.block = {.data = data, .count = count}};
  ae_status status = ae_comm_agree(comm, AE_NEW(out->example, count));
  if (status == AE_OK && count > 0) memcpy(out->example, examples, (size_t)count * sizeof *examples);
  if (status == AE_OK) status = data->offset != NULL ? fetch_sets(comm, data, out) : fetch_arrays(comm, data, out);
  if (status != AE_OK) ae_block_copy_free(out);
  out->block.example = out->example;
  out->block.offset = out->offset;
  out->block.rows = out->rows;
  return status;
}

void ae_block_copy_free(ae_block_copy *copy) {
  AE_FREE(copy->example);
  AE_FREE(copy->offset);
  AE_FREE(copy->rows);
}

void ae_block_share(const ae_comm *comm, int64_t count, int64_t *begin, int64_t *end) {
  const int64_t blocks = (count + AE_BLOCK_ROWS - 1) / AE_BLOCK_ROWS;
  const int rank = ae_comm_rank(comm), size = ae_comm_size(comm);
  *begin = ae_min(count, blocks * rank / size * AE_BLOCK_ROWS);
  *end = ae_min(count, blocks * (rank + 1) / size * AE_BLOCK_ROWS);
}
