#include "mpiae/cli/command.h"

#include "mpiae/base/memory.h"
#include "mpiae/config/config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* More options than any command has, with the global ones. */
#define MOST_OPTIONS 32

struct ae_arguments {
  const ae_command *const *commands;
  const ae_command *command;
  const ae_option *options[MOST_OPTIONS + 1]; /* of the command and global; ends with NULL */
  const char *values[MOST_OPTIONS];           /* as given; "" for a flag; NULL = not given */
  int64_t integers[MOST_OPTIONS];
  const char **operands;
  const char **assignments;
  int operand_count, assignment_count;
};

static ae_status refuse(const ae_arguments *arguments, ae_status status) {
  if (status == AE_OK || arguments->command == NULL) return status;
  char *usage = NULL;
  size_t length = 0;
  FILE *stream = open_memstream(&usage, &length);
  if (stream == NULL) return status;
  ae_command_print_usage(arguments->command, stream);
  fclose(stream);
  ae_status full = AE_FAIL(ae_error_code(status), "%s (%s)", ae_error_message(status), usage);
  ae_error_clear(&status);
  free(usage);
  return full;
}

static void add_options(ae_arguments *arguments, const ae_option *options) {
  int count = 0;
  while (arguments->options[count] != NULL) count++;
  for (; options->name != NULL; options++) {
    AE_ASSERT(count < MOST_OPTIONS);
    arguments->options[count++] = options;
  }
}

static int find_option(const ae_arguments *arguments, const char *name, size_t length) {
  for (int i = 0; arguments->options[i] != NULL; i++)
    if (strncmp(arguments->options[i]->name, name, length) == 0 && arguments->options[i]->name[length] == '\0')
      return i;
  return -1;
}

static ae_status unknown_option(const ae_arguments *arguments, const char *given) {
  const char *words[MOST_OPTIONS + 1] = {NULL};
  for (int i = 0; arguments->options[i] != NULL; i++) words[i] = arguments->options[i]->name;
  const char *near = ae_nearest_word(given + strspn(given, "-"), words);
  if (near == NULL) return AE_FAIL(AE_USAGE, "unknown option '%s'", given);
  return AE_FAIL(AE_USAGE, "unknown option '%s'; did you mean '--%s'?", given, near);
}

static ae_status take_integer(const ae_option *option, const char *text, int64_t *out) {
  char *end = NULL;
  const char *digits = text + (*text == '-');
  errno = 0;
  long long number = strtoll(text, &end, 10);
  bool whole = *digits >= '0' && *digits <= '9' && *end == '\0' && errno == 0;
  if (whole && number >= option->low && number <= option->high) {
    *out = (int64_t)number;
    return AE_OK;
  }
  if (option->high == INT64_MAX)
    return AE_FAIL(AE_USAGE, "--%s must be an integer of at least %" PRId64 ", not '%s'", option->name, option->low,
                   text);
  return AE_FAIL(AE_USAGE, "--%s must be an integer from %" PRId64 " to %" PRId64 ", not '%s'", option->name,
                 option->low, option->high, text);
}

/* "--name", "--name VALUE" or "--name=VALUE" at argv[*at]; moves *at to the last word used. */
static ae_status take_option(ae_arguments *arguments, int argc, char **argv, int *at) {
  const char *given = argv[*at], *equals = strchr(given, '=');
  bool short_help = strcmp(given, "-h") == 0;
  size_t length = equals != NULL ? (size_t)(equals - given) : strlen(given);
  int found = short_help ? find_option(arguments, "help", 4) : -1;
  if (!short_help && strncmp(given, "--", 2) == 0) found = find_option(arguments, given + 2, length - 2);
  if (found < 0) return unknown_option(arguments, given);
  const ae_option *option = arguments->options[found];
  if (arguments->values[found] != NULL) return AE_FAIL(AE_USAGE, "--%s is given twice", option->name);
  if (option->type == AE_OPTION_FLAG) {
    if (equals != NULL) return AE_FAIL(AE_USAGE, "--%s takes no value", option->name);
    arguments->values[found] = "";
    return AE_OK;
  }
  bool next = equals == NULL && *at + 1 < argc && strncmp(argv[*at + 1], "--", 2) != 0;
  const char *value = equals != NULL ? equals + 1 : next ? argv[++*at] : "";
  if (*value == '\0')
    return AE_FAIL(AE_USAGE, "--%s needs a value: --%s %s", option->name, option->name, option->placeholder);
  arguments->values[found] = value;
  return option->type == AE_OPTION_INTEGER ? take_integer(option, value, &arguments->integers[found]) : AE_OK;
}

/* A dotted name and '=': so a path such as runs/lr=0.1/config.yaml stays an operand. */
static bool is_assignment(const char *text) {
  size_t name = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.");
  return name > 0 && text[name] == '=';
}

