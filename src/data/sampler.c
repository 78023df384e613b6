#include "mpiae/data/sampler.h"

#include "mpiae/base/arithmetic.h"
#include "mpiae/base/memory.h"
#include "mpiae/base/philox.h"

struct ae_sampler {
  ae_shards shards;
  int64_t batch_size;
  uint64_t seed;
  uint32_t epoch;
  int64_t capacity;
  int64_t *order;        /* own examples, permuted within each shard */
  int64_t block, window; /* block 0: no blocks */
  int64_t *blocks;       /* of the own shards, each permuted */
  int64_t *example[2];   /* rows of even and of odd steps */
  int64_t *offset[2];
};

ae_status ae_sampler_create(const ae_shards *shards, int64_t batch_size, uint64_t seed, ae_sampler **out) {
  ae_status status = AE_OK;
  ae_sampler *sampler = NULL;
  *out = NULL;
  if (batch_size < 1) AE_RAISE(AE_USAGE, "a batch has %lld examples; at least 1 is needed", (long long)batch_size);
  AE_CHECK(AE_NEW(sampler, 1));
  sampler->shards = *shards;
  sampler->batch_size = batch_size;
  sampler->seed = seed;
  sampler->capacity = ae_shards_most_taken(shards, batch_size);
  AE_CHECK(AE_NEW(sampler->order, ae_shards_own_count(shards)));
  for (int i = 0; i < 2; i++) {
    AE_CHECK(AE_NEW(sampler->example[i], sampler->capacity));
    AE_CHECK(AE_NEW(sampler->offset[i], shards->count + 1));
  }
  *out = sampler;
  return AE_OK;
cleanup:
  ae_sampler_destroy(&sampler);
  return status;
}

void ae_sampler_destroy(ae_sampler **sampler) {
  if (*sampler == NULL) return;
  AE_FREE((*sampler)->order);
  AE_FREE((*sampler)->blocks);
  for (int i = 0; i < 2; i++) {
    AE_FREE((*sampler)->example[i]);
    AE_FREE((*sampler)->offset[i]);
  }
  AE_FREE(*sampler);
}

int64_t ae_sampler_steps(const ae_sampler *sampler) {
  return (sampler->shards.examples + sampler->batch_size - 1) / sampler->batch_size;
}

int64_t ae_sampler_capacity(const ae_sampler *sampler) { return sampler->capacity; }

/* Fisher–Yates, with the draws of the stream from `from` on. */
static void permute(ae_stream stream, int64_t from, int64_t *order, int64_t count) {
  for (int64_t i = count - 1; i > 0; i--) {
    const int64_t j = ae_random_below(stream, (uint32_t)(from + i), i + 1);
    const int64_t swapped = order[i];
    order[i] = order[j];
    order[j] = swapped;
  }
}

static int64_t shard_rows(const ae_sampler *sampler, int s) {
  const int shard = sampler->shards.first + s;
  return ae_shards_begin(&sampler->shards, shard + 1) - ae_shards_begin(&sampler->shards, shard);
}

int64_t ae_sampler_block(const ae_sampler *sampler) { return sampler->block; }

int64_t ae_sampler_window(const ae_sampler *sampler) { return sampler->window; }

int64_t ae_sampler_blocks(const ae_sampler *sampler, int s) {
  return (shard_rows(sampler, s) + sampler->block - 1) / sampler->block;
}

const int64_t *ae_sampler_block_order(const ae_sampler *sampler, int s) {
  const int64_t *order = sampler->blocks;
  for (int before = 0; before < s; before++) order += ae_sampler_blocks(sampler, before);
  return order;
}

int64_t ae_sampler_most_of_shard(const ae_sampler *sampler) {
  const ae_shards *shards = &sampler->shards;
  const int64_t rows = shards->examples / shards->shards + 1;
  return ae_min(sampler->batch_size, ae_min(rows, ae_muldiv(rows, sampler->batch_size, shards->examples) + 3));
}

ae_status ae_sampler_shuffle_blocks(ae_sampler *sampler, int64_t block, int64_t window) {
  int64_t count = 0;
  AE_ASSERT(block >= 0 && (block == 0 || window >= 1));
  AE_FREE(sampler->blocks);
  sampler->block = block;
  sampler->window = window;
  if (block == 0) return AE_OK;
  for (int s = 0; s < sampler->shards.count; s++) count += ae_sampler_blocks(sampler, s);
  return AE_NEW(sampler->blocks, count);
}

