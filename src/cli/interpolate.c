#include "mpiae/base/log.h"
#include "mpiae/base/memory.h"
#include "mpiae/infer/codes.h"
#include "mpiae/infer/decoding.h"
#include "result.h"

enum { PRESET = 10 };

/* What is asked for. */
typedef struct line {
  int64_t end[2]; /* examples */
  int64_t steps;
  float *code;       /* (steps, code_width), on every rank */
  int64_t size;      /* --size, or 0 */
  int64_t points[2]; /* of sets: at the ends */
} line;

/* Codes of both ends, and those between. */
static ae_status draw_line(ae_result *result, line *what) {
  ae_model *model = result->loaded->model;
  const int64_t width = model->code_width;
  ae_status status;
  ae_codes codes = {0};
  ae_block_copy ends = {0};
  float *end = what->code + (what->steps - 1) * width;
  AE_CHECK(ae_block_fetch(result->comm, result->data, what->end, 2, &ends));
  AE_CHECK(ae_comm_agree(result->comm, ae_codes_create(model, 2, &codes)));
  AE_CHECK(ae_comm_agree(result->comm, model->type->inference->encode(model, &ends.block, codes.field)));
  ae_codes_join(model, &codes, 0, 1, what->code);
  ae_codes_join(model, &codes, 1, 1, end);
  for (int64_t step = 1; step + 1 < what->steps; step++)
    for (int64_t j = 0; j < width; j++) {
      const float share = (float)step / (float)(what->steps - 1);
      what->code[step * width + j] = (1 - share) * what->code[j] + share * end[j];
    }
  AE_CHECK(ae_comm_agree(result->comm, ae_decoding_of(model->type)->sizes(model, &ends.block, what->points)));
cleanup:
  ae_codes_free(&codes);
  ae_block_copy_free(&ends);
  return status;
}

/* Every step from the same noise, so that points move from one to the next; sizes along the line where none are told.
 */
static ae_status decode_line(ae_result *result, ae_h5 *file, const line *what, ae_code_rows *rows) {
  ae_model *model = result->loaded->model;
  int64_t *given = NULL;
  ae_status status;
  AE_CHECK(ae_comm_agree(result->comm, AE_NEW(given, rows->count)));
  for (int64_t i = 0; i < rows->count; i++)
    given[i] = what->points[0] + (what->points[1] - what->points[0]) * (rows->begin + i) / (what->steps - 1);
  rows->given = given;
  AE_CHECK(
      ae_decoding_of(model->type)->decode(model, file, rows, NULL, "what the codes along the line are decoded to"));
cleanup:
  AE_FREE(given);
  return status;
}

static ae_status fill(ae_result *result, ae_h5 *file) {
  const ae_model *model = result->loaded->model;
  const line *what = result->own;
  int64_t begin, end;
  ae_block_share(result->comm, what->steps, &begin, &end);
  const float *own = what->code + begin * model->code_width;
  ae_code_rows rows = {.axis = "step",
                       .total = what->steps,
                       .begin = begin,
                       .count = end - begin,
                       .code = own,
                       .seed = model->setup.seed,
                       .size = what->size,
                       .alike = true};
  AE_RETURN_IF(ae_h5_create_axis(file, "/", "step", what->steps, NULL, "point on the line between the two codes"));
  AE_RETURN_IF(ae_h5_put_integer(file, "/", "from", what->end[0]));
  AE_RETURN_IF(ae_h5_put_integer(file, "/", "to", what->end[1]));
  AE_RETURN_IF(decode_line(result, file, what, &rows));
  return ae_codes_write_decoded(model, file, "step", what->steps, begin, end - begin, own);
}

static ae_status run_command(const ae_comm *comm, const ae_arguments *arguments) {
  ae_status status;
  ae_result result = {0};
  line what = {.end = {ae_arguments_integer(arguments, "from", 0), ae_arguments_integer(arguments, "to", 0)},
               .steps = ae_arguments_integer(arguments, "steps", PRESET)};
  const char *data = ae_arguments_operand(arguments, 1), *out = ae_arguments_text(arguments, "out");
  AE_CHECK(ae_result_open(comm, ae_arguments_operand(arguments, 0), data, ae_result_reconstructs,
                          "does not decode codes of data", &result));
  if (result.loaded->model->entries > 0)
    AE_RAISE(AE_USAGE, "the codes of model '%s' are indices of a codebook: nothing lies between two of them",
             result.loaded->model->type->name);
  AE_CHECK(ae_result_read_size(&result, arguments, false, &what.size));
  AE_CHECK(ae_comm_agree(comm, AE_NEW(what.code, what.steps * result.loaded->model->code_width)));
  AE_CHECK(draw_line(&result, &what));
  result.own = &what;
  AE_CHECK(ae_result_write(&result, out, "interpolation", fill));
  ae_log_info("%lld steps from example %lld to %lld of %s in %s", (long long)what.steps, (long long)what.end[0],
              (long long)what.end[1], data, out);
cleanup:
  AE_FREE(what.code);
  ae_result_close(&result);
  return status;
}

extern const ae_command ae_command_interpolate;

static const ae_option options[] = {
    {"from", AE_OPTION_INTEGER, "I", true, 0, INT64_MAX, "number of the example at one end, from 0"},
    {"to", AE_OPTION_INTEGER, "J", true, 0, INT64_MAX, "and at the other"},
    {"steps", AE_OPTION_INTEGER, "N", false, 2, 100000, "pictures, both ends among them; default 10"},
    {"size", AE_OPTION_INTEGER, "N", false, 1, INT32_MAX,
     "set-ae, set-vae: points of every set; default: as many as the model predicts, or along the line"},
    {"out", AE_OPTION_TEXT, "FILE", true, 0, 0, "HDF5 file to write: /x; of sets /points, /offset"},
    {0}};

const ae_command ae_command_interpolate = {
    .name = "interpolate",
    .summary = "decode along the line between two codes",
    .operands = "MODEL DATA",
    .least_operands = 2,
    .most_operands = 2,
    .options = options,
    .details = AE_DATA_HELP,
    .example = "mpiae interpolate runs/glyphs glyphs.h5 --from 0 --to 1 --steps 9 --out line.h5",
    .run = run_command};
