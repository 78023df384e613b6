#include "mpiae/data/import.h"

#include "mpiae/cli/command.h"

#include <string.h>

ae_status ae_command_import(const ae_comm *comm, const ae_arguments *arguments) {
  const char *format = ae_arguments_operand(arguments, 0);
  if (strcmp(format, "idx") != 0)
    return AE_FAIL(AE_USAGE, "cannot import the format '%s'; the known one is idx", format);
  const ae_import_options options = {
      .labels = ae_arguments_text(arguments, "labels"),
      .shuffle = ae_arguments_flag(arguments, "shuffle"),
      .seed = (uint64_t)ae_arguments_integer(arguments, "shuffle", 0),
      .limit = ae_arguments_integer(arguments, "limit", 0),
  };
  return ae_import_idx(comm, ae_arguments_operands(arguments) + 1, ae_arguments_count(arguments) - 1, &options,
                       ae_arguments_text(arguments, "out"));
}
