/* Codes of the training examples and the classes made of them: what a homoencoder keeps between epochs (Hewitt et al.
 * 2018; k-means on the codes [z, c] in place of labels). Codes live with their examples; centroids, sizes and class
 * posteriors on every rank. */
#ifndef MPIAE_MODELS_PSEUDO_LABELS_H
#define MPIAE_MODELS_PSEUDO_LABELS_H

#include "mpiae/cluster/class_index.h"
#include "mpiae/cluster/kmeans.h"
#include "mpiae/config/config.h"
#include "mpiae/data/dataset.h"
#include "mpiae/models/metrics.h"
#include "mpiae/models/vhe/weighting.h"

/* What is recorded of the labels of an epoch, and of the weights behind them. */
extern const ae_column ae_pseudo_labels_columns[], ae_pseudo_labels_weight_columns[];

/* Readable by all, changed by the functions below. */
typedef struct ae_pseudo_labels {
  const ae_comm *comm;
  const ae_config *config;
  const ae_dataset *data; /* NULL for inference: then only clusters, size, centroid and posterior are there */
  uint64_t seed;
  int64_t latent;               /* L */
  int clusters;                 /* K */
  bool given;                   /* known labels stay what they are */
  float *code;                  /* (own, 2L): means of z, then of c */
  float *code_logstd;           /* (own, 2L): log standard deviations, likewise */
  int32_t *label;               /* own: the class of each example in the coming (or running) epoch */
  int32_t *used;                /* own: the class of each example in the epoch that recorded the codes */
  ae_weighting weighting;       /* vhe.weighting */
  double weight[2];             /* of z and of c in the distance behind `label` */
  float *scaled;                /* (own, 2L): codes times the roots of the weights, during a clustering; or NULL */
  float *centroid;              /* (K, 2L), of the codes as they are */
  float *scaled_centroid;       /* (K, 2L), of codes times the roots of the weights; of an empty class another's */
  int64_t *size;                /* K */
  float *posterior;             /* (K, 2L): mean over a class of (μ_c | s_c): q̄_k */
  ae_class_index *index;        /* of `label`, during an epoch */
  ae_kmeans_outcome last;       /* of the clustering that gave `label` */
  double changed, previous_nmi; /* against the labels before; NaN for the first */
} ae_pseudo_labels;

/* Collective. data NULL: for inference. AE_USAGE when labels shall be given and the dataset has none. */
ae_status ae_pseudo_labels_create(const ae_comm *comm, const ae_config *config, const ae_dataset *data, int64_t latent,
                                  ae_pseudo_labels **out);
void ae_pseudo_labels_destroy(ae_pseudo_labels **labels); /* Local; NULL is fine */

/* Collective. First codes N(0, 1) for every example, first clustering. */
ae_status ae_pseudo_labels_start(ae_pseudo_labels *labels);

/* Collective. Builds the class index and records the labels' figures. */
ae_status ae_pseudo_labels_epoch_begin(ae_pseudo_labels *labels, ae_metrics *metrics);

/* Collective. Clusters the codes recorded in this epoch, from the last centroids; drops the index. gradient: mean over
 * the examples of ‖∂ℓ/∂z‖² and ‖∂ℓ/∂c‖² in the epoch, z and c as sampled. */
ae_status ae_pseudo_labels_epoch_end(ae_pseudo_labels *labels, uint32_t epoch, const double gradient[2]);

/* Local. Nearest cluster, of those that have examples, of each of `count` codes (count, 2L), which are destroyed. */
ae_status ae_pseudo_labels_assign(const ae_pseudo_labels *labels, int64_t count, float *codes, int32_t *label);

/* Local. Records an own example's posteriors, each (μ | s) of width 2L. */
void ae_pseudo_labels_record(ae_pseudo_labels *labels, int64_t example, const float *z, const float *c);

/* Collective. Group /pseudo_labels of a checkpoint. Loading reads codes and labels only when data is there. */
ae_status ae_pseudo_labels_save(const ae_pseudo_labels *labels, ae_h5 *file);
ae_status ae_pseudo_labels_load(ae_pseudo_labels *labels, ae_h5 *file);

/* Local. What was recorded of the own examples, as the fields of a codes file: z_mean, z_logstd, c_mean, c_logstd
 * (own, L) and pseudo_label (own). NULL ones are passed by. */
void ae_pseudo_labels_recorded(const ae_pseudo_labels *labels, void *const field[5]);

#endif
