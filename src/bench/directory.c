#include "bench.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void ae_bench_path(const ae_bench *bench, const char *name, char path[AE_PATH_SIZE]) {
  snprintf(path, AE_PATH_SIZE, "%.*s/%s", AE_PATH_SIZE - 260, bench->directory, name);
}

ae_status ae_bench_make_directory(ae_bench *bench) {
  const char *place = getenv("TMPDIR");
  if (place == NULL || place[0] == '\0') place = "/tmp";
  if (ae_comm_rank(bench->comm) != 0) return AE_OK;
  snprintf(bench->directory, sizeof bench->directory, "%s/mpiae-bench-XXXXXX", place);
  if (mkdtemp(bench->directory) != NULL) return AE_OK;
  return AE_FAIL(AE_DATA, "%s: no directory can be made there: %s; TMPDIR names the place for temporary files", place,
                 strerror(errno));
}

void ae_bench_remove_directory(const ae_bench *bench) {
  if (ae_comm_rank(bench->comm) != 0) return;
  DIR *directory = opendir(bench->directory);
  char path[AE_PATH_SIZE];
  for (struct dirent *entry; directory != NULL && (entry = readdir(directory)) != NULL;) {
    ae_bench_path(bench, entry->d_name, path);
    unlink(path); /* of . and .. nothing comes */
  }
  if (directory != NULL) closedir(directory);
  rmdir(bench->directory);
}
