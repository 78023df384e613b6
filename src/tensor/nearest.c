#include "mpiae/tensor/nearest.h"

#include "mpiae/base/arithmetic.h"
#include "mpiae/base/clones.h"
#include "mpiae/base/memory.h"
#include "mpiae/tensor/blas.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Why float32 products rule out safely.
 *
 * x is a row, y_k a centroid, D_k their squared distance, o the origin; X and Y are x − o and y − o as float32 has
 * them; u = 2⁻²⁴, a = ‖X‖, b = ‖Y_k‖. The value of a centroid is v = fl(fl(−2 X·Y) + offset), offset = fl((1 − s) b²).
 * Without s it differs from D − a² by these errors, all in units of u (a + b)²:
 *
 * - at most 2.01 between ‖X − Y‖² and ‖x − y‖², whose roots differ by at most u (‖x − o‖ + ‖y − o‖) ≤ 1.001 u (a + b);
 *
 * - 0.54 (dim + 1) in the product, added in whatever order: γ 2ab ≤ γ (a + b)²/2, γ = (dim + 1) u / (1 − (dim + 1) u),
 *   dim ≤ 2²⁰;
 *
 * - 1 in rounding the offset, 1.1 in the sum of terms near 2ab and b².
 *
 * That is less than c = 0.6 dim + 8, and (a + b)² ≤ 2a² + 2b² splits it: with s = 2cu, D_k ≥ v_k + (1 − s) a², and for
 * the centroid of least value, D_1 ≤ v_1 + (1 + s) a² + 2s b_1². So every centroid whose value is more than
 * 2s (a² + b_1²) above the least is farther. What is compared is 1.02 times that and a little for products that
 * underflow, which covers its own roundings. Beyond 2²⁰ dimensions nothing is ruled out. */
enum { MOST_BOUNDED = 1 << 20 };

/* Centroids in a product: with the rows it stays in the cache. OpenBLAS is fastest on products of up to 10⁶. */
enum { MOST_PANEL = 128, FAST_PRODUCT = 1000000 };

/* Rows whose state stays in registers, and rows transposed at a time. */
enum { GROUP = 32, TILE_ROWS = 16 };

/* What is known of some rows after the centroids looked at. */
typedef struct tally {
  float least[AE_NEAREST_ROWS];   /* value, */
  int32_t label[AE_NEAREST_ROWS]; /* its centroid, */
  float second[AE_NEAREST_ROWS];  /* and the next value */
} tally;

struct ae_nearest {
  int clusters;
  int64_t dim;
  int panel;       /* centroids of a product */
  float *origin;   /* (dim) */
  float *centroid; /* (clusters, dim) */
  float *moved;    /* (clusters, dim) less the origin */
  float *offset;   /* (clusters) infinite for a copy of a lower centroid */
  int32_t *order;  /* (clusters) */
  float *rows;     /* (dim, AE_NEAREST_ROWS) less the origin: products are fastest with neither side to transpose */
  float *product;  /* (panel, AE_NEAREST_ROWS) −2 Y·X */
  float *norm;     /* (AE_NEAREST_ROWS) squared */
  tally *tally;
  int *doubtful; /* (AE_NEAREST_ROWS) rows of the block, ascending */
  float *near;   /* (AE_NEAREST_ROWS) theirs: the value up to which centroids may be nearest */
};

/* Half a panel where that makes the product fast and a whole one would not. */
static int choose_panel(int64_t dim) {
  const int64_t whole = MOST_PANEL * AE_NEAREST_ROWS * dim;
  return whole > FAST_PRODUCT && whole / 2 <= FAST_PRODUCT ? MOST_PANEL / 2 : MOST_PANEL;
}

