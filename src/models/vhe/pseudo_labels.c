#include "mpiae/models/vhe/pseudo_labels.h"

#include "mpiae/base/memory.h"
#include "mpiae/base/philox.h"
#include "mpiae/base/profile.h"
#include "mpiae/cluster/score.h"
#include "mpiae/comm/reduce.h"
#include "mpiae/models/model.h"
#include "mpiae/tensor/elementwise.h"
#include "mpiae/tensor/gaussian.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const ae_column ae_pseudo_labels_columns[] = {
    {"label_entropy", "entropy of the shares of the clusters used as labels: the price of a label", "nat", false},
    {"label_nmi", "normalised mutual information of the labels used in this epoch and the known ones", "", false},
    {"label_acc", "share of examples matched by the best one-to-one assignment of labels used to known ones", "",
     false},
    {"label_ari", "adjusted Rand index of the labels used in this epoch and the known ones", "", false},
    {"previous_nmi", "normalised mutual information with the labels of the epoch before", "", false},
    {"changed", "share of examples whose label changed since the epoch before", "", false},
    {"inertia", "sum of squared distances of the codes to their centroids", "", false},
    {"kmeans_iterations", "Lloyd iterations of the clustering that gave these labels", "", false},
    {"cluster_min", "examples in the smallest cluster", "", false},
    {"cluster_median", "median number of examples in a cluster", "", false},
    {"cluster_max", "examples in the largest cluster", "", false},
    {"cluster_empty", "clusters without examples", "", false},
    {0}};
const ae_column ae_pseudo_labels_weight_columns[] = {
    {"weight_c", "weight of c in the distance behind the labels used in this epoch", "", false},
    {"weight_z", "weight of z in the distance behind the labels used in this epoch", "", false},
    {0}};

static int64_t own(const ae_pseudo_labels *labels) {
  return labels->data == NULL ? 0 : ae_shards_own_count(&labels->data->shards);
}

static ae_status allocate(ae_pseudo_labels *labels) {
  const int64_t width = 2 * labels->latent;
  AE_RETURN_IF(AE_NEW(labels->code, own(labels) * width));
  AE_RETURN_IF(AE_NEW(labels->code_logstd, own(labels) * width));
  AE_RETURN_IF(AE_NEW(labels->label, own(labels)));
  AE_RETURN_IF(AE_NEW(labels->used, own(labels)));
  if (labels->weighting != AE_WEIGHTING_NONE) AE_RETURN_IF(AE_NEW(labels->scaled, own(labels) * width));
  AE_RETURN_IF(AE_NEW(labels->centroid, labels->clusters * width));
  AE_RETURN_IF(AE_NEW(labels->scaled_centroid, labels->clusters * width));
  AE_RETURN_IF(AE_NEW(labels->size, labels->clusters));
  return AE_NEW(labels->posterior, labels->clusters * width);
}

/* The index of classes, and the sums over shards of what is averaged in classes. */
static ae_status check_room(const ae_pseudo_labels *labels) {
  const ae_shards *shards = &labels->data->shards;
  const int moments = labels->weighting == AE_WEIGHTING_INFORMATION ? 4 : 2; /* of a dimension of a class */
  const double sums = (double)shards->count * moments * (double)labels->latent * sizeof(double);
  return ae_memory_expect_each(labels->clusters * ((shards->shards + 1.0) * sizeof(uint32_t) + sums),
                               "kmeans.clusters: %d classes × %d shards (data.shards)", labels->clusters,
                               shards->shards);
}

static ae_weighting weighting_of(const ae_config *config) {
  if (ae_config_is(config, "vhe.weighting", "anneal")) return AE_WEIGHTING_ANNEAL;
  if (ae_config_is(config, "vhe.weighting", "gradient")) return AE_WEIGHTING_GRADIENT;
  return ae_config_is(config, "vhe.weighting", "none") ? AE_WEIGHTING_NONE : AE_WEIGHTING_INFORMATION;
}

