/* data.scale: what the stored numbers of a dataset become before networks see them, and back.
 *
 * `type`: bytes are divided by 255, other numbers are taken as they are: what versions without this key did. Otherwise
 * x' = (x − offset) / divisor, with one pair for all numbers (none: 0 and 1; NUMBER: 0 and it; 0-1: of the smallest and
 * the largest number of the training data) or a pair for each feature (standardize: mean and standard deviation over
 * the training data; 0 is as good as 1 where a feature never changes). What comes out of a model is in the units of the
 * data again, but under `type`, where bytes come out as 0 to 1. */
#ifndef MPIAE_DATA_SCALE_H
#define MPIAE_DATA_SCALE_H

#include "mpiae/data/dataset.h"

/* For messages: of values that are to be in 0 … 1. */
#define AE_SCALE_REMEDY " (as scaled by data.scale): set data.scale=0-1 or a divisor"

/* A zeroed one is `type`. */
typedef struct ae_data_scale {
  int64_t features; /* 1: the same for all */
  float *offset;    /* (features); owned; NULL = `type` */
  float *divisor;   /* (features), > 0; owned */
} ae_data_scale;

/* Collective. The scale that `asked` ("auto", "type", "none", a number, "standardize", "0-1") is for these training
 * data, and *found, what `auto` came to (a constant), else `asked`. Auto takes bytes of 0 and 1 as they are, and says so.
 * Sums go along the tree of the data's shards: the same bits for any number of ranks. Errors: AE_USAGE for other words,
 * and when sets of points are to be scaled. */
ae_status ae_data_scale_choose(const ae_comm *comm, const char *asked, const ae_dataset *data, const char **found,
                               ae_data_scale *out);

/* Collective. Keeps what was learnt from the data (standardize, 0-1) in a file: /scale/offset and /scale/divisor; reads
 * back what `asked`, never auto, was for examples of so many features. Errors: AE_DATA when the file lacks it. */
ae_status ae_data_scale_save(const ae_data_scale *scale, const char *asked, ae_h5 *file);
ae_status ae_data_scale_load(const ae_comm *comm, const char *asked, ae_h5 *file, int64_t features, ae_data_scale *out);

void ae_data_scale_free(ae_data_scale *scale); /* Local; a zeroed one is fine */

/* Collective. From now on the dataset is read by this scale, lent for its life: values and bounds. Warns of bytes that
 * `type` makes next to nothing. Errors: AE_INTERNAL when memory is short. */
ae_status ae_dataset_use_scale(const ae_comm *comm, ae_dataset *dataset, const ae_data_scale *scale);

/* Local. Rows of `width` numbers, scaled → in the units of the data, in place. */
void ae_data_scale_undo(const ae_data_scale *scale, int64_t rows, int64_t width, float *x);

/* Local. What one scaled number is in a dataset, where all have the same scale. */
float ae_data_scale_stored(const ae_dataset *dataset, float value);

#endif
