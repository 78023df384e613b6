#include "mpiae/base/arithmetic.h"
#include "mpiae/base/memory.h"
#include "mpiae/cluster/neighbours.h"
#include "mpiae/comm/reduce.h"
#include "mpiae/comm/window.h"

#include <math.h>

/* Queries whose neighbours' labels are fetched together. */
enum { BATCH = 1024 };

typedef struct ballot {
  int count;        /* neighbours of a query */
  int64_t *example; /* (BATCH, count) the known neighbours, one query's behind another's */
  int32_t *label;   /* (BATCH, count) theirs */
  int *voters;      /* (BATCH) how many each query has */
} ballot;

static ae_status ballot_create(ballot *b) {
  int64_t size;
  AE_RETURN_IF(ae_multiply(BATCH, b->count, "queries × neighbours", &size));
  AE_RETURN_IF(AE_NEW(b->example, size));
  AE_RETURN_IF(AE_NEW(b->label, size));
  return AE_NEW(b->voters, BATCH);
}

static void ballot_destroy(ballot *b) {
  AE_FREE(b->example);
  AE_FREE(b->label);
  AE_FREE(b->voters);
}

/* The label with most votes; of several the one that comes first. Negative without votes. */
static int32_t find_winner(const int32_t *label, int voters) {
  int32_t winner = -1;
  for (int i = 0, most = 0; i < voters; i++) {
    int votes = 0;
    for (int j = i; j < voters && label[i] >= 0; j++) votes += label[j] == label[i];
    if (votes <= most) continue;
    most = votes;
    winner = label[i];
  }
  return winner;
}

/* Labels of the neighbours of `queries` ≤ BATCH queries, wherever they are. */
static void collect(ballot *b, ae_window *labels, const int64_t *neighbour, int64_t queries) {
  int64_t asked = 0;
  for (int64_t q = 0; q < queries; q++) {
    b->voters[q] = 0;
    for (int k = 0; k < b->count; k++) {
      if (neighbour[q * b->count + k] < 0) continue;
      b->example[asked++] = neighbour[q * b->count + k];
      b->voters[q]++;
    }
  }
  ae_window_fetch(labels, b->example, asked, b->label);
  ae_window_wait(labels);
}

ae_status ae_neighbours_accuracy(const ae_comm *comm, const ae_shards *shards, const int32_t *label,
                                 const int64_t *neighbour, int count, int64_t queries, double *accuracy) {
  AE_ASSERT(count >= 1 && queries >= 0 && queries <= shards->examples);
  ae_status status;
  ballot b = {.count = count};
  ae_window *labels = NULL;
  int64_t tally[2] = {0}; /* labelled queries, and those found */
  const int64_t end = queries > 0 ? queries : shards->examples, begin = ae_shards_own_begin(shards);
  const int64_t own = ae_max(0, ae_min(ae_shards_own_count(shards), end - begin));
  AE_CHECK(ae_comm_agree(comm, ballot_create(&b)));
  AE_CHECK(ae_window_create(comm, shards, label, sizeof *label, &labels));
  for (int64_t at = 0; at < own; at += BATCH) {
    const int64_t batch = ae_min(BATCH, own - at);
    collect(&b, labels, neighbour + at * count, batch);
    const int32_t *votes = b.label;
    for (int64_t q = 0; q < batch; votes += b.voters[q++]) {
      if (label[at + q] < 0) continue;
      tally[0]++;
      tally[1] += find_winner(votes, b.voters[q]) == label[at + q];
    }
  }
  ae_reduce_integers(comm, tally, 2);
  *accuracy = tally[0] > 0 ? (double)tally[1] / (double)tally[0] : (double)NAN;
cleanup:
  ae_window_destroy(&labels);
  ballot_destroy(&b);
  return status;
}
