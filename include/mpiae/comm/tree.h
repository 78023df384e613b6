/* The one order of summation: a binary tree over 0 … n−1 that splits [lo, hi) after the largest power of two
 * below hi−lo elements. Whoever holds a contiguous range adds the maximal subtrees inside it (at most 2 log₂ n,
 * one when ranges are aligned); the owner of a result finishes the tree from such nodes. Local functions. */
#ifndef MPIAE_COMM_TREE_H
#define MPIAE_COMM_TREE_H

#include <stdint.h>

typedef struct ae_range {
  int64_t begin, end;
} ae_range;

/* Most nodes ae_tree_cover can give for any 64-bit n. */
#define AE_TREE_MAX_NODES 128

/* Where the tree over [begin, end) splits; end − begin ≥ 2. */
int64_t ae_tree_split(int64_t begin, int64_t end);

/* The maximal subtrees of the tree over [0, n) that lie in [begin, end), in order. Returns their number. */
int ae_tree_cover(int64_t n, int64_t begin, int64_t end, ae_range nodes[AE_TREE_MAX_NODES]);

/* Adds rows 0 … length−1 (width numbers each) along the tree over `length` elements, in place: the sum is in row 0. */
void ae_tree_add(int64_t length, double *rows, int64_t width);

/* Sums of columns of float64: rows[i] (width numbers) belongs to nodes[i]; the nodes cover [0, n). The sum lands in
 * `sum`. The rows are destroyed. n = 0 or no nodes give zeros. */
void ae_tree_finish(int64_t n, const ae_range *nodes, int count, double *rows, int64_t width, double *sum);

/* Sums of float32 over one subtree, which the nodes cover: rows[i] holds the `width` numbers of nodes[i] and stays as
 * it is. Exactly the additions of the tree, so the sum of the whole is the same from sums of subtrees. `sum` may be one
 * of the rows. */
void ae_tree_finish_float(ae_range subtree, const ae_range *nodes, const float *const *rows, int64_t width, float *sum);

#endif
