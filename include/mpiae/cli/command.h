/* The command line: one table of commands, one parser of options for all of them, and help generated from the same
 * table. Commands print results with printf: standard output leads anywhere on rank 0 only. */
#ifndef MPIAE_CLI_COMMAND_H
#define MPIAE_CLI_COMMAND_H

#include "mpiae/comm/comm.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

typedef enum ae_option_type { AE_OPTION_FLAG, AE_OPTION_TEXT, AE_OPTION_INTEGER } ae_option_type;

/* One option, "--name" or "--name PLACEHOLDER". A list ends with a row whose name is NULL. */
typedef struct ae_option {
  const char *name; /* without the dashes */
  ae_option_type type;
  const char *placeholder; /* "FILE"; NULL for a flag */
  bool required;
  int64_t low, high; /* AE_OPTION_INTEGER: bounds, inclusive */
  const char *help;
} ae_option;

typedef struct ae_arguments ae_arguments;

/* One command. The table ends with a row whose name is NULL. `run` is Collective. */
typedef struct ae_command {
  const char *name;
  const char *summary;  /* one line for `mpiae help` */
  const char *operands; /* what stands without dashes, as in the usage line: "CONFIG.yaml [KEY=VALUE ...]" */
  int least_operands, most_operands; /* KEY=VALUE not counted */
  bool assignments;                  /* whether KEY=VALUE is taken apart from the operands */
  const ae_option *options;
  const char *details; /* lines for `mpiae help COMMAND`, or NULL */
  const char *example; /* a command line that works */
  ae_status (*run)(const ae_comm *comm, const ae_arguments *arguments);
} ae_command;

/* most_operands of a command that takes a list. */
#define AE_ANY_NUMBER 1000000

/* What the program is, how it is called, and what to ask it first. */
#define AE_PROGRAM_SUMMARY "trains autoencoders over MPI"
#define AE_PROGRAM_USAGE "[mpirun -n P] mpiae COMMAND ..."
#define AE_PROGRAM_EXAMPLE "mpiae help train"

/* The table. Local. */
const ae_command *ae_commands(void);
const ae_option *ae_global_options(void); /* valid with and without a command */

/* NULL when there is none of that name. */
const ae_command *ae_command_find(const char *name);

/* AE_USAGE that names `word` and the nearest command; `extra` is one more word that would have been right, or NULL. */
ae_status ae_command_unknown(const char *word, const char *extra);

/* Local. Takes argv[1 …] apart; all that is wrong is AE_USAGE with what would be right. Texts are lent from argv. */
ae_status ae_arguments_parse(int argc, char **argv, ae_arguments **out);
void ae_arguments_destroy(ae_arguments **arguments);

const ae_command *ae_arguments_command(const ae_arguments *arguments); /* NULL when no command was given */
int ae_arguments_count(const ae_arguments *arguments);                 /* operands */
const char *ae_arguments_operand(const ae_arguments *arguments, int index);
const char *const *ae_arguments_operands(const ae_arguments *arguments);
int ae_arguments_assignment_count(const ae_arguments *arguments);
const char *ae_arguments_assignment(const ae_arguments *arguments, int index); /* "train.epochs=5" */

/* Readers of options; a name the command does not have is a bug of the caller (asserted). */
bool ae_arguments_flag(const ae_arguments *arguments, const char *name); /* whether the option was given, of any type */
const char *ae_arguments_text(const ae_arguments *arguments, const char *name); /* NULL when not given */
int64_t ae_arguments_integer(const ae_arguments *arguments, const char *name,
                             int64_t preset); /* preset when not given */

/* "usage: mpiae import idx FILES... --out FILE [--limit N]" to a stream; no newline. Local. */
void ae_command_print_usage(const ae_command *command, FILE *out);
void ae_command_print_help(const ae_command *command); /* Local; standard output */
void ae_command_import_print_formats(void);            /* Local; standard output: what `mpiae import` reads */
void ae_print_overview(void);                          /* Local; standard output */
void ae_print_version(void);                           /* Local; standard output */

/* Collective. AE_USAGE when something is at `path` that is not an mpiae file of the kind `format`, or that one of the
 * `count` inputs is (each a file, FILE.h5:/path or FILE.h5:…; NULL ones are passed by), or that bears a name that runs
 * give to their own files: so that nobody loses data or a run. */
ae_status ae_command_check_out(const ae_comm *comm, const char *path, const char *format, const char *const *inputs,
                               int count);

/* The commands, one file each. Collective. */
ae_status ae_command_train(const ae_comm *comm, const ae_arguments *arguments);
ae_status ae_command_encode(const ae_comm *comm, const ae_arguments *arguments);
ae_status ae_command_decode(const ae_comm *comm, const ae_arguments *arguments);
ae_status ae_command_evaluate(const ae_comm *comm, const ae_arguments *arguments);
ae_status ae_command_reconstruct(const ae_comm *comm, const ae_arguments *arguments);
ae_status ae_command_interpolate(const ae_comm *comm, const ae_arguments *arguments);
ae_status ae_command_sample(const ae_comm *comm, const ae_arguments *arguments);
ae_status ae_command_cluster(const ae_comm *comm, const ae_arguments *arguments);
ae_status ae_command_import(const ae_comm *comm, const ae_arguments *arguments);
ae_status ae_command_synth(const ae_comm *comm, const ae_arguments *arguments);
ae_status ae_command_info(const ae_comm *comm, const ae_arguments *arguments);
ae_status ae_command_doctor(const ae_comm *comm, const ae_arguments *arguments);
ae_status ae_command_help(const ae_comm *comm, const ae_arguments *arguments);

#endif
