/* Prints hashes of what k-means, the search of neighbours, quantiles, the scores' tables and the class index make of
 * fixed rows: the same text for any number of ranks. */
#include "mpiae/base/memory.h"
#include "mpiae/base/philox.h"
#include "mpiae/cluster/class_index.h"
#include "mpiae/cluster/kmeans.h"
#include "mpiae/cluster/neighbours.h"
#include "mpiae/cluster/quantiles.h"
#include "mpiae/tensor/blas.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

typedef struct bits_case {
  int64_t examples, dim;
  int shards, clusters, iterations;
  ae_kmeans_start start;
  int fixed_every; /* 0: no fixed rows */
} bits_case;

static const bits_case cases[] = {
    {4001, 20, 8, 10, 30, AE_KMEANS_RANDOM, 0},    {4001, 20, 7, 10, 30, AE_KMEANS_PLUSPLUS, 0},
    {4001, 17, 13, 150, 20, AE_KMEANS_RANDOM, 0},  {3000, 64, 8, 40, 20, AE_KMEANS_PLUSPLUS, 7},
    {2500, 20, 31, 10, 30, AE_KMEANS_RANDOM, 5},   {5, 3, 13, 3, 5, AE_KMEANS_PLUSPLUS, 0},
    {70, 50000, 64, 5, 3, AE_KMEANS_PLUSPLUS, 0},  {900, 8, 8, 850, 20, AE_KMEANS_RANDOM, 0},
    {2000, 2, 7, 300, 10, AE_KMEANS_PLUSPLUS, 0},  {4001, 17, 13, 150, 20, AE_KMEANS_SCALABLE, 0},
    {2500, 20, 31, 60, 30, AE_KMEANS_SCALABLE, 5}, {9, 3, 13, 5, 5, AE_KMEANS_SCALABLE, 0},
    {900, 8, 8, 850, 20, AE_KMEANS_SCALABLE, 0},
};

static uint64_t mix(uint64_t hash, uint64_t value) {
  hash = (hash ^ value) * UINT64_C(0x9E3779B97F4A7C15);
  return hash ^ hash >> 29;
}

/* One number for values spread over ranks, by their global numbers. */
static uint64_t hash_spread(const ae_comm *comm, int64_t begin, int64_t count, const int64_t *values) {
  uint64_t hash = 0;
  for (int64_t i = 0; i < count; i++) hash ^= mix(mix(1, (uint64_t)(begin + i)), (uint64_t)values[i]);
  MPI_Allreduce(MPI_IN_PLACE, &hash, 1, MPI_UINT64_T, MPI_BXOR, ae_comm_handle(comm));
  return hash;
}

static uint64_t hash_bytes(const void *bytes, size_t count) {
  uint64_t hash = 2;
  for (size_t i = 0; i < count; i++) hash = mix(hash, ((const unsigned char *)bytes)[i]);
  return hash;
}

/* Coarse values every third row, so that there are ties and copies. */
static void fill(const bits_case *c, int64_t begin, int64_t own, float *rows, int32_t *fixed) {
  for (int64_t i = 0; i < own; i++) {
    ae_random_fill_normal(ae_stream_of(1, AE_RANDOM_SELFTEST, 0, begin + i), c->dim, rows + i * c->dim);
    for (int64_t j = 0; j < c->dim && (begin + i) % 3 == 0; j++)
      rows[i * c->dim + j] = (float)(int)(1.2f * rows[i * c->dim + j]);
    fixed[i] =
        c->fixed_every > 0 && (begin + i) % c->fixed_every == 0 ? (int32_t)((begin + i) % (c->clusters - 1)) : -1;
  }
}

typedef struct work {
  float *rows, *centroid;
  int32_t *fixed, *label;
  int64_t *size, *values;
  double *distance;
} work;

static void work_destroy(work *w) {
  AE_FREE(w->rows);
  AE_FREE(w->centroid);
  AE_FREE(w->fixed);
  AE_FREE(w->label);
  AE_FREE(w->size);
  AE_FREE(w->values);
  AE_FREE(w->distance);
}

enum { EXEMPLARS = 3 };

static ae_status work_create(work *w, const bits_case *c, int64_t own) {
  AE_RETURN_IF(AE_NEW(w->rows, own * c->dim));
  AE_RETURN_IF(AE_NEW(w->centroid, c->clusters * c->dim));
  AE_RETURN_IF(AE_NEW(w->fixed, own));
  AE_RETURN_IF(AE_NEW(w->label, own));
  AE_RETURN_IF(AE_NEW(w->size, c->clusters));
  AE_RETURN_IF(AE_NEW(w->values, own * EXEMPLARS));
  return AE_NEW(w->distance, own * EXEMPLARS);
}

