#include "mpiae/cli/command.h"

#include "mpiae/config/config.h"
#include "mpiae/models/model_table.h"

#include <string.h>

/* Width of the column of names. */
#define NAME_WIDTH 16

static void print_options(const ae_option *options) {
  for (const ae_option *option = options; option->name != NULL; option++) {
    int used = printf("  --%s", option->name);
    if (option->placeholder != NULL) used += printf(" %s", option->placeholder);
    printf("%*s %s%s\n", used < NAME_WIDTH + 2 ? NAME_WIDTH + 2 - used : 0, "", option->help,
           option->required ? " (required)" : "");
  }
}

void ae_command_print_help(const ae_command *command) {
  printf("mpiae %s: %s\n\n", command->name, command->summary);
  ae_command_print_usage(command, stdout);
  printf("\n\n");
  if (command->details != NULL) printf("%s\n\n", command->details);
  if (command->print_more != NULL) {
    command->print_more();
    printf("\n");
  }
  if (command->options != NULL) {
    printf("Options:\n");
    print_options(command->options);
    printf("\n");
  }
  printf("Options of every command:\n");
  print_options(ae_global_options());
  printf("\nExample:\n  %s\n", command->example);
}

static void print_exit_statuses(void) {
  printf("Exit status:\n");
#define PRINT_CODE(name, status, meaning) printf("  %2d  %s\n", status, meaning);
  AE_CODE_TABLE(PRINT_CODE)
#undef PRINT_CODE
}

void ae_print_overview(const ae_command *const *commands) {
  printf("mpiae: " AE_PROGRAM_SUMMARY "\n\nusage: " AE_PROGRAM_USAGE "\n\nCommands:\n");
  for (const ae_command *const *command = commands; *command != NULL; command++)
    printf("  %-*s %s\n", NAME_WIDTH, (*command)->name, (*command)->summary);
  printf("\nOptions of every command:\n");
  print_options(ae_global_options());
  printf("\n");
  print_exit_statuses();
  printf("\nExample:\n  " AE_PROGRAM_EXAMPLE "\n");
}

/* All keys, those of a section, or one. */
static ae_status explain_keys(const char *name) {
  if (ae_config_print_keys(ae_model_key_tables(), name, stdout) > 0) return AE_OK;
  return AE_FAIL(AE_USAGE, "no key or section is called '%s'; 'mpiae help config' lists all", name);
}

static void print_columns(void) {
  int count;
  const ae_column *column = ae_metrics_columns(&count);
  for (int i = 0; i < count; i++, column++)
    printf("  %s%s%s%s\n      %s\n", column->name, column->units[0] != '\0' ? " (" : "", column->units,
           column->units[0] != '\0' ? ")" : "", column->description);
}

static ae_status run_command(const ae_comm *comm, const ae_arguments *arguments) {
  const ae_command *const *commands = ae_arguments_commands(arguments);
  (void)comm;
  if (ae_arguments_count(arguments) == 0) {
    ae_print_overview(commands);
    return AE_OK;
  }
  const char *topic = ae_arguments_operand(arguments, 0);
  const bool part = ae_arguments_count(arguments) > 1;
  const ae_command *command = ae_command_find(commands, topic);
  if (strcmp(topic, "config") == 0) return explain_keys(part ? ae_arguments_operand(arguments, 1) : "");
  if (part) return AE_FAIL(AE_USAGE, "mpiae help cannot use '%s'", ae_arguments_operand(arguments, 1));
  if (strcmp(topic, "metrics") == 0) print_columns();
  else if (command != NULL) ae_command_print_help(command);
  else if (strchr(topic, '.') != NULL) return explain_keys(topic);
  else return ae_command_unknown(commands, topic, "config");
  return AE_OK;
}

extern const ae_command ae_command_help;

const ae_command ae_command_help = {.name = "help",
                                    .summary =
                                        "explain a command, the configuration keys, or the columns of metrics.csv",
                                    .operands = "[COMMAND|config [SECTION|KEY]|metrics]",
                                    .most_operands = 2,
                                    .example = "mpiae help config",
                                    .run = run_command};
