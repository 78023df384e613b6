/* Codes that become sets of points, packed: /<name>points, /<name>offset. */
#include "mpiae/base/arithmetic.h"
#include "mpiae/base/memory.h"
#include "mpiae/data/writer.h"
#include "mpiae/infer/codes.h"
#include "mpiae/infer/decoding.h"

#include <stdio.h>
#include <string.h>

extern const ae_decoding ae_decoding_sets;

/* The axes of packed sets come with them. */
static ae_status begin(const ae_model *model, ae_h5 *file) {
  (void)model, (void)file;
  return AE_OK;
}

/* Borders of sets of these sizes; offset has codes->count + 1. */
static ae_status place_sets(ae_model *model, const ae_set_codes *codes, const ae_code_rows *rows, int64_t *offset) {
  const int64_t *given = rows->given;
  ae_status status = AE_OK;
  int64_t *predicted = NULL;
  if (rows->size == 0 && model->sized) {
    AE_CHECK(AE_NEW(predicted, codes->count));
    AE_CHECK(model->type->sets->predict_sizes(model, codes, rows->drawn, predicted));
    given = predicted;
  }
  for (int64_t i = 0; i < codes->count; i++) offset[i + 1] = offset[i] + (rows->size > 0 ? rows->size : given[i]);
cleanup:
  AE_FREE(predicted);
  return status;
}

/* In blocks counted from the first, so that they are the same on any ranks. */
static ae_status decode_blocks(ae_model *model, const ae_set_codes *codes, const int64_t *offset, float *points) {
  for (int64_t at = 0; at < codes->count; at += AE_BLOCK_ROWS) {
    const ae_set_codes block = {ae_min(AE_BLOCK_ROWS, codes->count - at), codes->code + at * model->code_width,
                                codes->number + at, codes->seed};
    AE_RETURN_IF(model->type->sets->decode(model, &block, offset + at, points));
  }
  return AE_OK;
}

static ae_status make_sets(ae_model *model, const ae_set_codes *codes, const ae_code_rows *rows, int64_t **offset,
                           float **points) {
  AE_RETURN_IF(AE_NEW(*offset, codes->count + 1));
  AE_RETURN_IF(place_sets(model, codes, rows, *offset));
  AE_RETURN_IF(ae_memory_expect((double)(*offset)[codes->count] * (double)model->coordinates * sizeof(float),
                                "%lld sets of %lld points in all", (long long)codes->count,
                                (long long)(*offset)[codes->count]));
  AE_RETURN_IF(AE_NEW(*points, (*offset)[codes->count] * model->coordinates));
  return decode_blocks(model, codes, *offset, *points);
}

static ae_status decode(ae_model *model, ae_h5 *file, const ae_code_rows *rows, const char *name,
                        const char *description) {
  ae_status status;
  char prefix[64];
  int64_t *offset = NULL, *number = NULL;
  float *points = NULL;
  AE_CHECK(ae_comm_agree(model->setup.comm, AE_NEW(number, rows->count)));
  for (int64_t i = 0; i < rows->count && !rows->alike; i++) number[i] = rows->begin + i;
  const ae_set_codes codes = {rows->count, rows->code, number, rows->seed};
  AE_CHECK(ae_comm_agree(model->setup.comm, make_sets(model, &codes, rows, &offset, &points)));
  snprintf(prefix, sizeof prefix, "%s%s", name != NULL ? name : "", name != NULL ? "_" : "");
  const ae_sets sets = {rows->total, model->coordinates, rows->begin, rows->count, offset, points};
  AE_CHECK(ae_sets_write(model->setup.comm, file, prefix, &sets, description));
cleanup:
  AE_FREE(number);
  AE_FREE(offset);
  AE_FREE(points);
  return status;
}

/* Own examples among the first ones as sets, and as reconstructed. */
typedef struct pairs {
  int64_t count, *offset;
  float *points, *made;
} pairs;

/* Block by block: borders, when points is NULL; then the points. */
static ae_status copy_sets(ae_model *model, const ae_dataset *data, pairs *out) {
  const int64_t dim = model->coordinates;
  ae_block_walk walk;
  ae_block sets;
  for (ae_block_first(&walk, data); walk.block.count > 0 && walk.place < out->count; ae_block_next(&walk)) {
    walk.block.count = ae_min(walk.block.count, out->count - walk.place);
    int64_t *offset = out->offset + walk.place;
    AE_RETURN_IF(model->type->sets->of_block(model, &walk.block, &sets));
    if (out->points == NULL)
      for (int64_t i = 0; i < sets.count; i++) offset[i + 1] = offset[i] + sets.offset[i + 1] - sets.offset[i];
    else memcpy(out->points + offset[0] * dim, sets.rows, (size_t)(sets.offset[sets.count] * dim) * sizeof(float));
  }
  return AE_OK;
}

