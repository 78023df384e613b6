/* How much the two parts of codes [z, c] weigh in the distance that k-means goes by, d² = w_z ‖Δz‖² + w_c ‖Δc‖². */
#ifndef MPIAE_MODELS_WEIGHTING_H
#define MPIAE_MODELS_WEIGHTING_H

#include "mpiae/comm/comm.h"
#include "mpiae/comm/shards.h"

typedef enum ae_weighting {
  AE_WEIGHTING_NONE,       /* (1, 1) */
  AE_WEIGHTING_ANNEAL,     /* ∝ (1, min(1, epoch / anneal)): c counts more and more */
  AE_WEIGHTING_GRADIENT,   /* ∝ mean ‖∂ℓ/∂z‖², mean ‖∂ℓ/∂c‖²: by what the loss depends on */
  AE_WEIGHTING_INFORMATION /* ∝ Î_z / V_z, Î_c / V_c: by estimates of what the parts tell */
} ae_weighting;

enum { AE_PART_Z, AE_PART_C };

/* What weights are made from; all lent. Rows are own examples. */
typedef struct ae_weighting_source {
  const ae_comm *comm;
  const ae_shards *shards;
  int64_t latent;       /* L */
  const float *mean;    /* (own, 2L): recorded means of z, then of c */
  const float *logstd;  /* (own, 2L): log standard deviations likewise */
  const int32_t *label; /* own: class in the epoch that recorded them */
  const int64_t *size;  /* K: examples of each class, over all ranks */
  int classes;          /* K */
  double epoch, anneal; /* epochs done; over how many c gains its weight */
  double gradient[2];   /* mean over the examples of ‖∂ℓ/∂b‖² in the epoch; 0, 0 before there is one */
} ae_weighting_source;

/* Collective. weight[AE_PART_…], such that w_z V_z + w_c V_c = V_z + V_c, V_b the mean over the dimensions of b of the
 * variance of its means; (1, 1) when nothing speaks for other ones (all of it 0). With Var = variance of means + mean
 * e^{2s} and π the shares of the classes: Î_z = Σ_j max(0, ½ ln Var z_j − mean s_j), Î_c = min(H(π), Σ_j ½ (ln Var c_j
 * − Σ_k π_k ln Var(c_j | k))). Errors: AE_INTERNAL without memory. */
ae_status ae_weighting_choose(ae_weighting kind, const ae_weighting_source *source, double weight[2]);

#endif
