/* Shards: the dataset of N examples cut into V fixed contiguous slices, dealt to P ranks in contiguous runs: P ≤ V in
 * training; of blocks there may be fewer than ranks, and then some ranks hold none. The shard, not the rank, is the
 * unit of work and of summation, so results do not depend on P. Plain data; every function is Local and takes rank and
 * size as numbers, so tests can play any rank. */
#ifndef MPIAE_COMM_SHARDS_H
#define MPIAE_COMM_SHARDS_H

#include "mpiae/base/status.h"

#include <stdint.h>

typedef struct ae_shards {
  int64_t examples; /* N */
  int shards;       /* V */
  int rank, ranks;  /* r, P */
  int first, count; /* own shards: first … first+count−1; count 0 only when P > V */
} ae_shards;

/* Errors: AE_USAGE when ranks > shards (says so and how to mend it) or shards < 1. Shards may be empty (V > N). */
ae_status ae_shards_init(ae_shards *shards, int64_t examples, int shard_count, int rank, int ranks);

/* The slices of evaluation and encoding: V = max(1, ⌈N/block⌉), each of at most `block` ≥ 1 examples. P > V is allowed:
 * V of the ranks then hold one slice each and the others none; every function below, ae_nodes and the sums of
 * reduce.h hold for them. Errors: AE_INTERNAL when V does not fit an int. */
ae_status ae_shards_init_blocks(ae_shards *shards, int64_t examples, int64_t block, int rank, int ranks);

/* First example of shard v: ⌊vN/V⌋; v = V gives N. */
int64_t ae_shards_begin(const ae_shards *shards, int shard);

/* First shard of rank r: ⌊rV/P⌋; r = P gives V. A rank without shards has the first of the next that has some. */
int ae_shards_first_of_rank(const ae_shards *shards, int rank);

/* The shard that holds an example; the rank that holds a shard. */
int ae_shards_find(const ae_shards *shards, int64_t example);
int ae_shards_owner(const ae_shards *shards, int shard);

/* Own examples: a contiguous range [own_begin, own_begin + own_count). */
int64_t ae_shards_own_begin(const ae_shards *shards);
int64_t ae_shards_own_count(const ae_shards *shards);

/* Examples shard v has given to the batches after t steps of `batch` ≥ 1 examples: ⌊S_{v+1} x/N⌋ − ⌊S_v x/N⌋
 * with x = min(t·batch, N). Where a batch has less than an example for some shard (about batch < V), the rule
 * holds for groups of steps, and the steps of a group take its examples in order of shards: by the rule alone a
 * shard's share could fall. */
int64_t ae_shards_taken(const ae_shards *shards, int shard, int64_t steps, int64_t batch);

/* A bound on the examples that own shards together give to one step; at most 2 above the true one where the rule
 * holds for single steps. */
int64_t ae_shards_most_taken(const ae_shards *shards, int64_t batch);

#endif
