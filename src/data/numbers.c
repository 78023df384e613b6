#include "mpiae/data/numbers.h"

#include "mpiae/base/arithmetic.h"
#include "mpiae/base/log.h"
#include "mpiae/base/memory.h"

#include <float.h>
#include <math.h>

/* Numbers read at once. */
#define PIECE ((int64_t)1 << 21)
/* A share of a feature's range: rounding below it does not matter beside noise. */
#define TOLERABLE 1e-3

/* Attributes. */

/* The numbers of an attribute, `most` of them; *count 0 when there is none. */
static ae_status get(const ae_numbers *numbers, const char *name, int most, double *value, int *count) {
  bool exists;
  *count = 0;
  AE_RETURN_IF(ae_h5_has_attribute(numbers->file, numbers->path, name, &exists));
  if (!exists) return AE_OK;
  AE_RETURN_IF(ae_h5_get_reals(numbers->file, numbers->path, name, most, value, count));
  if (*count > 0) return AE_OK;
  return AE_FAIL(
      AE_DATA,
      "%s: attribute '%s' of %s says how its numbers are packed, but is not 1 to %d numbers: mend it, or store "
      "the numbers themselves",
      ae_h5_path(numbers->file), name, numbers->path, most);
}

static ae_status get_one(const ae_numbers *numbers, const char *name, double *value, bool *any) {
  double found;
  int count;
  AE_RETURN_IF(get(numbers, name, 1, &found, &count));
  if (count == 1) *value = found;
  *any = *any || count == 1;
  return AE_OK;
}

static ae_status get_missing(ae_numbers *numbers, const char *name) {
  int count;
  AE_RETURN_IF(get(numbers, name, AE_NUMBERS_MISSING / 2, numbers->missing + numbers->missing_count, &count));
  numbers->missing_count += count;
  return AE_OK;
}

static ae_status get_attributes(ae_numbers *numbers) {
  double range[2];
  int count;
  AE_RETURN_IF(get_one(numbers, "scale_factor", &numbers->factor, &numbers->packed));
  AE_RETURN_IF(get_one(numbers, "add_offset", &numbers->offset, &numbers->packed));
  AE_RETURN_IF(get_missing(numbers, "_FillValue"));
  AE_RETURN_IF(get_missing(numbers, "missing_value"));
  AE_RETURN_IF(get_one(numbers, "valid_min", &numbers->low, &numbers->packed));
  AE_RETURN_IF(get_one(numbers, "valid_max", &numbers->high, &numbers->packed));
  AE_RETURN_IF(get(numbers, "valid_range", 2, range, &count));
  if (count == 2) {
    numbers->low = range[0];
    numbers->high = range[1];
  }
  numbers->packed = numbers->packed || count == 2 || numbers->missing_count > 0;
  return AE_OK;
}

ae_status ae_numbers_find(const ae_comm *comm, ae_h5 *file, const char *path, ae_numbers *out) {
  *out = (ae_numbers){
      .comm = comm, .file = file, .path = path, .width = 1, .factor = 1, .low = -INFINITY, .high = INFINITY};
  AE_RETURN_IF(ae_h5_describe(file, path, &out->type, &out->rank, out->dim));
  for (int i = 1; i < out->rank; i++) AE_RETURN_IF(ae_multiply(out->width, out->dim[i], path, &out->width));
  return get_attributes(out);
}

bool ae_numbers_are_plain(const ae_numbers *numbers) {
  return !numbers->packed && (numbers->type == AE_H5_UINT8 || numbers->type == AE_H5_FLOAT32);
}

/* Values. */

static ae_status refuse(const ae_numbers *numbers, int64_t row, int64_t feature, double value, const char *what) {
  return AE_FAIL(AE_DATA, "%s:%s: feature %lld of example %lld is %.9g, %s; remove or replace it",
                 ae_h5_path(numbers->file), numbers->path, (long long)feature, (long long)row, value, what);
}

/* A value as stored → as meant. */
static ae_status unpack(const ae_numbers *numbers, int64_t row, int64_t feature, double *value) {
  for (int i = 0; i < numbers->missing_count; i++)
    if (*value == numbers->missing[i])
      return refuse(numbers, row, feature, *value, "which _FillValue or missing_value says is a missing value");
  if (*value < numbers->low || *value > numbers->high)
    return refuse(numbers, row, feature, *value, "out of the valid range that its attributes give");
  *value = *value * numbers->factor + numbers->offset;
  if (isfinite(*value) && fabs(*value) > FLT_MAX)
    return refuse(numbers, row, feature, *value, "beyond what float32 holds, 3.4e38");
  return AE_OK;
}

/* Of each feature: −lowest, highest, largest error; over all ranks by maxima. */
typedef struct extremes {
  double *low, *high, *error;
} extremes;

