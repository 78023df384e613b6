#include "mpiae/base/log.h"

#include "mpiae/base/status.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static ae_log_level level = AE_LOG_NORMAL;
static FILE *copy;
static bool redrawn;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

void ae_log_set_level(ae_log_level new_level) { level = new_level; }

void ae_log_set_copy(FILE *stream) {
  pthread_mutex_lock(&mutex);
  copy = stream;
  pthread_mutex_unlock(&mutex);
}

int ae_log_is_terminal(void) { return isatty(STDERR_FILENO); }

static void end_redrawn(void) {
  if (redrawn) fputs("\r\033[K", stderr);
  redrawn = false;
}

static void say(ae_log_level wanted, const char *prefix, const char *format, va_list arguments) {
  char line[2048];
  const size_t used = (size_t)snprintf(line, sizeof line, "%s", prefix);
  vsnprintf(line + used, sizeof line - used, format, arguments);
  ae_make_printable(line, strlen(line));
  pthread_mutex_lock(&mutex);
  if (copy != NULL) {
    fprintf(copy, "%s\n", line);
    fflush(copy);
  }
  if (level >= wanted) {
    end_redrawn();
    fprintf(stderr, "%s\n", line);
  }
  pthread_mutex_unlock(&mutex);
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

void ae_log_error(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  say(AE_LOG_QUIET, "mpiae: error: ", format, arguments);
  va_end(arguments);
}

static void redraw(const char *text) {
  /* a line that wraps could not be taken back */
  struct winsize window = {0};
  const int width = ioctl(STDERR_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 1 ? window.ws_col - 1 : 1000;
  fprintf(stderr, "\r\033[K%.*s", width, text);
  redrawn = true;
}

void ae_log_redraw(const char *text) {
  if (level < AE_LOG_NORMAL) return;
  pthread_mutex_lock(&mutex);
  if (text[0] == '\0') end_redrawn();
  else redraw(text);
  fflush(stderr);
  pthread_mutex_unlock(&mutex);
}
