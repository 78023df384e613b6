/* Codes that become arrays: the pictures one looks at. */
#include "mpiae/base/arithmetic.h"
#include "mpiae/base/memory.h"
#include "mpiae/infer/codes.h"
#include "mpiae/infer/decoding.h"

#include <stdio.h>

extern const ae_decoding ae_decoding_pictures;

static ae_status begin(const ae_model *model, ae_h5 *file) {
  const ae_model_setup *setup = &model->setup;
  for (int i = 0; i < setup->rank; i++)
    AE_RETURN_IF(
        ae_h5_create_axis(file, "/", ae_example_axis(setup->rank, i), setup->dim[i], NULL, "axis of one example"));
  return AE_OK;
}

static ae_status write_pictures(const ae_model *model, ae_h5 *file, const char *path, const char *axis, int64_t total,
                                int64_t first, int64_t count, const float *rows, const char *description) {
  ae_h5_dataset dataset = {
      .path = path, .type = AE_H5_FLOAT32, .rank = 1 + model->setup.rank, .description = description};
  dataset.dim[0] = total;
  dataset.axes[0] = axis;
  for (int i = 0; i < model->setup.rank; i++) {
    dataset.dim[i + 1] = model->setup.dim[i];
    dataset.axes[i + 1] = ae_example_axis(model->setup.rank, i);
  }
  return ae_h5_write(file, &dataset, first, count, rows);
}

/* In the units of the data. */
static ae_status decode_block(ae_model *model, int64_t count, const float *codes, float *x) {
  AE_RETURN_IF(model->type->inference->decode(model, count, codes, x));
  ae_data_scale_undo(model->setup.scale, count, model->setup.features, x);
  return AE_OK;
}

/* In blocks counted from the first, which is a multiple of their size or the start of a slice. */
static ae_status decode_rows(ae_model *model, int64_t count, const float *codes, float *x) {
  for (int64_t at = 0; at < count; at += AE_BLOCK_ROWS)
    AE_RETURN_IF(decode_block(model, ae_min(AE_BLOCK_ROWS, count - at), codes + at * model->code_width,
                              x + at * model->setup.features));
  return AE_OK;
}

static ae_status decode(ae_model *model, ae_h5 *file, const ae_code_rows *rows, const char *name,
                        const char *description) {
  char path[64];
  float *x = NULL;
  ae_status status = AE_NEW(x, rows->count * model->setup.features);
  if (status == AE_OK) status = decode_rows(model, rows->count, rows->code, x);
  AE_CHECK(ae_comm_agree(model->setup.comm, status));
  snprintf(path, sizeof path, "/%s", name != NULL ? name : "x");
  AE_CHECK(write_pictures(model, file, path, rows->axis, rows->total, rows->begin, rows->count, x, description));
cleanup:
  AE_FREE(x);
  return status;
}

/* Own rows among the first `count` examples, as they are and as reconstructed. */
static ae_status reconstruct_rows(ae_model *model, const ae_dataset *data, int64_t count, float *x, float *decoded) {
  ae_status status;
  ae_codes codes = {0};
  float *code = NULL;
  ae_block_walk walk;
  AE_CHECK(AE_NEW(code, AE_BLOCK_ROWS * model->code_width));
  AE_CHECK(ae_codes_create(model, AE_BLOCK_ROWS, &codes));
  for (ae_block_first(&walk, data); walk.block.count > 0 && walk.place < count; ae_block_next(&walk)) {
    const int64_t rows = ae_min(walk.block.count, count - walk.place), place = walk.place * model->setup.features;
    walk.block.count = rows;
    AE_CHECK(model->type->inference->encode(model, &walk.block, codes.field));
    ae_codes_join(model, &codes, 0, rows, code);
    AE_CHECK(decode_block(model, rows, code, decoded + place));
    ae_dataset_to_units(data, walk.block.rows, rows, x + place);
  }
  status = ae_dataset_take_error(data);
cleanup:
  AE_FREE(code);
  ae_codes_free(&codes);
  return status;
}

static ae_status reconstruct(ae_model *model, ae_h5 *file, const ae_dataset *data, int64_t count) {
  const int64_t own = ae_shards_own_count(&data->shards), total = ae_min(count, data->examples);
  const int64_t first = ae_min(ae_shards_own_begin(&data->shards), total), shown = ae_min(own, total - first);
  float *x = NULL, *decoded = NULL;
  ae_status status = AE_NEW(x, shown * model->setup.features);
  if (status == AE_OK) status = AE_NEW(decoded, shown * model->setup.features);
  if (status == AE_OK) status = reconstruct_rows(model, data, shown, x, decoded);
  AE_CHECK(ae_comm_agree(model->setup.comm, status));
  AE_CHECK(ae_inference_write_examples(file, data, total, first, shown));
  AE_CHECK(write_pictures(model, file, "/x", "example", total, first, shown, x, "examples"));
  AE_CHECK(write_pictures(model, file, "/reconstruction", "example", total, first, shown, decoded,
                          "what their codes are decoded to"));
cleanup:
  AE_FREE(x);
  AE_FREE(decoded);
  return status;
}

/* Arrays have one size. */
static ae_status sizes(ae_model *model, const ae_block *block, int64_t *out) {
  (void)model;
  for (int64_t i = 0; i < block->count; i++) out[i] = 0;
  return AE_OK;
}

static ae_status borrow_sizes(ae_model *model, const ae_dataset *data, int64_t from, int64_t end, int64_t total,
                              int64_t *out) {
  (void)model, (void)data, (void)total;
  for (int64_t i = from; i < end; i++) out[i - from] = 0;
  return AE_OK;
}

static ae_status decode_table(ae_model *model, const ae_picture_table *table, int64_t first, int64_t end, float *x) {
  float *codes;
  ae_status status;
  const int64_t features = model->setup.features;
  AE_RETURN_IF(AE_NEW(codes, table->columns * model->code_width));
  for (int64_t row = first; row < end; row++) {
    table->fill(model, table->context, row, codes);
    AE_CHECK(decode_rows(model, table->columns, codes, x + (row - first) * table->columns * features));
  }
  status = AE_OK;
cleanup:
  AE_FREE(codes);
  return status;
}

static ae_status write_table(ae_model *model, ae_h5 *file, const ae_picture_table *table) {
  const ae_model_setup *setup = &model->setup;
  const int rank = ae_comm_rank(setup->comm), size = ae_comm_size(setup->comm);
  const int64_t first = table->rows * rank / size, end = table->rows * (rank + 1) / size;
  float *x = NULL;
  ae_status status = AE_NEW(x, (end - first) * table->columns * setup->features);
  if (status == AE_OK) status = decode_table(model, table, first, end, x);
  AE_CHECK(ae_comm_agree(setup->comm, status));
  ae_h5_dataset dataset = {.path = table->path,
                           .type = AE_H5_FLOAT32,
                           .rank = 2 + setup->rank,
                           .dim = {table->rows, table->columns},
                           .axes = {table->axis[0], table->axis[1]},
                           .description = table->description};
  for (int i = 0; i < setup->rank; i++) {
    dataset.dim[i + 2] = setup->dim[i];
    dataset.axes[i + 2] = ae_example_axis(setup->rank, i);
  }
  AE_CHECK(ae_h5_write(file, &dataset, first, end - first, x));
cleanup:
  AE_FREE(x);
  return status;
}

const ae_decoding ae_decoding_pictures = {.begin = begin,
                                          .decode = decode,
                                          .reconstruct = reconstruct,
                                          .sizes = sizes,
                                          .borrow_sizes = borrow_sizes,
                                          .table = write_table};
