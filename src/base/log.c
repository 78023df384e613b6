#include "mpiae/base/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <unistd.h>

static ae_log_level level = AE_LOG_NORMAL;
static FILE *copy;
static bool redrawn;

void ae_log_set_level(ae_log_level new_level) { level = new_level; }
void ae_log_set_copy(FILE *stream) { copy = stream; }
int ae_log_is_terminal(void) { return isatty(STDERR_FILENO); }

static void say(ae_log_level wanted, const char *prefix, const char *format, va_list arguments) {
  char line[2048];
  const size_t used = (size_t)snprintf(line, sizeof line, "%s", prefix);
  vsnprintf(line + used, sizeof line - used, format, arguments);
  if (copy != NULL) {
    fprintf(copy, "%s\n", line);
    fflush(copy);
  }
  if (level < wanted) return;
  ae_log_redraw("");
  fprintf(stderr, "%s\n", line);
}

void ae_log_info(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  say(AE_LOG_NORMAL, "", format, arguments);
  va_end(arguments);
}

void ae_log_detail(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  say(AE_LOG_VERBOSE, "", format, arguments);
  va_end(arguments);
}

void ae_log_warning(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  say(AE_LOG_QUIET, "mpiae: warning: ", format, arguments);
  va_end(arguments);
}

void ae_log_redraw(const char *text) {
  if (level < AE_LOG_NORMAL) return;
  if (text[0] == '\0') {
    if (redrawn) fputs("\r\033[K", stderr);
    redrawn = false;
    return;
  }
  /* a line that wraps could not be taken back */
  struct winsize window = {0};
  const int width = ioctl(STDERR_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 1 ? window.ws_col - 1 : 1000;
  fprintf(stderr, "\r\033[K%.*s", width, text);
  fflush(stderr);
  redrawn = true;
}
