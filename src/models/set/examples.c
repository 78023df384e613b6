#include "examples.h"

#include "mpiae/base/arithmetic.h"
#include "mpiae/base/memory.h"
#include "mpiae/data/points.h"

#include <string.h>

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

static float threshold_of(const ae_set_examples *examples, const ae_dataset *data) {
  return ae_data_scale_stored(data, examples->threshold);
}

/* Points of an image of the data; only counted when `points` is NULL. */
static int64_t find_points(const ae_set_examples *examples, const ae_dataset *data, const void *image, float *points) {
  return ae_points_of_image(data->type, image, examples->rows, examples->columns, threshold_of(examples, data), points);
}

ae_status ae_set_examples_find(const ae_dataset *data, ae_set_examples *examples) {
  examples->data = data;
  examples->count = ae_shards_own_count(&data->shards);
  examples->offset = data->offset;
  if (!examples->images) return AE_OK;
  const char *image = data->rows;
  AE_RETURN_IF(AE_NEW(examples->own_offset, examples->count + 1));
  for (int64_t i = 0; i < examples->count; i++, image += data->row_bytes)
    examples->own_offset[i + 1] = examples->own_offset[i] + find_points(examples, data, image, NULL);
  examples->offset = examples->own_offset;
  return AE_OK;
}

void ae_set_examples_free(ae_set_examples *examples) {
  AE_FREE(examples->own_offset);
  AE_FREE(examples->block_offset);
  AE_FREE(examples->block_points);
}

int64_t ae_set_examples_size(const ae_set_examples *examples, int64_t example) {
  const int64_t *offset = examples->offset + (example - ae_shards_own_begin(&examples->data->shards));
  return offset[1] - offset[0];
}

void ae_set_examples_points(const ae_set_examples *examples, int64_t example, float *points) {
  int64_t count;
  if (examples->images) {
    find_points(examples, examples->data, ae_dataset_row(examples->data, example), points);
    return;
  }
  const float *own = ae_dataset_set(examples->data, example, &count);
  memcpy(points, own, (size_t)(count * examples->dim) * sizeof *points);
}

ae_status ae_set_examples_of_block(ae_set_examples *examples, const ae_block *block, ae_block *sets) {
  *sets = *block;
  if (!examples->images) return AE_OK;
  AE_FREE(examples->block_offset);
  AE_FREE(examples->block_points);
  AE_RETURN_IF(ae_points_of_images(block->data->type, block->rows, block->count, examples->rows, examples->columns,
                                   threshold_of(examples, block->data), &examples->block_offset,
                                   &examples->block_points));
  sets->offset = examples->block_offset;
  sets->rows = examples->block_points;
  return AE_OK;
}

int64_t ae_set_examples_largest(const ae_set_examples *examples, const ae_comm *comm, const ae_dataset *data) {
  if (!examples->images) return data->most_points;
  int64_t most = 0;
  const char *image = data->rows;
  for (int64_t i = 0; i < ae_shards_own_count(&data->shards); i++, image += data->row_bytes)
    most = ae_max(most, find_points(examples, data, image, NULL));
  return ae_comm_max(comm, most);
}
