#include "mpiae/comm/tree.h"

#include "mpiae/base/arithmetic.h"

#include <string.h>

int64_t ae_tree_split(int64_t begin, int64_t end) { return begin + ae_power_of_two_below(end - begin); }

static int cover(int64_t lo, int64_t hi, int64_t begin, int64_t end, ae_range *nodes, int count) {
  if (hi <= begin || lo >= end || lo == hi) return count;
  if (lo >= begin && hi <= end) {
    AE_ASSERT(count < AE_TREE_MAX_NODES);
    nodes[count] = (ae_range){lo, hi};
    return count + 1;
  }
  const int64_t middle = ae_tree_split(lo, hi);
  count = cover(lo, middle, begin, end, nodes, count);
  return cover(middle, hi, begin, end, nodes, count);
}

int ae_tree_cover(int64_t n, int64_t begin, int64_t end, ae_range nodes[AE_TREE_MAX_NODES]) {
  return cover(0, n, begin, end, nodes, 0);
}

/* Adding neighbours at doubling distance is the tree, because that splits at powers of two. */
void ae_tree_add(int64_t length, double *rows, int64_t width) {
  for (int64_t step = 1; step < length; step *= 2)
    for (int64_t i = 0; i + step < length; i += 2 * step)
      for (int64_t j = 0; j < width; j++) rows[i * width + j] += rows[(i + step) * width + j];
}

/* Adds the nodes of [lo, hi) into the row of its first node, whose place in `nodes` is *next, and moves *next behind
 * them. */
static double *finish(int64_t lo, int64_t hi, const ae_range *nodes, int *next, double *rows, int64_t width) {
  double *left = rows + *next * width;
  if (nodes[*next].begin == lo && nodes[*next].end == hi) {
    (*next)++;
    return left;
  }
  const int64_t middle = ae_tree_split(lo, hi);
  finish(lo, middle, nodes, next, rows, width);
  const double *right = finish(middle, hi, nodes, next, rows, width);
  for (int64_t i = 0; i < width; i++) left[i] += right[i];
  return left;
}

void ae_tree_finish(int64_t n, const ae_range *nodes, int count, double *rows, int64_t width, double *sum) {
  int next = 0;
  if (n == 0 || count == 0 || width == 0) memset(sum, 0, (size_t)width * sizeof *sum);
  else memmove(sum, finish(0, n, nodes, &next, rows, width), (size_t)width * sizeof *sum);
}

/* Floats added at a time: the temporaries of one path down the tree stay in the first-level cache. */
enum { PIECE = 256, DEPTH = 64 };

static void finish_piece(int64_t lo, int64_t hi, const ae_range *nodes, int *next, const float *const *rows, int64_t at,
                         int64_t width, float (*level)[PIECE]) {
  if (nodes[*next].begin == lo && nodes[*next].end == hi) {
    memcpy(level[0], rows[*next] + at, (size_t)width * sizeof(float));
    (*next)++;
    return;
  }
  const int64_t middle = ae_tree_split(lo, hi);
  finish_piece(lo, middle, nodes, next, rows, at, width, level);
  finish_piece(middle, hi, nodes, next, rows, at, width, level + 1);
  float *restrict left = level[0];
  const float *restrict right = level[1];
  for (int64_t i = 0; i < width; i++) left[i] += right[i];
}

void ae_tree_finish_float(ae_range subtree, const ae_range *nodes, const float *const *rows, int64_t width,
                          float *sum) {
  float level[DEPTH][PIECE];
  for (int64_t at = 0; at < width; at += PIECE) {
    const int64_t part = ae_min(PIECE, width - at);
    int next = 0;
    finish_piece(subtree.begin, subtree.end, nodes, &next, rows, at, part, level);
    memcpy(sum + at, level[0], (size_t)part * sizeof *sum);
  }
}
