#include "mpiae/data/scale.h"

#include "mpiae/base/log.h"
#include "mpiae/base/memory.h"
#include "mpiae/comm/reduce.h"
#include "mpiae/data/block.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Bytes that go no further fill an eighth of the range that they are divided by: grey values hardly do. */
#define FEW_LEVELS 32

static bool is_learnt(const char *asked) { return strcmp(asked, "standardize") == 0 || strcmp(asked, "0-1") == 0; }

void ae_data_scale_free(ae_data_scale *scale) {
  AE_FREE(scale->offset);
  AE_FREE(scale->divisor);
}

static ae_status make(int64_t features, ae_data_scale *out) {
  out->features = features;
  AE_RETURN_IF(AE_NEW(out->offset, features));
  return AE_NEW(out->divisor, features);
}

static ae_status make_one(float offset, float divisor, ae_data_scale *out) {
  AE_RETURN_IF(make(1, out));
  out->offset[0] = offset;
  out->divisor[0] = divisor;
  return AE_OK;
}

/* Those that need no data. */
static ae_status take_word(const char *asked, ae_data_scale *out) {
  char *end = NULL;
  if (strcmp(asked, "type") == 0) return AE_OK;
  if (strcmp(asked, "none") == 0) return make_one(0, 1, out);
  const float divisor = strtof(asked, &end);
  if (end != asked && *end == '\0' && divisor > 0 && isfinite(divisor)) return make_one(0, divisor, out);
  return AE_FAIL(
      AE_USAGE, "data.scale=%s is no scale: it is auto, type, none, standardize, 0-1, or a number above 0 to divide by",
      asked);
}

/* Sums of the features, or of their squared distances from `mean`, over each own shard. */
static void sum_shards(const ae_dataset *data, const double *mean, double *sums) {
  const int64_t features = data->features;
  ae_block_walk walk;
  for (ae_block_first(&walk, data); walk.block.count > 0; ae_block_next(&walk))
    for (int64_t i = 0; i < walk.block.count * features; i++) {
      const double x = data->type == AE_H5_UINT8 ? (double)((const uint8_t *)walk.block.rows)[i]
                                                 : (double)((const float *)walk.block.rows)[i];
      const int64_t f = i % features;
      sums[walk.shard * features + f] += mean == NULL ? x : (x - mean[f]) * (x - mean[f]);
    }
}

static ae_status take_means(const ae_comm *comm, const ae_dataset *data, const double *about, double *mean) {
  double *sums = NULL;
  ae_status status;
  AE_CHECK(ae_comm_agree(comm, AE_NEW(sums, data->shards.count * data->features)));
  sum_shards(data, about, sums);
  AE_CHECK(ae_comm_agree(comm, ae_dataset_take_error(data)));
  AE_CHECK(ae_reduce_sum(comm, &data->shards, sums, data->features, mean));
  for (int64_t f = 0; f < data->features; f++) mean[f] /= (double)data->examples;
cleanup:
  AE_FREE(sums);
  return status;
}

/* What float32 keeps of a mean is not exact: a feature that never changes may seem to. */
static void take_moments(const double *mean, const double *variance, ae_data_scale *out) {
  long long constant = 0;
  for (int64_t f = 0; f < out->features; f++) {
    const double deviation = sqrt(variance[f]);
    const bool varies = deviation > fabs(mean[f]) * FLT_EPSILON / 2 && deviation > FLT_MIN;
    out->offset[f] = (float)mean[f];
    out->divisor[f] = varies ? (float)deviation : 1;
    constant += !varies;
  }
  if (constant > 0)
    ae_log_info("%lld of %lld features never change: data.scale=standardize makes them 0", constant,
                (long long)out->features);
}

static ae_status standardize(const ae_comm *comm, const ae_dataset *data, ae_data_scale *out) {
  double *mean = NULL, *variance = NULL;
  ae_status status = make(data->features, out);
  if (status == AE_OK) status = AE_NEW(mean, data->features);
  if (status == AE_OK) status = AE_NEW(variance, data->features);
  AE_CHECK(ae_comm_agree(comm, status));
  AE_CHECK(take_means(comm, data, NULL, mean));
  AE_CHECK(take_means(comm, data, mean, variance));
  take_moments(mean, variance, out);
cleanup:
  AE_FREE(mean);
  AE_FREE(variance);
  return status;
}

static ae_status span(const ae_dataset *data, ae_data_scale *out) {
  const float range = data->most - data->least;
  return make_one(data->least, range > 0 ? range : 1, out);
}

static const char *look(const ae_dataset *data) {
  if (data->type != AE_H5_UINT8 || data->most > 1) return "type";
  ae_log_info("%s holds only 0 and 1: they are not divided by 255 as bytes are (data.scale=none)", data->path);
  return "none";
}

ae_status ae_data_scale_choose(const ae_comm *comm, const char *asked, const ae_dataset *data, const char **found,
                               ae_data_scale *out) {
  *out = (ae_data_scale){0};
  *found = strcmp(asked, "auto") == 0 ? look(data) : asked;
  if (data->offset != NULL && strcmp(*found, "type") != 0 && strcmp(*found, "none") != 0)
    return AE_FAIL(AE_USAGE, "data.scale=%s is for arrays, but %s holds sets of points: leave it out", asked,
                   data->path);
  if (strcmp(*found, "standardize") == 0) return standardize(comm, data, out);
  return ae_comm_agree(comm, strcmp(*found, "0-1") == 0 ? span(data, out) : take_word(*found, out));
}

/* In a file. */

