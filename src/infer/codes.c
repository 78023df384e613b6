#include "mpiae/infer/codes.h"

#include "mpiae/base/memory.h"
#include "mpiae/base/profile.h"

#include <stdio.h>

static int64_t bytes_of(const ae_field *field) {
  return field->width * (int64_t)(field->type == AE_H5_FLOAT32 ? sizeof(float) : sizeof(int32_t));
}

ae_status ae_codes_create(const ae_model *model, int64_t rows, ae_codes *codes) {
  ae_status status = AE_OK;
  *codes = (ae_codes){.rows = rows};
  for (int i = 0; i < model->fields && status == AE_OK; i++) {
    char *bytes = NULL;
    status = AE_NEW(bytes, rows * bytes_of(&model->field[i]));
    codes->field[i] = bytes;
  }
  return status;
}

void ae_codes_free(ae_codes *codes) {
  for (int i = 0; i < AE_MODEL_MAX_FIELDS; i++) AE_FREE(codes->field[i]);
}

void ae_codes_join(const ae_model *model, const ae_codes *codes, int64_t begin, int64_t count, float *out) {
  int64_t at = 0;
  for (int i = 0; i < model->fields; i++) {
    const ae_field *field = &model->field[i];
    if (field->code == NULL) continue;
    for (int64_t row = 0; row < count; row++)
      for (int64_t j = 0; j < field->width; j++) {
        const int64_t place = (begin + row) * field->width + j;
        out[row * model->code_width + at + j] = field->type == AE_H5_FLOAT32
                                                    ? ((const float *)codes->field[i])[place]
                                                    : (float)((const int32_t *)codes->field[i])[place];
      }
    at += field->width;
  }
}

ae_status ae_inference_encode(ae_model *model, const ae_dataset *data, ae_codes *codes) {
  ae_status status = AE_OK;
  ae_block_walk walk;
  const ae_phase previous = ae_profile_enter(AE_PHASE_ENCODE);
  for (ae_block_first(&walk, data); walk.block.count > 0 && status == AE_OK; ae_block_next(&walk)) {
    void *place[AE_MODEL_MAX_FIELDS];
    for (int i = 0; i < model->fields; i++)
      place[i] = (char *)codes->field[i] + walk.place * bytes_of(&model->field[i]);
    status = model->type->inference->encode(model, &walk.block, place);
  }
  ae_profile_leave(previous);
  return ae_comm_agree(model->setup.comm, ae_error_first(status, ae_dataset_take_error(data)));
}

static ae_status make_axis(ae_h5 *file, const char *name, int64_t length) {
  bool exists;
  char path[128];
  snprintf(path, sizeof path, "/%s", name);
  AE_RETURN_IF(ae_h5_exists(file, path, &exists));
  return exists ? AE_OK : ae_h5_create_axis(file, "/", name, length, NULL, "dimension of a code");
}

/* One field: (total), (total, width), or (total, rows, columns) of a map. */
static ae_status write_field(ae_h5 *file, const char *name, const ae_field *field, const char *axis, int64_t total,
                             int64_t begin, int64_t count, const void *rows) {
  char path[128];
  snprintf(path, sizeof path, "/%s", name);
  const int64_t columns = field->columns, length = columns > 0 ? field->width / columns : field->width;
  if (field->axis != NULL) AE_RETURN_IF(make_axis(file, field->axis, length));
  if (columns > 0) AE_RETURN_IF(make_axis(file, field->column_axis, columns));
  const ae_h5_dataset dataset = {path,
                                 field->type,
                                 1 + (field->axis != NULL) + (columns > 0),
                                 {total, length, columns},
                                 {axis, field->axis, field->column_axis},
                                 field->description,
                                 NULL};
  return ae_h5_write(file, &dataset, begin, count, rows);
}

ae_status ae_inference_write_examples(ae_h5 *file, const ae_dataset *data, int64_t total, int64_t begin,
                                      int64_t count) {
  AE_RETURN_IF(ae_h5_create_axis(file, "/", "example", total, NULL, "example, in the order of the dataset"));
  const ae_h5_dataset label = {"/label", AE_H5_INT32, 1, {total}, {"example"}, "known label; -1 = unknown", NULL};
  if (data->label == NULL) return AE_OK;
  AE_RETURN_IF(ae_h5_write(file, &label, begin, count, data->label));
  return data->names != NULL ? ae_h5_put_text(file, "/label", "names", data->names) : AE_OK;
}

/* What the indices are of. */
static ae_status tag_indices(const ae_model *model, ae_h5 *file) {
  char path[128];
  for (int i = 0; i < model->fields; i++) {
    if (model->field[i].code == NULL) continue;
    snprintf(path, sizeof path, "/%s", model->field[i].name);
    AE_RETURN_IF(ae_h5_put_integer(file, path, "entries", model->entries));
    AE_RETURN_IF(ae_h5_put_integer(file, path, "codebook", model->type->indices->codebook(model)));
  }
  return AE_OK;
}

ae_status ae_codes_write(const ae_model *model, ae_h5 *file, const ae_dataset *data, const ae_codes *codes) {
  const int64_t begin = ae_shards_own_begin(&data->shards), count = ae_shards_own_count(&data->shards);
  AE_RETURN_IF(ae_inference_write_examples(file, data, data->examples, begin, count));
  for (int i = 0; i < model->fields; i++)
    AE_RETURN_IF(write_field(file, model->field[i].name, &model->field[i], "example", data->examples, begin, count,
                             codes->field[i]));
  return model->type->indices != NULL ? tag_indices(model, file) : AE_OK;
}

/* One part of codes (count, code_width), in the type of its field. */
static void copy_part(const ae_model *model, const ae_field *field, int64_t at, int64_t count, const float *codes,
                      void *out) {
  for (int64_t i = 0; i < count; i++)
    for (int64_t j = 0; j < field->width; j++) {
      const float value = codes[i * model->code_width + at + j];
      if (field->type == AE_H5_FLOAT32) ((float *)out)[i * field->width + j] = value;
      else ((int32_t *)out)[i * field->width + j] = (int32_t)value;
    }
}

ae_status ae_codes_write_decoded(const ae_model *model, ae_h5 *file, const char *axis, int64_t total, int64_t begin,
                                 int64_t count, const float *codes) {
  ae_status status;
  ae_codes parts;
  int64_t at = 0;
  AE_CHECK(ae_comm_agree(model->setup.comm, ae_codes_create(model, count, &parts)));
  for (int i = 0; i < model->fields; i++) {
    ae_field field = model->field[i];
    if (field.code == NULL) continue;
    copy_part(model, &field, at, count, codes, parts.field[i]);
    at += field.width;
    field.description = "code that was decoded";
    AE_CHECK(write_field(file, field.code, &field, axis, total, begin, count, parts.field[i]));
  }
cleanup:
  ae_codes_free(&parts);
  return status;
}
