#include "mpiae/infer/export.h"
#include "mpiae/base/log.h"
#include "result.h"

static bool has_python(const ae_model_type *type, const void *unused) {
  (void)unused;
  return type->python != NULL;
}

static ae_status run_command(const ae_comm *comm, const ae_arguments *arguments) {
  ae_status status;
  ae_result result = {0};
  const char *out = ae_arguments_text(arguments, "out");
  AE_CHECK(
      ae_result_open(comm, ae_arguments_operand(arguments, 0), NULL, has_python, "has no form in PyTorch", &result));
  AE_CHECK(ae_export(comm, result.loaded, out));
  ae_log_info("%s (epoch %lld) for PyTorch in %s", result.name, (long long)result.loaded->state.epoch, out);
cleanup:
  ae_result_close(&result);
  return status;
}

extern const ae_command ae_command_export;

static const ae_option options[] = {
    {"out", AE_OPTION_TEXT, "DIR", true, 0, 0, "directory to make: model.safetensors, config.json, model.py"}, {0}};

const ae_command ae_command_export = {.name = "export",
                                      .summary = "write a trained model for PyTorch and ONNX",
                                      .operands = "MODEL",
                                      .least_operands = 1,
                                      .most_operands = 1,
                                      .options = options,
                                      .details = AE_MODEL_HELP
                                      "\n'python DIR/model.py --onnx DIR' then writes encoder.onnx and decoder.onnx "
                                      "(packages torch, safetensors, onnxscript).",
                                      .example = "mpiae export runs/glyphs --out glyphs-torch",
                                      .run = run_command};
