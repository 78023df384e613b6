#include "mpiae/base/memory.h"
#include "mpiae/cli/command.h"
#include "mpiae/h5/h5.h"

#include <string.h>
#include <unistd.h>

ae_status ae_command_check_out(const ae_comm *comm, const char *path, const char *format) {
  ae_h5 *file = NULL;
  char *kind = NULL;
  int there = access(path, F_OK) == 0;
  ae_comm_broadcast(comm, &there, (int64_t)sizeof there);
  if (!there) return AE_OK;
  ae_status status = ae_h5_open(comm, path, &file);
  if (status == AE_OK) status = ae_h5_get_text(file, "/", "mpiae_format", &kind);
  const bool same = status == AE_OK && strcmp(kind, format) == 0;
  ae_error_clear(&status);
  if (!same)
    status =
        AE_FAIL(AE_USAGE, "--out %s: what is there is not of the kind '%s' (%s%s): remove it, or choose another name",
                path, format, kind != NULL ? "kind: " : "not written by mpiae", kind != NULL ? kind : "");
  ae_h5_close(&file);
  AE_FREE(kind);
  return status;
}
