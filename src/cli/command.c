#include "mpiae/cli/command.h"

#include "mpiae/config/config.h"

#include <string.h>

enum { MOST_COMMANDS = 64 };

static const ae_option global_options[] = {
    {"help", AE_OPTION_FLAG, NULL, false, 0, 0, "say what the command does, and end"},
    {"version", AE_OPTION_FLAG, NULL, false, 0, 0, "say which version this is and what it was built with, and end"},
    {"quiet", AE_OPTION_FLAG, NULL, false, 0, 0, "warnings and errors only"},
    {"verbose", AE_OPTION_FLAG, NULL, false, 0, 0, "more messages; errors tell their place in the source"},
    {0}};

const ae_option *ae_global_options(void) { return global_options; }

const ae_option *ae_command_options(const ae_command *command) {
  static const ae_option none[] = {{0}};
  return command->options != NULL ? command->options : none;
}

const ae_command *ae_command_find(const ae_command *const *commands, const char *name) {
  for (int i = 0; commands[i] != NULL; i++)
    if (strcmp(commands[i]->name, name) == 0) return commands[i];
  return NULL;
}

ae_status ae_command_unknown(const ae_command *const *commands, const char *word, const char *extra) {
  const char *words[MOST_COMMANDS + 2] = {NULL};
  int count = 0;
  for (; commands[count] != NULL; count++) {
    AE_ASSERT(count < MOST_COMMANDS);
    words[count] = commands[count]->name;
  }
  words[count] = extra;
  const char *near = ae_nearest_word(word, words);
  if (near == NULL) return AE_FAIL(AE_USAGE, "unknown command '%s'; 'mpiae help' lists all", word);
  return AE_FAIL(AE_USAGE, "unknown command '%s'; did you mean '%s'? ('mpiae help' lists all)", word, near);
}

static void print_option_usage(const ae_option *option, FILE *out) {
  fprintf(out, option->required ? " --%s" : " [--%s", option->name);
  if (option->placeholder != NULL) fprintf(out, " %s", option->placeholder);
  if (!option->required) fputc(']', out);
}

void ae_command_print_usage(const ae_command *command, FILE *out) {
  fprintf(out, "usage: mpiae %s%s%s", command->name, command->operands[0] != '\0' ? " " : "", command->operands);
  for (const ae_option *option = ae_command_options(command); option->name != NULL; option++)
    print_option_usage(option, out);
}