static ae_status reconstruct_sets(ae_model *model, const ae_dataset *data, pairs *out) {
  ae_status status;
  ae_codes codes = {0};
  float *code = NULL;
  ae_block_walk walk;
  AE_CHECK(AE_NEW(code, AE_BLOCK_ROWS * model->code_width));
  AE_CHECK(ae_codes_create(model, AE_BLOCK_ROWS, &codes));
  for (ae_block_first(&walk, data); walk.block.count > 0 && walk.place < out->count; ae_block_next(&walk)) {
    walk.block.count = ae_min(walk.block.count, out->count - walk.place);
    AE_CHECK(model->type->inference->encode(model, &walk.block, codes.field));
    ae_codes_join(model, &codes, 0, walk.block.count, code);
    const ae_set_codes block = {walk.block.count, code, walk.block.example, model->setup.seed};
    AE_CHECK(model->type->sets->decode(model, &block, out->offset + walk.place, out->made));
  }
cleanup:
  AE_FREE(code);
  ae_codes_free(&codes);
  return status;
}

static ae_status make_pairs(ae_model *model, const ae_dataset *data, pairs *out) {
  AE_RETURN_IF(AE_NEW(out->offset, out->count + 1));
  AE_RETURN_IF(copy_sets(model, data, out));
  const int64_t numbers = out->offset[out->count] * model->coordinates;
  AE_RETURN_IF(AE_NEW(out->points, numbers));
  AE_RETURN_IF(AE_NEW(out->made, numbers));
  AE_RETURN_IF(copy_sets(model, data, out));
  return reconstruct_sets(model, data, out);
}

static ae_status reconstruct(ae_model *model, ae_h5 *file, const ae_dataset *data, int64_t count) {
  const ae_comm *comm = model->setup.comm;
  const int64_t total = ae_min(count, data->examples), first = ae_min(ae_shards_own_begin(&data->shards), total);
  pairs own = {.count = ae_min(ae_shards_own_count(&data->shards), total - first)};
  ae_status status;
  AE_CHECK(ae_comm_agree(comm, make_pairs(model, data, &own)));
  AE_CHECK(ae_inference_write_examples(file, data, total, first, own.count));
  ae_sets sets = {total, model->coordinates, first, own.count, own.offset, own.points};
  AE_CHECK(ae_sets_write(comm, file, "", &sets, "examples, one set after another"));
  sets.points = own.made;
  AE_CHECK(ae_sets_write(comm, file, "reconstruction_", &sets, "what their codes are decoded to"));
cleanup:
  AE_FREE(own.offset);
  AE_FREE(own.points);
  AE_FREE(own.made);
  return status;
}

static ae_status sizes(ae_model *model, const ae_block *block, int64_t *out) {
  ae_block found;
  AE_RETURN_IF(model->type->sets->of_block(model, block, &found));
  for (int64_t i = 0; i < block->count; i++) out[i] = found.offset[i + 1] - found.offset[i];
  return AE_OK;
}

/* Of sets that images stand for. */
static ae_status fetch_image_sizes(ae_model *model, const ae_dataset *data, const int64_t *example, int64_t count,
                                   int64_t *out) {
  ae_status status;
  ae_block_copy copy = {0};
  AE_CHECK(ae_block_fetch(model->setup.comm, data, example, count, &copy));
  AE_CHECK(ae_comm_agree(model->setup.comm, sizes(model, &copy.block, out)));
cleanup:
  ae_block_copy_free(&copy);
  return status;
}

static ae_status fetch_set_sizes(ae_model *model, const ae_dataset *data, const int64_t *example, int64_t count,
                                 int64_t *out) {
  int64_t offset[AE_BLOCK_ROWS + 1];
  AE_RETURN_IF(ae_dataset_fetch_offsets(model->setup.comm, data, example, count, offset));
  for (int64_t i = 0; i < count; i++) out[i] = offset[i + 1] - offset[i];
  return AE_OK;
}

/* Sizes of the first `count` examples, on every rank. */
static ae_status fetch_sizes(ae_model *model, const ae_dataset *data, int64_t count, int64_t *out) {
  int64_t example[AE_BLOCK_ROWS];
  for (int64_t at = 0; at < count; at += AE_BLOCK_ROWS) {
    const int64_t rows = ae_min(AE_BLOCK_ROWS, count - at);
    for (int64_t i = 0; i < rows; i++) example[i] = at + i;
    AE_RETURN_IF(data->offset != NULL ? fetch_set_sizes(model, data, example, rows, out + at)
                                      : fetch_image_sizes(model, data, example, rows, out + at));
  }
  return AE_OK;
}

static ae_status borrow_sizes(ae_model *model, const ae_dataset *data, int64_t from, int64_t end, int64_t total,
                              int64_t *out) {
  const int64_t count = ae_min(data->examples, total);
  ae_status status;
  int64_t *found = NULL;
  AE_CHECK(ae_comm_agree(model->setup.comm, AE_NEW(found, count)));
  AE_CHECK(fetch_sizes(model, data, count, found));
  for (int64_t i = from; i < end; i++) out[i - from] = found[i % count];
cleanup:
  AE_FREE(found);
  return status;
}

const ae_decoding ae_decoding_sets = {
    .begin = begin, .decode = decode, .reconstruct = reconstruct, .sizes = sizes, .borrow_sizes = borrow_sizes};