ae_status ae_nearest_create(int clusters, int64_t dim, ae_nearest **out) {
  ae_status status;
  ae_nearest *nearest = NULL;
  int64_t size, block;
  AE_CHECK(ae_multiply(clusters, dim, "clusters × dimensions", &size));
  AE_CHECK(ae_multiply(AE_NEAREST_ROWS, dim, "rows × dimensions", &block));
  AE_CHECK(AE_NEW(nearest, 1));
  nearest->clusters = clusters;
  nearest->dim = dim;
  nearest->panel = choose_panel(dim);
  AE_CHECK(AE_NEW(nearest->origin, dim));
  AE_CHECK(AE_NEW(nearest->centroid, size));
  AE_CHECK(AE_NEW(nearest->moved, size));
  AE_CHECK(AE_NEW(nearest->offset, clusters));
  AE_CHECK(AE_NEW(nearest->order, clusters));
  AE_CHECK(AE_NEW(nearest->rows, block));
  AE_CHECK(AE_NEW(nearest->product, MOST_PANEL * AE_NEAREST_ROWS));
  AE_CHECK(AE_NEW(nearest->norm, AE_NEAREST_ROWS));
  AE_CHECK(AE_NEW(nearest->tally, 1));
  AE_CHECK(AE_NEW(nearest->doubtful, AE_NEAREST_ROWS));
  AE_CHECK(AE_NEW(nearest->near, AE_NEAREST_ROWS));
cleanup:
  if (status != AE_OK) ae_nearest_destroy(&nearest);
  *out = nearest;
  return status;
}

void ae_nearest_destroy(ae_nearest **nearest) {
  if (*nearest == NULL) return;
  AE_FREE((*nearest)->origin);
  AE_FREE((*nearest)->centroid);
  AE_FREE((*nearest)->moved);
  AE_FREE((*nearest)->offset);
  AE_FREE((*nearest)->order);
  AE_FREE((*nearest)->rows);
  AE_FREE((*nearest)->product);
  AE_FREE((*nearest)->norm);
  AE_FREE((*nearest)->tally);
  AE_FREE((*nearest)->doubtful);
  AE_FREE((*nearest)->near);
  AE_FREE(*nearest);
}

static double share_of_error(int64_t dim) { return dim > MOST_BOUNDED ? 1 : 2 * (0.6 * (double)dim + 8) * 0x1p-24; }

/* Far from zero the terms of the expanded distance dwarf it, so they are taken about the mean of the centroids. */
static void choose_origin(ae_nearest *nearest) {
  for (int64_t j = 0; j < nearest->dim; j++) {
    double sum = 0;
    for (int64_t k = 0; k < nearest->clusters; k++) sum += nearest->centroid[k * nearest->dim + j];
    nearest->origin[j] = (float)(sum / nearest->clusters);
  }
}

static void move_centroids(ae_nearest *nearest) {
  const int64_t dim = nearest->dim;
  const double scale = 1 - share_of_error(dim);
  for (int64_t k = 0; k < nearest->clusters; k++) {
    double norm = 0;
    for (int64_t j = 0; j < dim; j++) {
      const float value = nearest->centroid[k * dim + j] - nearest->origin[j];
      nearest->moved[k * dim + j] = value;
      norm += (double)value * value;
    }
    nearest->offset[k] = (float)(scale * norm);
  }
}

static int compare_centroids(const void *a, const void *b, void *context) {
  const ae_nearest *nearest = context;
  const int32_t i = *(const int32_t *)a, j = *(const int32_t *)b;
  const int order = memcmp(nearest->centroid + i * nearest->dim, nearest->centroid + j * nearest->dim,
                           (size_t)nearest->dim * sizeof(float));
  return order != 0 ? order : (i > j) - (i < j);
}

/* A copy can never win, but would leave every row near it to float64. */
static void exclude_copies(ae_nearest *nearest) {
  const size_t bytes = (size_t)nearest->dim * sizeof(float);
  for (int k = 0; k < nearest->clusters; k++) nearest->order[k] = k;
  qsort_r(nearest->order, (size_t)nearest->clusters, sizeof *nearest->order, compare_centroids, nearest);
  for (int i = 1; i < nearest->clusters; i++) {
    const int64_t before = nearest->order[i - 1], here = nearest->order[i];
    if (memcmp(nearest->centroid + before * nearest->dim, nearest->centroid + here * nearest->dim, bytes) == 0)
      nearest->offset[here] = INFINITY;
  }
}

/* Adding zero makes −0 and 0 the same bits. */
void ae_nearest_set(ae_nearest *nearest, const float *centroid) {
  for (int64_t i = 0; i < nearest->clusters * nearest->dim; i++) nearest->centroid[i] = centroid[i] + 0.0f;
  choose_origin(nearest);
  move_centroids(nearest);
  exclude_copies(nearest);
}

