#include "set_examples.h"

#include "mpiae/base/arithmetic.h"
#include "mpiae/base/memory.h"
#include "mpiae/data/points.h"

#include <stdint.h>

static ae_status read_images(const ae_model_setup *setup, ae_set_examples *out) {
  char shape[AE_SHAPE_SIZE];
  ae_print_shape("N", setup->rank, setup->dim, shape);
  if (setup->rank != 3 || setup->dim[0] != 1)
    return AE_FAIL(AE_USAGE,
                   "set.input=image is for images of one channel, (N, 1, H, W), whose bright pixels are points, but "
                   "the data are %s",
                   shape);
  out->rows = setup->dim[1];
  out->columns = setup->dim[2];
  out->dim = 2;
  return AE_OK;
}

ae_status ae_set_examples_read(const ae_model_setup *setup, ae_set_examples *out) {
  *out = (ae_set_examples){.images = ae_config_is(setup->config, "set.input", "image"),
                           .threshold = (float)ae_config_real(setup->config, "set.threshold"),
                           .dim = setup->features};
  return out->images ? read_images(setup, out) : AE_OK;
}

/* Bytes are trained on as shares of 255. */
static float threshold_of(const ae_set_examples *examples, const ae_dataset *data) {
  return data->type == AE_H5_UINT8 ? examples->threshold * UINT8_MAX : examples->threshold;
}

static ae_status make_sets(const ae_set_examples *examples, const ae_dataset *data, int64_t count, const void *images,
                           int64_t **offset, float **points) {
  AE_FREE(*offset);
  AE_FREE(*points);
  return ae_points_of_images(data->type, images, count, examples->rows, examples->columns, threshold_of(examples, data),
                             offset, points);
}

ae_status ae_set_examples_find(const ae_dataset *data, ae_set_examples *examples) {
  examples->first = ae_shards_own_begin(&data->shards);
  examples->count = ae_shards_own_count(&data->shards);
  examples->offset = data->offset;
  examples->points = data->rows;
  if (!examples->images) return AE_OK;
  AE_RETURN_IF(make_sets(examples, data, examples->count, data->rows, &examples->own_offset, &examples->own_points));
  examples->offset = examples->own_offset;
  examples->points = examples->own_points;
  return AE_OK;
}

void ae_set_examples_free(ae_set_examples *examples) {
  AE_FREE(examples->own_offset);
  AE_FREE(examples->own_points);
  AE_FREE(examples->block_offset);
  AE_FREE(examples->block_points);
}

const float *ae_set_examples_own(const ae_set_examples *examples, int64_t example, int64_t *count) {
  const int64_t *offset = examples->offset + (example - examples->first);
  *count = offset[1] - offset[0];
  return examples->points + offset[0] * examples->dim;
}

ae_status ae_set_examples_of_block(ae_set_examples *examples, const ae_block *block, ae_block *sets) {
  *sets = *block;
  if (!examples->images) return AE_OK;
  AE_RETURN_IF(
      make_sets(examples, block->data, block->count, block->rows, &examples->block_offset, &examples->block_points));
  sets->offset = examples->block_offset;
  sets->rows = examples->block_points;
  return AE_OK;
}

int64_t ae_set_examples_largest(const ae_set_examples *examples, const ae_comm *comm, const ae_dataset *data) {
  if (!examples->images) return data->most_points;
  int64_t most = 0;
  const char *image = data->rows;
  for (int64_t i = 0; i < ae_shards_own_count(&data->shards); i++, image += data->row_bytes)
    most = ae_max(most, ae_points_of_image(data->type, image, examples->rows, examples->columns,
                                           threshold_of(examples, data), NULL));
  return ae_comm_max(comm, most);
}
