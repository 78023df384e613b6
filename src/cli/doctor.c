/* `mpiae doctor`: each check is a status agreed on by all ranks, whose sentence says what is wrong and what to do. */
#include "mpiae/cli/command.h"

#include "mpiae/base/arithmetic.h"
#include "mpiae/comm/binding.h"
#include "mpiae/comm/launch.h"
#include "mpiae/comm/shared.h"
#include "mpiae/comm/window.h"
#include "mpiae/h5/place.h"
#include "mpiae/tensor/blas.h"
#include "mpiae/tensor/convolution.h"
#include "mpiae/tensor/core.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TOLD_SIZE = 384, CORE_SIZE = 256 };

/* What is to be free for files, and for the exchange of a model of four million parameters: bytes an array of it. */
#define LEAST_ROOM ((int64_t)256 << 20)
#define EXCHANGE_ARRAY ((int64_t)16 << 20)
#define MEGABYTE 1e6

typedef struct doctor {
  const ae_comm *comm;
  ae_host host;
  int cores;     /* of this host's ranks together */
  bool has_file; /* `file` has been written */
  char file[64]; /* in the current directory */
  char told[TOLD_SIZE];
} doctor;

static void __attribute__((format(printf, 2, 3))) tell(doctor *d, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(d->told, sizeof d->told, format, arguments);
  va_end(arguments);
}

static const char *plural(int count) { return count == 1 ? "" : "s"; }

/* Launchers say how many they have started; rank 0 speaks for all. */
static ae_status count_ranks(doctor *d) {
  static const char *const variables[] = {"SLURM_NTASKS", "PMI_SIZE"};
  const int ranks = ae_comm_size(d->comm);
  tell(d, "%d rank%s on %d host%s", ranks, plural(ranks), d->host.hosts, plural(d->host.hosts));
  for (size_t i = 0; i < sizeof variables / sizeof *variables && ae_comm_rank(d->comm) == 0; i++) {
    const char *value = getenv(variables[i]);
    if (value == NULL || atoi(value) == ranks) continue;
    return AE_FAIL(AE_USAGE,
                   "%d rank%s started, but %s is %s: start all of them together: %s mpiae ..., or mpirun mpiae ... "
                   "without -n, of the MPI that mpiae was built with",
                   ranks, plural(ranks), variables[i], value, AE_LAUNCH_SRUN);
  }
  return AE_OK;
}

static ae_status check_launch(doctor *d) { return ae_comm_agree(d->comm, count_ranks(d)); }

static ae_status check_binding(doctor *d) {
  AE_RETURN_IF(ae_binding_check(d->comm, &d->host, &d->cores));
  if (d->host.count == 1) tell(d, "one rank on %s, which may use %d core%s", d->host.name, d->cores, plural(d->cores));
  else tell(d, "%d ranks on %d cores of %s, each bound", d->host.count, d->cores, d->host.name);
  return AE_OK;
}

static ae_status check_threads(doctor *d) {
  tell(d, "no more than cores; mpiae computes on train.threads of them a rank, 1 by default");
  return ae_binding_check_threads(d->comm, &d->host, d->cores);
}

static ae_status judge_library(const doctor *d, const char *library, const char *first) {
  if (strcmp(library, first) == 0) return AE_OK;
  return AE_FAIL(AE_USAGE,
                 "rank %d on %s has %s, rank 0 %s: results depend on which rank does what: load the same modules, or "
                 "install the same packages, on all hosts",
                 ae_comm_rank(d->comm), d->host.name, library, first);
}

/* On all ranks as on rank 0. */
static ae_status check_same(const doctor *d, const char *library) {
  char first[TOLD_SIZE] = "";
  snprintf(first, sizeof first, "%s", library);
  ae_comm_broadcast(d->comm, first, (int64_t)sizeof first);
  return ae_comm_agree(d->comm, judge_library(d, library, first));
}