static ae_status choose_clusters(ae_pseudo_labels *labels) {
  labels->given = ae_config_is(labels->config, "vhe.labels", "given");
  labels->clusters = (int)ae_config_integer(labels->config, "kmeans.clusters");
  if (!labels->given || labels->data == NULL) return AE_OK;
  labels->clusters = labels->data->classes;
  if (labels->clusters > labels->data->examples)
    return AE_FAIL(AE_USAGE,
                   "vhe.labels is 'given', but %s has labels up to %d for %lld examples: number classes from 0",
                   labels->data->path, labels->clusters - 1, (long long)labels->data->examples);
  if (labels->clusters > 0) return AE_OK;
  return AE_FAIL(AE_USAGE, "vhe.labels is 'given', but %s %s: import the data with --labels, or set vhe.labels=kmeans",
                 labels->data->path, labels->data->no_labels);
}

ae_status ae_pseudo_labels_create(const ae_comm *comm, const ae_config *config, const ae_dataset *data, int64_t latent,
                                  ae_pseudo_labels **out) {
  ae_status status;
  ae_pseudo_labels *labels = NULL;
  *out = NULL;
  status = AE_NEW(labels, 1);
  if (status == AE_OK) {
    labels->comm = comm;
    labels->config = config;
    labels->data = data;
    labels->seed = (uint64_t)ae_config_integer(config, "train.seed");
    labels->latent = latent;
    labels->changed = labels->previous_nmi = NAN;
    labels->weighting = weighting_of(config);
    labels->weight[AE_PART_Z] = labels->weight[AE_PART_C] = 1;
    status = choose_clusters(labels);
  }
  /* for inference K is known when the checkpoint is read */
  if (status == AE_OK && data != NULL) status = check_room(labels);
  if (status == AE_OK && data != NULL) status = allocate(labels);
  status = ae_comm_agree(comm, status);
  if (status != AE_OK) ae_pseudo_labels_destroy(&labels);
  else *out = labels;
  return status;
}

void ae_pseudo_labels_destroy(ae_pseudo_labels **out) {
  ae_pseudo_labels *labels = *out;
  if (labels == NULL) return;
  ae_class_index_destroy(&labels->index);
  AE_FREE(labels->code);
  AE_FREE(labels->code_logstd);
  AE_FREE(labels->label);
  AE_FREE(labels->used);
  AE_FREE(labels->scaled);
  AE_FREE(labels->centroid);
  AE_FREE(labels->scaled_centroid);
  AE_FREE(labels->size);
  AE_FREE(labels->posterior);
  AE_FREE(*out);
}

/* Means over the classes of L columns of rows (own, 2L) from column `first` on, into those of out (K, 2L) from `to` on.
 * An empty class keeps what is there. */
static ae_status average(ae_pseudo_labels *labels, const float *rows, int64_t first, float *out, int64_t to) {
  const ae_shards *shards = &labels->data->shards;
  const int64_t latent = labels->latent, count = labels->clusters * latent, begin = ae_shards_own_begin(shards);
  ae_status status;
  double *sums = NULL, *total = NULL;
  status = AE_NEW(sums, shards->count * count);
  if (status == AE_OK) status = AE_NEW(total, count);
  AE_CHECK(ae_comm_agree(labels->comm, status));
  for (int s = 0; s < shards->count; s++)
    for (int64_t i = ae_shards_begin(shards, shards->first + s); i < ae_shards_begin(shards, shards->first + s + 1);
         i++)
      for (int64_t j = 0; j < latent; j++)
        sums[s * count + labels->label[i - begin] * latent + j] += (double)rows[(i - begin) * 2 * latent + first + j];
  AE_CHECK(ae_reduce_sum(labels->comm, shards, sums, count, total));
  for (int64_t i = 0; i < count; i++)
    if (labels->size[i / latent] > 0)
      out[i / latent * 2 * latent + to + i % latent] = (float)(total[i] / (double)labels->size[i / latent]);
cleanup:
  AE_FREE(sums);
  AE_FREE(total);
  return status;
}

