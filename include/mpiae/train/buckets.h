/* How gradients are cut for their exchange (comm/exchange.h). Local. */
#ifndef MPIAE_TRAIN_BUCKETS_H
#define MPIAE_TRAIN_BUCKETS_H

#include "mpiae/graph/params.h"

enum { AE_MOST_BUCKETS = 1024 };

/* Buckets of whole parameters; the last ones leave first in the backward pass. What would be too little for a last one
 * goes with the one before. border: AE_MOST_BUCKETS + 1 places in the flat buffer; bucket b is border[b] …
 * border[b+1]−1. bucket_of: of each parameter. Returns how many there are. */
int ae_buckets_cut(const ae_params *params, int ranks, int64_t *border, int *bucket_of);

#endif