/* Sixteen rows, less the origin, as columns of `out`. Of a tile of 16 × 8, one riffle of all numbers, as of a pack of
 * cards, moves the bits of their places round by one; four exchange its rows and columns. */
AE_CLONES static void transpose_rows(const float *restrict rows, const float *restrict origin, int64_t dim,
                                     float *restrict out) {
  enum { COLUMNS = 8, HALF = TILE_ROWS * COLUMNS / 2 };
  int64_t j = 0;
  for (; j + COLUMNS <= dim; j += COLUMNS) {
    float one[2 * HALF], other[2 * HALF];
    for (int r = 0; r < TILE_ROWS; r++)
      for (int l = 0; l < COLUMNS; l++) one[r * COLUMNS + l] = rows[r * dim + j + l] - origin[j + l];
    for (int riffle = 0; riffle < 4; riffle += 2) {
      for (int m = 0; m < HALF; m++) {
        other[2 * m] = one[m];
        other[2 * m + 1] = one[m + HALF];
      }
      for (int m = 0; m < HALF; m++) {
        one[2 * m] = other[m];
        one[2 * m + 1] = other[m + HALF];
      }
    }
    for (int l = 0; l < COLUMNS; l++)
      for (int r = 0; r < TILE_ROWS; r++) out[(j + l) * AE_NEAREST_ROWS + r] = one[l * TILE_ROWS + r];
  }
  for (; j < dim; j++)
    for (int r = 0; r < TILE_ROWS; r++) out[j * AE_NEAREST_ROWS + r] = rows[r * dim + j] - origin[j];
}

static void move_rows(const float *rows, const float *origin, int64_t count, int64_t dim, float *out) {
  int64_t i = 0;
  for (; i + TILE_ROWS <= count; i += TILE_ROWS) transpose_rows(rows + i * dim, origin, dim, out + i);
  for (; i < count; i++)
    for (int64_t j = 0; j < dim; j++) out[j * AE_NEAREST_ROWS + i] = rows[i * dim + j] - origin[j];
}

AE_CLONES static void square_rows(const float *restrict rows, int64_t dim, float *restrict norm) {
  for (int r = 0; r < AE_NEAREST_ROWS; r++) norm[r] = 0;
  for (int64_t j = 0; j < dim; j++)
    for (int r = 0; r < AE_NEAREST_ROWS; r++) norm[r] += rows[j * AE_NEAREST_ROWS + r] * rows[j * AE_NEAREST_ROWS + r];
}

/* Loops of fixed length without a branch, for the vectoriser. */
AE_CLONES static void take_least(const float *restrict product, const float *restrict offset, int first, int count,
                                 tally *restrict all) {
  for (int g = 0; g < AE_NEAREST_ROWS; g += GROUP) {
    float least[GROUP], second[GROUP];
    int32_t label[GROUP];
    memcpy(least, all->least + g, sizeof least);
    memcpy(second, all->second + g, sizeof second);
    memcpy(label, all->label + g, sizeof label);
    for (int k = 0; k < count; k++)
      for (int r = 0; r < GROUP; r++) {
        const float value = product[(ptrdiff_t)k * AE_NEAREST_ROWS + g + r] + offset[k];
        const int32_t less = -(value < least[r]);
        const float larger = value < least[r] ? least[r] : value;
        label[r] ^= (label[r] ^ (first + k)) & less;
        least[r] = value < least[r] ? value : least[r];
        second[r] = larger < second[r] ? larger : second[r];
      }
    memcpy(all->least + g, least, sizeof least);
    memcpy(all->second + g, second, sizeof second);
    memcpy(all->label + g, label, sizeof label);
  }
}

/* Products of the first `count` moved rows with a panel of centroids. Returns how many those are. */
static int multiply_panel(ae_nearest *nearest, int first, int64_t count) {
  const int panel = (int)ae_min(nearest->panel, nearest->clusters - first);
  ae_gemm(false, false, panel, count, nearest->dim, -2.0f, nearest->moved + first * nearest->dim, nearest->dim,
          nearest->rows, AE_NEAREST_ROWS, 0.0f, nearest->product, AE_NEAREST_ROWS);
  return panel;
}

