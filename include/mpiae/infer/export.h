/* A trained model for those who use PyTorch. */
#ifndef MPIAE_INFER_EXPORT_H
#define MPIAE_INFER_EXPORT_H

#include "mpiae/infer/loaded.h"

/* Collective; rank 0 writes. Makes the directory `out` of model.safetensors (run/torch.h), config.json, which has the
 * model, the shape of an example and all keys, and model.py, which reads both. AE_USAGE when there is something at
 * `out` already, AE_DATA when it cannot be written. */
ae_status ae_export(const ae_comm *comm, const ae_loaded *loaded, const char *out);

#endif
