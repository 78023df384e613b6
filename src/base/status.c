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

/* Bytes of the letter that a text of UTF-8 begins with (RFC 3629, table of section 4); 0: none, or a control character, of
 * which there are some above ASCII too. */
static size_t length_of_letter(const unsigned char *text, size_t length) {
  const unsigned char lead = text[0];
  if (lead < 0x80) return lead >= ' ' && lead != 127 ? 1 : 0;
  const size_t bytes = lead >= 0xc2 && lead < 0xe0   ? 2
                       : lead >= 0xe0 && lead < 0xf0 ? 3
                       : lead >= 0xf0 && lead < 0xf5 ? 4
                                                     : 0;
  if (bytes == 0 || bytes > length) return 0;
  const unsigned char least = lead == 0xc2 || lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
  const unsigned char most = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
  if (text[1] < least || text[1] > most) return 0;
  for (size_t i = 2; i < bytes; i++)
    if (text[i] < 0x80 || text[i] > 0xbf) return 0;
  return bytes;
}

void ae_make_printable(char *text, size_t length) {
  for (size_t i = 0, step; i < length; i += step) {
    step = length_of_letter((const unsigned char *)text + i, length - i);
    if (step > 0) continue;
    step = 1;
    text[i] = text[i] == '\n' || text[i] == '\t' ? ' ' : '?';
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
