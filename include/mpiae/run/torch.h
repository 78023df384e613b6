/* A model's numbers as PyTorch has them, in a file of the format safetensors. Local.
 *
 * One rule for all parameters, from their paths and axes: "encoder/hidden_0/weight" is encoder.hidden_0.weight; one with
 * the leading axis `statistic` is two, …head.mean.weight and …head.logstd.weight; kernels, stored (output, row, column,
 * input), are (output, input, row, column), and transposed ones (input, output, row, column); `gain` and `embedding` are
 * called weight. Beside them stand what models keep (arrays of models/model.h) and scale.offset, scale.divisor. */
#ifndef MPIAE_RUN_TORCH_H
#define MPIAE_RUN_TORCH_H

#include "mpiae/models/model.h"

ae_status ae_torch_save(ae_model *model, const char *path);

/* Takes parameters, and what else a model learns, from a file. What begins with training->own_parameters may lack.
 * AE_USAGE names a tensor that is missing, of another shape or type, or none of the model's. */
ae_status ae_torch_load(ae_model *model, const char *path);

#endif
