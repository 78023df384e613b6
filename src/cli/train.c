#include "mpiae/train/trainer.h"

#include "mpiae/base/memory.h"
#include "mpiae/cli/command.h"
#include "mpiae/models/configure.h"

#include <stdio.h>
#include <string.h>

/* runs/<name of the configuration file without its ending>. */
static void default_directory(const char *config, char out[AE_PATH_SIZE]) {
  const char *slash = strrchr(config, '/'), *name = slash != NULL ? slash + 1 : config;
  const char *dot = strrchr(name, '.');
  snprintf(out, AE_PATH_SIZE, "runs/%.*s", (int)(dot != NULL && dot > name ? (size_t)(dot - name) : strlen(name)),
           name);
}

static ae_status choose_mode(const ae_arguments *arguments, ae_run_mode *mode) {
  const bool resume = ae_arguments_flag(arguments, "resume"), overwrite = ae_arguments_flag(arguments, "overwrite");
  if (resume && overwrite)
    return AE_FAIL(AE_USAGE, "--resume and --overwrite exclude each other: one goes on, the other begins anew");
  *mode = resume ? AE_RUN_RESUME : overwrite ? AE_RUN_OVERWRITE : AE_RUN_NEW;
  return AE_OK;
}

static ae_status read_config(const ae_comm *comm, const ae_arguments *arguments, ae_config **config) {
  ae_status status;
  const char *path = ae_arguments_operand(arguments, 0), **overrides = NULL;
  const int count = ae_arguments_assignment_count(arguments);
  char *text = NULL;
  int64_t length;
  AE_CHECK(ae_comm_agree(comm, AE_NEW(overrides, count)));
  for (int i = 0; i < count; i++) overrides[i] = ae_arguments_assignment(arguments, i);
  AE_CHECK(ae_comm_read_text(comm, path, &text, &length));
  AE_CHECK(ae_comm_agree(comm, ae_model_configure(text, length, path, overrides, count, config)));
cleanup:
  AE_FREE(text);
  AE_FREE(overrides);
  return status;
}

static ae_status run_command(const ae_comm *comm, const ae_arguments *arguments) {
  ae_status status;
  ae_config *config = NULL;
  ae_run_mode mode = AE_RUN_NEW;
  char preset[AE_PATH_SIZE];
  const char *directory = ae_arguments_text(arguments, "run");
  AE_CHECK(choose_mode(arguments, &mode));
  AE_CHECK(read_config(comm, arguments, &config));
  default_directory(ae_arguments_operand(arguments, 0), preset);
  AE_CHECK(
      ae_train(comm, config, directory != NULL ? directory : preset, mode, ae_arguments_text(arguments, "init-from")));
cleanup:
  ae_config_destroy(&config);
  return status;
}

extern const ae_command ae_command_train;

static const ae_option options[] = {
    {"run", AE_OPTION_TEXT, "DIR", false, 0, 0, "run directory; default runs/<name of the configuration file>"},
    {"resume", AE_OPTION_FLAG, NULL, false, 0, 0,
     "go on from the newest valid checkpoint, or start when there is none"},
    {"overwrite", AE_OPTION_FLAG, NULL, false, 0, 0, "replace the run that is in the directory"},
    {"init-from", AE_OPTION_TEXT, "MODEL", false, 0, 0,
     "begin a new run with the parameters of another: a run directory or a checkpoint file; or with those of a "
     "FILE.safetensors, as export writes it"},
    {0}};

const ae_command ae_command_train = {
    .name = "train",
    .summary = "train a model",
    .operands = "CONFIG.yaml [KEY=VALUE ...]",
    .least_operands = 1,
    .most_operands = 1,
    .assignments = true,
    .options = options,
    .details =
        "Reads the configuration, then every KEY=VALUE over it ('mpiae help config' lists the keys), and trains on all "
        "ranks.\n"
        "The run directory receives config.yaml, metrics.csv, run.log, checkpoints and codes. One that already holds a "
        "run is\n"
        "refused unless --resume or --overwrite is given.",
    .example = "mpirun -n 2 mpiae train configs/vhe-glyphs.yaml train.epochs=5 --run runs/glyphs",
    .run = run_command};
