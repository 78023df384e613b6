/* A command that reads a trained model, and perhaps data, and writes one file of results. */
#ifndef MPIAE_CLI_RESULT_H
#define MPIAE_CLI_RESULT_H

#include "mpiae/cli/command.h"
#include "mpiae/infer/loaded.h"

/* What a command works with; the rest of its own it keeps behind `own`. */
typedef struct ae_result {
  const ae_comm *comm;
  const char *name; /* of the model, as given */
  ae_loaded *loaded;
  ae_dataset *data;     /* in blocks; NULL without */
  const char *input[3]; /* files that --out must not be: the model, the data and what the command adds; or NULL */
  void *own;
} ae_result;

/* Collective. Opens the model and, unless NULL, the data for it. AE_USAGE when `has` says that the model's type lacks
 * what the command needs: the message says what (`needs`: "has no codes") and which models have it. */
ae_status ae_result_open(const ae_comm *comm, const char *model, const char *data,
                         bool (*has)(const ae_model_type *type, const void *context), const char *needs,
                         ae_result *out);
/* Local. The option --size: points of the sets made, 0 = as the model predicts. AE_USAGE when the model makes none;
 * when it is `needed`, not given, and nothing is predicted. */
ae_status ae_result_read_size(const ae_result *result, const ae_arguments *arguments, bool needed, int64_t *size);

void ae_result_close(ae_result *result); /* Collective; a zeroed one is fine */

/* Collective. Writes a file of the kind `format`: attributes, axes of an example, what `fill` adds, provenance.
 * AE_USAGE when there is a file at `path` that is not one of this kind, so that nobody loses data or a run. */
ae_status ae_result_write(ae_result *result, const char *path, const char *format,
                          ae_status (*fill)(ae_result *result, ae_h5 *file));

/* Whether types have what commands need. */
bool ae_result_encodes(const ae_model_type *type, const void *unused);
bool ae_result_decodes(const ae_model_type *type, const void *unused);
bool ae_result_reconstructs(const ae_model_type *type, const void *unused);
bool ae_result_evaluates(const ae_model_type *type, const void *unused);
bool ae_result_draws(const ae_model_type *type, const void *unused);
bool ae_result_draws_alike(const ae_model_type *type, const void *unused);

#endif