static void find_least(ae_nearest *nearest, int64_t count) {
  tally *all = nearest->tally;
  for (int r = 0; r < AE_NEAREST_ROWS; r++) {
    all->least[r] = all->second[r] = INFINITY;
    all->label[r] = 0;
  }
  for (int first = 0; first < nearest->clusters; first += nearest->panel) {
    const int panel = multiply_panel(nearest, first, count);
    take_least(nearest->product, nearest->offset + first, first, panel, all);
  }
}

/* Lists the rows with a second value too near the least, and up to where values are. Not `<=`: what cannot be compared
 * is near. */
static int list_doubtful(ae_nearest *nearest, int64_t count) {
  const double share = share_of_error(nearest->dim);
  const float scale = (float)(1.02 * 2 * share / (1 - share)), tiny = (float)nearest->dim * 0x1p-118f;
  const tally *all = nearest->tally;
  int found = 0;
  for (int r = 0; r < count; r++) {
    const float near = all->least[r] + (scale * (nearest->norm[r] + nearest->offset[all->label[r]]) + tiny);
    if (all->second[r] > near) continue;
    nearest->doubtful[found] = r;
    nearest->near[found++] = near;
  }
  return found;
}

/* What float64 has found for a row. */
typedef struct winner {
  double distance;
  int32_t label;
} winner;

/* Centroids come in ascending order, so `<` keeps the lowest of equals. */
static void consider(const ae_nearest *nearest, const float *row, int32_t k, winner *best) {
  const double distance = ae_nearest_distance(row, nearest->centroid + k * nearest->dim, nearest->dim);
  if (distance < best->distance) *best = (winner){distance, k};
}

/* The products once more, for these rows alone, and float64 for the values that are near. */
static void settle_doubtful(ae_nearest *nearest, const float *rows, int count, int32_t *label) {
  const int64_t dim = nearest->dim;
  winner best[AE_NEAREST_ROWS];
  for (int i = 0; i < count; i++) best[i] = (winner){INFINITY, 0};
  for (int64_t j = 0; j < dim; j++)
    for (int i = 0; i < count; i++)
      nearest->rows[j * AE_NEAREST_ROWS + i] = nearest->rows[j * AE_NEAREST_ROWS + nearest->doubtful[i]];
  for (int first = 0; first < nearest->clusters; first += nearest->panel) {
    const int panel = multiply_panel(nearest, first, count);
    for (int k = 0; k < panel; k++)
      for (int i = 0; i < count; i++)
        if (!(nearest->product[k * AE_NEAREST_ROWS + i] + nearest->offset[first + k] > nearest->near[i]))
          consider(nearest, rows + nearest->doubtful[i] * dim, first + k, &best[i]);
  }
  for (int i = 0; i < count; i++) label[nearest->doubtful[i]] = best[i].label;
}

static void find_block(ae_nearest *nearest, const float *rows, int64_t count, int32_t *label) {
  move_rows(rows, nearest->origin, count, nearest->dim, nearest->rows);
  square_rows(nearest->rows, nearest->dim, nearest->norm);
  find_least(nearest, count);
  memcpy(label, nearest->tally->label, (size_t)count * sizeof *label);
  const int doubtful = list_doubtful(nearest, count);
  if (doubtful > 0) settle_doubtful(nearest, rows, doubtful, label);
}

void ae_nearest_find(ae_nearest *nearest, const float *rows, int64_t count, int32_t *label) {
  for (int64_t begin = 0; begin < count; begin += AE_NEAREST_ROWS)
    find_block(nearest, rows + begin * nearest->dim, ae_min(AE_NEAREST_ROWS, count - begin), label + begin);
}

AE_CLONES double ae_nearest_distance(const float *a, const float *b, int64_t dim) {
  enum { WIDTH = 8 };
  double lane[WIDTH] = {0};
  int64_t j = 0;
  for (; j + WIDTH <= dim; j += WIDTH)
    for (int l = 0; l < WIDTH; l++) {
      const double difference = (double)a[j + l] - b[j + l];
      lane[l] += difference * difference;
    }
  for (int l = 0; j < dim; j++, l++) lane[l] += ((double)a[j] - b[j]) * ((double)a[j] - b[j]);
  return ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}
