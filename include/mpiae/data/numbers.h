/* Numbers of an array of somebody else's on their way to float32: packed as netCDF packs them, with values that stand for
 * missing ones, or with more digits than float32 has. All of it is done in float64. */
#ifndef MPIAE_DATA_NUMBERS_H
#define MPIAE_DATA_NUMBERS_H

#include "mpiae/comm/comm.h"
#include "mpiae/h5/h5.h"

enum { AE_NUMBERS_MISSING = 8 };

/* An array, as its type and its attributes tell (NetCDF Users Guide, "Attribute Conventions"). */
typedef struct ae_numbers {
  const ae_comm *comm;
  ae_h5 *file;
  const char *path; /* lent */
  ae_h5_type type;
  int rank;
  int64_t dim[AE_H5_MAX_RANK];
  int64_t width;                      /* numbers of a row */
  bool packed;                        /* whether an attribute says anything; then: */
  double factor, offset;              /* scale_factor, add_offset: x = stored × factor + offset */
  double missing[AE_NUMBERS_MISSING]; /* _FillValue, missing_value: as stored */
  int missing_count;
  double low, high; /* valid_min, valid_max, valid_range: as stored; ±INFINITY without */
} ae_numbers;

/* What float32 does to the feature that suffers most, of all rows of all ranks. */
typedef struct ae_rounding {
  int64_t feature;
  double low, high; /* its values */
  double error;     /* largest difference from float32 */
  bool matters;     /* whether that is more than a thousandth of high − low */
} ae_rounding;

/* Collective. Errors: AE_DATA when there is no such array, or an attribute of these is no number. */
ae_status ae_numbers_find(const ae_comm *comm, ae_h5 *file, const char *path, ae_numbers *out);

/* Local. Whether float32 (or uint8) holds them as they stand in the file. */
bool ae_numbers_are_plain(const ae_numbers *numbers);

/* Collective. Rows [begin, begin + count) as float32; with `center` (width) less that. *rounding is of what is read. Errors:
 * AE_DATA naming the row and feature of a missing value, of one out of its valid range, and of one beyond float32. */
ae_status ae_numbers_read(const ae_numbers *numbers, int64_t begin, int64_t count, const double *center, float *rows,
                          ae_rounding *rounding);

/* Local. Warns of a rounding that matters. */
void ae_numbers_warn(const ae_numbers *numbers, const ae_rounding *rounding);

/* Collective. The middle of each feature's values, over all ranks; middle has (width). */
ae_status ae_numbers_middle(const ae_numbers *numbers, int64_t begin, int64_t count, double *middle);

#endif
