#include "mpiae/infer/pictures.h"

#include "mpiae/base/arithmetic.h"
#include "mpiae/base/memory.h"
#include "mpiae/infer/codes.h"

static ae_status write_pictures(const ae_model *model, ae_h5 *file, const char *path, const char *axis, int64_t total,
                                int64_t begin, int64_t count, const float *rows, const char *description) {
  ae_h5_dataset dataset = {
      .path = path, .type = AE_H5_FLOAT32, .rank = 1 + model->setup.rank, .description = description};
  dataset.dim[0] = total;
  dataset.axes[0] = axis;
  for (int i = 0; i < model->setup.rank; i++) {
    dataset.dim[i + 1] = model->setup.dim[i];
    dataset.axes[i + 1] = ae_example_axis(model->setup.rank, i);
  }
  return ae_h5_write(file, &dataset, begin, count, rows);
}

/* In blocks counted from `begin`, which is a multiple of their size or the start of a slice. */
static ae_status decode_rows(ae_model *model, int64_t count, const float *codes, float *x) {
  for (int64_t at = 0; at < count; at += AE_BLOCK_ROWS)
    AE_RETURN_IF(model->type->inference->decode(model, ae_min(AE_BLOCK_ROWS, count - at),
                                                codes + at * model->code_width, x + at * model->setup.features));
  return AE_OK;
}

ae_status ae_pictures_decode(ae_model *model, ae_h5 *file, const char *path, const char *axis, int64_t total,
                             int64_t begin, int64_t count, const float *codes, const char *description) {
  float *x = NULL;
  ae_status status = AE_NEW(x, count * model->setup.features);
  if (status == AE_OK) status = decode_rows(model, count, codes, x);
  AE_CHECK(ae_comm_agree(model->setup.comm, status));
  AE_CHECK(write_pictures(model, file, path, axis, total, begin, count, x, description));
cleanup:
  AE_FREE(x);
  return status;
}

/* Own rows among the first `count` examples, as floats and as reconstructed. */
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
    AE_CHECK(model->type->inference->decode(model, rows, code, decoded + place));
    ae_dataset_to_float(data, walk.block.rows, rows, x + place);
  }
cleanup:
  AE_FREE(code);
  ae_codes_free(&codes);
  return status;
}

ae_status ae_pictures_reconstruct(ae_model *model, ae_h5 *file, const ae_dataset *data, int64_t count) {
  const int64_t own = ae_shards_own_count(&data->shards), total = ae_min(count, data->examples);
  const int64_t begin = ae_min(ae_shards_own_begin(&data->shards), total), shown = ae_min(own, total - begin);
  float *x = NULL, *decoded = NULL;
  ae_status status = AE_NEW(x, shown * model->setup.features);
  if (status == AE_OK) status = AE_NEW(decoded, shown * model->setup.features);
  if (status == AE_OK) status = reconstruct_rows(model, data, shown, x, decoded);
  AE_CHECK(ae_comm_agree(model->setup.comm, status));
  AE_CHECK(ae_inference_write_examples(file, data, total, begin, shown));
  AE_CHECK(write_pictures(model, file, "/x", "example", total, begin, shown, x, "examples"));
  AE_CHECK(write_pictures(model, file, "/reconstruction", "example", total, begin, shown, decoded,
                          "what their codes are decoded to"));
cleanup:
  AE_FREE(x);
  AE_FREE(decoded);
  return status;
}

/* This rank's samples [begin, end) of a request. */
static ae_status draw_rows(ae_model *model, const ae_sample_request *request, int64_t begin, int64_t end, float *codes,
                           int32_t *label) {
  for (int64_t at = begin; at < end; at += AE_BLOCK_ROWS) {
    const int64_t count = ae_min(AE_BLOCK_ROWS, end - at);
    for (int64_t i = 0; i < count; i++) label[at - begin + i] = -1;
    AE_RETURN_IF(model->type->inference->draw(model, request, at, count, codes + (at - begin) * model->code_width,
                                              label + (at - begin)));
  }
  return AE_OK;
}

ae_status ae_pictures_sample(ae_model *model, ae_h5 *file, const ae_sample_request *request, const char *path,
                             bool with_codes) {
  int64_t begin, end;
  float *codes = NULL;
  int32_t *label = NULL;
  ae_block_share(model->setup.comm, request->count, &begin, &end);
  ae_status status = AE_NEW(codes, (end - begin) * model->code_width);
  if (status == AE_OK) status = AE_NEW(label, end - begin);
  if (status == AE_OK) status = draw_rows(model, request, begin, end, codes, label);
  AE_CHECK(ae_comm_agree(model->setup.comm, status));
  AE_CHECK(ae_h5_create_axis(file, "/", "sample", request->count, NULL, "sample"));
  AE_CHECK(ae_pictures_decode(model, file, path, "sample", request->count, begin, end - begin, codes,
                              "samples: mean of p(x | code)"));
  if (!with_codes) goto cleanup;
  AE_CHECK(ae_codes_write_decoded(model, file, "sample", request->count, begin, end - begin, codes));
  const ae_model *drawn_by = request->prior != NULL ? request->prior : model;
  const ae_h5_dataset given = {
      "/label", AE_H5_INT32, 1, {request->count}, {"sample"}, "label that the sample was drawn under", NULL};
  if (drawn_by->labels > 0) AE_CHECK(ae_h5_write(file, &given, begin, end - begin, label));
  const ae_h5_dataset from = {"/pseudo_label",
                              AE_H5_INT32,
                              1,
                              {request->count},
                              {"sample"},
                              "cluster that the sample was drawn from; -1 = none",
                              NULL};
  if (model->classes > 0) AE_CHECK(ae_h5_write(file, &from, begin, end - begin, label));
cleanup:
  AE_FREE(codes);
  AE_FREE(label);
  return status;
}

static ae_status decode_table(ae_model *model, const ae_picture_table *table, int64_t begin, int64_t end, float *x) {
  float *codes;
  ae_status status;
  const int64_t features = model->setup.features;
  AE_RETURN_IF(AE_NEW(codes, table->columns * model->code_width));
  for (int64_t row = begin; row < end; row++) {
    table->fill(model, table->context, row, codes);
    AE_CHECK(decode_rows(model, table->columns, codes, x + (row - begin) * table->columns * features));
  }
  status = AE_OK;
cleanup:
  AE_FREE(codes);
  return status;
}

ae_status ae_pictures_table(ae_model *model, ae_h5 *file, const ae_picture_table *table) {
  const ae_model_setup *setup = &model->setup;
  const int rank = ae_comm_rank(setup->comm), size = ae_comm_size(setup->comm);
  const int64_t begin = table->rows * rank / size, end = table->rows * (rank + 1) / size;
  float *x = NULL;
  ae_status status = AE_NEW(x, (end - begin) * table->columns * setup->features);
  if (status == AE_OK) status = decode_table(model, table, begin, end, x);
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
  AE_CHECK(ae_h5_write(file, &dataset, begin, end - begin, x));
cleanup:
  AE_FREE(x);
  return status;
}
