/* The operations on packed sets. "Points" are the rows of an axis that is grouped (graph.h) by an axis of sets; a row
 * of the axis of sets belongs to that set as its only point would. Every number depends on one set alone, a parameter's
 * gradient on one segment. Builders as in ops.h: NULL after an error that ae_graph_seal reports. */
#ifndef MPIAE_GRAPH_OPS_SETS_H
#define MPIAE_GRAPH_OPS_SETS_H

#include "mpiae/graph/graph.h"
#include "mpiae/tensor/chamfer.h"

/* The row of each set at each of its points: from the axis of sets to `axis`, which it groups. */
ae_tensor *ae_repeat_per_set(ae_graph *graph, const char *name, ae_tensor *in, int axis);

/* Sum over the points of each set, on the axis of sets; 0 for an empty set. */
ae_tensor *ae_sum_per_set(ae_graph *graph, const char *name, ae_tensor *in);

/* The rows of a parameter (seeds, width), over and over: row i of `axis` is seed i mod seeds. The rows of a segment
 * must be a multiple of the seeds: an axis grouped in groups of as many, or any axis for a single seed. */
ae_tensor *ae_seeds(ae_graph *graph, const char *name, const ae_parameter *seeds, int axis);

/* Multi-head attention within each set (tensor/attention.h): every query looks at the keys of its set. Queries (width
 * d), keys (d) and values (any width) of `heads` heads side by side, scale 1/√(d/heads); keys and values share an axis,
 * queries may be on another one of the same sets, or on the axis of sets itself (pooling). The output, of the width of
 * the values, follows the queries; 0 where there are no keys. The same tensor may stand in several places. Memory: 2
 * numbers for each query and head, and 513 KiB of the scratch that all operations share, whatever the size of a set. */
ae_tensor *ae_attention(ae_graph *graph, const char *name, ae_tensor *query, ae_tensor *key, ae_tensor *value,
                        int64_t heads);

/* Chamfer distance (tensor/chamfer.h) between the points of each set in `prediction` and in `points`, on the axis of
 * sets (width 1); the gradient goes to the prediction alone. 0 when either is empty. The two may have different sizes
 * and axes. Memory: an index for each point. */
ae_tensor *ae_chamfer_loss(ae_graph *graph, const char *name, ae_tensor *prediction, ae_tensor *points,
                           ae_point_distance kind);

/* Mean squared distance under the optimal matching of each set (tensor/matching.h), which has as many points in
 * `prediction` as in `points`; 0 when it is empty. The gradient goes to the prediction alone. Larger sets than
 * ae_matching_accepts are for the caller to refuse before a pass. */
ae_tensor *ae_matching_loss(ae_graph *graph, const char *name, ae_tensor *prediction, ae_tensor *points);

/* Whether the largest set may be matched: AE_USAGE, with a sentence for the user, above 2000 points. */
ae_status ae_matching_accepts(int64_t points);

#endif
