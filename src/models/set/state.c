/* What a set autoencoder keeps beside its parameters: the Gaussian whose points predictions begin as. */
#include "mpiae/base/arithmetic.h"
#include "mpiae/base/memory.h"
#include "mpiae/comm/reduce.h"
#include "set.h"

#include <math.h>

/* Sums and sums of squares of the coordinates of a set, and its points. */
static void add_set(int64_t dim, int64_t count, const float *points, double *moments) {
  moments[2 * dim] += (double)count;
  for (int64_t i = 0; i < count * dim; i++) {
    moments[i % dim] += (double)points[i];
    moments[dim + i % dim] += (double)points[i] * (double)points[i];
  }
}

/* Those of each own shard. */
static ae_status add_moments(const ae_set_examples *examples, double *moments) {
  const ae_shards *shards = &examples->data->shards;
  const int64_t dim = examples->dim;
  int64_t most = 0;
  float *points = NULL;
  for (int64_t i = 0; i < examples->count; i++) most = ae_max(most, examples->offset[i + 1] - examples->offset[i]);
  AE_RETURN_IF(AE_NEW(points, most * dim));
  for (int s = 0; s < shards->count; s++, moments += 2 * dim + 1) {
    const int shard = shards->first + s;
    for (int64_t i = ae_shards_begin(shards, shard); i < ae_shards_begin(shards, shard + 1); i++) {
      ae_set_examples_points(examples, i, points);
      add_set(dim, ae_set_examples_size(examples, i), points, moments);
    }
  }
  AE_FREE(points);
  return AE_OK;
}

static ae_status find_moments(ae_set_model *model) {
  const ae_model_setup *setup = &model->base.setup;
  const ae_dataset *data = setup->data;
  const int64_t dim = model->network.dim;
  ae_status status;
  double *moments = NULL, *sum = NULL;
  status = AE_NEW(moments, (2 * dim + 1) * data->shards.count);
  if (status == AE_OK) status = AE_NEW(sum, 2 * dim + 1);
  if (status == AE_OK) status = add_moments(&model->examples, moments);
  AE_CHECK(ae_comm_agree(setup->comm, status));
  AE_CHECK(ae_reduce_sum(setup->comm, &data->shards, moments, 2 * dim + 1, sum));
  const double points = sum[2 * dim];
  if (points == 0) AE_RAISE(AE_DATA, "%s: all its sets are empty: there is nothing to learn", data->path);
  for (int64_t k = 0; k < dim; k++) {
    model->mean[k] = sum[k] / points;
    model->deviation[k] = sqrt(fmax(0, sum[dim + k] / points - model->mean[k] * model->mean[k]));
  }
  model->begun = true;
cleanup:
  AE_FREE(moments);
  AE_FREE(sum);
  return status;
}

ae_status ae_set_start(ae_model *base) {
  ae_set_model *model = (ae_set_model *)base;
  if (base->sized && !model->begun)
    return AE_FAIL(AE_USAGE, "set.stage=size trains the predictor of sizes on the codes of a model that was trained "
                             "with set.stage=autoencoder: name that with --init-from");
  if (model->begun) return AE_OK;
  AE_RETURN_IF(find_moments(model));
  float *bias = ae_params_value(base->setup.params, ae_set_output_bias(&model->network, base->setup.params));
  for (int64_t k = 0; k < model->network.dim; k++) bias[k] = (float)model->mean[k];
  return AE_OK;
}

static ae_status write_moment(const ae_set_model *model, ae_h5 *file, const char *path, const char *description,
                              const double *values) {
  const int64_t dim = model->network.dim;
  const ae_h5_dataset dataset = {path, AE_H5_FLOAT64, 1, {dim}, {"coordinate"}, description, NULL};
  return ae_h5_write_whole(file, &dataset, values);
}