/* The class posteriors (μ_c | s_c); an empty class has none. */
static ae_status average_posteriors(ae_pseudo_labels *labels) {
  const int64_t latent = labels->latent;
  memset(labels->posterior, 0, (size_t)(labels->clusters * 2 * latent) * sizeof *labels->posterior);
  AE_RETURN_IF(average(labels, labels->code, latent, labels->posterior, 0));
  return average(labels, labels->code_logstd, latent, labels->posterior, latent);
}

/* Centroids of codes that were clustered on scale: a part that weighs nothing has means too. */
static ae_status average_codes(ae_pseudo_labels *labels) {
  AE_RETURN_IF(average(labels, labels->code, 0, labels->centroid, 0));
  return average(labels, labels->code, labels->latent, labels->centroid, labels->latent);
}

/* What became of the labels: share changed, agreement with those before. */
static ae_status compare_with_used(ae_pseudo_labels *labels) {
  const int clusters = labels->clusters;
  int64_t changed = 0, *table = NULL;
  ae_status status = AE_OK;
  for (int64_t i = 0; i < own(labels); i++) changed += labels->label[i] != labels->used[i];
  ae_reduce_integers(labels->comm, &changed, 1);
  labels->changed = (double)changed / (double)labels->data->examples;
  labels->previous_nmi = NAN;
  if (clusters > AE_SCORE_MOST_MATCHED) return AE_OK; /* tables of K × K take longer than an epoch */
  AE_CHECK(ae_comm_agree(labels->comm, AE_NEW(table, (int64_t)clusters * clusters)));
  AE_CHECK(ae_score_contingency(labels->comm, labels->used, labels->label, own(labels), clusters, clusters, table));
  labels->previous_nmi = ae_score_nmi(table, clusters, clusters);
cleanup:
  AE_FREE(table);
  return status;
}

/* Codes times the roots of the weights: their Euclidean distance is the weighted one. out may be rows. */
static void scale_codes(const ae_pseudo_labels *labels, int64_t count, const float *rows, float *out) {
  const int64_t latent = labels->latent;
  const float root[2] = {sqrtf((float)labels->weight[AE_PART_Z]), sqrtf((float)labels->weight[AE_PART_C])};
  for (int64_t i = 0; i < 2 * count; i++) ae_scale(latent, root[i % 2], rows + i * latent, out + i * latent);
}

static ae_kmeans_start first_start(const ae_config *config) {
  if (ae_config_is(config, "kmeans.init", "scalable")) return AE_KMEANS_SCALABLE;
  return ae_config_is(config, "kmeans.init", "random") ? AE_KMEANS_RANDOM : AE_KMEANS_PLUSPLUS;
}

static int first_used_class(const ae_pseudo_labels *labels) {
  int k = 0;
  while (labels->size[k] == 0) k++;
  return k;
}

/* Examples that are not of the training data go to what is saved, but not to an empty class, of which nothing is known:
 * its centroid steps aside until the next clustering. */
static void prepare_assignment(ae_pseudo_labels *labels) {
  const int64_t width = 2 * labels->latent, used = first_used_class(labels);
  scale_codes(labels, labels->clusters, labels->centroid, labels->scaled_centroid);
  for (int64_t k = 0; k < labels->clusters; k++)
    if (labels->size[k] == 0)
      memcpy(labels->scaled_centroid + k * width, labels->scaled_centroid + used * width,
             (size_t)width * sizeof *labels->scaled_centroid);
}

