#include "mpiae/infer/grid.h"

#include "mpiae/base/memory.h"
#include "mpiae/cluster/quantiles.h"
#include "mpiae/infer/codes.h"
#include "mpiae/infer/decoding.h"

#include <math.h>

static float normal_quantile(double probability) {
  double low = -40, high = 40;
  for (int i = 0; i < 100; i++) {
    const double middle = 0.5 * (low + high);
    if (0.5 * erfc(-middle / sqrt(2)) < probability) low = middle;
    else high = middle;
  }
  return (float)(0.5 * (low + high));
}

static ae_status code_quantiles(ae_model *model, const ae_dataset *data, int64_t cells, const double *probability,
                                float *place) {
  const ae_comm *comm = model->setup.comm;
  const int64_t count = ae_shards_own_count(&data->shards);
  ae_status status;
  ae_codes codes = {0};
  float *own = NULL;
  AE_CHECK(ae_comm_agree(comm, ae_codes_create(model, count, &codes)));
  AE_CHECK(ae_inference_encode(model, data, &codes));
  AE_CHECK(ae_comm_agree(comm, AE_NEW(own, count * model->code_width)));
  ae_codes_join(model, &codes, 0, count, own);
  AE_CHECK(ae_quantiles_find(comm, own, count, model->code_width, probability, (int)cells, place));
cleanup:
  ae_codes_free(&codes);
  AE_FREE(own);
  return status;
}

ae_status ae_grid_place(ae_model *model, const ae_dataset *data, int64_t cells, float *place) {
  ae_status status;
  double *probability = NULL;
  AE_CHECK(ae_comm_agree(model->setup.comm, AE_NEW(probability, cells)));
  for (int64_t i = 0; i < cells; i++) {
    probability[i] = ((double)i + 0.5) / (double)cells;
    if (data == NULL) place[2 * i] = place[2 * i + 1] = normal_quantile(probability[i]);
  }
  if (data != NULL) AE_CHECK(code_quantiles(model, data, cells, probability, place));
cleanup:
  AE_FREE(probability);
  return status;
}

typedef struct grid {
  int64_t cells;
  const float *place;
} grid;

static void fill_row(const ae_model *model, const void *context, int64_t row, float *codes) {
  const grid *what = context;
  (void)model;
  for (int64_t column = 0; column < what->cells; column++) {
    codes[2 * column] = what->place[2 * column];
    codes[2 * column + 1] = what->place[2 * row + 1];
  }
}

/* Coordinates along one dimension. */
static ae_status write_places(const ae_model *model, ae_h5 *file, const grid *what, int dimension, const char *path,
                              const char *axis) {
  ae_status status;
  float *values = NULL;
  AE_CHECK(ae_comm_agree(model->setup.comm, AE_NEW(values, what->cells)));
  for (int64_t i = 0; i < what->cells; i++) values[i] = what->place[2 * i + dimension];
  AE_CHECK(ae_h5_create_axis(file, "/", axis, what->cells, NULL, "cell of the grid"));
  const ae_h5_dataset dataset = {path, AE_H5_FLOAT32, 1, {what->cells}, {axis}, "coordinate in the latent plane", NULL};
  AE_CHECK(ae_h5_write_whole(file, &dataset, values));
cleanup:
  AE_FREE(values);
  return status;
}

ae_status ae_grid_write(ae_model *model, ae_h5 *file, int64_t cells, const float *place) {
  const grid what = {cells, place};
  AE_RETURN_IF(write_places(model, file, &what, 0, "/z_0", "grid_x"));
  AE_RETURN_IF(write_places(model, file, &what, 1, "/z_1", "grid_y"));
  const ae_picture_table table = {"/x",
                                  {"grid_y", "grid_x"},
                                  cells,
                                  cells,
                                  &what,
                                  fill_row,
                                  "decoded points of the latent plane: z_1 along grid_y, z_0 along grid_x"};
  return ae_decoding_of(model->type)->table(model, file, &table);
}
