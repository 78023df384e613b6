/* Blocks of examples: what a pass of inference takes at once. Their borders depend on the dataset's slices alone, never
 * on the number of ranks, so results are the same bits for any. */
#ifndef MPIAE_DATA_BLOCK_H
#define MPIAE_DATA_BLOCK_H

#include "mpiae/data/dataset.h"

/* Most rows of a block. */
#define AE_BLOCK_ROWS 256

/* Most points of a block of sets, unless it is one larger set. */
#define AE_BLOCK_POINTS 8192

/* Some examples; all lent. */
typedef struct ae_block {
  const ae_dataset *data; /* what the rows are; one that is open */
  int64_t count;          /* at most AE_BLOCK_ROWS for the hooks of models */
  const int64_t *example; /* their global numbers */
  const void *rows;       /* in the stored type of the data; of sets: their points, packed */
  const int64_t *offset;  /* of sets: example i is points offset[i] … offset[i+1], offset[0] = 0; NULL for arrays */
} ae_block;

/* A walk over this rank's examples, block by block; each slice of the dataset begins a new one. */
typedef struct ae_block_walk {
  ae_block block;
  int64_t place; /* of the block's first example among the own ones */
  int shard;     /* own shard that the block is of, from 0 */
  int64_t example[AE_BLOCK_ROWS];
  int64_t offset[AE_BLOCK_ROWS + 1];
} ae_block_walk;

/* Local. Of a dataset whose rows are not kept one walk at a time, and afterwards ae_dataset_take_error.
 * for (ae_block_first(&walk, data); walk.block.count > 0; ae_block_next(&walk)) … */
void ae_block_first(ae_block_walk *walk, const ae_dataset *data);
void ae_block_next(ae_block_walk *walk);

/* Examples in memory of their own. */
typedef struct ae_block_copy {
  ae_block block; /* lends what follows */
  int64_t *example, *offset;
  void *rows;
} ae_block_copy;

/* Collective. `count` examples (global numbers in any order, equal on all ranks), of arrays or of sets, as a block on
 * every rank. Errors: those of ae_dataset_fetch. */
ae_status ae_block_fetch(const ae_comm *comm, const ae_dataset *data, const int64_t *examples, int64_t count,
                         ae_block_copy *out);
void ae_block_copy_free(ae_block_copy *copy); /* Local; a zeroed one is fine */

/* Local. The part of `count` things, cut into blocks of AE_BLOCK_ROWS, that a rank has: [*begin, *end). */
void ae_block_share(const ae_comm *comm, int64_t count, int64_t *begin, int64_t *end);

#endif
