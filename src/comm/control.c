#include "exchange_state.h"

#include "mpiae/base/arithmetic.h"
#include "mpiae/base/clones.h"
#include "mpiae/base/memory.h"
#include "mpiae/base/profile.h"

#include <stdlib.h>
#include <string.h>

/* Nodes of the tree over blocks that rank p contributes; written to `out` where not NULL, with places from `place` on.
 */
static int list_block_nodes(const ae_exchange *exchange, int rank, int64_t place, block_node *out) {
  ae_range nodes[AE_TREE_MAX_NODES];
  int listed = 0;
  for (int b = 0; b < exchange->buckets; b++) {
    const ae_range slice = ae_exchange_slice_of(exchange, b, rank);
    const int found = ae_tree_cover(exchange->count / AE_BLOCK, slice.begin / AE_BLOCK, slice.end / AE_BLOCK, nodes);
    for (int i = 0; i < found && out != NULL; i++) out[listed + i] = (block_node){nodes[i], place + listed + i};
    listed += found;
  }
  return listed;
}

static int compare_nodes(const void *a, const void *b) {
  const int64_t left = ((const block_node *)a)->range.begin, right = ((const block_node *)b)->range.begin;
  return (left > right) - (left < right);
}

/* A rank's control record: flags, its shard nodes' terms, its block nodes' sums. */
ae_status ae_exchange_create_control(ae_exchange *exchange, int64_t width) {
  const int ranks = exchange->shards.ranks;
  int64_t total = 0;
  exchange->control.width = width;
  AE_RETURN_IF(AE_NEW(exchange->control.size, ranks));
  AE_RETURN_IF(AE_NEW(exchange->control.at, ranks));
  for (int rank = 0; rank < ranks; rank++) {
    const int block_nodes = list_block_nodes(exchange, rank, 0, NULL);
    const int shard_nodes = exchange->nodes.first[rank + 1] - exchange->nodes.first[rank];
    exchange->control.block_nodes += block_nodes;
    AE_RETURN_IF(ae_to_int(1 + shard_nodes * width + block_nodes, "control record", &exchange->control.size[rank]));
    AE_RETURN_IF(ae_to_int(total, "control records", &exchange->control.at[rank]));
    total += exchange->control.size[rank];
  }
  AE_RETURN_IF(AE_NEW(exchange->control.own, exchange->control.size[exchange->shards.rank]));
  AE_RETURN_IF(AE_NEW(exchange->control.all, total));
  AE_RETURN_IF(AE_NEW(exchange->control.square, exchange->count / AE_BLOCK));
  AE_RETURN_IF(
      AE_NEW(exchange->control.rows, ae_max(exchange->control.block_nodes, exchange->all_nodes * ae_max(width, 1))));
  AE_RETURN_IF(AE_NEW(exchange->control.block, exchange->control.block_nodes));
  AE_RETURN_IF(AE_NEW(exchange->control.block_range, exchange->control.block_nodes));
  for (int rank = 0, listed = 0; rank < ranks; rank++) {
    const int shard_nodes = exchange->nodes.first[rank + 1] - exchange->nodes.first[rank];
    const int64_t place = exchange->control.at[rank] + 1 + shard_nodes * width;
    listed += list_block_nodes(exchange, rank, place, exchange->control.block + listed);
  }
  qsort(exchange->control.block, (size_t)exchange->control.block_nodes, sizeof(block_node), compare_nodes);
  for (int i = 0; i < exchange->control.block_nodes; i++)
    exchange->control.block_range[i] = exchange->control.block[i].range;
  return AE_OK;
}

/* Sum of squares of each block in float64: 32 lanes, then their sum in order. From the last block on: what was written
 * last is in the cache. */
AE_CLONES static void square_blocks(const float *restrict values, int64_t blocks, double *restrict sums) {
  enum { LANES = 32 };
  for (int64_t block = blocks - 1; block >= 0; block--) {
    const float *restrict value = values + block * AE_BLOCK;
    double lane[LANES] = {0}, sum = 0;
    for (int i = 0; i < AE_BLOCK; i += LANES)
      for (int j = 0; j < LANES; j++) lane[j] += (double)value[i + j] * (double)value[i + j];
    for (int j = 0; j < LANES; j++) sum += lane[j];
    sums[block] = sum;
  }
}

void ae_exchange_square(ae_exchange *exchange, int b) {
  const ae_range own = exchange->bucket[b].own;
  square_blocks(exchange->gradient[0] + own.begin, ae_range_length(own) / AE_BLOCK,
                exchange->control.square + own.begin / AE_BLOCK);
}

/* Own block nodes' sums of squares, into the record. */
static void add_squares(const ae_exchange *exchange, double *out) {
  ae_range nodes[AE_TREE_MAX_NODES];
  for (int b = 0; b < exchange->buckets; b++) {
    const ae_range own = exchange->bucket[b].own;
    const int count = ae_tree_cover(exchange->count / AE_BLOCK, own.begin / AE_BLOCK, own.end / AE_BLOCK, nodes);
    for (int i = 0; i < count; i++) {
      double *sums = exchange->control.square + nodes[i].begin;
      ae_tree_add(nodes[i].end - nodes[i].begin, sums, 1);
      *out++ = *sums;
    }
  }
}

/* Own shards' terms added to own nodes, into the record. */
static void add_terms(ae_exchange *exchange, double *terms, double *out) {
  const int64_t width = exchange->control.width;
  const ae_range *nodes = ae_exchange_plane_shards(exchange);
  for (int node = 0; node < exchange->own_nodes; node++, out += width) {
    double *rows = terms + (nodes[node].begin - exchange->shards.first) * width;
    ae_tree_add(nodes[node].end - nodes[node].begin, rows, width);
    memcpy(out, rows, (size_t)width * sizeof *rows);
  }
}

/* The trees over shards and blocks, finished from all ranks' records. */
static void finish_control(ae_exchange *exchange, ae_control *control) {
  const int64_t width = exchange->control.width;
  double *rows = exchange->control.rows;
  control->flags = 0;
  for (int rank = 0; rank < exchange->shards.ranks; rank++) {
    const double *record = exchange->control.all + exchange->control.at[rank];
    const int first = exchange->nodes.first[rank], count = exchange->nodes.first[rank + 1] - first;
    control->flags |= (uint32_t)record[0];
    memcpy(rows + first * width, record + 1, (size_t)(count * width) * sizeof *rows);
  }
  ae_tree_finish(exchange->shards.shards, exchange->nodes.range, exchange->all_nodes, rows, width, control->sums);
  for (int i = 0; i < exchange->control.block_nodes; i++)
    rows[i] = exchange->control.all[exchange->control.block[i].place];
  ae_tree_finish(exchange->count / AE_BLOCK, exchange->control.block_range, exchange->control.block_nodes, rows, 1,
                 &control->squared_norm);
}

void ae_exchange_control(ae_exchange *exchange, ae_control *control) {
  double *own = exchange->control.own;
  own[0] = control->flags;
  add_terms(exchange, control->terms, own + 1);
  add_squares(exchange, own + 1 + exchange->own_nodes * exchange->control.width);
  const bool before = ae_profile_wait(true);
  ae_comm_require(exchange->comm,
                  MPI_Allgatherv(own, exchange->control.size[exchange->shards.rank], MPI_DOUBLE, exchange->control.all,
                                 exchange->control.size, exchange->control.at, MPI_DOUBLE, exchange->handle),
                  "control reduction");
  ae_profile_wait(before);
  finish_control(exchange, control);
}
