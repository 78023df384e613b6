/* vhe.sets=class: the examples of a class among a shard's rows of a step share one set of exemplars. Which sets a step
 * has, and what is drawn for them: by counters of seed, epoch, step, shard and class, so that no set depends on ranks, nor
 * on the examples that share it. */
#ifndef MPIAE_MODELS_VHE_SHARED_SETS_H
#define MPIAE_MODELS_VHE_SHARED_SETS_H

#include "mpiae/data/sampler.h"
#include "mpiae/models/vhe/pseudo_labels.h"

typedef struct vhe_shared_sets {
  const ae_pseudo_labels *labels;
  ae_sampler *sampler; /* tells the steps of an epoch before they come */
  int exemplars;
  int64_t *begin;       /* (steps + 1): where the sets of a step begin among those of the epoch */
  ae_exemplar_set *set; /* (own): those of the epoch; each has an example, so there are no more */
  int64_t *drawn;       /* (own, exemplars): their exemplars, global numbers */
  int64_t *place;       /* (classes): of the set of a class in its segment, −1: none yet */
  /* of the batch that was listed last */
  int64_t *offset; /* (own shards + 1): as that of the batch, of sets in place of rows */
  int64_t *of_row; /* (capacity): the set of each row, from 0 in its segment */
} vhe_shared_sets;

/* Local. labels lent, of training. */
ae_status ae_vhe_shared_sets_create(const ae_pseudo_labels *labels, int exemplars, vhe_shared_sets **out);
void ae_vhe_shared_sets_destroy(vhe_shared_sets **sets); /* NULL is fine */

/* Local. The most sets that a step can have on this rank. */
int64_t ae_vhe_shared_sets_capacity(const vhe_shared_sets *sets);

/* Collective. Draws the sets of an epoch, whose classes are indexed. */
ae_status ae_vhe_shared_sets_draw(vhe_shared_sets *sets, uint32_t epoch);

/* Local. The sets of a batch of that epoch, into offset and of_row. Returns their exemplars, lent. */
const int64_t *ae_vhe_shared_sets_list(vhe_shared_sets *sets, const ae_batch *batch);

#endif
