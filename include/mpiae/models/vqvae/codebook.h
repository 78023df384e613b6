/* A codebook learned by moving averages of what is assigned to its entries, and how its entries are used (van den Oord
 * et al. 2017, appendix A.1; bias-corrected). The same on every rank, and the same bits for any number of ranks: counts
 * and sums go through the reduction over shards. A codebook learned by gradients takes only the counting. */
#ifndef MPIAE_MODELS_CODEBOOK_H
#define MPIAE_MODELS_CODEBOOK_H

#include "mpiae/comm/comm.h"
#include "mpiae/comm/shards.h"
#include "mpiae/data/sampler.h"
#include "mpiae/h5/h5.h"

/* Readable by all, changed by the functions below. */
typedef struct ae_codebook {
  const ae_comm *comm;
  int64_t entries, width; /* K, D */
  bool averages;          /* whether moving averages make the entries */
  double decay;           /* γ */
  int64_t revive_after;   /* steps without use after which an entry restarts; 0 = never */
  uint64_t seed;
  float *entry;    /* (K, D): the codebook, when averages make it; else NULL */
  double *count;   /* K: N, moving average of the vectors assigned in a step */
  double *sum;     /* (K, D): m, of their sums */
  int64_t *unused; /* K: steps since an entry was used */
  int64_t *used;   /* K: vectors assigned to it in the epoch so far */
  int64_t updates; /* t */
  int64_t revived; /* entries restarted in the epoch so far */
  double *given;   /* (own shards, K or K (D + 1)): what goes into the reduction of a step */
  double *reduced; /* and what comes out; NULL before the first step */
} ae_codebook;

/* What is assigned in a step on this rank: `places` vectors for each row of the batch. Lent. */
typedef struct ae_codebook_batch {
  const ae_batch *batch;
  const ae_shards *shards;
  int64_t places;
  const float *vector; /* (rows, places, D) */
  const float *index;  /* (rows, places): whole numbers below K */
} ae_codebook_batch;

/* Local. Entries start at U(±√(3/D)) by Philox(seed, AE_RANDOM_CODEBOOK). */
ae_status ae_codebook_create(const ae_comm *comm, int64_t entries, int64_t width, bool averages, double decay,
                             int64_t revive_after, uint64_t seed, ae_codebook **out);
void ae_codebook_destroy(ae_codebook **codebook); /* Local; NULL is fine */

/* Collective. Counts the use of entries; with averages, N ← γN + (1−γ)·counts, m ← γm + (1−γ)·sums over the batch of
 * all ranks, and with N̂ = N/(1−γᵗ), m̂ = m/(1−γᵗ), n = Σ N̂: e = m̂ / [(N̂ + ε) n / (n + Kε)], ε = 1e-5. Then an entry
 * that was not used for revive_after steps becomes a vector drawn from the batch of all ranks. */
ae_status ae_codebook_update(ae_codebook *codebook, const ae_codebook_batch *batch);

/* Local. Perplexity of the entries' use in the epoch so far, and how many were used; then a new epoch begins. */
void ae_codebook_epoch(ae_codebook *codebook, double *perplexity, int64_t *used);

/* Collective. Group /codebook of a checkpoint. AE_DATA when what is there cannot be. */
ae_status ae_codebook_save(const ae_codebook *codebook, ae_h5 *file);
ae_status ae_codebook_load(ae_codebook *codebook, ae_h5 *file);

/* Collective. The same for a new run: its entries and averages, and no use of them yet. */
ae_status ae_codebook_take_over(ae_codebook *codebook, ae_h5 *file);

/* Local. The same when entries and averages have been set already: AE_DATA for such as cannot be. */
ae_status ae_codebook_adopt(ae_codebook *codebook);

#endif