static ae_status judge_core(const doctor *d, const char *first) {
  const char *core = ae_blas_core();
  const ae_vectors own = ae_vectors_of_core(core), possible = ae_vectors_of_processor();
  const char *variable = ae_blas_core_variable();
  if (strcmp(core, first) != 0 && variable == NULL)
    return AE_FAIL(AE_USAGE,
                   "rank %d on %s has the kernels '%s', rank 0 '%s': results depend on which rank does what: choose "
                   "hosts of one kind",
                   ae_comm_rank(d->comm), d->host.name, core, first);
  if (strcmp(core, first) != 0) {
    const ae_vectors least = own < ae_vectors_of_core(first) ? own : ae_vectors_of_core(first);
    /* the plainest of its kind, which all of them can run */
    const char *common = ae_vectors_core(least) != NULL ? ae_vectors_core(least) : own == least ? core : first;
    return AE_FAIL(AE_USAGE,
                   "rank %d on %s has the kernels '%s', rank 0 '%s': results depend on which rank does what: set "
                   "%s=%s for all, or choose hosts of one kind",
                   ae_comm_rank(d->comm), d->host.name, core, first, variable, common);
  }
  if (own != AE_VECTORS_PLAIN || possible == AE_VECTORS_PLAIN || variable == NULL) return AE_OK;
  return AE_FAIL(AE_USAGE,
                 "%s on %s runs its kernels '%s', several times slower than what the processor can do: set %s=%s, or "
                 "install an OpenBLAS for many processors (DYNAMIC_ARCH)",
                 ae_blas_library(), d->host.name, core, variable, ae_vectors_core(possible));
}

static ae_status check_blas(doctor *d) {
  char first[CORE_SIZE] = "";
  const char *variable = ae_blas_core_variable();
  AE_RETURN_IF(check_same(d, ae_blas_library()));
  snprintf(first, sizeof first, "%s", ae_blas_core());
  ae_comm_broadcast(d->comm, first, (int64_t)sizeof first);
  if (variable != NULL && ae_vectors_of_core(first) < ae_vectors_of_processor())
    tell(d, "%s, kernels '%s', by %s; the processor could do more", ae_blas_library(), first, variable);
  else tell(d, "%s, kernels '%s'", ae_blas_library(), first);
  return ae_comm_agree(d->comm, judge_core(d, first));
}

static ae_status check_convolutions(doctor *d) {
  tell(d, "%s", ae_convolution_library(&ae_multiplier_blas));
  return check_same(d, ae_convolution_library(&ae_multiplier_blas));
}

static ae_status judge_shared(const doctor *d) {
  const int64_t room = ae_shared_room(), want = (d->host.count + 1) * EXCHANGE_ARRAY;
  if (d->host.count == 1 || room >= want) return AE_OK;
  return AE_FAIL(
      AE_USAGE,
      "/dev/shm on %s has %.0f MB to spare, and %d ranks exchange a model of 4 million parameters in %.0f MB "
      "there, else by messages, slower: make it larger (mount -o remount,size=1g /dev/shm; docker run "
      "--shm-size=1g)",
      d->host.name, (double)ae_max(room, 0) / MEGABYTE, d->host.count, (double)want / MEGABYTE);
}

static ae_status check_shared(doctor *d) {
  tell(d, "%.0f MB to spare in /dev/shm", (double)ae_max(ae_shared_room(), 0) / MEGABYTE);
  return ae_comm_agree(d->comm, d->host.is_first ? judge_shared(d) : AE_OK);
}

static ae_status check_window(doctor *d) {
  tell(d, "right values from other ranks");
  return ae_window_try(d->comm);
}

/* Told, not judged. */
static ae_status check_network(doctor *d) {
  double latency, bandwidth;
  AE_RETURN_IF(ae_host_measure(d->comm, &d->host, &latency, &bandwidth));
  if (d->host.elsewhere < 0) tell(d, "not needed: one host");
  else tell(d, "%s to %s: %.0f us, %.0f MB/s", d->host.name, d->host.far_name, 1e6 * latency, bandwidth / MEGABYTE);
  return AE_OK;
}

