#include "mpiae/base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ae_error {
  ae_code code;
  const char *file;
  int line;
  bool passing;
  char message[AE_MESSAGE_SIZE];
};

/* What is given when not even an error can be allocated; never freed. */
static struct ae_error out_of_memory = {AE_INTERNAL, __FILE__, __LINE__, true, "out of memory"};

void ae_make_printable(char *text, size_t length) {
  for (size_t i = 0; i < length; i++) {
    const unsigned char letter = (unsigned char)text[i];
    if (letter == '\n' || letter == '\t') text[i] = ' ';
    else if (letter < ' ' || letter == 127) text[i] = '?';
  }
}

ae_status ae_error_create(ae_code code, const char *file, int line, const char *format, ...) {
  struct ae_error *error = malloc(sizeof *error);
  if (error == NULL) return &out_of_memory;
  error->code = code;
  error->file = file;
  error->line = line;
  error->passing = false;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(error->message, sizeof error->message, format, arguments);
  va_end(arguments);
  ae_make_printable(error->message, strlen(error->message));
  return error;
}

ae_status ae_error_prefix(ae_status status, const char *format, ...) {
  if (status == AE_OK || status == &out_of_memory) return status;
  char before[AE_MESSAGE_SIZE / 2], sentence[AE_MESSAGE_SIZE];
  va_list arguments;
  va_start(arguments, format);
  const int length = vsnprintf(before, sizeof before, format, arguments);
  va_end(arguments);
  const size_t used = length < (int)sizeof before ? (size_t)length : sizeof before - 1;
  ae_make_printable(before, used);
  memcpy(sentence, status->message, sizeof sentence);
  memcpy(status->message, before, used);
  memcpy(status->message + used, ": ", 2);
  memcpy(status->message + used + 2, sentence, sizeof sentence - used - 3);
  status->message[sizeof status->message - 1] = '\0';
  return status;
}

ae_status ae_error_mark_passing(ae_status status) {
  if (status != AE_OK && status != &out_of_memory) status->passing = true;
  return status;
}

bool ae_error_is_passing(ae_status status) { return status != AE_OK && status->passing; }

ae_code ae_error_code(ae_status status) { return status == AE_OK ? AE_DONE : status->code; }
const char *ae_error_message(ae_status status) { return status == AE_OK ? "" : status->message; }
const char *ae_error_file(ae_status status) { return status == AE_OK ? "" : status->file; }
int ae_error_line(ae_status status) { return status == AE_OK ? 0 : status->line; }

void ae_error_clear(ae_status *status) {
  if (*status != &out_of_memory) free(*status);
  *status = AE_OK;
}

ae_status ae_error_first(ae_status first, ae_status second) {
  if (first == AE_OK) return second;
  ae_error_clear(&second);
  return first;
}

void ae_assert_failed(const char *what, const char *file, int line) {
  fprintf(stderr, "mpiae: bug: %s:%d: expected %s\n", file, line, what);
  abort();
}
