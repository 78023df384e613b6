#include "mpiae/comm/shards.h"

#include "mpiae/base/arithmetic.h"

static void deal_shards(ae_shards *shards, int64_t examples, int count, int rank, int ranks) {
  *shards = (ae_shards){.examples = examples, .shards = count, .rank = rank, .ranks = ranks};
  shards->first = ae_shards_first_of_rank(shards, rank);
  shards->count = ae_shards_first_of_rank(shards, rank + 1) - shards->first;
}

ae_status ae_shards_init(ae_shards *shards, int64_t examples, int shard_count, int rank, int ranks) {
  if (shard_count < 1) return AE_FAIL(AE_USAGE, "data.shards is %d: at least 1 is needed", shard_count);
  if (ranks > shard_count)
    return AE_FAIL(AE_USAGE,
                   "%d ranks but only %d shards (data.shards): a rank needs at least one. Start at most %d ranks, or "
                   "begin a new run with data.shards=%d or more",
                   ranks, shard_count, shard_count, ranks);
  deal_shards(shards, examples, shard_count, rank, ranks);
  return AE_OK;
}

ae_status ae_shards_init_blocks(ae_shards *shards, int64_t examples, int64_t block, int rank, int ranks) {
  int count;
  AE_ASSERT(block >= 1);
  AE_RETURN_IF(ae_to_int(ae_max(1, examples / block + (examples % block != 0)), "number of blocks", &count));
  deal_shards(shards, examples, count, rank, ranks);
  return AE_OK;
}

int64_t ae_shards_begin(const ae_shards *shards, int shard) {
  return ae_muldiv(shard, shards->examples, shards->shards);
}

int ae_shards_first_of_rank(const ae_shards *shards, int rank) {
  return (int)((int64_t)rank * shards->shards / shards->ranks);
}

/* The largest i with bound(i) ≤ x, where bound(i) = ⌊i·of/parts⌋. */
static int64_t slice_of(int64_t x, int64_t of, int64_t parts) {
  int64_t i = ae_muldiv(x, parts, of);
  while (i + 1 < parts && ae_muldiv(i + 1, of, parts) <= x) i++;
  return i;
}

int ae_shards_find(const ae_shards *shards, int64_t example) {
  AE_ASSERT(example >= 0 && example < shards->examples);
  return (int)slice_of(example, shards->examples, shards->shards);
}

int ae_shards_owner(const ae_shards *shards, int shard) { return (int)slice_of(shard, shards->shards, shards->ranks); }

int64_t ae_shards_own_begin(const ae_shards *shards) { return ae_shards_begin(shards, shards->first); }

int64_t ae_shards_own_count(const ae_shards *shards) {
  return ae_shards_begin(shards, shards->first + shards->count) - ae_shards_own_begin(shards);
}

/* Steps over which every shard that is not empty gives at least one example: below that, the shares rounded down
 * can fall from one step to the next, that is, a shard would take examples back. */
static int64_t steps_in_group(const ae_shards *shards, int64_t batch) {
  const int64_t least = ae_max(1, shards->examples / shards->shards);
  const int64_t rows = (shards->examples + least - 1) / least;
  return (rows + batch - 1) / batch;
}

/* What shards 0 … shard−1 together give between x = from and x = to. */
static int64_t given_below(const ae_shards *shards, int shard, int64_t from, int64_t to) {
  const int64_t begin = ae_shards_begin(shards, shard), n = shards->examples;
  return ae_muldiv(begin, to, n) - ae_muldiv(begin, from, n);
}

int64_t ae_shards_taken(const ae_shards *shards, int shard, int64_t steps, int64_t batch) {
  const int64_t n = shards->examples;
  if (n == 0) return 0;
  const int64_t wanted = steps > n / batch ? n : ae_min(steps * batch, n);
  const int64_t group = steps_in_group(shards, batch);
  const int64_t from = group > n / batch ? 0 : wanted / (group * batch) * (group * batch);
  const int64_t to = group > n / batch ? n : ae_min(from + group * batch, n);
  const int64_t before = given_below(shards, shard, from, to);
  const int64_t share = given_below(shards, shard + 1, from, to) - before;
  const int64_t earlier = given_below(shards, shard + 1, 0, from) - given_below(shards, shard, 0, from);
  return earlier + ae_max(0, ae_min(wanted - from - before, share));
}

int64_t ae_shards_most_taken(const ae_shards *shards, int64_t batch) {
  const int64_t n = shards->examples, own = ae_shards_own_count(shards), begin = ae_shards_own_begin(shards);
  if (n == 0) return 0;
  if (steps_in_group(shards, batch) > 1 || batch >= n) return ae_min(own, batch);
  const int64_t above = n - ae_muldiv(n - (begin + own), batch, n), below = ae_muldiv(begin, batch, n);
  return ae_min(ae_min(own, batch), batch - n + above - below);
}