static ae_status fit(ae_pseudo_labels *labels, ae_kmeans_start start, uint32_t epoch) {
  const ae_phase previous = ae_profile_enter(AE_PHASE_KMEANS);
  const ae_kmeans_options options = {.clusters = labels->clusters,
                                     .iterations = (int)ae_config_integer(labels->config, "kmeans.iterations"),
                                     .tolerance = ae_config_real(labels->config, "kmeans.tolerance"),
                                     .start = start,
                                     .seed = labels->seed,
                                     .epoch = epoch};
  const bool scaled = labels->weighting != AE_WEIGHTING_NONE;
  if (scaled) scale_codes(labels, own(labels), labels->code, labels->scaled);
  scale_codes(labels, labels->clusters, labels->centroid, labels->scaled_centroid);
  ae_status status = ae_kmeans_fit(labels->comm, &labels->data->shards, scaled ? labels->scaled : labels->code,
                                   2 * labels->latent, &options, labels->given ? labels->data->label : NULL,
                                   labels->scaled_centroid, labels->label, labels->size, &labels->last);
  if (status == AE_OK && scaled) status = average_codes(labels);
  if (status == AE_OK && !scaled)
    memcpy(labels->centroid, labels->scaled_centroid,
           (size_t)(labels->clusters * 2 * labels->latent) * sizeof *labels->centroid);
  if (status == AE_OK) prepare_assignment(labels);
  ae_profile_leave(previous);
  AE_RETURN_IF(ae_model_blame_codes(status, epoch));
  return average_posteriors(labels);
}

/* Weights for the coming clustering, from what the epoch recorded. */
static ae_status weigh(ae_pseudo_labels *labels, uint32_t epoch, const double gradient[2]) {
  const ae_weighting_source source = {.comm = labels->comm,
                                      .shards = &labels->data->shards,
                                      .latent = labels->latent,
                                      .mean = labels->code,
                                      .logstd = labels->code_logstd,
                                      .label = labels->used,
                                      .size = labels->size,
                                      .classes = labels->clusters,
                                      .epoch = epoch,
                                      .anneal = ae_config_real(labels->config, "vhe.anneal_epochs"),
                                      .gradient = {gradient[0], gradient[1]}};
  return ae_weighting_choose(labels->weighting, &source, labels->weight);
}

ae_status ae_pseudo_labels_start(ae_pseudo_labels *labels) {
  const int64_t width = 2 * labels->latent, begin = ae_shards_own_begin(&labels->data->shards);
  for (int64_t i = 0; i < own(labels); i++)
    ae_random_fill_normal(ae_stream_of(labels->seed, AE_RANDOM_CODE, 0, begin + i), width, labels->code + i * width);
  /* the others need codes of a network */
  if (labels->weighting == AE_WEIGHTING_ANNEAL) AE_RETURN_IF(weigh(labels, 0, (double[2]){0}));
  return fit(labels, first_start(labels->config), 0);
}

ae_status ae_pseudo_labels_assign(const ae_pseudo_labels *labels, int64_t count, float *codes, int32_t *label) {
  scale_codes(labels, count, codes, codes);
  AE_RETURN_IF(
      ae_kmeans_assign(codes, count, 2 * labels->latent, labels->scaled_centroid, labels->clusters, label, NULL));
  const int used = first_used_class(labels);
  for (int64_t i = 0; i < count; i++)
    if (labels->size[label[i]] == 0) label[i] = used;
  return AE_OK;
}

ae_status ae_pseudo_labels_epoch_end(ae_pseudo_labels *labels, uint32_t epoch, const double gradient[2]) {
  ae_class_index_destroy(&labels->index);
  memcpy(labels->used, labels->label, (size_t)own(labels) * sizeof *labels->used);
  AE_RETURN_IF(weigh(labels, epoch, gradient));
  AE_RETURN_IF(fit(labels, AE_KMEANS_WARM, epoch));
  return compare_with_used(labels);
}

static int ascending(const void *a, const void *b) {
  const int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
  return (left > right) - (left < right);
}

