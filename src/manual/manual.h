/* The man pages and bash's completion, written when the program is built from the tables that it parses and explains
 * by: no text stands twice. Of a program of its own, since the build may run on a machine without MPI's launcher. */
#ifndef MPIAE_MANUAL_MANUAL_H
#define MPIAE_MANUAL_MANUAL_H

#include "mpiae/cli/command.h"

#include <stdbool.h>
#include <stdio.h>

#define AE_PAGE_NAME_SIZE 64

/* A man page, in the macros of man(7), which groff and mandoc read alike. */
typedef struct ae_page {
  FILE *out;
  int column; /* of the line being written: lines of text are broken */
} ae_page;

/* The head of a page, up to its NAME: "mpiae-train", 1, "train a model". `date`: "2026-01-31". */
void ae_page_begin(ae_page *page, const char *name, int section, const char *summary, const char *date);

/* A section, and a part of it. */
void ae_page_heading(ae_page *page, const char *text);
void ae_page_part(ae_page *page, const char *text);

/* Prose; where a line of `text` ends with a sentence a paragraph does. */
void ae_page_text(ae_page *page, const char *text);

/* An item of a list: what ae_page_literal and ae_page_usage write until ae_page_item_text is the item, that is what is
 * said of it. */
void ae_page_item(ae_page *page);
void ae_page_item_text(ae_page *page, const char *text);

/* Within a line: words to be typed as they are; and placeholders, the words in capitals, among other text. */
void ae_page_literal(ae_page *page, const char *text);
void ae_page_usage(ae_page *page, const char *text);
void ae_page_blank(ae_page *page);
void ae_page_break(ae_page *page); /* the line of the source ends here */
void ae_page_line(ae_page *page);  /* the line that is read ends here */

/* Lines of a shell. */
void ae_page_example(ae_page *page, const char *text);

/* "mpiae-train(1)" and what follows it; a NULL name ends the list. */
typedef struct ae_reference {
  const char *name;
  int section;
} ae_reference;
void ae_page_see_also(ae_page *page, const ae_reference *references);

/* "mpiae-train" */
void ae_page_name(const char *command, char out[AE_PAGE_NAME_SIZE]);

/* The pages. `date` as above. */
void ae_manual_write_overview(ae_page *page, const char *date);
void ae_manual_write_command(ae_page *page, const ae_command *command, const char *date);
void ae_manual_write_config(ae_page *page, const char *date);
void ae_manual_write_files(ae_page *page, const char *date);

/* The page of the report tool, from the words at the top of its source. False when there are none. */
bool ae_manual_write_report(ae_page *page, FILE *source, const char *date);

/* The tables that completion.bash looks into. */
void ae_manual_write_completion(FILE *out);

#endif
