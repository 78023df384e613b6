#include "mpiae/base/memory.h"
#include "mpiae/cli/command.h"
#include "mpiae/h5/h5.h"
#include "mpiae/run/directory.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Whether an input is the file at `path`, with or without what stands behind one of its colons. */
static bool is_same(const char *input, const char *path) {
  char file[AE_PATH_SIZE];
  struct stat one, other;
  if (stat(path, &other) != 0) return false;
  snprintf(file, sizeof file, "%s", input);
  for (char *colon = file + strlen(file); colon != NULL; colon = strrchr(file, ':')) {
    *colon = '\0';
    if (stat(file, &one) == 0 && one.st_dev == other.st_dev && one.st_ino == other.st_ino) return true;
  }
  return false;
}

static ae_status check_names(const char *path, const char *const *inputs, int count) {
  for (int i = 0; i < count; i++)
    if (inputs[i] != NULL && is_same(inputs[i], path))
      return AE_FAIL(AE_USAGE, "--out %s would replace the input %s: choose another name", path, inputs[i]);
  const char *slash = strrchr(path, '/');
  if (ae_run_directory_owns(slash != NULL ? slash + 1 : path))
    return AE_FAIL(AE_USAGE,
                   "--out %s: names like that are for the files that a run writes and removes itself; choose another",
                   path);
  return AE_OK;
}

static ae_status check_kind(const ae_comm *comm, const char *path, const char *format) {
  ae_h5 *file = NULL;
  char *kind = NULL;
  ae_status status;
  AE_RETURN_IF(ae_error_prefix(ae_h5_look(comm, path), "--out"));
  status = ae_h5_open(comm, path, &file);
  if (status == AE_OK) status = ae_h5_get_kind(file, &kind);
  const bool same = status == AE_OK && kind != NULL && strcmp(kind, format) == 0;
  ae_error_clear(&status);
  if (!same)
    status =
        AE_FAIL(AE_USAGE, "--out %s: what is there is not of the kind '%s' (%s%s): remove it, or choose another name",
                path, format, kind != NULL ? "kind: " : "not written by mpiae", kind != NULL ? kind : "");
  ae_h5_close(&file);
  AE_FREE(kind);
  return status;
}

ae_status ae_command_check_out(const ae_comm *comm, const char *path, const char *format, const char *const *inputs,
                               int count) {
  const bool root = ae_comm_rank(comm) == 0;
  int there = access(path, F_OK) == 0;
  AE_RETURN_IF(ae_comm_agree(comm, root ? check_names(path, inputs, count) : AE_OK));
  ae_comm_broadcast(comm, &there, (int64_t)sizeof there);
  return there ? check_kind(comm, path, format) : AE_OK;
}
