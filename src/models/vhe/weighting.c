#include "mpiae/models/vhe/weighting.h"

#include "mpiae/base/memory.h"
#include "mpiae/cluster/score.h"
#include "mpiae/comm/reduce.h"

#include <math.h>
#include <string.h>

/* Sums of a dimension over examples. */
typedef struct moments {
  double mean, square, spread, logstd; /* Σ μ, Σ μ², Σ e^{2s}, Σ s */
} moments;

enum { MOMENTS = sizeof(moments) / sizeof(double) };

static void add_example(const ae_weighting_source *source, int64_t i, int64_t first, int64_t count, moments *sums) {
  const int64_t at = i * 2 * source->latent + first;
  for (int64_t j = 0; j < count; j++) {
    const double mean = (double)source->mean[at + j], logstd = (double)source->logstd[at + j];
    sums[j].mean += mean;
    sums[j].square += mean * mean;
    sums[j].spread += exp(2 * logstd);
    sums[j].logstd += logstd;
  }
}

/* Moments of the whole dataset, of `groups` groups of `width` dimensions from `first` on: one group, or one a class. */
static ae_status sum_moments(const ae_weighting_source *source, int groups, int64_t first, int64_t width,
                             moments **out) {
  const ae_shards *shards = source->shards;
  const int64_t count = groups * width, begin = ae_shards_own_begin(shards);
  ae_status status;
  moments *own = NULL, *sum = NULL;
  status = AE_NEW(own, shards->count * count);
  if (status == AE_OK) status = AE_NEW(sum, count);
  AE_CHECK(ae_comm_agree(source->comm, status));
  for (int s = 0; s < shards->count; s++)
    for (int64_t i = ae_shards_begin(shards, shards->first + s); i < ae_shards_begin(shards, shards->first + s + 1);
         i++)
      add_example(source, i - begin, first, width,
                  own + s * count + (groups > 1 ? source->label[i - begin] * width : 0));
  AE_CHECK(ae_reduce_sum(source->comm, shards, (double *)own, count * MOMENTS, (double *)sum));
  *out = sum;
cleanup:
  if (status != AE_OK) AE_FREE(sum);
  AE_FREE(own);
  return status;
}

static double variance_of_means(const moments *sums, double examples) {
  const double mean = sums->mean / examples;
  return fmax(0, sums->square / examples - mean * mean);
}

static double variance(const moments *sums, double examples) {
  return variance_of_means(sums, examples) + sums->spread / examples;
}

/* What z tells of an example. */
static double information_of_z(const ae_weighting_source *source, const moments *z) {
  const double examples = (double)source->shards->examples;
  double sum = 0;
  for (int64_t j = 0; j < source->latent; j++)
    sum += fmax(0, 0.5 * log(variance(&z[j], examples)) - z[j].logstd / examples);
  return sum;
}

/* What c tells of the class. */
static ae_status information_of_c(const ae_weighting_source *source, const moments *c, double *out) {
  const double examples = (double)source->shards->examples;
  const int64_t latent = source->latent;
  moments *within = NULL;
  double sum = 0;
  AE_RETURN_IF(sum_moments(source, source->classes, latent, latent, &within));
  for (int64_t j = 0; j < latent; j++) {
    double inside = 0;
    for (int k = 0; k < source->classes; k++)
      if (source->size[k] > 0)
        inside += (double)source->size[k] / examples * log(variance(&within[k * latent + j], (double)source->size[k]));
    sum += 0.5 * (log(variance(&c[j], examples)) - inside);
  }
  *out = fmax(0, fmin(ae_score_entropy(source->size, source->classes), sum));
  AE_FREE(within);
  return AE_OK;
}

/* Weights up to a common factor. spread: V_z, V_c. */
static ae_status propose(ae_weighting kind, const ae_weighting_source *source, const moments *all,
                         const double spread[2], double weight[2]) {
  double information;
  weight[AE_PART_Z] = weight[AE_PART_C] = 1;
  switch (kind) {
  case AE_WEIGHTING_NONE:
    break;
  case AE_WEIGHTING_ANNEAL:
    weight[AE_PART_C] = fmin(1, source->epoch / source->anneal);
    break;
  case AE_WEIGHTING_GRADIENT:
    memcpy(weight, source->gradient, 2 * sizeof *weight);
    break;
  case AE_WEIGHTING_INFORMATION:
    AE_RETURN_IF(information_of_c(source, all + source->latent, &information));
    weight[AE_PART_Z] = information_of_z(source, all) / spread[AE_PART_Z];
    weight[AE_PART_C] = information / spread[AE_PART_C];
  }
  return AE_OK;
}

static bool is_weight(double value) { return isfinite(value) && value >= 0; }

ae_status ae_weighting_choose(ae_weighting kind, const ae_weighting_source *source, double weight[2]) {
  moments *all = NULL;
  double spread[2] = {0};
  weight[AE_PART_Z] = weight[AE_PART_C] = 1;
  if (kind == AE_WEIGHTING_NONE) return AE_OK;
  AE_RETURN_IF(sum_moments(source, 1, 0, 2 * source->latent, &all));
  for (int64_t j = 0; j < 2 * source->latent; j++)
    spread[j / source->latent] += variance_of_means(&all[j], (double)source->shards->examples) / (double)source->latent;
  const ae_status status = propose(kind, source, all, spread, weight);
  AE_FREE(all);
  const double factor = (spread[AE_PART_Z] + spread[AE_PART_C]) /
                        (weight[AE_PART_Z] * spread[AE_PART_Z] + weight[AE_PART_C] * spread[AE_PART_C]);
  const bool usable = is_weight(weight[AE_PART_Z]) && is_weight(weight[AE_PART_C]) && isfinite(factor) && factor > 0;
  for (int part = 0; part < 2; part++) weight[part] = usable ? weight[part] * factor : 1;
  return status;
}
