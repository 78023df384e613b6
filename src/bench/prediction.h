/* What a training step takes on P ranks in N nodes of R = P/N each, by what the exchange in two levels does
 * (comm/exchange.h) and what things take on a machine. Local.
 *
 * M floats of gradients, in B buckets; V shards. A node's shards are p maximal subtrees of the tree over shards (one
 * where each node has the same power of two of them), and its ranks hold q planes together (q = R where V = P). In a
 * step
 *
 *   a rank sends   B (N−1) (p+1)           messages, and receives as many: nodes are alike, so it is the lane of one rank
 *                                          on each other node, to which it gives p sums of each bucket; and of its own
 *                                          slice it sends the new values to one lane on each other node
 *   a node sends   4 (p+1) M (N−1)/N       bytes, and receives as many: of each float that is owned elsewhere p sums
 *                                          leave it, and of its own M/N floats the values go to N−1 nodes
 *   a rank moves   (q+p) (N−1) M/P         floats through its memory for the sums that it sends, where these are of
 *                                          several planes (else 0),
 *                  (q + (N−1) p + 1) M/P   to finish its own: a plane and a sum each are read once, the result written
 *                  7 M/P                   for Adam: gradient, both moments and value read, all but the gradient written
 *
 * Slices are taken for alike and whole; where buckets have fewer blocks than there are ranks, fewer messages are sent.
 * The control reduction gathers a record of P ranks, at most 1 + w + 2 B ⌈log₂(M/(1024 B P) + 1)⌉ numbers each, in
 * ⌈log₂ P⌉ rounds. The wire is a node's connection to the others, which sends and receives at once.
 *
 * Hidden is what passes while the rank computes: the sums of a bucket during the rest of the backward pass, which is two
 * thirds of the products, but for the last bucket; the values during the forward pass, but for the first. How much of
 * that the machine and its MPI allow only a run can tell, so both are predicted: all of it hidden, and nothing. */
#ifndef MPIAE_BENCH_PREDICTION_H
#define MPIAE_BENCH_PREDICTION_H

#include <stdint.h>

/* Constants of a machine. */
typedef struct ae_bench_machine {
  double fixed, row; /* seconds that a rank computes in a step: whatever its rows, and for each of them */
  double memory;     /* bytes a second that pass the memory of a rank, when all of its node are at work */
  double message;    /* seconds of a rank for a message sent and one received */
  double near, far;  /* seconds until a message arrives, within a node and between two */
  double wire;       /* bytes a second that a node sends, and receives */
} ae_bench_machine;

typedef struct ae_bench_layout {
  int ranks, nodes;           /* nodes divides ranks */
  int shards, buckets, terms; /* V, B, w */
  int64_t floats;             /* M */
} ae_bench_layout;

typedef struct ae_bench_traffic {
  int partials, planes; /* p, q: of the node where p is largest */
  int64_t sends;        /* of a rank, in a step */
  double node_bytes;    /* that a node sends in a step */
  double rank_floats;   /* through a rank's memory in a step */
} ae_bench_traffic;

ae_bench_traffic ae_bench_count_traffic(const ae_bench_layout *layout);

/* Seconds. */
typedef struct ae_bench_prediction {
  double compute, memory, messages, control, wire;
  double hidden, open; /* the step: with all hidden that can be, with nothing */
} ae_bench_prediction;

ae_bench_prediction ae_bench_predict(const ae_bench_machine *machine, const ae_bench_layout *layout, double rows);

#endif
