/* Every command of the program: parsing and help come from what each says of itself. */
#include "mpiae/cli/command.h"
#include "mpiae/config/config.h"

#include <string.h>

/* A row is a command, in the order of `mpiae help`: it is ae_command_<row>. */
#define COMMANDS(ROW)                                                                                                  \
  ROW(train)                                                                                                           \
  ROW(encode)                                                                                                          \
  ROW(decode)                                                                                                          \
  ROW(evaluate)                                                                                                        \
  ROW(reconstruct)                                                                                                     \
  ROW(sample)                                                                                                          \
  ROW(interpolate)                                                                                                     \
  ROW(cluster)                                                                                                         \
  ROW(import)                                                                                                          \
  ROW(synth)                                                                                                           \
  ROW(info)                                                                                                            \
  ROW(doctor)                                                                                                          \
  ROW(help)

#define DECLARE(name) extern const ae_command ae_command_##name;
#define LIST(name) &ae_command_##name,

COMMANDS(DECLARE)
static const ae_command *const commands[] = {COMMANDS(LIST) NULL};

static const ae_option global_options[] = {
    {"help", AE_OPTION_FLAG, NULL, false, 0, 0, "say what the command does, and end"},
    {"version", AE_OPTION_FLAG, NULL, false, 0, 0, "say which version this is and what it was built with, and end"},
    {"quiet", AE_OPTION_FLAG, NULL, false, 0, 0, "warnings and errors only"},
    {"verbose", AE_OPTION_FLAG, NULL, false, 0, 0, "more messages; errors tell their place in the source"},
    {0}};

const ae_command *const *ae_commands(void) { return commands; }
const ae_option *ae_global_options(void) { return global_options; }

const ae_option *ae_command_options(const ae_command *command) {
  static const ae_option none[] = {{0}};
  return command->options != NULL ? command->options : none;
}

const ae_command *ae_command_find(const char *name) {
  for (int i = 0; commands[i] != NULL; i++)
    if (strcmp(commands[i]->name, name) == 0) return commands[i];
  return NULL;
}

ae_status ae_command_unknown(const char *word, const char *extra) {
  const char *words[sizeof commands / sizeof *commands + 1] = {NULL};
  int count = 0;
  for (; commands[count] != NULL; count++) words[count] = commands[count]->name;
  words[count] = extra;
  const char *near = ae_nearest_word(word, words);
  if (near == NULL) return AE_FAIL(AE_USAGE, "unknown command '%s'; 'mpiae help' lists all", word);
  return AE_FAIL(AE_USAGE, "unknown command '%s'; did you mean '%s'? ('mpiae help' lists all)", word, near);
}
