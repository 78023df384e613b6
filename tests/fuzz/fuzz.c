#include "fuzz.h"

#include "mpiae/base/log.h"
#include "mpiae/base/memory.h"

#include <hdf5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static ae_comm *comm;
static int descriptor;
static char path[512]; /* HDF5 wants a name that can be followed: no memfd */
static bool says;      /* MPIAE_FUZZ_SAYS: why an input was refused */

void ae_fuzz_require(bool holds, const char *what) {
  if (holds) return;
  fprintf(stderr, "it does not hold that %s\n", what);
  abort();
}

bool ae_fuzz_went_well(ae_status status) {
  if (status == AE_OK) return true;
  const char *message = ae_error_message(status);
  bool printable = message[0] != '\0';
  for (const char *at = message; *at != '\0'; at++) printable = printable && (*at < 0 || *at >= ' ') && *at != 127;
  const bool ours = ae_error_code(status) == AE_INTERNAL && strstr(message, "memory") == NULL;
  if (!printable || ours || says) fprintf(stderr, "%s\n", message);
  ae_fuzz_require(printable, "an error is a sentence on one line");
  ae_fuzz_require(!ours, "what is wrong with an input is no internal fault");
  ae_error_clear(&status);
  return false;
}

const char *ae_fuzz_file(const void *bytes, size_t count) {
  ae_fuzz_require(ftruncate(descriptor, 0) == 0 && pwrite(descriptor, bytes, count, 0) == (ssize_t)count,
                  "there is room for a file");
  return path;
}

/* Open MPI's own handlers of signals would hide a crash. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv) {
  setenv("OMPI_MCA_opal_signal", "", 1);
  setenv("OMPI_MCA_ess_singleton_isolated", "1", 0);
  ae_fuzz_require(ae_fuzz_went_well(ae_comm_create(argc, argv, &comm)), "MPI starts");
  ae_log_set_level(AE_LOG_SILENT);
  says = getenv("MPIAE_FUZZ_SAYS") != NULL;
  const char *directory = getenv("TMPDIR");
  snprintf(path, sizeof path, "%s/mpiae-fuzz-XXXXXX", directory != NULL ? directory : "/tmp");
  descriptor = mkstemp(path);
  ae_fuzz_require(descriptor >= 0 && freopen("/dev/null", "w", stdout) != NULL, "there are files");
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
  const int64_t blocks = ae_memory_blocks();
  ae_fuzz_one(comm, bytes, count);
  ae_fuzz_require(ae_memory_blocks() == blocks, "all memory was given back");
  ae_fuzz_require(H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_ALL) == 0, "all that is HDF5's was closed");
  return 0;
}