static ae_status record_sizes(const ae_pseudo_labels *labels, ae_metrics *metrics) {
  const int count = labels->clusters;
  int64_t *sorted, empty = 0;
  AE_RETURN_IF(AE_NEW(sorted, count));
  memcpy(sorted, labels->size, (size_t)count * sizeof *sorted);
  qsort(sorted, (size_t)count, sizeof *sorted, ascending);
  while (empty < count && sorted[empty] == 0) empty++;
  ae_metrics_set(metrics, "cluster_min", (double)sorted[0]);
  ae_metrics_set(metrics, "cluster_median", 0.5 * (double)(sorted[(count - 1) / 2] + sorted[count / 2]));
  ae_metrics_set(metrics, "cluster_max", (double)sorted[count - 1]);
  ae_metrics_set(metrics, "cluster_empty", (double)empty);
  ae_metrics_set(metrics, "label_entropy", ae_score_entropy(labels->size, count));
  AE_FREE(sorted);
  return AE_OK;
}

static ae_status record_scores(const ae_pseudo_labels *labels, ae_metrics *metrics) {
  ae_scores scores;
  if (labels->data->classes == 0) return AE_OK;
  AE_RETURN_IF(ae_score_labels(labels->comm, labels->label, labels->data->label, own(labels), labels->clusters,
                               labels->data->classes, &scores));
  ae_metrics_set(metrics, "label_nmi", scores.nmi);
  ae_metrics_set(metrics, "label_ari", scores.ari);
  ae_metrics_set(metrics, "label_acc", scores.accuracy);
  return AE_OK;
}

ae_status ae_pseudo_labels_epoch_begin(ae_pseudo_labels *labels, ae_metrics *metrics) {
  ae_status status;
  const ae_phase previous = ae_profile_enter(AE_PHASE_LABELS);
  AE_CHECK(ae_class_index_create(labels->comm, &labels->data->shards, labels->label, labels->clusters, &labels->index));
  AE_CHECK(ae_comm_agree(labels->comm, record_sizes(labels, metrics)));
  AE_CHECK(record_scores(labels, metrics));
  ae_metrics_set(metrics, "changed", labels->changed);
  ae_metrics_set(metrics, "previous_nmi", labels->previous_nmi);
  ae_metrics_set(metrics, "weight_z", labels->weight[AE_PART_Z]);
  ae_metrics_set(metrics, "weight_c", labels->weight[AE_PART_C]);
  ae_metrics_set(metrics, "inertia", labels->last.inertia);
  ae_metrics_set(metrics, "kmeans_iterations", labels->last.iterations);
cleanup:
  ae_profile_leave(previous);
  return status;
}

void ae_pseudo_labels_record(ae_pseudo_labels *labels, int64_t example, const float *z, const float *c) {
  const int64_t latent = labels->latent, place = (example - ae_shards_own_begin(&labels->data->shards)) * 2 * latent;
  const size_t bytes = (size_t)latent * sizeof(float);
  memcpy(labels->code + place, z, bytes);
  memcpy(labels->code + place + latent, c, bytes);
  memcpy(labels->code_logstd + place, z + latent, bytes);
  memcpy(labels->code_logstd + place + latent, c + latent, bytes);
}

static ae_status save_clusters(const ae_pseudo_labels *labels, ae_h5 *file) {
  const int64_t width = 2 * labels->latent;
  AE_RETURN_IF(ae_h5_create_axis(file, "/pseudo_labels", "cluster", labels->clusters, NULL, "cluster, 0 … K−1"));
  AE_RETURN_IF(ae_h5_create_axis(file, "/pseudo_labels", "code_dimension", width, NULL,
                                 "dimension of the code [z, c]: first those of z, then those of c"));
  AE_RETURN_IF(ae_h5_create_axis(file, "/pseudo_labels", "statistic_dimension", width, NULL,
                                 "means of c, then log standard deviations of c"));
  const ae_h5_dataset centroid = {
      "/pseudo_labels/centroid", AE_H5_FLOAT32, 2, {labels->clusters, width}, {"cluster", "code_dimension"},
      "centroids of the codes",  NULL};
  const ae_h5_dataset size = {"/pseudo_labels/size",      AE_H5_INT64, 1, {labels->clusters}, {"cluster"},
                              "examples in each cluster", NULL};
  const ae_h5_dataset posterior = {
      "/pseudo_labels/posterior",
      AE_H5_FLOAT32,
      2,
      {labels->clusters, width},
      {"cluster", "statistic_dimension"},
      "mean over a cluster of the recorded posteriors of c: the class posterior of an unseen example",
      NULL};
  AE_RETURN_IF(ae_h5_write_whole(file, &centroid, labels->centroid));
  AE_RETURN_IF(ae_h5_write_whole(file, &size, labels->size));
  return ae_h5_write_whole(file, &posterior, labels->posterior);
}

