/* The gradient exchange: an all-reduce in two halves around the optimizer.
 *
 * First half: each rank's partial gradients (one plane per maximal subtree of its shards) go to the rank that owns the
 * elements, which finishes the tree of tree.h. The owner updates its slice of the values. Second half: the slices are
 * gathered on all ranks while the next step begins. The bytes of an all-reduce, 1/P of the optimizer's work and
 * state (ZeRO stage 1, Rajbhandari et al. 2020).
 *
 * In two levels: ranks of a node (a domain, domains.h) read each other's planes, and one array of values, in shared
 * memory. To an owner elsewhere a domain gives one sum per maximal subtree of its shards, by that owner's lane, and of
 * the owner the lane takes the new values. So a node sends and receives what it must, once, however many ranks it has;
 * every addition of the tree is made once, with the same operands, so that the bits are those of any other layout.
 *
 * The flat buffer of `count` floats is cut into buckets (contiguous ranges of whole blocks, in order of position);
 * within a bucket rank p owns blocks [p·n/P, (p+1)·n/P). A bucket leaves as soon as its gradients are final. */
#ifndef MPIAE_COMM_EXCHANGE_H
#define MPIAE_COMM_EXCHANGE_H

#include "mpiae/comm/comm.h"
#include "mpiae/comm/shards.h"
#include "mpiae/comm/tree.h"

/* Floats in a block: the grain of ownership and of the norm. */
#define AE_BLOCK 1024

typedef struct ae_exchange ae_exchange;

/* How: domains are nodes where there is room in their shared memory (shared.h), or each rank is one, so that all have
 * their own copy of the values. The results are the same bits. */
typedef enum ae_exchange_way { AE_EXCHANGE_BEST, AE_EXCHANGE_MESSAGES } ae_exchange_way;

/* Collective. Bucket b is [border[b], border[b+1]), all borders multiples of AE_BLOCK, border[0] = 0, border[buckets] =
 * count. `width`: numbers per shard in the control reduction. Allocates values and gradient planes (zeroed,
 * 64-byte aligned). Nothing is allocated later. */
ae_status ae_exchange_create(const ae_comm *comm, const ae_shards *shards, const int64_t *border, int buckets,
                             int64_t width, ae_exchange_way way, ae_exchange **out);
void ae_exchange_destroy(ae_exchange **exchange); /* Collective; NULL is fine */

/* Lent buffers: `count` values; plane g of gradients for the g-th maximal subtree of own shards. */
float *ae_exchange_values(ae_exchange *exchange);
float *ae_exchange_gradient(ae_exchange *exchange, int plane);
int ae_exchange_planes(const ae_exchange *exchange);
const ae_range *ae_exchange_plane_shards(const ae_exchange *exchange); /* shards (global numbers) of each plane */

/* Domains of all ranks, and the most sums that one of them sends for an element which another owns: 1 where the shards
 * of each are a subtree of their tree, as when each has the same power of two of them; 0 with one domain. */
int ae_exchange_domains(const ae_exchange *exchange);
int ae_exchange_partials(const ae_exchange *exchange);

/* Own slices, ascending; one per bucket in which this rank owns anything. Lent. */
int ae_exchange_slices(const ae_exchange *exchange, const ae_range **slices);

/* First half. _start: bucket b of this rank's planes is final and may leave (Local, never blocks). _progress: lets
 * communication advance (Local, cheap; also for the window and the second half). _reduce (Collective): waits and
 * finishes the sums; own slices of plane 0 then hold the global gradient. */
void ae_exchange_start(ae_exchange *exchange, int bucket);
void ae_exchange_progress(ae_exchange *exchange);
void ae_exchange_reduce(ae_exchange *exchange);

/* Second half. _publish: own slices of the values are updated; sends them out and starts receiving the others (after
 * every rank has left its backward pass: the control reduction sees to that; Collective). _need: returns when bucket b
 * of the values is whole on this rank (ranks may ask for buckets in any order, or not at all). _settle (Collective):
 * all buckets, and nothing under way any more. */
void ae_exchange_publish(ae_exchange *exchange);
void ae_exchange_need(ae_exchange *exchange, int bucket);
void ae_exchange_settle(ae_exchange *exchange);

/* Collective. Gathers an owner-sliced array (valid in own slices) on all ranks, in place: optimizer state before
 * writing. */
void ae_exchange_gather(ae_exchange *exchange, float *values);

/* Collective. The step's one control reduction, after _reduce. Squared norm of the global gradient (own slices of plane
 * 0): float64 sums of blocks, then the tree over blocks; not finite when any gradient is not. Sums over shards of
 * `width` numbers each: terms is (own shards, width), destroyed. Flags of the ranks combined by bitwise or. All the
 * same bits for any number of ranks. */
typedef struct ae_control {
  double *terms;       /* in */
  uint32_t flags;      /* in: own; out: of all ranks */
  double squared_norm; /* out */
  double *sums;        /* out: width */
} ae_control;
void ae_exchange_control(ae_exchange *exchange, ae_control *control);

#endif