static ae_status check_files(doctor *d) {
  double seconds;
  AE_RETURN_IF(ae_place_try_file(d->comm, d->file, &seconds));
  d->has_file = true;
  tell(d, "written and read by all ranks in %.2f s", seconds);
  return AE_OK;
}

static ae_status check_locks(doctor *d) {
  ae_place_locks locks;
  const int last = ae_comm_size(d->comm) - 1;
  tell(d, "not tried: there is no file");
  if (!d->has_file) return AE_OK;
  AE_RETURN_IF(ae_place_try_locks(d->comm, d->file, d->host.elsewhere >= 0 ? d->host.elsewhere : last, &locks));
  if (locks == AE_PLACE_LOCKS_OFF)
    tell(d, "off, by HDF5_USE_FILE_LOCKING: nothing keeps two runs out of one directory");
  else tell(d, "heeded%s", d->host.elsewhere >= 0 ? " by the other hosts too" : "");
  return AE_OK;
}

static ae_status check_room(doctor *d) {
  int64_t bytes;
  AE_RETURN_IF(ae_place_room(d->comm, ".", &bytes));
  tell(d, "%.0f MB free", (double)bytes / MEGABYTE);
  if (bytes >= LEAST_ROOM) return AE_OK;
  return AE_FAIL(AE_DATA,
                 "%.0f MB are free in this directory: a checkpoint takes 12 bytes a parameter, and checkpoint.keep and "
                 "one more are there at a time: free some, or work elsewhere",
                 (double)bytes / MEGABYTE);
}

static const struct {
  const char *name;
  ae_status (*run)(doctor *d);
} checks[] = {{"launch", check_launch},
              {"binding", check_binding},
              {"threads", check_threads},
              {"BLAS", check_blas},
              {"convolutions", check_convolutions},
              {"shared memory", check_shared},
              {"one-sided", check_window},
              {"network", check_network},
              {"files", check_files},
              {"locks", check_locks},
              {"room", check_room}};

/* All of them, whatever the ones before found. The first fault decides the exit status. */
static ae_status run_checks(doctor *d) {
  char faults[AE_MESSAGE_SIZE / 2] = "";
  size_t used = 0;
  ae_code code = AE_DONE;
  for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
    ae_status status = checks[i].run(d);
    printf("%-5s %-14s %s\n", status == AE_OK ? "ok" : "MEND", checks[i].name,
           status == AE_OK ? d->told : ae_error_message(status));
    fflush(stdout);
    if (status == AE_OK) continue;
    if (code == AE_DONE) code = ae_error_code(status);
    used += (size_t)snprintf(faults + used, sizeof faults - used, "%s%s", used > 0 ? ", " : "", checks[i].name);
    ae_error_clear(&status);
  }
  if (code == AE_DONE) return AE_OK;
  return AE_FAIL(code, "to mend: %s; each line above that begins with MEND says how", faults);
}

static ae_status run_command(const ae_comm *comm, const ae_arguments *arguments) {
  (void)arguments;
  doctor d = {.comm = comm};
  int64_t process = getpid();
  ae_comm_broadcast(comm, &process, (int64_t)sizeof process);
  snprintf(d.file, sizeof d.file, ".mpiae-doctor-%lld.h5", (long long)process);
  ae_host_find(comm, &d.host);
  const ae_status status = run_checks(&d);
  if (ae_comm_rank(comm) == 0) unlink(d.file);
  ae_host_release(&d.host);
  return status;
}

extern const ae_command ae_command_doctor;

const ae_command ae_command_doctor = {
    .name = "doctor",
    .summary = "check the launch, the hosts and the current directory",
    .operands = "",
    .details =
        "Launched as a run would be, in the directory of the run: tries what a run needs and says what to mend, one line "
        "a "
        "check.\n"
        "Should it end in the middle, the check after the last line is what it ended in.\n"
        "The exit status is 2 when the launch or a setting is to be mended, 3 when it is files, 0 when nothing is.",
    .example = "mpirun -n 2 mpiae doctor",
    .run = run_command};
