#include "mpiae/comm/nodes.h"

#include "mpiae/base/memory.h"

#include <string.h>

static int cover_rank(const ae_shards *shards, int rank, ae_range own[AE_TREE_MAX_NODES]) {
  return ae_tree_cover(shards->shards, ae_shards_first_of_rank(shards, rank), ae_shards_first_of_rank(shards, rank + 1),
                       own);
}

ae_status ae_nodes_create(const ae_shards *shards, ae_nodes *out) {
  ae_status status = AE_OK;
  ae_range own[AE_TREE_MAX_NODES];
  AE_CHECK(AE_NEW(out->first, shards->ranks + 1));
  for (int rank = 0; rank < shards->ranks; rank++)
    out->first[rank + 1] = out->first[rank] + cover_rank(shards, rank, own);
  AE_CHECK(AE_NEW(out->range, out->first[shards->ranks]));
  for (int rank = 0; rank < shards->ranks; rank++) {
    const int count = cover_rank(shards, rank, own);
    memcpy(out->range + out->first[rank], own, (size_t)count * sizeof *own);
  }
cleanup:
  if (status != AE_OK) ae_nodes_free(out);
  return status;
}

void ae_nodes_free(ae_nodes *nodes) {
  AE_FREE(nodes->range);
  AE_FREE(nodes->first);
}
