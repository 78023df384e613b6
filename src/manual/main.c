/* mpiae_manual DIRECTORY DATE REPORT COMPLETION: writes man1/ and man5/ in the directory, which are there, and the
 * completion before whose text (COMPLETION, a file) the tables go; REPORT is the source of the report tool. */
#include "manual.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *directory, *date;

static void fail(const char *path, const char *why) {
  fprintf(stderr, "mpiae_manual: error: %s: %s\n", path, why);
  exit(1);
}

static FILE *open_file(const char *path, const char *mode) {
  FILE *file = fopen(path, mode);
  if (file == NULL) fail(path, strerror(errno));
  return file;
}

static void close_written(FILE *file, const char *path) {
  const bool broken = ferror(file) != 0;
  if (fclose(file) != 0 || broken) fail(path, "cannot be written");
}

static void place_of(const char *name, int section, char out[FILENAME_MAX]) {
  snprintf(out, FILENAME_MAX, "%s/man%d/%s.%d", directory, section, name, section);
}

static void write_page(const char *name, int section, void (*write)(ae_page *page, const char *date)) {
  char path[FILENAME_MAX];
  place_of(name, section, path);
  ae_page page = {.out = open_file(path, "w")};
  write(&page, date);
  close_written(page.out, path);
}

static void write_command(const ae_command *command) {
  char path[FILENAME_MAX], name[AE_PAGE_NAME_SIZE];
  ae_page_name(command->name, name);
  place_of(name, 1, path);
  ae_page page = {.out = open_file(path, "w")};
  ae_manual_write_command(&page, command, date);
  close_written(page.out, path);
}

static void write_report(const char *source) {
  char path[FILENAME_MAX];
  place_of("mpiae-report", 1, path);
  ae_page page = {.out = open_file(path, "w")};
  FILE *in = open_file(source, "r");
  if (!ae_manual_write_report(&page, in, date)) fail(source, "does not begin with what the tool does and its usage");
  fclose(in);
  close_written(page.out, path);
}

static void write_completion(const char *text) {
  char path[FILENAME_MAX];
  snprintf(path, sizeof path, "%s/mpiae", directory);
  FILE *out = open_file(path, "w"), *in = open_file(text, "r");
  ae_manual_write_completion(out);
  for (int one = getc(in); one != EOF; one = getc(in)) putc(one, out);
  fclose(in);
  close_written(out, path);
}

int main(int argc, char **argv) {
  if (argc != 5) {
    fprintf(stderr, "usage: mpiae_manual DIRECTORY DATE REPORT COMPLETION\n");
    return 2;
  }
  directory = argv[1];
  date = argv[2];
  write_page("mpiae", 1, ae_manual_write_overview);
  for (const ae_command *const *at = ae_commands(); *at != NULL; at++) write_command(*at);
  write_page("mpiae-config", 5, ae_manual_write_config);
  write_page("mpiae-files", 5, ae_manual_write_files);
  write_report(argv[3]);
  write_completion(argv[4]);
  return 0;
}
