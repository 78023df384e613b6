#include "manual.h"

#include <stdlib.h>
#include <string.h>

#define QUOTES "\"\"\""
#define FROM_SOURCE "tools/python tools/report.py"

/* The text between the first quotes of the source; owned by the caller, NULL when there is none. */
static char *read_words(FILE *source) {
  char *text = NULL, *line = NULL;
  size_t length = 0, size = 0;
  FILE *out = open_memstream(&text, &length);
  if (out == NULL) return NULL;
  bool within = false, done = false;
  while (!done && getline(&line, &size, source) >= 0) {
    char *at = within ? line : strstr(line, QUOTES);
    if (at == NULL) continue;
    if (!within) at += strlen(QUOTES);
    within = true;
    char *end = strstr(at, QUOTES);
    done = end != NULL;
    if (done) *end = '\0';
    fputs(at, out);
  }
  free(line);
  if (fclose(out) == 0 && done) return text;
  free(text);
  return NULL;
}

static void write_synopsis(ae_page *page, char *usage) {
  char *place = NULL;
  ae_page_heading(page, "SYNOPSIS");
  for (char *line = strtok_r(usage, "\n", &place); line != NULL; line = strtok_r(NULL, "\n", &place)) {
    const char *call = strstr(line, FROM_SOURCE);
    if (call == NULL) continue;
    ae_page_item(page);
    ae_page_literal(page, "mpiae-report");
    ae_page_usage(page, call + strlen(FROM_SOURCE));
    ae_page_break(page);
  }
}

bool ae_manual_write_report(ae_page *page, FILE *source, const char *date) {
  static const ae_reference references[] = {{"mpiae", 1}, {"mpiae-files", 5}, {NULL, 0}};
  char *words = read_words(source);
  char *usage = words != NULL ? strstr(words, "\nusage:") : NULL;
  if (usage != NULL) {
    *usage = '\0';
    ae_page_begin(page, "mpiae-report", 1, "pictures of a run or of a result file", date);
    write_synopsis(page, usage + 1);
    ae_page_heading(page, "DESCRIPTION");
    ae_page_text(page, words);
    ae_page_see_also(page, references);
  }
  free(words);
  return usage != NULL;
}