static void count_up(int64_t from, int64_t count, int64_t *out) {
  for (int64_t i = 0; i < count; i++) out[i] = from + i;
}

/* Blocks in a permuted order, and the examples of each window of them permuted. */
static void permute_blocks(const ae_sampler *sampler, int s, int64_t *blocks, int64_t *order) {
  const int shard = sampler->shards.first + s;
  const int64_t begin = ae_shards_begin(&sampler->shards, shard), end = begin + shard_rows(sampler, s);
  const int64_t count = ae_sampler_blocks(sampler, s);
  count_up(0, count, blocks);
  permute(ae_stream_of(sampler->seed, AE_RANDOM_BLOCK, sampler->epoch, shard), 0, blocks, count);
  for (int64_t i = 0, place = 0, window = 0; i < count; i++) {
    const int64_t first = begin + blocks[i] * sampler->block, rows = ae_min(sampler->block, end - first);
    count_up(first, rows, order + place);
    place += rows;
    if ((i + 1) % sampler->window > 0 && i + 1 < count) continue;
    permute(ae_stream_of(sampler->seed, AE_RANDOM_SHUFFLE, sampler->epoch, shard), window, order + window,
            place - window);
    window = place;
  }
}

void ae_sampler_begin(ae_sampler *sampler, uint32_t epoch) {
  const ae_shards *shards = &sampler->shards;
  int64_t *order = sampler->order, *blocks = sampler->blocks;
  sampler->epoch = epoch;
  for (int s = 0; s < shards->count; s++) {
    const int shard = shards->first + s;
    const int64_t count = shard_rows(sampler, s);
    if (sampler->block > 0) {
      permute_blocks(sampler, s, blocks, order);
      blocks += ae_sampler_blocks(sampler, s);
    } else {
      count_up(ae_shards_begin(shards, shard), count, order);
      permute(ae_stream_of(sampler->seed, AE_RANDOM_SHUFFLE, epoch, shard), 0, order, count);
    }
    order += count;
  }
}

void ae_sampler_batch(ae_sampler *sampler, int64_t step, ae_batch *batch) {
  const ae_shards *shards = &sampler->shards;
  int64_t *example = sampler->example[step % 2], *offset = sampler->offset[step % 2], row = 0;
  AE_ASSERT(step >= 0 && step < ae_sampler_steps(sampler));
  for (int s = 0; s < shards->count; s++) {
    const int shard = shards->first + s;
    const int64_t *order = sampler->order + (ae_shards_begin(shards, shard) - ae_shards_own_begin(shards));
    const int64_t end = ae_shards_taken(shards, shard, step + 1, sampler->batch_size);
    offset[s] = row;
    for (int64_t i = ae_shards_taken(shards, shard, step, sampler->batch_size); i < end; i++) {
      AE_ASSERT(row < sampler->capacity);
      example[row++] = order[i];
    }
  }
  offset[shards->count] = row;
  *batch = (ae_batch){.epoch = sampler->epoch,
                      .step = step,
                      .steps = ae_sampler_steps(sampler),
                      .global_rows = ae_min(sampler->batch_size, shards->examples - step * sampler->batch_size),
                      .segments = shards->count,
                      .offset = offset,
                      .example = example};
}

static int64_t count_points(const ae_batch *batch, int64_t first, const int64_t *offset) {
  int64_t points = 0;
  for (int64_t row = 0; row < batch->offset[batch->segments]; row++) {
    const int64_t own = batch->example[row] - first;
    points += offset[own + 1] - offset[own];
  }
  return points;
}

int64_t ae_sampler_most_points(ae_sampler *sampler, uint32_t epochs, const int64_t *offset) {
  const int64_t first = ae_shards_own_begin(&sampler->shards);
  int64_t most = 0;
  for (uint32_t epoch = 1; epoch <= epochs; epoch++) {
    ae_sampler_begin(sampler, epoch);
    for (int64_t step = 0; step < ae_sampler_steps(sampler); step++) {
      ae_batch batch;
      ae_sampler_batch(sampler, step, &batch);
      most = ae_max(most, count_points(&batch, first, offset));
    }
  }
  return most;
}
