#include "mpiae/models/model.h"

void ae_model_init(ae_model *model, const ae_model_type *type, const ae_model_setup *setup) {
  model->type = type;
  model->setup = *setup;
  model->units = "nat";
  model->columns = type->columns;
}

ae_status ae_model_begin_graph(ae_model *model, int *axis) {
  const ae_model_setup *setup = &model->setup;
  AE_RETURN_IF(
      ae_graph_create(setup->params, setup->data->shards.count, setup->plane_end, setup->planes, &model->graph));
  if (setup->multiplier != NULL) ae_graph_multiply_by(model->graph, setup->multiplier);
  *axis = ae_graph_axis(model->graph, setup->capacity);
  return AE_OK;
}

void ae_model_add_term(ae_model *model, const ae_figure *figure, float weight) {
  AE_ASSERT(model->terms < AE_MODEL_MAX_TERMS);
  model->term[model->terms++] = (ae_term){figure, weight, 1, NULL};
}

void ae_model_set_term(ae_model *model, int term, ae_tensor *rows) {
  AE_ASSERT(term < model->terms);
  if (rows == NULL) return;
  model->term[term].rows = rows;
  ae_graph_keep(rows);
  if (model->term[term].weight != 0) ae_graph_root(model->graph, rows);
}

void ae_model_add_measure(ae_model *model, const ae_figure *figure) {
  AE_ASSERT(model->measures < AE_MODEL_MAX_TERMS);
  model->measure[model->measures++] = figure;
}

void ae_model_add_field(ae_model *model, ae_field field) {
  AE_ASSERT(model->fields < AE_MODEL_MAX_FIELDS);
  model->field[model->fields++] = field;
  if (field.code != NULL) model->code_width += field.width;
}

void ae_model_add_vector(ae_model *model, const char *name, const char *code, int64_t width, const char *axis,
                         const char *description) {
  ae_model_add_field(
      model,
      (ae_field){
          .name = name, .code = code, .type = AE_H5_FLOAT32, .width = width, .axis = axis, .description = description});
}

ae_status ae_model_check_origin(const ae_model *model, const ae_config *other, ae_h5 *file, const char *const *keys) {
  if (!ae_config_is(other, "model", model->type->name))
    return AE_FAIL(AE_USAGE, "%s is a model '%s': a '%s' begins with the parameters of its like", ae_h5_path(file),
                   ae_config_text(other, "model"), model->type->name);
  return ae_config_check_keys(model->setup.config, other, keys, ae_h5_path(file));
}

ae_status ae_model_blame_codes(ae_status status, uint32_t epoch) {
  if (ae_error_code(status) != AE_DATA) return status;
  const ae_status diverged =
      AE_FAIL(AE_DIVERGED, "epoch %u: the codes blew up (%s); a lower train.learning_rate usually helps", epoch,
              ae_error_message(status));
  ae_error_clear(&status);
  return diverged;
}

const char *ae_example_axis(int rank, int i) {
  static const char *const image[] = {"channel", "row", "column"};
  return rank == 1 ? "feature" : image[i];
}
