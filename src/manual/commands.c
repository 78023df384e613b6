#include "manual.h"

#include "mpiae/data/import.h"

#include <string.h>

static void write_option(ae_page *page, const ae_option *option) {
  ae_page_item(page);
  ae_page_literal(page, "--");
  ae_page_literal(page, option->name);
  if (option->placeholder != NULL) {
    ae_page_blank(page);
    ae_page_usage(page, option->placeholder);
  }
  ae_page_item_text(page, option->help);
  if (option->required) ae_page_text(page, "(required)");
}

static void write_options(ae_page *page, const char *heading, const ae_option *options) {
  ae_page_heading(page, heading);
  for (const ae_option *option = options; option->name != NULL; option++) write_option(page, option);
}

static void write_global_options(ae_page *page) {
  write_options(page, "OPTIONS OF EVERY COMMAND", ae_global_options());
}

static void write_exit_statuses(ae_page *page) {
  ae_page_heading(page, "EXIT STATUS");
  char status[8];
#define WRITE_CODE(name, number, meaning)                                                                              \
  snprintf(status, sizeof status, "%d", number);                                                                       \
  ae_page_item(page);                                                                                                  \
  ae_page_literal(page, status);                                                                                       \
  ae_page_item_text(page, meaning);
  AE_CODE_TABLE(WRITE_CODE)
#undef WRITE_CODE
}

static void write_list(ae_page *page) {
  ae_page_heading(page, "COMMANDS");
  for (const ae_command *const *at = ae_commands(); *at != NULL; at++) {
    const ae_command *command = *at;
    char name[AE_PAGE_NAME_SIZE];
    ae_page_name(command->name, name);
    ae_page_item(page);
    ae_page_literal(page, name);
    ae_page_usage(page, "(1)");
    ae_page_item_text(page, command->summary);
  }
}

void ae_manual_write_overview(ae_page *page, const char *date) {
  static const ae_reference references[] = {
      {"mpiae-config", 5}, {"mpiae-files", 5}, {"mpiae-report", 1}, {"mpirun", 1}, {NULL, 0}};
  ae_page_begin(page, "mpiae", 1, AE_PROGRAM_SUMMARY, date);
  ae_page_heading(page, "SYNOPSIS");
  ae_page_usage(page, AE_PROGRAM_USAGE);
  write_list(page);
  write_global_options(page);
  write_exit_statuses(page);
  ae_page_heading(page, "EXAMPLE");
  ae_page_example(page, AE_PROGRAM_EXAMPLE);
  ae_page_see_also(page, references);
}

static void write_formats(ae_page *page) {
  ae_page_heading(page, "FORMATS");
  for (const ae_import_format *format = ae_import_formats(); format->name != NULL; format++) {
    ae_page_item(page);
    ae_page_literal(page, format->name);
    ae_page_item_text(page, format->help);
  }
}

static void write_synopsis(ae_page *page, const ae_command *command) {
  ae_page_heading(page, "SYNOPSIS");
  ae_page_literal(page, "mpiae");
  ae_page_blank(page);
  ae_page_literal(page, command->name);
  if (command->operands[0] != '\0') ae_page_blank(page);
  ae_page_usage(page, command->operands);
  for (const ae_option *option = ae_command_options(command); option->name != NULL; option++) {
    ae_page_break(page);
    if (!option->required) ae_page_usage(page, "[");
    ae_page_literal(page, "--");
    ae_page_literal(page, option->name);
    if (option->placeholder != NULL) ae_page_blank(page);
    if (option->placeholder != NULL) ae_page_usage(page, option->placeholder);
    if (!option->required) ae_page_usage(page, "]");
  }
}

void ae_manual_write_command(ae_page *page, const ae_command *command, const char *date) {
  static const ae_reference references[] = {{"mpiae", 1}, {"mpiae-config", 5}, {"mpiae-files", 5}, {NULL, 0}};
  char name[AE_PAGE_NAME_SIZE];
  ae_page_name(command->name, name);
  ae_page_begin(page, name, 1, command->summary, date);
  write_synopsis(page, command);
  if (command->details != NULL) {
    ae_page_heading(page, "DESCRIPTION");
    ae_page_text(page, command->details);
  }
  if (strcmp(command->name, "import") == 0) write_formats(page);
  if (command->options != NULL) write_options(page, "OPTIONS", command->options);
  write_global_options(page);
  write_exit_statuses(page);
  ae_page_heading(page, "EXAMPLE");
  ae_page_example(page, command->example);
  ae_page_see_also(page, references);
}
