#include "mpiae/cli/command.h"

#include "mpiae/base/log.h"
#include "mpiae/comm/launch.h"
#include "mpiae/tensor/blas.h"
#include "mpiae/tensor/core.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

static void set_voices(const ae_comm *comm, const ae_arguments *arguments) {
  if (ae_comm_rank(comm) != 0) ae_log_set_level(AE_LOG_SILENT);
  else if (ae_arguments_flag(arguments, "quiet")) ae_log_set_level(AE_LOG_QUIET);
  else if (ae_arguments_flag(arguments, "verbose")) ae_log_set_level(AE_LOG_VERBOSE);
}

static ae_status dispatch(const ae_comm *comm, const ae_arguments *arguments) {
  const ae_command *command = ae_arguments_command(arguments);
  if (ae_arguments_flag(arguments, "version")) ae_print_version();
  else if (ae_arguments_flag(arguments, "help") && command != NULL) ae_command_print_help(command);
  else if (ae_arguments_flag(arguments, "help")) ae_print_overview(ae_arguments_commands(arguments));
  else if (command == NULL) return AE_FAIL(AE_USAGE, "no command is given; 'mpiae help' lists all");
  else return command->run(comm, arguments);
  return AE_OK;
}

/* A result that did not arrive is a failure: `mpiae info f > /dev/full`. */
static ae_status flush_results(void) {
  if (fflush(stdout) == 0 && !ferror(stdout)) return AE_OK;
  return AE_FAIL(AE_DATA, "standard output cannot be written: %s", strerror(errno));
}

static ae_status run(const ae_comm *comm, int argc, char **argv, bool *verbose) {
  ae_arguments *arguments = NULL;
  if (ae_comm_rank(comm) != 0) (void)!freopen("/dev/null", "w", stdout);
  ae_status status = ae_arguments_parse(ae_commands(), argc, argv, &arguments);
  if (status != AE_OK) return status;
  *verbose = ae_arguments_flag(arguments, "verbose");
  set_voices(comm, arguments);
  status = dispatch(comm, arguments);
  status = ae_error_first(status, flush_results());
  ae_arguments_destroy(&arguments);
  return status;
}

static void report(ae_status status, bool verbose) {
  ae_log_redraw("");
  fprintf(stderr, "mpiae: %s%s", ae_error_code(status) == AE_STOPPED ? "" : "error: ", ae_error_message(status));
  if (verbose) fprintf(stderr, " [%s:%d]", ae_error_file(status), ae_error_line(status));
  fputc('\n', stderr);
}

int main(int argc, char **argv) {
  ae_comm *comm = NULL;
  bool verbose = false;
  /* A file that may not grow is met as an error of its write. */
  (void)signal(SIGXFSZ, SIG_IGN);
  /* Launchers pass on what they get piece by piece: lines of ranks would mix, and Open MPI 5 puts the piece of a line
   * into whichever stream moves next. */
  (void)setvbuf(stderr, NULL, _IOLBF, BUFSIZ);
  ae_blas_choose_core(argv);
  ae_blas_use_threads(1);
  ae_status status = ae_comm_create(&argc, &argv, &comm);
  if (comm != NULL) status = ae_comm_agree(comm, run(comm, argc, argv, &verbose));
  const bool speaks = comm != NULL ? ae_comm_rank(comm) == 0 : ae_launch_speaks();
  if (status != AE_OK && speaks) report(status, verbose);
  /* What all have agreed on rank 0 tells alone: mpirun of Open MPI 5.0.7 crashes now and then (139) when ranks on
   * several hosts end with a status at once. */
  const int exit_status = comm != NULL && !speaks ? 0 : (int)ae_error_code(status);
  ae_error_clear(&status);
  ae_comm_destroy(&comm);
  return exit_status;
}