static ae_status save_examples(const ae_pseudo_labels *labels, ae_h5 *file) {
  const ae_shards *shards = &labels->data->shards;
  const int64_t width = 2 * labels->latent, begin = ae_shards_own_begin(shards), count = own(labels);
  AE_RETURN_IF(ae_h5_create_axis(file, "/pseudo_labels", "example", shards->examples, NULL, "training example"));
  const ae_h5_dataset label = {"/pseudo_labels/label",
                               AE_H5_INT32,
                               1,
                               {shards->examples},
                               {"example"},
                               "cluster of each example, the label in the coming epoch",
                               NULL};
  const ae_h5_dataset code = {"/pseudo_labels/code",
                              AE_H5_FLOAT32,
                              2,
                              {shards->examples, width},
                              {"example", "code_dimension"},
                              "posterior means [z, c] recorded last",
                              NULL};
  const ae_h5_dataset logstd = {"/pseudo_labels/code_logstd",
                                AE_H5_FLOAT32,
                                2,
                                {shards->examples, width},
                                {"example", "code_dimension"},
                                "log standard deviations of [z, c] recorded last",
                                NULL};
  AE_RETURN_IF(ae_h5_write(file, &label, begin, count, labels->label));
  AE_RETURN_IF(ae_h5_write(file, &code, begin, count, labels->code));
  return ae_h5_write(file, &logstd, begin, count, labels->code_logstd);
}

ae_status ae_pseudo_labels_save(const ae_pseudo_labels *labels, ae_h5 *file) {
  AE_RETURN_IF(ae_h5_create_group(file, "/pseudo_labels", "clusters of the codes, the labels of the coming epoch"));
  AE_RETURN_IF(save_clusters(labels, file));
  AE_RETURN_IF(save_examples(labels, file));
  AE_RETURN_IF(ae_h5_put_real(file, "/pseudo_labels", "weight_z", labels->weight[AE_PART_Z]));
  AE_RETURN_IF(ae_h5_put_real(file, "/pseudo_labels", "weight_c", labels->weight[AE_PART_C]));
  AE_RETURN_IF(ae_h5_put_real(file, "/pseudo_labels", "inertia", labels->last.inertia));
  AE_RETURN_IF(ae_h5_put_integer(file, "/pseudo_labels", "iterations", labels->last.iterations));
  AE_RETURN_IF(ae_h5_put_real(file, "/pseudo_labels", "changed", labels->changed));
  return ae_h5_put_real(file, "/pseudo_labels", "previous_nmi", labels->previous_nmi);
}

/* Numbers that others index with must be what they say. */
static ae_status check_loaded(const ae_pseudo_labels *labels, const ae_h5 *file) {
  bool right = true;
  int64_t total = 0;
  for (int k = 0; k < labels->clusters; k++) {
    right = right && labels->size[k] >= 0;
    total += labels->size[k];
  }
  for (int64_t i = 0; i < own(labels); i++)
    right = right && labels->label[i] >= 0 && labels->label[i] < labels->clusters;
  if (right && total > 0) return AE_OK;
  return AE_FAIL(AE_DATA, "%s: /pseudo_labels holds labels or sizes that cannot be: the file is damaged or was changed",
                 ae_h5_path(file));
}

