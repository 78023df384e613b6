/* Arrays of a checkpoint, one for each parameter of a model, in its shape and under its path: the parameters themselves,
 * moments of their gradients. Collective; errors name the file and dataset. */
#ifndef MPIAE_RUN_ARRAYS_H
#define MPIAE_RUN_ARRAYS_H

#include "mpiae/graph/params.h"
#include "mpiae/h5/h5.h"

/* Writes <root>/<path of the parameter> for each, from `flat`, laid out as the store's values and equal on all ranks. */
ae_status ae_arrays_write(ae_h5 *file, const ae_params *params, const char *root, const char *description,
                          const float *flat);

/* Reads them into `flat`, which ranks that share memory may share. Everything is on every rank then, and each has read a
 * share of it from the file. Those of parameters whose path begins with `own` (unless NULL) may
 * lack in the file; their numbers then stay as they are. */
ae_status ae_arrays_read(ae_h5 *file, const ae_params *params, const char *root, const char *own, float *flat);

/* Local. Whether the path of a parameter begins so; NULL: none does. */
bool ae_arrays_may_lack(const ae_parameter *parameter, const char *own);

#endif
