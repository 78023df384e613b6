#include "mpiae/base/log.h"
#include "mpiae/base/memory.h"
#include "mpiae/data/location.h"
#include "mpiae/infer/codes.h"
#include "mpiae/infer/decoding.h"
#include "mpiae/infer/evaluate.h"
#include "mpiae/infer/grid.h"
#include "result.h"

#include <math.h>
#include <string.h>

/* What is asked for. */
typedef struct decoding {
  const char *codes; /* FILE.h5 or FILE.h5:/path */
  const char *data;  /* for the grid of an AE */
  int64_t size;      /* --size, or 0 */
  int64_t grid;      /* cells along a side; 0 = none */
  int64_t count;     /* codes */
  int64_t begin, end;
  float *code;  /* own (end − begin, code_width) */
  float *place; /* of the grid: (grid, 2) coordinates */
} decoding;

/* Codes from a file. */

/* Rows and columns of a dataset of codes; one of vectors has one column. */
static ae_status describe_codes(ae_h5 *file, const char *path, int64_t *rows, int64_t *width) {
  ae_h5_type type;
  int rank;
  int64_t dim[AE_H5_MAX_RANK];
  AE_RETURN_IF(ae_h5_describe(file, path, &type, &rank, dim));
  if (rank < 1) return AE_FAIL(AE_DATA, "%s: %s is a single number, not codes", ae_h5_path(file), path);
  *rows = dim[0];
  *width = 1;
  for (int i = 1; i < rank; i++) *width *= dim[i];
  if (*rows == 0) return AE_FAIL(AE_DATA, "%s: %s is empty", ae_h5_path(file), path);
  return AE_OK;
}

static ae_status place_rows(const ae_result *result, decoding *what, int64_t rows) {
  what->count = rows;
  ae_block_share(result->comm, rows, &what->begin, &what->end);
  return ae_comm_agree(result->comm, AE_NEW(what->code, (what->end - what->begin) * result->loaded->model->code_width));
}

/* Indices say which codebook they are of, where encode wrote them; it may also have moved on since. */
static ae_status check_codebook(const ae_result *result, ae_h5 *file, const char *path) {
  const ae_model *model = result->loaded->model;
  bool exists;
  int64_t there;
  if (model->type->indices == NULL) return AE_OK;
  AE_RETURN_IF(ae_h5_has_attribute(file, path, "codebook", &exists));
  if (!exists) return AE_OK;
  ae_status status = ae_h5_get_integer(file, path, "codebook", &there);
  if (status != AE_OK) there = 0; /* somebody's own attribute */
  ae_error_clear(&status);
  const int64_t own = model->type->indices->codebook(model);
  if (there == 0 || own == 0 || there == own) return AE_OK;
  return AE_FAIL(
      AE_USAGE,
      "%s: %s holds indices of another codebook than that of %s (epoch %lld): encode the data with this model",
      ae_h5_path(file), path, result->name, (long long)result->loaded->state.epoch);
}

/* Whole codes from one dataset. */
static ae_status read_whole(const ae_result *result, decoding *what, ae_h5 *file, const char *path) {
  int64_t rows, width;
  const ae_model *model = result->loaded->model;
  AE_RETURN_IF(describe_codes(file, path, &rows, &width));
  if (width != model->code_width)
    return AE_FAIL(AE_USAGE, "%s: %s holds %lld numbers a row, but a code of this model has %lld", ae_h5_path(file),
                   path, (long long)width, (long long)model->code_width);
  AE_RETURN_IF(check_codebook(result, file, path));
  AE_RETURN_IF(place_rows(result, what, rows));
  return ae_h5_read(file, path, AE_H5_FLOAT32, width, what->begin, what->end - what->begin, what->code);
}

/* "/z" of samples and interpolations, or "/z_mean" of a codes file. */
static ae_status find_part(ae_h5 *file, const ae_field *field, char path[128]) {
  bool exists;
  snprintf(path, 128, "/%s", field->code);
  AE_RETURN_IF(ae_h5_exists(file, path, &exists));
  if (exists) return AE_OK;
  snprintf(path, 128, "/%s", field->name);
  AE_RETURN_IF(ae_h5_exists(file, path, &exists));
  if (exists) return AE_OK;
  return AE_FAIL(AE_USAGE,
                 "%s holds neither /%s nor /%s: give a file of encode, sample or interpolate, or %s:/path of a "
                 "dataset of whole codes",
                 ae_h5_path(file), field->code, field->name, ae_h5_path(file));
}

