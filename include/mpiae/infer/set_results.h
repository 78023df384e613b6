/* Results of models that make sets of points (the hook decode_sets): what reconstruct, sample, decode, interpolate and
 * the film of training write in place of pictures (inference.h). Sets are packed: /<prefix>points, /<prefix>offset. All
 * collective; errors are agreed; files are the same for any number of ranks. */
#ifndef MPIAE_INFER_SET_RESULTS_H
#define MPIAE_INFER_SET_RESULTS_H

#include "mpiae/models/model.h"

/* How many points sets have: all `fixed`, unless that is 0; else as many as a model that is `sized` predicts, likeliest
 * or drawn; else those given for each of this rank's. One of the three must be there. */
typedef struct ae_set_sizes {
  int64_t fixed;
  bool drawn;
  const int64_t *given;
} ae_set_sizes;

/* Makes sets of this rank's codes, which are [begin, begin + codes->count) of `total`, begin a multiple of
 * AE_BLOCK_ROWS, and writes them. */
ae_status ae_set_results_make(ae_model *model, ae_h5 *file, const char *prefix, int64_t total, int64_t begin,
                              const ae_set_codes *codes, const ae_set_sizes *sizes, const char *description);

/* The first `count` sets, and what their codes are decoded to, of the sets' own sizes (prefix "reconstruction_"); their
 * numbers on the axis `example`; /label where known. */
ae_status ae_set_results_reconstruct(ae_model *model, ae_h5 *file, const ae_dataset *data, int64_t count);

/* Samples along the axis `sample`, and their codes. The film of training, before there are sizes to draw, has samples
 * of the sizes of the first examples of `like` (NULL: there is a size, or the model predicts). */
ae_status ae_set_results_sample(ae_model *model, ae_h5 *file, const ae_sample_request *request, int64_t size,
                                const ae_dataset *like, const char *prefix);

#endif