ae_status ae_set_save(ae_model *base, ae_h5 *file) {
  const ae_set_model *model = (const ae_set_model *)base;
  AE_RETURN_IF(ae_h5_create_group(file, "/set", "the Gaussian whose points predictions begin as"));
  AE_RETURN_IF(ae_h5_create_axis(file, "/set", "coordinate", model->network.dim, NULL, "coordinate of a point"));
  AE_RETURN_IF(write_moment(model, file, "/set/mean", "mean of the training data's points", model->mean));
  return write_moment(model, file, "/set/deviation", "standard deviation of the training data's points",
                      model->deviation);
}

static ae_status read_moment(const ae_set_model *model, ae_h5 *file, const char *path, double *values) {
  AE_RETURN_IF(ae_h5_expect(file, path, 1, &model->network.dim));
  return ae_h5_read(file, path, AE_H5_FLOAT64, 1, 0, model->network.dim, values);
}

static bool is_sound(const ae_set_model *model) {
  for (int64_t k = 0; k < model->network.dim; k++)
    if (!isfinite(model->mean[k]) || !isfinite(model->deviation[k]) || model->deviation[k] < 0) return false;
  return true;
}

static ae_status check_loaded(const ae_set_model *model, const ae_h5 *file) {
  if (is_sound(model)) return AE_OK;
  return AE_FAIL(AE_DATA, "%s: /set holds numbers that cannot be: the file is damaged or was changed",
                 ae_h5_path(file));
}

int ae_set_arrays(ae_model *base, ae_model_array *out) {
  ae_set_model *model = (ae_set_model *)base;
  out[0] = (ae_model_array){"start.mean", AE_H5_FLOAT64, 1, {model->network.dim}, model->mean, true};
  out[1] = (ae_model_array){"start.deviation", AE_H5_FLOAT64, 1, {model->network.dim}, model->deviation, true};
  return 2;
}

ae_status ae_set_adopt(ae_model *base) {
  ae_set_model *model = (ae_set_model *)base;
  model->begun = true;
  return is_sound(model) ? AE_OK : AE_FAIL(AE_DATA, "start.mean and start.deviation hold numbers that cannot be");
}

ae_status ae_set_load(ae_model *base, ae_h5 *file) {
  ae_set_model *model = (ae_set_model *)base;
  AE_RETURN_IF(read_moment(model, file, "/set/mean", model->mean));
  AE_RETURN_IF(read_moment(model, file, "/set/deviation", model->deviation));
  AE_RETURN_IF(ae_comm_agree(base->setup.comm, check_loaded(model, file)));
  model->begun = true;
  return AE_OK;
}

/* The decoder knows the coordinates of a point. */
static ae_status check_coordinates(const ae_set_model *model, ae_h5 *file) {
  ae_h5_type type;
  int rank;
  int64_t dim[AE_H5_MAX_RANK];
  AE_RETURN_IF(ae_h5_describe(file, "/set/mean", &type, &rank, dim));
  if (rank != 1 || dim[0] == model->network.dim) return AE_OK;
  return AE_FAIL(AE_USAGE, "%s is for points of %lld coordinates, but those of the data have %lld", ae_h5_path(file),
                 (long long)dim[0], (long long)model->network.dim);
}

/* The other's decoder knows the points that the other's predictions begin as. */
ae_status ae_set_init_from(ae_model *base, const ae_config *config, ae_h5 *file) {
  static const char *const same[] = {"set.input", "set.width", "set.heads", "set.blocks", "set.latent_size", NULL};
  static const char *const frozen[] = {"data.scale", "data.center", "data.binarize", "set.threshold", NULL};
  static const char *const same_sizes[] = {"set.most_points", NULL};
  AE_RETURN_IF(ae_model_check_origin(base, config, file, same));
  AE_RETURN_IF(check_coordinates((ae_set_model *)base, file));
  if (base->sized) AE_RETURN_IF(ae_model_check_origin(base, config, file, frozen));
  if (base->sized && ae_config_is(config, "set.stage", "size"))
    AE_RETURN_IF(ae_model_check_origin(base, config, file, same_sizes));
  return ae_set_load(base, file);
}