static ae_status load_examples(ae_pseudo_labels *labels, ae_h5 *file) {
  const int64_t width = 2 * labels->latent;
  const int64_t begin = ae_shards_own_begin(&labels->data->shards), count = own(labels);
  int64_t iterations;
  AE_RETURN_IF(ae_h5_read(file, "/pseudo_labels/label", AE_H5_INT32, 1, begin, count, labels->label));
  AE_RETURN_IF(ae_h5_read(file, "/pseudo_labels/code", AE_H5_FLOAT32, width, begin, count, labels->code));
  AE_RETURN_IF(ae_h5_read(file, "/pseudo_labels/code_logstd", AE_H5_FLOAT32, width, begin, count, labels->code_logstd));
  AE_RETURN_IF(ae_h5_get_real(file, "/pseudo_labels", "inertia", &labels->last.inertia));
  AE_RETURN_IF(ae_h5_get_integer(file, "/pseudo_labels", "iterations", &iterations));
  AE_RETURN_IF(ae_h5_get_real(file, "/pseudo_labels", "changed", &labels->changed));
  labels->last.iterations = (int)iterations;
  return ae_h5_get_real(file, "/pseudo_labels", "previous_nmi", &labels->previous_nmi);
}

static ae_status load_weights(ae_pseudo_labels *labels, ae_h5 *file) {
  AE_RETURN_IF(ae_h5_get_real(file, "/pseudo_labels", "weight_z", &labels->weight[AE_PART_Z]));
  AE_RETURN_IF(ae_h5_get_real(file, "/pseudo_labels", "weight_c", &labels->weight[AE_PART_C]));
  for (int part = 0; part < 2; part++)
    if (!isfinite(labels->weight[part]) || labels->weight[part] < 0)
      return AE_FAIL(AE_DATA, "%s: /pseudo_labels holds weights that cannot be: the file is damaged or was changed",
                     ae_h5_path(file));
  return AE_OK;
}

ae_status ae_pseudo_labels_load(ae_pseudo_labels *labels, ae_h5 *file) {
  ae_h5_type type;
  int rank;
  int64_t dim[AE_H5_MAX_RANK];
  AE_RETURN_IF(ae_h5_describe(file, "/pseudo_labels/centroid", &type, &rank, dim));
  if (rank != 2 || dim[0] < 1 || dim[0] > INT32_MAX || dim[1] != 2 * labels->latent ||
      (labels->data != NULL && dim[0] != labels->clusters))
    return AE_FAIL(
        AE_DATA,
        "%s: /pseudo_labels/centroid has another shape than the configuration in the same file says: the file is "
        "damaged or was changed",
        ae_h5_path(file));
  labels->clusters = (int)dim[0];
  if (labels->centroid == NULL) AE_RETURN_IF(ae_comm_agree(labels->comm, allocate(labels)));
  AE_RETURN_IF(ae_h5_read(file, "/pseudo_labels/centroid", AE_H5_FLOAT32, dim[1], 0, dim[0], labels->centroid));
  AE_RETURN_IF(ae_h5_read(file, "/pseudo_labels/size", AE_H5_INT64, 1, 0, dim[0], labels->size));
  AE_RETURN_IF(ae_h5_read(file, "/pseudo_labels/posterior", AE_H5_FLOAT32, dim[1], 0, dim[0], labels->posterior));
  AE_RETURN_IF(load_weights(labels, file));
  if (labels->data != NULL) AE_RETURN_IF(load_examples(labels, file));
  AE_RETURN_IF(ae_comm_agree(labels->comm, check_loaded(labels, file)));
  prepare_assignment(labels);
  return AE_OK;
}

void ae_pseudo_labels_recorded(const ae_pseudo_labels *labels, void *const field[5]) {
  for (int i = 0; i < 4; i++)
    if (field[i] != NULL)
      ae_gaussian_part(own(labels), labels->latent, i % 2 == 0 ? labels->code : labels->code_logstd, i / 2, field[i]);
  if (field[4] != NULL) memcpy(field[4], labels->used, (size_t)own(labels) * sizeof *labels->used);
}
