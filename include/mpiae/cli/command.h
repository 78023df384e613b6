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

/* One command. `run` is Collective. */
typedef struct ae_command {
  const char *name;
  const char *summary;  /* one line for `mpiae help` */
  const char *operands; /* what stands without dashes, as in the usage line: "CONFIG.yaml [KEY=VALUE ...]" */
  int least_operands, most_operands; /* KEY=VALUE not counted */
  bool assignments;                  /* whether KEY=VALUE is taken apart from the operands */
  const ae_option *options;          /* or NULL */
  const char *details;               /* lines for `mpiae help COMMAND`, or NULL */
  void (*print_more)(void);          /* prints further ones; or NULL */
  const char *example;               /* a command line that works */
  ae_status (*run)(const ae_comm *comm, const ae_arguments *arguments);
} ae_command;

/* most_operands of a command that takes a list. */
#define AE_ANY_NUMBER 1000000

/* What the program is, how it is called, and what to ask it first. */
#define AE_PROGRAM_SUMMARY "trains autoencoders over MPI"
#define AE_PROGRAM_USAGE "[mpirun -n P] mpiae COMMAND ..."
#define AE_PROGRAM_EXAMPLE "mpiae help train"

/* What they say of operands. */
#define AE_MODEL_HELP "MODEL is a run directory (its newest valid checkpoint) or a checkpoint file."
#define AE_DATA_HELP                                                                                                   \
  AE_MODEL_HELP "\nDATA is a dataset file, or FILE.h5:/path of any HDF5 array whose first axis is examples."

/* All commands, ended by NULL. Local. */
const ae_command *const *ae_commands(void);
const ae_option *ae_command_options(const ae_command *command);
const ae_option *ae_global_options(void); /* valid with and without a command */

/* NULL when there is none of that name. */
const ae_command *ae_command_find(const ae_command *const *commands, const char *name);

/* AE_USAGE that names `word` and the nearest command; `extra` is one more word that would have been right, or NULL. */
ae_status ae_command_unknown(const ae_command *const *commands, const char *word, const char *extra);

/* Local. Takes argv[1 …] apart; all that is wrong is AE_USAGE with what would be right. Texts are lent from argv. */
ae_status ae_arguments_parse(const ae_command *const *commands, int argc, char **argv, ae_arguments **out);
void ae_arguments_destroy(ae_arguments **arguments);

const ae_command *ae_arguments_command(const ae_arguments *arguments);         /* NULL when no command was given */
const ae_command *const *ae_arguments_commands(const ae_arguments *arguments); /* those there are */
int ae_arguments_count(const ae_arguments *arguments);                         /* operands */
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
void ae_command_print_help(const ae_command *command);     /* Local; standard output */
void ae_print_overview(const ae_command *const *commands); /* Local; standard output */
void ae_print_version(void);                               /* Local; standard output */

/* Collective. AE_USAGE when something is at `path` that is not an mpiae file of the kind `format`, or that one of the
 * `count` inputs is (each a file, FILE.h5:/path or FILE.h5:…; NULL ones are passed by), or that bears a name that runs
 * give to their own files: so that nobody loses data or a run. */
ae_status ae_command_check_out(const ae_comm *comm, const char *path, const char *format, const char *const *inputs,
                               int count);

#endif
