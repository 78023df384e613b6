#include "mpiae/train/set_results.h"

#include "mpiae/base/arithmetic.h"
#include "mpiae/base/memory.h"
#include "mpiae/data/writer.h"
#include "mpiae/train/inference.h"

/* Borders of sets of these sizes; offset has codes->count + 1. */
static ae_status place_sets(ae_model *model, const ae_set_codes *codes, const ae_set_sizes *sizes, int64_t *offset) {
  const int64_t *given = sizes->given;
  ae_status status = AE_OK;
  int64_t *predicted = NULL;
  if (sizes->fixed == 0 && model->sized) {
    AE_CHECK(AE_NEW(predicted, codes->count));
    AE_CHECK(model->type->predict_sizes(model, codes, sizes->drawn, predicted));
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
    AE_RETURN_IF(model->type->decode_sets(model, &block, offset + at, points));
  }
  return AE_OK;
}

static ae_status make_sets(ae_model *model, const ae_set_codes *codes, const ae_set_sizes *sizes, int64_t **offset,
                           float **points) {
  AE_RETURN_IF(AE_NEW(*offset, codes->count + 1));
  AE_RETURN_IF(place_sets(model, codes, sizes, *offset));
  AE_RETURN_IF(AE_NEW(*points, (*offset)[codes->count] * model->setup.features));
  return decode_blocks(model, codes, *offset, *points);
}

ae_status ae_set_results_make(ae_model *model, ae_h5 *file, const char *prefix, int64_t total, int64_t begin,
                              const ae_set_codes *codes, const ae_set_sizes *sizes, const char *description) {
  ae_status status;
  int64_t *offset = NULL;
  float *points = NULL;
  AE_CHECK(ae_comm_agree(model->setup.comm, make_sets(model, codes, sizes, &offset, &points)));
  const ae_sets sets = {total, model->setup.features, begin, codes->count, offset, points};
  AE_CHECK(ae_sets_write(model->setup.comm, file, prefix, &sets, description));
cleanup:
  AE_FREE(offset);
  AE_FREE(points);
  return status;
}

/* The first own sets as reconstructed, block by block. */
static ae_status reconstruct_sets(ae_model *model, const ae_dataset *data, int64_t count, float *points) {
  ae_status status;
  ae_codes codes = {0};
  float *code = NULL;
  ae_block_walk walk;
  AE_CHECK(AE_NEW(code, AE_BLOCK_ROWS * model->code_width));
  AE_CHECK(ae_codes_create(model, AE_BLOCK_ROWS, &codes));
  for (ae_block_first(&walk, data); walk.block.count > 0 && walk.place < count; ae_block_next(&walk)) {
    walk.block.count = ae_min(walk.block.count, count - walk.place);
    AE_CHECK(model->type->encode(model, &walk.block, codes.field));
    ae_codes_join(model, &codes, 0, walk.block.count, code);
    const ae_set_codes block = {walk.block.count, code, walk.block.example, model->setup.seed};
    AE_CHECK(model->type->decode_sets(model, &block, data->offset + walk.place, points));
  }
cleanup:
  AE_FREE(code);
  ae_codes_free(&codes);
  return status;
}

ae_status ae_set_results_reconstruct(ae_model *model, ae_h5 *file, const ae_dataset *data, int64_t count) {
  const ae_comm *comm = model->setup.comm;
  const int64_t total = ae_min(count, data->examples), begin = ae_min(ae_shards_own_begin(&data->shards), total);
  const int64_t shown = ae_min(ae_shards_own_count(&data->shards), total - begin);
  float *points = NULL;
  ae_status status = AE_NEW(points, data->offset[shown] * data->features);
  if (status == AE_OK) status = reconstruct_sets(model, data, shown, points);
  AE_CHECK(ae_comm_agree(comm, status));
  AE_CHECK(ae_inference_write_examples(file, data, total, begin, shown));
  ae_sets sets = {total, data->features, begin, shown, data->offset, data->rows};
  AE_CHECK(ae_sets_write(comm, file, "", &sets, "examples, one set after another"));
  sets.points = points;
  AE_CHECK(ae_sets_write(comm, file, "reconstruction_", &sets, "what their codes are decoded to"));
cleanup:
  AE_FREE(points);
  return status;
}

/* Sizes of the first examples, over and over, for samples [begin, end); on every rank. */
static ae_status borrow_sizes(const ae_comm *comm, const ae_dataset *like, int64_t begin, int64_t end, int64_t most,
                              int64_t *sizes) {
  const int64_t count = ae_min(like->examples, most);
  ae_status status;
  int64_t *example = NULL, *offset = NULL;
  status = AE_NEW(example, count);
  if (status == AE_OK) status = AE_NEW(offset, count + 1);
  AE_CHECK(ae_comm_agree(comm, status));
  for (int64_t i = 0; i < count; i++) example[i] = i;
  AE_CHECK(ae_dataset_fetch_offsets(comm, like, example, count, offset));
  for (int64_t i = begin; i < end; i++) sizes[i - begin] = offset[i % count + 1] - offset[i % count];
cleanup:
  AE_FREE(example);
  AE_FREE(offset);
  return status;
}

/* Codes of this rank's samples [begin, end), and their numbers. */
static ae_status draw_codes(ae_model *model, const ae_sample_request *request, int64_t begin, int64_t end, float *codes,
                            int64_t *number) {
  int32_t label[AE_BLOCK_ROWS];
  for (int64_t at = begin; at < end; at += AE_BLOCK_ROWS)
    AE_RETURN_IF(model->type->draw(model, request, at, ae_min(AE_BLOCK_ROWS, end - at),
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
  if (like != NULL) AE_CHECK(borrow_sizes(comm, like, begin, end, request->count, given));
  AE_CHECK(ae_h5_create_axis(file, "/", "sample", request->count, NULL, "sample"));
  const ae_set_codes drawn = {end - begin, codes, number, request->seed};
  const ae_set_sizes sizes = {size, true, given};
  AE_CHECK(ae_set_results_make(model, file, prefix, request->count, begin, &drawn, &sizes, "samples"));
  AE_CHECK(ae_pictures_write_codes(model, file, "sample", request->count, begin, end - begin, codes));
cleanup:
  AE_FREE(codes);
  AE_FREE(number);
  AE_FREE(given);
  return status;
}
