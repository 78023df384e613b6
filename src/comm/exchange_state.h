/* The state of the gradient exchange: exchange.c (both halves), control.c (the control reduction between them). */
#ifndef MPIAE_COMM_EXCHANGE_STATE_H
#define MPIAE_COMM_EXCHANGE_STATE_H

#include "mpiae/comm/exchange.h"
#include "mpiae/comm/nodes.h"
#include "mpiae/comm/shared.h"

#include <stdatomic.h>

/* One bucket: its place in the flat buffer, and the messages under way for it. */
typedef struct parcel {
  ae_range own;          /* own slice, floats */
  float *received;       /* foreign nodes × own floats, ranks ascending */
  MPI_Request *partials; /* first half: receives, then sends */
  int partial_count;
  MPI_Request *arrivals; /* second half: receives */
  int arrival_count;
  MPI_Request *departures; /* second half: sends */
  int departure_count;
} parcel;

/* Where a node of the tree over blocks stands in the gathered control records. */
typedef struct block_node {
  ae_range range;
  int64_t place;
} block_node;

struct ae_exchange {
  const ae_comm *comm;
  MPI_Comm handle;
  ae_shards shards;
  ae_nodes nodes;
  int own_nodes, all_nodes, foreign_nodes;
  int64_t count, *border;
  int buckets;
  parcel *bucket;
  ae_range *slices;
  int slice_count;
  float *values, **gradient;
  const float **rows; /* of all nodes, for finishing one bucket */
  MPI_Request *requests;
  float *received;
  ae_shared *shared; /* of ranks on one node: planes and values are read in place; NULL = messages */
  uint64_t step;     /* second halves begun */
  float **plane;     /* shared: of every node */
  _Atomic uint64_t *
      *mark; /* shared: of every rank, the step for which each bucket is ready, and behind them the step published */
  struct {
    int64_t width;
    int *size, *at;    /* doubles of each rank's record, and where it begins */
    double *own, *all; /* records */
    double *square;    /* of each block of the gradient, where it is own */
    double *rows;      /* node rows in tree order */
    block_node *block; /* nodes of the tree over blocks, ascending */
    int block_nodes;
    ae_range *block_range;
  } control;
};

/* The floats of bucket b that rank p owns: whole blocks. */
ae_range ae_exchange_slice_of(const ae_exchange *exchange, int b, int rank);

static inline int64_t ae_range_length(ae_range range) { return range.end - range.begin; }

/* control.c. Local. */
ae_status ae_exchange_create_control(ae_exchange *exchange, int64_t width);
/* Sums of squares over own blocks of bucket b, for the norm, when its global gradient has just been written. */
void ae_exchange_square(ae_exchange *exchange, int b);

#endif
