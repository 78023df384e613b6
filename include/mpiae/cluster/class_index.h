/* Who is in which class: a table of counts per class and shard on every node, and each rank's own members sorted by
 * class. No rank keeps N of anything. Draws exemplars with replacement from a class of the whole dataset. */
#ifndef MPIAE_CLUSTER_CLASS_INDEX_H
#define MPIAE_CLUSTER_CLASS_INDEX_H

#include "mpiae/comm/comm.h"
#include "mpiae/comm/shards.h"

typedef struct ae_class_index ae_class_index;

/* Collective. label: own examples, each in [0, classes) (asserted). Keeps its own copy of what it needs.
 * Errors: AE_INTERNAL when the K × V table does not fit in memory or in 32-bit counts (says K and V). */
ae_status ae_class_index_create(const ae_comm *comm, const ae_shards *shards, const int32_t *label, int classes,
                                ae_class_index **out);
void ae_class_index_destroy(ae_class_index **index); /* Collective; NULL is fine */

/* Examples of a class in the whole dataset. */
int64_t ae_class_index_size(const ae_class_index *index, int class_number);

/* Collective. For every own example i and e < exemplars the global number of a member of i's class, drawn with
 * replacement by Philox(seed, AE_RANDOM_EXEMPLAR, epoch, i's global number), index e: member ⌊u·size⌋ in order of
 * global number. out: (own examples, exemplars). The same draws for any number of ranks. */
ae_status ae_class_index_draw(const ae_class_index *index, uint64_t seed, uint32_t epoch, int exemplars, int64_t *out);

/* A set of exemplars to be drawn: of a class, by numbers first … first + exemplars − 1 of stream `number`. */
typedef struct ae_exemplar_set {
  int32_t class_number;
  uint32_t first;
  int64_t number;
} ae_exemplar_set;

/* Collective. The same for sets that a rank names, on each as many as it likes: exemplar e of a set is drawn by
 * Philox(seed, AE_RANDOM_SHARED, epoch, its number), index first + e. out: (count, exemplars). */
ae_status ae_class_index_draw_sets(const ae_class_index *index, uint64_t seed, uint32_t epoch, int exemplars,
                                   const ae_exemplar_set *set, int64_t count, int64_t *out);

#endif
