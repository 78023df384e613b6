/* The state of the gradient exchange: exchange.c (its memory), exchange_layout.c (who gives what to whom), halves.c
 * (both halves), control.c (the control reduction between them). */
#ifndef MPIAE_COMM_EXCHANGE_STATE_H
#define MPIAE_COMM_EXCHANGE_STATE_H

#include "mpiae/comm/exchange.h"
#include "mpiae/comm/nodes.h"
#include "mpiae/comm/shared.h"

#include <stdatomic.h>

/* Messages under way. */
typedef struct messages {
  MPI_Request *request;
  int count;
} messages;

/* How far a bucket is in the first half. SENT: also what this rank has to send is on its way. */
typedef enum stage { IDLE, STARTED, SENT } stage;

/* One bucket: its place in the flat buffer, and what is under way for it. */
typedef struct parcel {
  ae_range own; /* own slice, floats */
  stage stage;
  float *received;     /* foreign partials × own floats, domains ascending */
  float *added;        /* partials for guests that are sums of several planes */
  messages partials;   /* first half, both ways */
  messages arrivals;   /* second half: guests' slices */
  messages departures; /* second half: the own slice */
} parcel;

/* The sum over one maximal subtree of a domain's shards: nothing else of its gradients leaves the domain. It is that of
 * `planes` rows of the layout, from `first` on. */
typedef struct ae_partial {
  ae_range shards;
  int first, planes;
} ae_partial;

/* A domain elsewhere: its lane for this rank, and the partials it gives: place … place+partials−1 of the foreign ones. */
typedef struct ae_peer {
  int lane, place, partials;
} ae_peer;

/* Who gives what to whom. Peers and guests begin behind this rank, so that no rank is the first of all others. */
typedef struct ae_layout {
  ae_range *range;   /* the tree as an owner finishes it, ascending: planes of the own domain, partials of the others */
  float **plane;     /* of each row; NULL: it is received */
  const float **row; /* scratch: where a row's floats are */
  int rows, foreign; /* how many; how many of them are received */
  ae_partial *partial; /* of the own domain */
  int partials;
  ae_peer *peer; /* domains elsewhere */
  int peers;
  int *guest; /* ranks elsewhere whose lane this rank is in its domain */
  int guests;
} ae_layout;

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
  int own_nodes, all_nodes;
  int64_t count, *border;
  int buckets;
  ae_shared *shared;
  const ae_domains *domains; /* of it */
  ae_layout layout;
  parcel *bucket;
  ae_range *slices;
  int slice_count;
  float *values, **gradient;
  MPI_Request *requests;
  float *received, *added;
  int *share, *share_at;  /* scratch: of each rank, the floats of its slice of a bucket and where they begin */
  int64_t step;           /* second halves begun */
  int64_t brought;        /* buckets, over all steps, whose new values this rank has put where its domain reads them */
  _Atomic int64_t **mark; /* of each rank of the domain: the step for which each bucket is final; last, `brought` */
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

static inline int64_t ae_range_length(ae_range range) { return range.end - range.begin; }

/* exchange_layout.c. Local. The floats of bucket b that rank p owns: whole blocks. Bytes of a plane, which are those of the
 * values too, and of a rank's piece of its domain's memory, which begins with its marks. A plane of a rank of the own
 * domain. */
ae_range ae_exchange_slice_of(const ae_exchange *exchange, int b, int rank);
int64_t ae_exchange_plane_bytes(const ae_exchange *exchange);
int64_t ae_exchange_piece_bytes(const ae_exchange *exchange);
float *ae_exchange_plane_of(const ae_exchange *exchange, int rank, int plane);
ae_status ae_exchange_create_layout(ae_exchange *exchange);
void ae_exchange_free_layout(ae_layout *layout);

/* control.c. Local. */
ae_status ae_exchange_create_control(ae_exchange *exchange, int64_t width);
/* Sums of squares over own blocks of bucket b, for the norm, when its global gradient has just been written. */
void ae_exchange_square(ae_exchange *exchange, int b);

#endif
