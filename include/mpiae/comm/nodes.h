/* The nodes of the tree over shards that the ranks contribute: each rank adds the maximal subtrees inside its own
 * shards. Local. */
#ifndef MPIAE_COMM_NODES_H
#define MPIAE_COMM_NODES_H

#include "mpiae/comm/shards.h"
#include "mpiae/comm/tree.h"

typedef struct ae_nodes {
  ae_range *range; /* of all ranks, ascending */
  int *first;      /* ranks + 1: rank p's nodes are range[first[p]] … range[first[p+1]−1] */
} ae_nodes;

/* Errors: AE_INTERNAL without memory. */
ae_status ae_nodes_create(const ae_shards *shards, ae_nodes *out);
void ae_nodes_free(ae_nodes *nodes);

#endif
