/* Every command of the program: parsing and help come from what each says of itself. */
#include "mpiae/cli/command.h"

/* A row is a command, in the order of `mpiae help`: it is ae_command_<row>. */
#define COMMANDS(ROW)                                                                                                  \
  ROW(train)                                                                                                           \
  ROW(encode)                                                                                                          \
  ROW(decode)                                                                                                          \
  ROW(export)                                                                                                          \
  ROW(evaluate)                                                                                                        \
  ROW(reconstruct)                                                                                                     \
  ROW(sample)                                                                                                          \
  ROW(interpolate)                                                                                                     \
  ROW(cluster)                                                                                                         \
  ROW(import)                                                                                                          \
  ROW(synth)                                                                                                           \
  ROW(info)                                                                                                            \
  ROW(doctor)                                                                                                          \
  ROW(bench)                                                                                                           \
  ROW(help)

#define DECLARE(name) extern const ae_command ae_command_##name;
#define LIST(name) &ae_command_##name,

COMMANDS(DECLARE)
static const ae_command *const commands[] = {COMMANDS(LIST) NULL};

const ae_command *const *ae_commands(void) { return commands; }
