#include "mpiae/data/import.h"

#include "mpiae/base/memory.h"
#include "mpiae/cli/command.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static ae_status find_format(const char *name, const ae_import_format **out) {
  char known[256] = "";
  for (*out = ae_import_formats(); (*out)->name != NULL; (*out)++) {
    if (strcmp((*out)->name, name) == 0) return AE_OK;
    const size_t used = strlen(known);
    snprintf(known + used, sizeof known - used, "%s%s", used > 0 ? ", " : "", (*out)->name);
  }
  return AE_FAIL(AE_USAGE, "cannot import the format '%s'; known are %s", name, known);
}

static void print_formats(void) {
  printf("Formats:\n");
  for (const ae_import_format *format = ae_import_formats(); format->name != NULL; format++)
    printf("  %s  %s\n", format->name, format->help);
}

static ae_status malformed(const char *text) {
  return AE_FAIL(AE_USAGE, "--classes must be different integers from 0 with commas between them, like 0,3,8; not '%s'",
                 text);
}

static bool holds(const int *classes, int count, long class) {
  for (int i = 0; i < count; i++)
    if (classes[i] == class) return true;
  return false;
}

/* "0,3,8"; NULL gives none. */
static ae_status parse_classes(const char *text, int **classes, int *count) {
  *count = 0;
  if (text == NULL) return AE_OK;
  AE_RETURN_IF(AE_NEW(*classes, strlen(text)));
  for (const char *at = text;; at++) {
    char *end = NULL;
    errno = 0;
    const long class = strtol(at, &end, 10);
    const bool digit = *at >= '0' && *at <= '9';
    if (!digit || errno != 0 || class >= INT32_MAX || (*end != ',' && *end != '\0') || holds(*classes, *count, class))
      return malformed(text);
    (*classes)[(*count)++] = (int)class;
    if (*end == '\0') return AE_OK;
    at = end;
  }
}

/* NULL leaves *given false. */
static ae_status parse_threshold(const char *text, bool as_set, float *threshold, bool *given) {
  *given = text != NULL;
  if (text == NULL) return AE_OK;
  char *end = NULL;
  *threshold = strtof(text, &end);
  if (end == text || *end != '\0' || !isfinite(*threshold))
    return AE_FAIL(AE_USAGE, "--threshold must be a number, not '%s'", text);
  if (!as_set) return AE_FAIL(AE_USAGE, "--threshold is for --as-set: give that too, or leave it out");
  return AE_OK;
}

static ae_status run_command(const ae_comm *comm, const ae_arguments *arguments) {
  ae_status status = AE_OK;
  const ae_import_format *format = NULL;
  int *classes = NULL;
  float threshold = 0;
  bool given;
  ae_import_options options = {
      .labels = ae_arguments_text(arguments, "labels"),
      .shuffle = ae_arguments_flag(arguments, "shuffle"),
      .seed = (uint64_t)ae_arguments_integer(arguments, "shuffle", 0),
      .limit = ae_arguments_integer(arguments, "limit", 0),
      .as_set = ae_arguments_flag(arguments, "as-set"),
  };
  AE_CHECK(find_format(ae_arguments_operand(arguments, 0), &format));
  AE_CHECK(parse_classes(ae_arguments_text(arguments, "classes"), &classes, &options.class_count));
  AE_CHECK(parse_threshold(ae_arguments_text(arguments, "threshold"), options.as_set, &threshold, &given));
  options.classes = classes;
  if (given) options.threshold = &threshold;
  AE_CHECK(ae_command_check_out(comm, ae_arguments_text(arguments, "out"), "dataset",
                                ae_arguments_operands(arguments) + 1, ae_arguments_count(arguments) - 1));
  AE_CHECK(ae_import(comm, format, ae_arguments_operands(arguments) + 1, ae_arguments_count(arguments) - 1, &options,
                     ae_arguments_text(arguments, "out")));
cleanup:
  AE_FREE(classes);
  return status;
}

extern const ae_command ae_command_import;

static const ae_option options[] = {
    {"out", AE_OPTION_TEXT, "FILE", true, 0, 0, "dataset file to write"},
    {"labels", AE_OPTION_TEXT, "FILE", false, 0, 0,
     "labels of the examples, in the same format (cifar10 holds its own)"},
    {"classes", AE_OPTION_TEXT, "A,B,...", false, 0, 0, "keep only the examples with these labels"},
    {"shuffle", AE_OPTION_INTEGER, "SEED", false, 0, INT64_MAX,
     "put the examples into a random order; /source_index tells the old one"},
    {"limit", AE_OPTION_INTEGER, "N", false, 1, INT64_MAX, "keep the first N examples (after --classes and --shuffle)"},
    {"as-set", AE_OPTION_FLAG, NULL, false, 0, 0,
     "images become sets of points: pixels above the threshold, at (row / rows, column / columns)"},
    {"threshold", AE_OPTION_TEXT, "T", false, 0, 0, "of --as-set, in the units of the files; default 20, for bytes"},
    {0}};

const ae_command ae_command_import = {
    .name = "import",
    .summary = "convert foreign files to a dataset file",
    .operands = "cifar10|idx|npy FILES...",
    .least_operands = 2,
    .most_operands = AE_ANY_NUMBER,
    .options = options,
    .details =
        "Files may be plain or .gz; several are joined in order. Their first axis is the examples: (N), (N, F), (N, H, W) "
        "or\n"
        "(N, C, H, W).",
    .print_more = print_formats,
    .example = "mpiae import idx train-images-idx3-ubyte.gz --labels train-labels-idx1-ubyte.gz --out mnist-train.h5",
    .run = run_command};
