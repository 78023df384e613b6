#include "manual.h"

#include "mpiae/models/model_table.h"

#include <ctype.h>
#include <string.h>

/* What completion.bash offers for a placeholder: @directories, @yaml, @h5, @files, words, or nothing for numbers. */

static bool any_capital(const char *text) {
  while (*text != '\0' && !isupper((unsigned char)*text)) text++;
  return *text != '\0';
}

static bool holds(const char *text, const char *part) { return strstr(text, part) != NULL; }

/* "image|set" → "image set" */
static void print_words(const char *text, FILE *out) {
  for (; *text != '\0'; text++) fputc(*text == '|' ? ' ' : *text, out);
}

static void print_hint(const char *placeholder, FILE *out) {
  if (!any_capital(placeholder)) print_words(placeholder, out);
  else if (holds(placeholder, ".yaml")) fputs("@yaml", out);
  else if (holds(placeholder, "DIR")) fputs("@directories", out);
  else if (holds(placeholder, "MODEL") || holds(placeholder, "DATA") || holds(placeholder, ".h5")) fputs("@h5", out);
  else if (holds(placeholder, "FILE")) fputs("@files", out);
}

static void print_option_names(const ae_option *options, FILE *out) {
  for (const ae_option *option = options; option->name != NULL; option++)
    fprintf(out, "%s--%s", option == options ? "" : " ", option->name);
}

static void print_option_values(const ae_command *command, FILE *out) {
  for (const ae_option *option = ae_command_options(command); option->name != NULL; option++) {
    if (option->placeholder == NULL) continue;
    fprintf(out, "  ['%s --%s']='", command->name, option->name);
    print_hint(option->placeholder, out);
    fputs("'\n", out);
  }
}

/* A word for each operand: what may stand there, joined by '|'; "..." behind the last that may be repeated. Words in
 * brackets (operands that may be left out) are like others; KEY=VALUE is no operand. */
static void print_operands(const ae_command *command, FILE *out) {
  char text[128];
  char *place = NULL;
  const char *before = "";
  snprintf(text, sizeof text, "%s", command->operands);
  for (char *word = strtok_r(text, " ", &place); word != NULL; word = strtok_r(NULL, " ", &place)) {
    if (*word == '[') word++;
    if (holds(word, "KEY") || strcmp(word, "...]") == 0) continue;
    fputs(before, out);
    if (any_capital(word)) print_hint(word, out);
    else fputs(word, out);
    if (holds(word, "...")) fputs("...", out);
    before = " ";
  }
}

static void print_commands(FILE *out) {
  fputs("_mpiae_commands='", out);
  for (const ae_command *const *at = ae_commands(); *at != NULL; at++)
    fprintf(out, "%s%s", at == ae_commands() ? "" : " ", (*at)->name);
  fputs("'\n_mpiae_assigning='", out);
  for (const ae_command *const *at = ae_commands(); *at != NULL; at++)
    if ((*at)->assignments) fprintf(out, " %s ", (*at)->name);
  fputs("'\n_mpiae_global='", out);
  print_option_names(ae_global_options(), out);
  fputs("'\ndeclare -gA _mpiae_options=(\n", out);
  for (const ae_command *const *at = ae_commands(); *at != NULL; at++) {
    fprintf(out, "  [%s]='", (*at)->name);
    print_option_names(ae_command_options(*at), out);
    fputs("'\n", out);
  }
  fputs(")\ndeclare -gA _mpiae_values=(\n", out);
  for (const ae_command *const *at = ae_commands(); *at != NULL; at++) print_option_values(*at, out);
  fputs(")\ndeclare -gA _mpiae_operands=(\n", out);
  for (const ae_command *const *at = ae_commands(); *at != NULL; at++) {
    fprintf(out, "  [%s]='", (*at)->name);
    if (strcmp((*at)->name, "help") != 0) print_operands(*at, out);
    fputs("'\n", out);
  }
  fputs(")\n", out);
}

static void print_key(const ae_key *key, FILE *out) {
  const char *before = "";
  fprintf(out, "  [%s]='", key->name);
  for (int i = 0; key->choices != NULL && key->choices[i] != NULL; i++, before = " ")
    fprintf(out, "%s%s", before, key->choices[i]);
  if (key->type == AE_KEY_BOOL) fputs("true false", out);
  if (key->type == AE_KEY_TEXT) fputs("@h5", out);
  if (key->word != NULL) fprintf(out, " %s", key->word);
  fputs("'\n", out);
}

void ae_manual_write_completion(FILE *out) {
  const ae_key *const *tables = ae_model_key_tables();
  fputs("# shellcheck shell=bash\n", out);
  print_commands(out);
  fputs("declare -gA _mpiae_keys=(\n", out);
  for (int t = 0; tables[t] != NULL; t++)
    for (const ae_key *key = tables[t]; key->name != NULL; key++) print_key(key, out);
  fputs(")\n", out);
}