static ae_status take_command(ae_arguments *arguments, const char *name) {
  arguments->command = ae_command_find(arguments->commands, name);
  if (arguments->command == NULL) return ae_command_unknown(arguments->commands, name, NULL);
  add_options(arguments, ae_command_options(arguments->command));
  return AE_OK;
}

static ae_status take_word(ae_arguments *arguments, const char *word) {
  if (arguments->command == NULL) return take_command(arguments, word);
  if (arguments->command->assignments && is_assignment(word))
    arguments->assignments[arguments->assignment_count++] = word;
  else arguments->operands[arguments->operand_count++] = word;
  return AE_OK;
}

static ae_status check_whole(const ae_arguments *arguments) {
  const ae_command *command = arguments->command;
  if (command == NULL) return AE_OK;
  if (arguments->operand_count < command->least_operands)
    return AE_FAIL(AE_USAGE, "mpiae %s needs more: %s", command->name, command->operands);
  if (arguments->operand_count > command->most_operands)
    return AE_FAIL(AE_USAGE, "mpiae %s cannot use '%s'", command->name, arguments->operands[command->most_operands]);
  for (int i = 0; arguments->options[i] != NULL; i++)
    if (arguments->options[i]->required && arguments->values[i] == NULL)
      return AE_FAIL(AE_USAGE, "mpiae %s needs --%s %s", command->name, arguments->options[i]->name,
                     arguments->options[i]->placeholder);
  return AE_OK;
}

static ae_status take_all(ae_arguments *arguments, int argc, char **argv) {
  bool words_only = false;
  for (int at = 1; at < argc; at++) {
    if (!words_only && strcmp(argv[at], "--") == 0) words_only = true;
    else if (!words_only && argv[at][0] == '-' && argv[at][1] != '\0')
      AE_RETURN_IF(refuse(arguments, take_option(arguments, argc, argv, &at)));
    else AE_RETURN_IF(take_word(arguments, argv[at]));
  }
  /* Who asks for help need not have the rest right. */
  if (ae_arguments_flag(arguments, "help") || ae_arguments_flag(arguments, "version")) return AE_OK;
  return refuse(arguments, check_whole(arguments));
}

ae_status ae_arguments_parse(const ae_command *const *commands, int argc, char **argv, ae_arguments **out) {
  ae_status status = AE_OK;
  ae_arguments *arguments = NULL;
  AE_CHECK(AE_NEW(arguments, 1));
  arguments->commands = commands;
  AE_CHECK(AE_NEW(arguments->operands, argc + 1));
  AE_CHECK(AE_NEW(arguments->assignments, argc + 1));
  add_options(arguments, ae_global_options());
  AE_CHECK(take_all(arguments, argc, argv));
  *out = arguments;
  return AE_OK;
cleanup:
  ae_arguments_destroy(&arguments);
  return status;
}

void ae_arguments_destroy(ae_arguments **arguments) {
  if (*arguments == NULL) return;
  AE_FREE((*arguments)->operands);
  AE_FREE((*arguments)->assignments);
  AE_FREE(*arguments);
}

const ae_command *ae_arguments_command(const ae_arguments *arguments) { return arguments->command; }

const ae_command *const *ae_arguments_commands(const ae_arguments *arguments) { return arguments->commands; }

int ae_arguments_count(const ae_arguments *arguments) { return arguments->operand_count; }

const char *ae_arguments_operand(const ae_arguments *arguments, int index) {
  AE_ASSERT(index >= 0 && index < arguments->operand_count);
  return arguments->operands[index];
}

const char *const *ae_arguments_operands(const ae_arguments *arguments) { return arguments->operands; }

int ae_arguments_assignment_count(const ae_arguments *arguments) { return arguments->assignment_count; }

const char *ae_arguments_assignment(const ae_arguments *arguments, int index) {
  AE_ASSERT(index >= 0 && index < arguments->assignment_count);
  return arguments->assignments[index];
}

/* Names are literals in the program, so a miss is a bug; checked in release too. */
static int require(const ae_arguments *arguments, const char *name) {
  int found = find_option(arguments, name, strlen(name));
  if (found < 0) ae_assert_failed(name, __FILE__, __LINE__);
  return found;
}

bool ae_arguments_flag(const ae_arguments *arguments, const char *name) {
  return arguments->values[require(arguments, name)] != NULL;
}

const char *ae_arguments_text(const ae_arguments *arguments, const char *name) {
  return arguments->values[require(arguments, name)];
}

int64_t ae_arguments_integer(const ae_arguments *arguments, const char *name, int64_t preset) {
  int found = require(arguments, name);
  AE_ASSERT(arguments->options[found]->type == AE_OPTION_INTEGER);
  return arguments->values[found] != NULL ? arguments->integers[found] : preset;
}