static ae_status new_extremes(int64_t width, extremes *out) {
  AE_RETURN_IF(AE_NEW(out->low, 3 * width));
  out->high = out->low + width;
  out->error = out->high + width;
  for (int64_t f = 0; f < width; f++) out->low[f] = out->high[f] = -INFINITY;
  return AE_OK;
}

static void note(extremes *seen, int64_t feature, double value, float rounded, double center) {
  const double error = fabs((double)rounded + center - value);
  if (-value > seen->low[feature]) seen->low[feature] = -value;
  if (value > seen->high[feature]) seen->high[feature] = value;
  if (error > seen->error[feature]) seen->error[feature] = error;
}

static ae_status take(const ae_numbers *numbers, int64_t first, int64_t count, double *value, const double *center,
                      float *rows, extremes *seen) {
  for (int64_t i = 0; i < count * numbers->width; i++) {
    const int64_t f = i % numbers->width;
    const double less = center != NULL ? center[f] : 0;
    AE_RETURN_IF(unpack(numbers, first + i / numbers->width, f, &value[i]));
    const float rounded = (float)(value[i] - less);
    if (rows != NULL) rows[i] = rounded;
    note(seen, f, value[i], rounded, less);
  }
  return AE_OK;
}

/* All ranks read equally often: reading is collective. */
static ae_status read_pieces(const ae_numbers *numbers, int64_t begin, int64_t count, const double *center, float *rows,
                             extremes *seen) {
  double *value = NULL;
  ae_status status;
  const int64_t piece = ae_max(1, PIECE / numbers->width), most = ae_comm_max(numbers->comm, count);
  AE_CHECK(ae_comm_agree(numbers->comm, AE_NEW(value, ae_min(piece, most) * numbers->width)));
  for (int64_t at = 0; at < most; at += piece) {
    const int64_t from = ae_min(at, count), now = ae_min(piece, count - from);
    AE_CHECK(ae_h5_read(numbers->file, numbers->path, AE_H5_FLOAT64, numbers->width, begin + from, now, value));
    AE_CHECK(ae_comm_agree(numbers->comm, take(numbers, begin + from, now, value, center,
                                               rows == NULL ? NULL : rows + from * numbers->width, seen)));
  }
  for (int64_t at = 0; at < 3 * numbers->width; at += PIECE)
    ae_comm_require(numbers->comm,
                    MPI_Allreduce(MPI_IN_PLACE, seen->low + at, (int)ae_min(PIECE, 3 * numbers->width - at), MPI_DOUBLE,
                                  MPI_MAX, ae_comm_handle(numbers->comm)),
                    "bounds of numbers");
cleanup:
  AE_FREE(value);
  return status;
}

static ae_rounding worst(const ae_numbers *numbers, const extremes *seen) {
  ae_rounding found = {0};
  double largest = 0;
  for (int64_t f = 0; f < numbers->width; f++) {
    const double range = seen->high[f] + seen->low[f], share = range > 0 ? seen->error[f] / range : 0;
    if (!(share > largest)) continue;
    largest = share;
    found = (ae_rounding){f, -seen->low[f], seen->high[f], seen->error[f], share > TOLERABLE};
  }
  return found;
}

ae_status ae_numbers_read(const ae_numbers *numbers, int64_t begin, int64_t count, const double *center, float *rows,
                          ae_rounding *rounding) {
  extremes seen = {0};
  ae_status status;
  *rounding = (ae_rounding){0};
  AE_CHECK(ae_comm_agree(numbers->comm, new_extremes(numbers->width, &seen)));
  AE_CHECK(read_pieces(numbers, begin, count, center, rows, &seen));
  *rounding = worst(numbers, &seen);
cleanup:
  AE_FREE(seen.low);
  return status;
}

void ae_numbers_warn(const ae_numbers *numbers, const ae_rounding *rounding) {
  if (!rounding->matters) return;
  ae_log_warning("%s:%s loses digits in float32: feature %lld goes from %.12g to %.12g, and is rounded by up to %.3g: "
                 "subtract an offset before the numbers are stored",
                 ae_h5_path(numbers->file), numbers->path, (long long)rounding->feature, rounding->low, rounding->high,
                 rounding->error);
}

ae_status ae_numbers_middle(const ae_numbers *numbers, int64_t begin, int64_t count, double *middle) {
  extremes seen = {0};
  ae_status status;
  AE_CHECK(ae_comm_agree(numbers->comm, new_extremes(numbers->width, &seen)));
  AE_CHECK(read_pieces(numbers, begin, count, NULL, NULL, &seen));
  for (int64_t f = 0; f < numbers->width; f++) middle[f] = (seen.high[f] - seen.low[f]) / 2;
cleanup:
  AE_FREE(seen.low);
  return status;
}
