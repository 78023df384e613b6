#include "mpiae/run/provenance.h"

#include "mpiae/base/build.h"
#include "mpiae/base/log.h"
#include "mpiae/base/memory.h"
#include "mpiae/base/system.h"
#include "mpiae/tensor/blas.h"
#include "mpiae/tensor/convolution.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { NAME_SIZE = AE_HOST_NAME, MOST_HOSTS = 64, KIND_SIZE = 320 };

/* Names of the hosts, without repetition, in order of rank; cut after MOST_HOSTS. */
static ae_status list_hosts(const ae_comm *comm, char *out, size_t size) {
  char own[NAME_SIZE] = "", *all = NULL;
  ae_host_name(own);
  AE_RETURN_IF(ae_comm_agree(comm, AE_NEW(all, ae_comm_size(comm) * NAME_SIZE)));
  ae_comm_require(comm, MPI_Allgather(own, NAME_SIZE, MPI_CHAR, all, NAME_SIZE, MPI_CHAR, ae_comm_handle(comm)),
                  "names of hosts");
  size_t used = 0;
  out[0] = '\0';
  for (int rank = 0, listed = 0; rank < ae_comm_size(comm) && listed < MOST_HOSTS; rank++) {
    const char *name = all + rank * NAME_SIZE;
    if (rank > 0 && strcmp(name, name - NAME_SIZE) == 0) continue;
    used += (size_t)snprintf(out + used, used < size ? size - used : 0, "%s%s", listed > 0 ? " " : "", name);
    listed++;
  }
  AE_FREE(all);
  return AE_OK;
}

static const char *instruction_set(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f")) return "avx512f";
  if (__builtin_cpu_supports("avx2")) return "avx2";
  return "x86-64";
#else
  return "portable";
#endif
}

ae_status ae_provenance_write(const ae_comm *comm, ae_h5 *file, const ae_multiplier *products, double seconds) {
  char hosts[NAME_SIZE * MOST_HOSTS + MOST_HOSTS], library[MPI_MAX_LIBRARY_VERSION_STRING], date[32] = "", hdf5[32];
  unsigned major, minor, release;
  int length;
  const time_t now = time(NULL);
  struct tm utc;
  strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
  AE_RETURN_IF(list_hosts(comm, hosts, sizeof hosts));
  MPI_Get_library_version(library, &length);
  library[strcspn(library, ",\n")] = '\0';
  H5get_libversion(&major, &minor, &release);
  snprintf(hdf5, sizeof hdf5, "%u.%u.%u", major, minor, release);
  const struct {
    const char *name, *text;
  } rows[] = {{"version", ae_build_version()},
              {"git_commit", ae_build_commit()},
              {"date", date},
              {"hosts", hosts},
              {"mpi", library},
              {"hdf5", hdf5},
              {"blas", ae_blas_version()},
              {"blas_core", ae_blas_core()},
              {"instruction_set", instruction_set()},
              {"convolution", ae_convolution_library(products)},
              {"products", products->name()}};
  AE_RETURN_IF(ae_h5_create_group(file, "/provenance",
                                  "where and with what this file was written; all else in the file depends on "
                                  "configuration, data, seed, kind of CPU and versions of libraries alone"));
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char text[sizeof hosts]; /* rank 0's: attributes are equal on all ranks, kinds of CPU need not be */
    snprintf(text, sizeof text, "%s", rows[i].text);
    ae_comm_broadcast(comm, text, (int64_t)sizeof text);
    AE_RETURN_IF(ae_h5_put_text(file, "/provenance", rows[i].name, text));
  }
  ae_comm_broadcast(comm, &seconds, (int64_t)sizeof seconds);
  AE_RETURN_IF(ae_h5_put_integer(file, "/provenance", "ranks", ae_comm_size(comm)));
  return ae_h5_put_real(file, "/provenance", "seconds", seconds);
}

/* What the file tells of it goes on with how it was built. */
static ae_status compare_blas(ae_h5 *file, bool *same) {
  char *written = NULL;
  const char *own = ae_blas_library();
  const size_t length = strlen(own);
  AE_RETURN_IF(ae_h5_get_text(file, "/provenance", "blas", &written));
  *same = strncmp(written, own, length) == 0 && strcspn(written + length, " ") == 0;
  if (!*same)
    ae_log_warning("%s was written with another BLAS (%s; here: %s): what follows differs in the last bits",
                   ae_h5_path(file), written, own);
  AE_FREE(written);
  return AE_OK;
}

/* Kernels have names within one BLAS. */
static ae_status compare_kind(ae_h5 *file, const char *here) {
  char written[KIND_SIZE], remedy[2 * KIND_SIZE] = "", *core = NULL, *set = NULL;
  ae_status status = AE_OK;
  AE_CHECK(ae_h5_get_text(file, "/provenance", "blas_core", &core));
  AE_CHECK(ae_h5_get_text(file, "/provenance", "instruction_set", &set));
  snprintf(written, sizeof written, "%s, %s", core, set);
  if (ae_blas_core_variable() != NULL)
    snprintf(remedy, sizeof remedy, "; %s=%s gives the same BLAS kernels, where the CPU has them",
             ae_blas_core_variable(), core);
  if (strcmp(written, here) != 0)
    ae_log_warning("%s was written on another kind of CPU (%s; here: %s): what follows differs in the last bits%s",
                   ae_h5_path(file), written, here, remedy);
cleanup:
  AE_FREE(core);
  AE_FREE(set);
  return status;
}

/* Files of before the attribute tell nothing. */
static ae_status compare_library(ae_h5 *file, const char *attribute, const char *work, const char *here) {
  char *library = NULL;
  bool exists;
  AE_RETURN_IF(ae_h5_has_attribute(file, "/provenance", attribute, &exists));
  if (!exists) return AE_OK;
  AE_RETURN_IF(ae_h5_get_text(file, "/provenance", attribute, &library));
  if (strcmp(library, here) != 0)
    ae_log_warning("%s was written with another library of %s (%s; here: %s): what follows from them differs in the "
                   "last bits",
                   ae_h5_path(file), work, library, here);
  AE_FREE(library);
  return AE_OK;
}

ae_status ae_provenance_compare(const ae_comm *comm, const ae_multiplier *products, ae_h5 *file) {
  char own[KIND_SIZE] = "", kernels[2 * KIND_SIZE] = "", first[2 * KIND_SIZE], remedy[NAME_SIZE] = "";
  bool same_blas;
  snprintf(own, sizeof own, "%s, %s", ae_blas_core(), instruction_set());
  snprintf(kernels, sizeof kernels, "%s, %s", own, products->name());
  memcpy(first, kernels, sizeof first);
  ae_comm_broadcast(comm, first, (int64_t)sizeof first);
  if (ae_blas_core_variable() != NULL)
    snprintf(remedy, sizeof remedy, "; %s forces BLAS kernels that all have", ae_blas_core_variable());
  if (ae_comm_max(comm, strcmp(first, kernels) != 0))
    ae_log_warning("ranks run on different kinds of CPU (rank 0: %s): results depend on which rank does what%s", first,
                   remedy);
  if (file == NULL) return AE_OK;
  AE_RETURN_IF(compare_blas(file, &same_blas));
  ae_comm_broadcast(comm, own, (int64_t)sizeof own);
  if (same_blas) AE_RETURN_IF(compare_kind(file, own));
  AE_RETURN_IF(compare_library(file, "convolution", "convolutions", ae_convolution_library(products)));
  return compare_library(file, "products", "matrix products", products->name());
}