static ae_status write_pairs(const ae_data_scale *scale, ae_h5 *file) {
  ae_h5_dataset pair = {.type = AE_H5_FLOAT32, .rank = 1, .dim = {scale->features}, .axes = {"scale_feature"}};
  AE_RETURN_IF(ae_h5_create_group(file, "/scale", "data.scale as learnt from the training data"));
  AE_RETURN_IF(ae_h5_create_axis(file, "/scale", "scale_feature", scale->features, NULL, "place in an example"));
  pair.path = "/scale/offset";
  pair.description = "subtracted from each feature before it is divided; one number: from all";
  AE_RETURN_IF(ae_h5_write_whole(file, &pair, scale->offset));
  pair.path = "/scale/divisor";
  pair.description = "what each feature is divided by; one number: all";
  return ae_h5_write_whole(file, &pair, scale->divisor);
}

ae_status ae_data_scale_save(const ae_data_scale *scale, const char *asked, ae_h5 *file) {
  return is_learnt(asked) ? write_pairs(scale, file) : AE_OK;
}

static ae_status check(const ae_h5 *file, const ae_data_scale *scale) {
  for (int64_t f = 0; f < scale->features; f++)
    if (!isfinite(scale->offset[f]) || !(scale->divisor[f] > 0) || !isfinite(scale->divisor[f]))
      return AE_FAIL(AE_DATA, "%s: /scale holds %g and %g for feature %lld: the file is damaged or was changed",
                     ae_h5_path(file), (double)scale->offset[f], (double)scale->divisor[f], (long long)f);
  return AE_OK;
}

ae_status ae_data_scale_load(const ae_comm *comm, const char *asked, ae_h5 *file, int64_t features,
                             ae_data_scale *out) {
  const int64_t held = strcmp(asked, "0-1") == 0 ? 1 : features;
  *out = (ae_data_scale){0};
  if (!is_learnt(asked)) return ae_comm_agree(comm, take_word(asked, out));
  AE_RETURN_IF(ae_h5_expect(file, "/scale/offset", 1, &held));
  AE_RETURN_IF(ae_h5_expect(file, "/scale/divisor", 1, &held));
  AE_RETURN_IF(ae_comm_agree(comm, make(held, out)));
  AE_RETURN_IF(ae_h5_read(file, "/scale/offset", AE_H5_FLOAT32, 1, 0, held, out->offset));
  AE_RETURN_IF(ae_h5_read(file, "/scale/divisor", AE_H5_FLOAT32, 1, 0, held, out->divisor));
  return check(file, out);
}

/* Of a dataset. */

static void warn_of_bytes(const ae_dataset *dataset) {
  if (dataset->type != AE_H5_UINT8 || dataset->most >= FEW_LEVELS || dataset->most == 0) return;
  ae_log_warning("%s holds bytes of %g to %g, and bytes are divided by 255: they become 0 to %.3g; data.scale=%g makes "
                 "them 0 to 1",
                 dataset->path, (double)dataset->least, (double)dataset->most, (double)dataset->most / 255,
                 (double)dataset->most);
}

/* Over all ranks, of what is scaled feature by feature. */
static ae_status find_bounds(const ae_comm *comm, ae_dataset *dataset) {
  float bound[2] = {-INFINITY, -INFINITY}, *rows = NULL;
  ae_block_walk walk;
  AE_RETURN_IF(ae_comm_agree(comm, AE_NEW(rows, AE_BLOCK_ROWS * dataset->features)));
  for (ae_block_first(&walk, dataset); walk.block.count > 0; ae_block_next(&walk)) {
    ae_dataset_to_float(dataset, walk.block.rows, walk.block.count, rows);
    for (int64_t i = 0; i < walk.block.count * dataset->features; i++) {
      bound[0] = fmaxf(bound[0], -rows[i]);
      bound[1] = fmaxf(bound[1], rows[i]);
    }
  }
  AE_FREE(rows);
  AE_RETURN_IF(ae_comm_agree(comm, ae_dataset_take_error(dataset)));
  ae_comm_require(comm, MPI_Allreduce(MPI_IN_PLACE, bound, 2, MPI_FLOAT, MPI_MAX, ae_comm_handle(comm)),
                  "bounds of scaled data");
  dataset->low = 0.0f - bound[0];
  dataset->high = bound[1];
  return AE_OK;
}

ae_status ae_dataset_use_scale(const ae_comm *comm, ae_dataset *dataset, const ae_data_scale *scale) {
  dataset->scale = scale != NULL && scale->offset != NULL ? scale : NULL;
  if (dataset->scale == NULL) {
    warn_of_bytes(dataset);
    return AE_OK;
  }
  dataset->whole = dataset->integral && scale->features == 1 && scale->offset[0] == 0 && scale->divisor[0] == 1;
  if (scale->features > 1) return find_bounds(comm, dataset);
  dataset->low = (dataset->least - scale->offset[0]) / scale->divisor[0];
  dataset->high = (dataset->most - scale->offset[0]) / scale->divisor[0];
  return AE_OK;
}

void ae_data_scale_undo(const ae_data_scale *scale, int64_t rows, int64_t width, float *x) {
  if (scale == NULL || scale->offset == NULL) return;
  for (int64_t i = 0; i < rows * width; i++) {
    const int64_t f = scale->features == 1 ? 0 : i % width;
    x[i] = x[i] * scale->divisor[f] + scale->offset[f];
  }
}

float ae_data_scale_stored(const ae_dataset *dataset, float value) {
  if (dataset->scale != NULL) return value * dataset->scale->divisor[0] + dataset->scale->offset[0];
  return dataset->type == AE_H5_UINT8 ? value * UINT8_MAX : value;
}
