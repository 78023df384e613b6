#include "mpiae/infer/set_results.h"

#include "mpiae/base/arithmetic.h"
#include "mpiae/base/memory.h"
#include "mpiae/data/writer.h"
#include "mpiae/infer/codes.h"

#include <string.h>

/* Borders of sets of these sizes; offset has codes->count + 1. */
static ae_status place_sets(ae_model *model, const ae_set_codes *codes, const ae_set_sizes *sizes, int64_t *offset) {
  const int64_t *given = sizes->given;
  ae_status status = AE_OK;
  int64_t *predicted = NULL;
  if (sizes->fixed == 0 && model->sized) {
    AE_CHECK(AE_NEW(predicted, codes->count));
    AE_CHECK(model->type->sets->predict_sizes(model, codes, sizes->drawn, predicted));
    given = predicted;
  }
  for (int64_t i = 0; i < codes->count; i++) offset[i + 1] = offset[i] + (sizes->fixed > 0 ? sizes->fixed : given[i]);
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

static ae_status make_sets(ae_model *model, const ae_set_codes *codes, const ae_set_sizes *sizes, int64_t **offset,
                           float **points) {
  AE_RETURN_IF(AE_NEW(*offset, codes->count + 1));
  AE_RETURN_IF(place_sets(model, codes, sizes, *offset));
  AE_RETURN_IF(ae_memory_expect((double)(*offset)[codes->count] * (double)model->coordinates * sizeof(float),
                                "%lld sets of %lld points in all", (long long)codes->count,
                                (long long)(*offset)[codes->count]));
  AE_RETURN_IF(AE_NEW(*points, (*offset)[codes->count] * model->coordinates));
  return decode_blocks(model, codes, *offset, *points);
}

ae_status ae_set_results_make(ae_model *model, ae_h5 *file, const char *prefix, int64_t total, int64_t begin,
                              const ae_set_codes *codes, const ae_set_sizes *sizes, const char *description) {
  ae_status status;
  int64_t *offset = NULL;
  float *points = NULL;
  AE_CHECK(ae_comm_agree(model->setup.comm, make_sets(model, codes, sizes, &offset, &points)));
  const ae_sets sets = {total, model->coordinates, begin, codes->count, offset, points};
  AE_CHECK(ae_sets_write(model->setup.comm, file, prefix, &sets, description));
cleanup:
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

ae_status ae_set_results_reconstruct(ae_model *model, ae_h5 *file, const ae_dataset *data, int64_t count) {
  const ae_comm *comm = model->setup.comm;
  const int64_t total = ae_min(count, data->examples), begin = ae_min(ae_shards_own_begin(&data->shards), total);
  pairs own = {.count = ae_min(ae_shards_own_count(&data->shards), total - begin)};
  ae_status status;
  AE_CHECK(ae_comm_agree(comm, make_pairs(model, data, &own)));
  AE_CHECK(ae_inference_write_examples(file, data, total, begin, own.count));
  ae_sets sets = {total, model->coordinates, begin, own.count, own.offset, own.points};
  AE_CHECK(ae_sets_write(comm, file, "", &sets, "examples, one set after another"));
  sets.points = own.made;
  AE_CHECK(ae_sets_write(comm, file, "reconstruction_", &sets, "what their codes are decoded to"));
cleanup:
  AE_FREE(own.offset);
  AE_FREE(own.points);
  AE_FREE(own.made);
  return status;
}

/* Borders of the sets of images. */
static ae_status find_offsets(ae_model *model, const ae_dataset *data, const int64_t *example, int64_t count,
                              int64_t *offset) {
  const ae_comm *comm = model->setup.comm;
  ae_status status;
  ae_block_copy copy = {0};
  ae_block sets;
  AE_CHECK(ae_block_fetch(comm, data, example, count, &copy));
  AE_CHECK(ae_comm_agree(comm, model->type->sets->of_block(model, &copy.block, &sets)));
  memcpy(offset, sets.offset, (size_t)(count + 1) * sizeof *offset);
cleanup:
  ae_block_copy_free(&copy);
  return status;
}

/* Sizes of the first `count` examples, on every rank. */
static ae_status fetch_sizes(ae_model *model, const ae_dataset *data, int64_t count, int64_t *sizes) {
  int64_t example[AE_BLOCK_ROWS], offset[AE_BLOCK_ROWS + 1];
  for (int64_t at = 0; at < count; at += AE_BLOCK_ROWS) {
    const int64_t rows = ae_min(AE_BLOCK_ROWS, count - at);
    for (int64_t i = 0; i < rows; i++) example[i] = at + i;
    AE_RETURN_IF(data->offset != NULL ? ae_dataset_fetch_offsets(model->setup.comm, data, example, rows, offset)
                                      : find_offsets(model, data, example, rows, offset));
    for (int64_t i = 0; i < rows; i++) sizes[at + i] = offset[i + 1] - offset[i];
  }
  return AE_OK;
}

/* Sizes of the first examples, over and over, for samples [begin, end). */
static ae_status borrow_sizes(ae_model *model, const ae_dataset *like, int64_t begin, int64_t end, int64_t most,
                              int64_t *sizes) {
  const int64_t count = ae_min(like->examples, most);
  ae_status status;
  int64_t *found = NULL;
  AE_CHECK(ae_comm_agree(model->setup.comm, AE_NEW(found, count)));
  AE_CHECK(fetch_sizes(model, like, count, found));
  for (int64_t i = begin; i < end; i++) sizes[i - begin] = found[i % count];
cleanup:
  AE_FREE(found);
  return status;
}

/* Codes of this rank's samples [begin, end), and their numbers. */
static ae_status draw_codes(ae_model *model, const ae_sample_request *request, int64_t begin, int64_t end, float *codes,
                            int64_t *number) {
  int32_t label[AE_BLOCK_ROWS];
  for (int64_t at = begin; at < end; at += AE_BLOCK_ROWS)
    AE_RETURN_IF(model->type->inference->draw(model, request, at, ae_min(AE_BLOCK_ROWS, end - at),
                                              codes + (at - begin) * model->code_width, label));
  for (int64_t i = begin; i < end; i++) number[i - begin] = i;
  return AE_OK;
}

ae_status ae_set_results_sample(ae_model *model, ae_h5 *file, const ae_sample_request *request, int64_t size,
                                const ae_dataset *like, const char *prefix) {
  const ae_comm *comm = model->setup.comm;
  int64_t begin, end, *number = NULL, *given = NULL;
  float *codes = NULL;
  ae_block_share(comm, request->count, &begin, &end);
  ae_status status = AE_NEW(codes, (end - begin) * model->code_width);
  if (status == AE_OK) status = AE_NEW(number, end - begin);
  if (status == AE_OK) status = AE_NEW(given, end - begin);
  if (status == AE_OK) status = draw_codes(model, request, begin, end, codes, number);
  AE_CHECK(ae_comm_agree(comm, status));
  if (like != NULL) AE_CHECK(borrow_sizes(model, like, begin, end, request->count, given));
  AE_CHECK(ae_h5_create_axis(file, "/", "sample", request->count, NULL, "sample"));
  const ae_set_codes drawn = {end - begin, codes, number, request->seed};
  const ae_set_sizes sizes = {size, true, given};
  AE_CHECK(ae_set_results_make(model, file, prefix, request->count, begin, &drawn, &sizes, "samples"));
  AE_CHECK(ae_codes_write_decoded(model, file, "sample", request->count, begin, end - begin, codes));
cleanup:
  AE_FREE(codes);
  AE_FREE(number);
  AE_FREE(given);
  return status;
}