static ae_status print_draws(const ae_comm *comm, const ae_shards *shards, const work *w, int classes) {
  ae_class_index *index = NULL;
  AE_RETURN_IF(ae_class_index_create(comm, shards, w->label, classes, &index));
  ae_status status = ae_class_index_draw(index, 4, 2, EXEMPLARS, w->values);
  const int64_t begin = ae_shards_own_begin(shards), own = ae_shards_own_count(shards);
  const uint64_t hash = hash_spread(comm, begin * EXEMPLARS, own * EXEMPLARS, w->values);
  if (ae_comm_rank(comm) == 0) printf("  draws %016" PRIx64 "\n", hash);
  ae_class_index_destroy(&index);
  return status;
}

static ae_status print_neighbours(const ae_comm *comm, const ae_shards *shards, const work *w, int64_t dim) {
  const int64_t begin = ae_shards_own_begin(shards) * EXEMPLARS, own = ae_shards_own_count(shards) * EXEMPLARS;
  AE_RETURN_IF(ae_neighbours_find(comm, shards, w->rows, dim, EXEMPLARS, 0, w->values, w->distance));
  const uint64_t numbers = hash_spread(comm, begin, own, w->values);
  memcpy(w->values, w->distance, (size_t)own * sizeof *w->values);
  const uint64_t distances = hash_spread(comm, begin, own, w->values);
  for (int64_t i = 0; i < own; i++) w->values[i] = -1; /* those of later examples must not be looked at */
  AE_RETURN_IF(ae_neighbours_find(comm, shards, w->rows, dim, EXEMPLARS, (shards->examples + 2) / 3, w->values, NULL));
  double accuracy;
  AE_RETURN_IF(
      ae_neighbours_accuracy(comm, shards, w->label, w->values, EXEMPLARS, (shards->examples + 2) / 3, &accuracy));
  if (ae_comm_rank(comm) == 0)
    printf("  neighbours %016" PRIx64 "\n  distances %016" PRIx64 "\n  accuracy of a third %a\n", numbers, distances,
           accuracy);
  return AE_OK;
}

/* Into the rows of the centroids, which have been printed. */
static ae_status print_quantiles(const ae_comm *comm, const ae_shards *shards, const work *w, int64_t dim) {
  const double probabilities[] = {0, 0.3, 1};
  AE_RETURN_IF(ae_quantiles_find(comm, w->rows, ae_shards_own_count(shards), dim, probabilities, 3, w->centroid));
  if (ae_comm_rank(comm) == 0)
    printf("  quantiles %016" PRIx64 "\n", hash_bytes(w->centroid, (size_t)(3 * dim) * sizeof *w->centroid));
  return AE_OK;
}

static ae_status print_case(const ae_comm *comm, const bits_case *c) {
  ae_status status;
  ae_shards shards;
  work w = {0};
  ae_kmeans_outcome outcome;
  const ae_kmeans_options options = {
      .clusters = c->clusters, .iterations = c->iterations, .tolerance = 1e-6, .start = c->start, .seed = 3};
  AE_CHECK(ae_shards_init(&shards, c->examples, c->shards, ae_comm_rank(comm), ae_comm_size(comm)));
  const int64_t own = ae_shards_own_count(&shards), begin = ae_shards_own_begin(&shards);
  AE_CHECK(work_create(&w, c, own));
  fill(c, begin, own, w.rows, w.fixed);
  AE_CHECK(ae_kmeans_fit(comm, &shards, w.rows, c->dim, &options, c->fixed_every > 0 ? w.fixed : NULL, w.centroid,
                         w.label, w.size, &outcome));
  for (int64_t i = 0; i < own; i++) w.values[i] = w.label[i];
  const uint64_t labels = hash_spread(comm, begin, own, w.values);
  if (ae_comm_rank(comm) == 0)
    printf("N %" PRId64 " V %d K %d: iterations %d, empty %" PRId64 ", inertia %a\n  labels %016" PRIx64
           "\n  centroids %016" PRIx64 "\n  sizes %016" PRIx64 "\n",
           c->examples, c->shards, c->clusters, outcome.iterations, outcome.empty, outcome.inertia, labels,
           hash_bytes(w.centroid, (size_t)(c->clusters * c->dim) * sizeof *w.centroid),
           hash_bytes(w.size, (size_t)c->clusters * sizeof *w.size));
  AE_CHECK(print_draws(comm, &shards, &w, c->clusters));
  AE_CHECK(print_neighbours(comm, &shards, &w, c->dim));
  AE_CHECK(print_quantiles(comm, &shards, &w, c->dim));
cleanup:
  work_destroy(&w);
  return status;
}

int main(int argc, char **argv) {
  ae_comm *comm;
  ae_status status = ae_comm_create(&argc, &argv, &comm);
  if (status != AE_OK) return 1;
  ae_blas_use_threads(1);
  for (size_t i = 0; i < sizeof cases / sizeof *cases && status == AE_OK; i++) status = print_case(comm, &cases[i]);
  if (status != AE_OK) ae_comm_abort(comm, status);
  ae_comm_destroy(&comm);
  return 0;
}