static ae_status read_part(const ae_result *result, decoding *what, ae_h5 *file, const ae_field *field, int64_t at) {
  char path[128];
  int64_t rows, width;
  float *part = NULL;
  ae_status status;
  const int64_t all = result->loaded->model->code_width;
  AE_CHECK(find_part(file, field, path));
  AE_CHECK(describe_codes(file, path, &rows, &width));
  if (width != field->width)
    AE_RAISE(AE_USAGE, "%s: %s holds %lld numbers a row, but %s of this model has %lld", ae_h5_path(file), path,
             (long long)width, field->code, (long long)field->width);
  AE_CHECK(check_codebook(result, file, path));
  if (what->code == NULL) AE_CHECK(place_rows(result, what, rows));
  if (rows != what->count)
    AE_RAISE(AE_DATA, "%s: %s has %lld rows, the part of the code before it %lld", ae_h5_path(file), path,
             (long long)rows, (long long)what->count);
  AE_CHECK(ae_comm_agree(result->comm, AE_NEW(part, (what->end - what->begin) * width)));
  AE_CHECK(ae_h5_read(file, path, AE_H5_FLOAT32, width, what->begin, what->end - what->begin, part));
  for (int64_t i = 0; i < what->end - what->begin; i++)
    memcpy(what->code + i * all + at, part + i * width, (size_t)width * sizeof *part);
cleanup:
  AE_FREE(part);
  return status;
}

static ae_status check_codes(const decoding *what, int64_t width) {
  for (int64_t i = 0; i < (what->end - what->begin) * width; i++)
    if (!isfinite(what->code[i]))
      return AE_FAIL(AE_DATA, "%s: code %lld is not finite", what->codes, (long long)(what->begin + i / width));
  return AE_OK;
}

/* Codes of another model lead to anything but pictures. */
static ae_status check_origin(const ae_result *result, ae_h5 *file) {
  char *model = NULL;
  const char *own = result->loaded->model->type->name;
  ae_status status = ae_h5_get_text(file, "/", "model", &model);
  ae_error_clear(&status);
  if (model != NULL && strcmp(model, own) != 0)
    status = AE_FAIL(AE_USAGE, "%s holds codes of a model '%s', but %s is a '%s'", ae_h5_path(file), model,
                     result->name, own);
  AE_FREE(model);
  return status;
}

static ae_status read_codes(const ae_result *result, decoding *what) {
  const ae_model *model = result->loaded->model;
  ae_status status;
  ae_h5 *file = NULL;
  ae_location place = {0};
  int64_t at = 0;
  AE_CHECK(ae_location_find(result->comm, what->codes, &place));
  AE_CHECK(ae_h5_open(result->comm, place.file, &file));
  AE_CHECK(check_origin(result, file));
  if (place.array != NULL) {
    AE_CHECK(ae_location_require(result->comm, file, place.array));
    AE_CHECK(read_whole(result, what, file, place.array));
  }
  for (int i = 0; i < model->fields && place.array == NULL; i++) {
    if (model->field[i].code == NULL) continue;
    AE_CHECK(read_part(result, what, file, &model->field[i], at));
    at += model->field[i].width;
  }
  AE_CHECK(ae_comm_agree(result->comm, check_codes(what, model->code_width)));
cleanup:
  ae_h5_close(&file);
  ae_location_free(&place);
  return status;
}

static ae_status fill_codes(ae_result *result, ae_h5 *file) {
  const decoding *what = result->own;
  ae_model *model = result->loaded->model;
  const int64_t count = what->end - what->begin;
  const ae_code_rows rows = {.axis = "sample",
                             .total = what->count,
                             .begin = what->begin,
                             .count = count,
                             .code = what->code,
                             .seed = model->setup.seed,
                             .size = what->size};
  AE_RETURN_IF(ae_h5_create_axis(file, "/", "sample", what->count, NULL, "code, in the order given"));
  AE_RETURN_IF(ae_decoding_of(model->type)->decode(model, file, &rows, NULL, "what the codes are decoded to"));
  return ae_codes_write_decoded(model, file, "sample", what->count, what->begin, count, what->code);
}

/* A grid over a plane. */

static ae_status check_plane(const ae_result *result) {
  const ae_model *model = result->loaded->model;
  int parts = 0;
  if (ae_decoding_of(model->type)->table == NULL)
    return AE_FAIL(AE_USAGE,
                   "--grid: a table is made of arrays, but model '%s' makes sets of points: sample or "
                   "interpolate shows those of a latent space",
                   model->type->name);
  for (int i = 0; i < model->fields; i++) parts += model->field[i].code != NULL;
  if (model->code_width == 2 && parts == 1) return AE_OK;
  return AE_FAIL(AE_USAGE,
                 "--grid lies on a latent plane, but a code of %s has %lld numbers: train an ae or vae with "
                 "network.latent_size=2",
                 result->name, (long long)model->code_width);
}

