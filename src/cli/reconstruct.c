#include "mpiae/base/arithmetic.h"
#include "mpiae/base/log.h"
#include "mpiae/infer/decoding.h"
#include "result.h"

enum { PRESET = 100 };

static ae_status fill(ae_result *result, ae_h5 *file) {
  ae_model *model = result->loaded->model;
  const int64_t count = *(const int64_t *)result->own;
  return ae_decoding_of(model->type)->reconstruct(model, file, result->data, count);
}

static ae_status run_command(const ae_comm *comm, const ae_arguments *arguments) {
  ae_status status;
  ae_result result = {0};
  int64_t count = ae_arguments_integer(arguments, "count", PRESET);
  const char *data = ae_arguments_operand(arguments, 1), *out = ae_arguments_text(arguments, "out");
  AE_CHECK(ae_result_open(comm, ae_arguments_operand(arguments, 0), data, ae_result_reconstructs,
                          "does not decode codes of data", &result));
  count = ae_min(count, result.data->examples);
  result.own = &count;
  AE_CHECK(ae_result_write(&result, out, "reconstructions", fill));
  ae_log_info("%lld examples of %s and their reconstructions in %s", (long long)count, data, out);
cleanup:
  ae_result_close(&result);
  return status;
}

extern const ae_command ae_command_reconstruct;

static const ae_option options[] = {
    {"count", AE_OPTION_INTEGER, "N", false, 1, INT64_MAX, "the first N examples; default 100"},
    {"out", AE_OPTION_TEXT, "FILE", true, 0, 0,
     "HDF5 file to write: /x, /reconstruction; of sets /points, /reconstruction_points, …"},
    {0}};

const ae_command ae_command_reconstruct = {.name = "reconstruct",
                                           .summary = "write examples beside their reconstructions",
                                           .operands = "MODEL DATA",
                                           .least_operands = 2,
                                           .most_operands = 2,
                                           .options = options,
                                           .details = AE_DATA_HELP,
                                           .example =
                                               "mpiae reconstruct runs/glyphs glyphs.h5 --count 20 --out pairs.h5",
                                           .run = run_command};
