/* oneDNN's rows of the table of multipliers, where it is. For multiplier.c. */
#ifndef MPIAE_TENSOR_MULTIPLIER_ONEDNN_H
#define MPIAE_TENSOR_MULTIPLIER_ONEDNN_H

#include "mpiae/tensor/multiplier.h"

extern const ae_multiplier ae_multiplier_onednn, ae_multiplier_onednn_bf16;

#endif
