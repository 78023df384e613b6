#include "manual.h"

#include "mpiae/base/build.h"

#include <ctype.h>
#include <string.h>

/* mandoc finds fault with lines of text longer than 80 bytes. */
enum { WIDTH = 76 };

/* What groff takes for more than itself, or prints as another character than was meant. */
static const struct {
  const char *plain, *escaped;
} escapes[] = {{"\\", "\\e"},  {"-", "\\-"},   {"'", "\\(aq"}, {"`", "\\(ga"},
               {"^", "\\(ha"}, {"~", "\\(ti"}, {"…", "..."},   {"×", "x"}};

enum { ESCAPES = sizeof escapes / sizeof *escapes };

static void put(ae_page *page, const char *text) {
  fputs(text, page->out);
  page->column += (int)strlen(text);
}

static void put_escaped(ae_page *page, const char *text, size_t length) {
  for (const char *at = text, *end = text + length; at < end;) {
    int i = 0;
    while (i < ESCAPES && strncmp(at, escapes[i].plain, strlen(escapes[i].plain)) != 0) i++;
    const char one[2] = {*at, '\0'};
    put(page, i < ESCAPES ? escapes[i].escaped : one);
    at += i < ESCAPES ? strlen(escapes[i].plain) : 1;
  }
}

void ae_page_break(ae_page *page) {
  if (page->column > 0) fputc('\n', page->out);
  page->column = 0;
}

/* A request or macro stands alone on its line. */
static void macro(ae_page *page, const char *text) {
  ae_page_break(page);
  fprintf(page->out, "%s\n", text);
}

void ae_page_line(ae_page *page) { macro(page, ".br"); }

void ae_page_blank(ae_page *page) { put(page, " "); }

static void print_capitals(ae_page *page, const char *text) {
  for (; *text != '\0'; text++) {
    const char one = (char)toupper((unsigned char)*text);
    put_escaped(page, &one, 1);
  }
}

void ae_page_begin(ae_page *page, const char *name, int section, const char *summary, const char *date) {
  put(page, ".TH ");
  print_capitals(page, name);
  fprintf(page->out, " %d %s \"mpiae %s\" \"mpiae\"\n.ad l\n.nh\n", section, date, ae_build_version());
  page->column = 0;
  ae_page_heading(page, "NAME");
  put_escaped(page, name, strlen(name));
  put(page, " \\-");
  ae_page_text(page, summary);
}

static void put_heading(ae_page *page, const char *name, const char *text) {
  ae_page_break(page);
  put(page, name);
  put(page, " \"");
  put_escaped(page, text, strlen(text));
  put(page, "\"");
  ae_page_break(page);
}

void ae_page_heading(ae_page *page, const char *text) { put_heading(page, ".SH", text); }

void ae_page_part(ae_page *page, const char *text) { put_heading(page, ".SS", text); }

/* A word of prose; a dot or a quote at the start of a line would make it a request. */
static void put_word(ae_page *page, const char *word, size_t length) {
  if (page->column > 0 && page->column + (int)length >= WIDTH) ae_page_break(page);
  if (page->column > 0) ae_page_blank(page);
  else if (*word == '.' || *word == '\'') put(page, "\\&");
  put_escaped(page, word, length);
}

void ae_page_text(ae_page *page, const char *text) {
  for (const char *at = text + strspn(text, " \n"); *at != '\0';) {
    const size_t length = strcspn(at, " \n");
    put_word(page, at, length);
    const bool sentence = at[length - 1] == '.' && at[length] == '\n';
    at += length + strspn(at + length, " \n");
    if (sentence && *at != '\0') macro(page, ".PP");
  }
  ae_page_break(page);
}

void ae_page_item(ae_page *page) { macro(page, ".TP"); }

void ae_page_item_text(ae_page *page, const char *text) {
  ae_page_break(page);
  ae_page_text(page, text);
}

void ae_page_literal(ae_page *page, const char *text) {
  put(page, "\\fB");
  put_escaped(page, text, strlen(text));
  put(page, "\\fR");
}

static size_t capitals_of(const char *text) {
  size_t length = 0;
  while (isupper((unsigned char)text[length])) length++;
  return length;
}

void ae_page_usage(ae_page *page, const char *text) {
  while (*text != '\0') {
    const size_t length = capitals_of(text);
    if (length > 0) put(page, "\\fI");
    put_escaped(page, text, length > 0 ? length : 1);
    if (length > 0) put(page, "\\fR");
    text += length > 0 ? length : 1;
  }
}

void ae_page_example(ae_page *page, const char *text) {
  macro(page, ".nf");
  put_escaped(page, text, strlen(text));
  macro(page, ".fi");
}

void ae_page_see_also(ae_page *page, const ae_reference *references) {
  ae_page_heading(page, "SEE ALSO");
  for (; references->name != NULL; references++) {
    put(page, ".BR ");
    put_escaped(page, references->name, strlen(references->name));
    fprintf(page->out, " (%d)%s\n", references->section, references[1].name != NULL ? "," : "");
    page->column = 0;
  }
}

void ae_page_name(const char *command, char out[AE_PAGE_NAME_SIZE]) {
  snprintf(out, AE_PAGE_NAME_SIZE, "mpiae-%s", command);
}
