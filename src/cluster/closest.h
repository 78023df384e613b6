/* The closest rows to a block of queries, piece by piece: products in float32 rule out what is surely too far, float64
 * decides. Local. */
#ifndef MPIAE_CLUSTER_CLOSEST_H
#define MPIAE_CLUSTER_CLOSEST_H

#include "mpiae/base/status.h"

#include <stdint.h>

/* Queries and candidates in a block: their products stay in the cache. */
enum { AE_CLOSEST_QUERIES = 128, AE_CLOSEST_CANDIDATES = 256 };

/* Consecutive examples and what is known of their closest. Plain data; all lent. */
typedef struct ae_closest_queries {
  const float *rows; /* (count, dim) */
  int64_t first;     /* global number of the first */
  int64_t count;     /* at most AE_CLOSEST_QUERIES */
  int64_t *number;   /* (count, wanted) closest first, ties to the lowest; −1 = none yet */
  double *distance;  /* (count, wanted) ae_nearest_distance; infinite = none yet */
} ae_closest_queries;

typedef struct ae_closest ae_closest;

/* wanted: rows to keep for each query; most_rows: of any piece; origin: (dim), copied: any point, the middle of the
 * rows makes it fastest. */
ae_status ae_closest_create(int64_t dim, int wanted, int64_t most_rows, const float *origin, ae_closest **out);
void ae_closest_destroy(ae_closest **closest);

/* The piece to search: `count` consecutive examples from global number `first`; rows (count, dim) are lent. No value
 * may exceed AE_NEAREST_LIMIT in size. Returns its number of blocks of candidates. */
int64_t ae_closest_take_piece(ae_closest *closest, const float *rows, int64_t first, int64_t count);

/* The queries to search for, kept until the next call. Same limit. */
void ae_closest_take_queries(ae_closest *closest, const ae_closest_queries *queries);

/* The block of the piece where it pays to begin: rows near in number are often near. */
int64_t ae_closest_first_block(const ae_closest *closest);

/* Looks through one block of the piece. Every block must be searched once, in any order. A query is not its own
 * candidate. */
void ae_closest_search(ae_closest *closest, int64_t block);

#endif
