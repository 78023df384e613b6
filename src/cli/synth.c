#include "mpiae/data/synth.h"

#include "mpiae/cli/command.h"

#include <string.h>

ae_status ae_command_synth(const ae_comm *comm, const ae_arguments *arguments) {
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
