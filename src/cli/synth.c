#include "mpiae/data/synth.h"

#include "mpiae/cli/command.h"

#include <string.h>

static ae_status run_command(const ae_comm *comm, const ae_arguments *arguments) {
  const char *name = ae_arguments_operand(arguments, 0);
  if (strcmp(name, "glyphs") != 0)
    return AE_FAIL(AE_USAGE, "no embedded dataset is called '%s'; the known one is glyphs", name);
  const char *layout = ae_arguments_text(arguments, "layout");
  const bool sets = layout != NULL && strcmp(layout, "set") == 0;
  if (layout != NULL && !sets && strcmp(layout, "image") != 0)
    return AE_FAIL(AE_USAGE, "--layout must be image or set, not '%s'", layout);
  AE_RETURN_IF(ae_command_check_out(comm, ae_arguments_text(arguments, "out"), "dataset", NULL, 0));
  return (sets ? ae_glyphs_write_sets : ae_glyphs_write)(
      comm, ae_arguments_text(arguments, "out"), ae_arguments_integer(arguments, "count", 0),
      (int)ae_arguments_integer(arguments, "first", 0), (int)ae_arguments_integer(arguments, "classes", 10),
      (uint64_t)ae_arguments_integer(arguments, "seed", 1));
}

extern const ae_command ae_command_synth;

static const ae_option options[] = {
    {"count", AE_OPTION_INTEGER, "N", true, 1, INT32_MAX, "how many examples"},
    {"classes", AE_OPTION_INTEGER, "C", false, 1, 100000, "how many classes; the first ten are the digits; default 10"},
    {"first", AE_OPTION_INTEGER, "K", false, 0, 100000, "number of the first class; default 0"},
    {"seed", AE_OPTION_INTEGER, "S", false, 0, INT64_MAX, "another seed gives other examples; default 1"},
    {"layout", AE_OPTION_TEXT, "image|set", false, 0, 0,
     "set: sets of points, of the pixels above 20, at (row, column) / 28; default image"},
    {"out", AE_OPTION_TEXT, "FILE", true, 0, 0, "dataset file to write"},
    {0}};

const ae_command ae_command_synth = {
    .name = "synth",
    .summary = "write the embedded dataset of drawn glyphs",
    .operands = "glyphs",
    .least_operands = 1,
    .most_operands = 1,
    .options = options,
    .details =
        "28x28 grey images drawn by strokes, every one with its own jitter; example i belongs to class i modulo C.",
    .example = "mpiae synth glyphs --count 20000 --out glyphs.h5",
    .run = run_command};
