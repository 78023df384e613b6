#include "mpiae/base/pass.h"

#include "mpiae/base/log.h"
#include "mpiae/base/profile.h"

#include <math.h>
#include <stdio.h>

void ae_pass_print_duration(double seconds, char *out, size_t size) {
  const long whole = lround(seconds);
  if (whole >= 3600) snprintf(out, size, "%ld:%02ld:%02ld", whole / 3600, whole / 60 % 60, whole % 60);
  else snprintf(out, size, "%ld:%02ld", whole / 60, whole % 60);
}

void ae_pass_print_bar(double share, char bar[64]) {
  static const char full[] = "========================", empty[] = "                        ";
  const int length = (int)(share * 24);
  snprintf(bar, 64, " [%.*s%.*s]", length, full, 24 - length, empty);
}

void ae_pass_on(ae_pass *pass, int64_t done) {
  const double now = ae_clock_seconds(), pause = ae_log_is_terminal() ? 0.2 : 30;
  char left[32], bar[64], line[256];
  if (pass->begun == 0) pass->begun = pass->told = now;
  if (now - pass->told < pause || done == 0) return;
  pass->told = now;
  ae_pass_print_duration((now - pass->begun) / (double)done * (double)(pass->total - done), left, sizeof left);
  ae_pass_print_bar((double)done / (double)pass->total, bar);
  snprintf(line, sizeof line, "%s%s %.0f %%  left %s", pass->what, ae_log_is_terminal() ? bar : "",
           100 * (double)done / (double)pass->total, left);
  if (ae_log_is_terminal()) ae_log_redraw(line);
  else ae_log_info("%s", line);
}

void ae_pass_end(ae_pass *pass) {
  if (ae_log_is_terminal() && pass->told > pass->begun) ae_log_redraw("");
}
