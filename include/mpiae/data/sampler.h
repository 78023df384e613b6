/* Which examples make up a step. Each shard's examples are permuted afresh every epoch (Fisher–Yates,
 * Philox(seed, AE_RANDOM_SHUFFLE, epoch, shard)); step t takes from shard v its next ae_shards_taken(t+1) −
 * ae_shards_taken(t). Local.
 *
 * For data that are read from a file in every epoch the shuffle can be one of blocks, each so many examples of a shard, one
 * after another: they are permuted, and then the examples within each window of so many blocks (the last block of a shard
 * and the last window may be smaller). All of it depends on seed, epoch and shard alone. */
#ifndef MPIAE_DATA_SAMPLER_H
#define MPIAE_DATA_SAMPLER_H

#include "mpiae/comm/shards.h"

typedef struct ae_sampler ae_sampler;

/* The rows of one step on this rank: segment s (own shard first+s) is rows offset[s] … offset[s+1]; example[row]
 * is a global number. */
typedef struct ae_batch {
  uint32_t epoch;         /* from 1 */
  int64_t step, steps;    /* in the epoch, from 0; how many it has */
  int64_t global_rows;    /* over all ranks: B, fewer in the last step */
  int segments;           /* own shards */
  const int64_t *offset;  /* segments + 1; lent */
  const int64_t *example; /* offset[segments]; lent */
} ae_batch;

ae_status ae_sampler_create(const ae_shards *shards, int64_t batch_size, uint64_t seed, ae_sampler **out);
void ae_sampler_destroy(ae_sampler **sampler);

/* Before the first epoch. Shuffles by blocks of `block` examples, in windows of `window` of them; block 0: each shard as a
 * whole. */
ae_status ae_sampler_shuffle_blocks(ae_sampler *sampler, int64_t block, int64_t window);

/* How it shuffles. Blocks of own shard s, from 0, in the order of this epoch: numbers from 0 within the shard. */
int64_t ae_sampler_block(const ae_sampler *sampler);
int64_t ae_sampler_window(const ae_sampler *sampler);
int64_t ae_sampler_blocks(const ae_sampler *sampler, int s);
const int64_t *ae_sampler_block_order(const ae_sampler *sampler, int s);

/* A bound on the examples that a shard gives to one step. */
int64_t ae_sampler_most_of_shard(const ae_sampler *sampler);

int64_t ae_sampler_steps(const ae_sampler *sampler);    /* per epoch: ⌈N/B⌉ */
int64_t ae_sampler_capacity(const ae_sampler *sampler); /* most rows a step can have on this rank */

/* Makes the permutations of an epoch. */
void ae_sampler_begin(ae_sampler *sampler, uint32_t epoch);

/* The most points that a step of the epochs 1 … epochs has on this rank, the own examples being packed sets: the i-th is
 * points offset[i] … offset[i + 1]. Goes through them all: epochs × own examples. The sampler is left in the last. */
int64_t ae_sampler_most_points(ae_sampler *sampler, uint32_t epochs, const int64_t *offset);

/* The rows of step t, 0 ≤ t < steps. Two batches may be alive: the one of t and the one of t+1 (double-buffered
 * by parity of t). */
void ae_sampler_batch(ae_sampler *sampler, int64_t step, ae_batch *batch);

#endif
