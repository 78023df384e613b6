/* A square table of what a latent plane decodes to: its lines lie at quantiles of where codes are, each in the middle of
 * an equal share of them. Collective; errors are agreed; results are the same bits for any number of ranks. */
#ifndef MPIAE_INFER_GRID_H
#define MPIAE_INFER_GRID_H

#include "mpiae/models/model.h"

/* Coordinates (cells, 2) along both dimensions: of the prior N(0, 1), or, with `data`, in blocks, of its codes. */
ae_status ae_grid_place(ae_model *model, const ae_dataset *data, int64_t cells, float *place);

/* /z_0 and /z_1, the coordinates, and /x (grid_y, grid_x, shape of an example): z_1 along grid_y, z_0 along grid_x. */
ae_status ae_grid_write(ae_model *model, ae_h5 *file, int64_t cells, const float *place);

#endif