/* The training data, whose codes the checkpoint does not hold. */
static ae_status open_data(ae_result *result, const decoding *what) {
  const char *path = what->data != NULL ? what->data : ae_config_text(result->loaded->config, "data.train");
  AE_RETURN_IF(
      ae_error_prefix(ae_loaded_open_data(result->comm, result->loaded, path, &result->data),
                      "the grid lies at quantiles of the codes of the training data (--data names another place)"));
  if ((int64_t)result->data->checksum != result->loaded->state.data_checksum)
    ae_log_warning("%s is not the data that %s was trained on: the grid lies at quantiles of its codes all the same",
                   path, result->name);
  return AE_OK;
}

static ae_status place_grid(ae_result *result, decoding *what) {
  ae_model *model = result->loaded->model;
  AE_RETURN_IF(check_plane(result));
  AE_RETURN_IF(ae_comm_agree(result->comm, AE_NEW(what->place, 2 * what->grid)));
  if (model->type->inference->draw == NULL) AE_RETURN_IF(open_data(result, what));
  return ae_grid_place(model, result->data, what->grid, what->place);
}

static ae_status fill_grid(ae_result *result, ae_h5 *file) {
  const decoding *what = result->own;
  return ae_grid_write(result->loaded->model, file, what->grid, what->place);
}

/* The command. */

static ae_status read_request(const ae_arguments *arguments, decoding *what) {
  what->codes = ae_arguments_count(arguments) > 1 ? ae_arguments_operand(arguments, 1) : NULL;
  what->grid = ae_arguments_integer(arguments, "grid", 0);
  what->data = ae_arguments_text(arguments, "data");
  if ((what->codes == NULL) == (what->grid == 0))
    return AE_FAIL(AE_USAGE, "mpiae decode needs either a file of codes or --grid N, and not both");
  if (what->data != NULL && what->grid == 0) return AE_FAIL(AE_USAGE, "--data is for --grid");
  return AE_OK;
}

static ae_status run_command(const ae_comm *comm, const ae_arguments *arguments) {
  ae_status status;
  ae_result result = {0};
  decoding what = {0};
  const char *out = ae_arguments_text(arguments, "out");
  AE_CHECK(read_request(arguments, &what));
  AE_CHECK(
      ae_result_open(comm, ae_arguments_operand(arguments, 0), NULL, ae_result_decodes, "does not decode", &result));
  AE_CHECK(ae_result_read_size(&result, arguments, what.grid == 0, &what.size));
  AE_CHECK(what.grid > 0 ? place_grid(&result, &what) : read_codes(&result, &what));
  result.own = &what;
  result.input[2] = what.codes;
  AE_CHECK(ae_result_write(&result, out, "samples", what.grid > 0 ? fill_grid : fill_codes));
  if (what.grid > 0) ae_log_info("a grid of %lld x %lld in %s", (long long)what.grid, (long long)what.grid, out);
  else ae_log_info("%lld codes of %s decoded in %s", (long long)what.count, what.codes, out);
cleanup:
  AE_FREE(what.code);
  AE_FREE(what.place);
  ae_result_close(&result);
  return status;
}

extern const ae_command ae_command_decode;

static const ae_option options[] = {
    {"grid", AE_OPTION_INTEGER, "N", false, 2, 1000,
     "decode N x N points of a 2-D latent plane instead of given codes"},
    {"size", AE_OPTION_INTEGER, "N", false, 1, INT32_MAX,
     "set-ae, set-vae: points of every set; default: as many as the model predicts"},
    {"data", AE_OPTION_TEXT, "DATA", false, 0, 0,
     "with --grid for an ae: the training data, when no longer where data.train says"},
    {"out", AE_OPTION_TEXT, "FILE", true, 0, 0, "HDF5 file to write: /x; of sets /points, /offset"},
    {0}};

const ae_command ae_command_decode = {
    .name = "decode",
    .summary = "decode latent codes, or a grid over a latent plane",
    .operands = "MODEL [CODES.h5[:/path]]",
    .least_operands = 1,
    .most_operands = 2,
    .options = options,
    .details =
        "Codes are those of encode, sample or interpolate, or any (N, width) dataset FILE.h5:/path of whole codes (vhe: "
        "z, "
        "then c).\n"
        "The grid lies at quantiles of the prior, or of the training codes of an ae.",
    .example = "mpiae decode runs/glyphs codes.h5 --out decoded.h5",
    .run = run_command};
