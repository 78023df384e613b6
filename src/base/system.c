#include "mpiae/base/system.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A name that does not fit is an error to gethostname, and some systems leave nothing then. */
void ae_host_name(char name[AE_HOST_NAME]) {
  char whole[HOST_NAME_MAX + 1] = "";
  if (gethostname(whole, sizeof whole) != 0) whole[0] = '\0';
  snprintf(name, AE_HOST_NAME, "%.*s", AE_HOST_NAME - 1, whole);
}

void ae_sync_directory_of(const char *path) {
  char directory[PATH_MAX];
  const char *slash = strrchr(path, '/');
  const int length = slash == NULL ? 0 : (int)(slash - path);
  snprintf(directory, sizeof directory, "%.*s", length > 0 ? length : 1, length > 0 ? path : slash ? "/" : ".");
  const int descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;
  (void)fsync(descriptor);
  close(descriptor);
}
