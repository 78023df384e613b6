#include "mpiae/infer/decoding.h"

#include "mpiae/base/arithmetic.h"
#include "mpiae/base/memory.h"
#include "mpiae/infer/codes.h"

extern const ae_decoding ae_decoding_pictures, ae_decoding_sets;

const ae_decoding *ae_decoding_of(const ae_model_type *type) {
  if (type->sets != NULL) return &ae_decoding_sets;
  return type->inference->decode != NULL ? &ae_decoding_pictures : NULL;
}

ae_status ae_inference_begin(const ae_model *model, ae_h5 *file, const char *format, int64_t epoch, int64_t step) {
  const ae_decoding *decoding = ae_decoding_of(model->type);
  AE_RETURN_IF(ae_h5_put_kind(file, format));
  AE_RETURN_IF(ae_h5_put_text(file, "/", "model", model->type->name));
  AE_RETURN_IF(ae_h5_put_integer(file, "/", "epoch", epoch));
  AE_RETURN_IF(ae_h5_put_integer(file, "/", "step", step));
  return decoding != NULL ? decoding->begin(model, file) : AE_OK;
}

/* Samples, and the class or label of each. */
typedef struct samples {
  ae_code_rows rows;
  float *code;
  int32_t *label;
  int64_t *size;
} samples;

static ae_status draw_rows(ae_model *model, const ae_sample_request *request, samples *out) {
  const int64_t begin = out->rows.begin, end = begin + out->rows.count;
  AE_RETURN_IF(AE_NEW(out->code, out->rows.count * model->code_width));
  AE_RETURN_IF(AE_NEW(out->label, out->rows.count));
  AE_RETURN_IF(AE_NEW(out->size, out->rows.count));
  for (int64_t i = 0; i < out->rows.count; i++) out->label[i] = -1;
  for (int64_t at = begin; at < end; at += AE_BLOCK_ROWS)
    AE_RETURN_IF(model->type->inference->draw(model, request, at, ae_min(AE_BLOCK_ROWS, end - at),
                                              out->code + (at - begin) * model->code_width, out->label + (at - begin)));
  return AE_OK;
}

static ae_status write_labels(const ae_model *model, ae_h5 *file, const ae_sample_request *request,
                              const samples *drawn) {
  const ae_model *drawn_by = request->prior != NULL ? request->prior : model;
  ae_h5_dataset label = {
      "/label", AE_H5_INT32, 1, {request->count}, {"sample"}, "label that the sample was drawn under", NULL};
  if (drawn_by->labels > 0) AE_RETURN_IF(ae_h5_write(file, &label, drawn->rows.begin, drawn->rows.count, drawn->label));
  label.path = "/pseudo_label";
  label.description = "cluster that the sample was drawn from; -1 = none";
  return model->classes > 0 ? ae_h5_write(file, &label, drawn->rows.begin, drawn->rows.count, drawn->label) : AE_OK;
}

ae_status ae_decoding_sample(ae_model *model, ae_h5 *file, const ae_sample_request *request, int64_t size,
                             const ae_dataset *like, const char *name) {
  const ae_comm *comm = model->setup.comm;
  const ae_decoding *decoding = ae_decoding_of(model->type);
  samples drawn = {
      .rows = {.axis = "sample", .total = request->count, .seed = request->seed, .size = size, .drawn = true}};
  ae_code_rows *rows = &drawn.rows;
  int64_t end;
  ae_status status;
  ae_block_share(comm, request->count, &rows->begin, &end);
  rows->count = end - rows->begin;
  AE_CHECK(ae_comm_agree(comm, draw_rows(model, request, &drawn)));
  rows->code = drawn.code;
  rows->given = drawn.size;
  if (like != NULL) AE_CHECK(decoding->borrow_sizes(model, like, rows->begin, end, request->count, drawn.size));
  AE_CHECK(ae_h5_create_axis(file, "/", "sample", request->count, NULL, "sample"));
  AE_CHECK(decoding->decode(model, file, rows, name, "samples"));
  AE_CHECK(ae_codes_write_decoded(model, file, "sample", request->count, rows->begin, rows->count, drawn.code));
  AE_CHECK(write_labels(model, file, request, &drawn));
cleanup:
  AE_FREE(drawn.code);
  AE_FREE(drawn.label);
  AE_FREE(drawn.size);
  return status;
}
