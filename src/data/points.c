#include "mpiae/data/points.h"

#include "mpiae/base/arithmetic.h"
#include "mpiae/base/memory.h"

#include <stdlib.h>

int64_t ae_points_of_image(ae_h5_type type, const void *image, int64_t rows, int64_t columns, float threshold,
                           float *points) {
  int64_t count = 0;
  for (int64_t i = 0; i < rows * columns; i++) {
    const float value = type == AE_H5_UINT8 ? (float)((const uint8_t *)image)[i] : ((const float *)image)[i];
    if (!(value > threshold)) continue;
    if (points != NULL) {
      points[2 * count] = (float)(i / columns) / (float)rows;
      points[2 * count + 1] = (float)(i % columns) / (float)columns;
    }
    count++;
  }
  return count;
}

ae_status ae_points_of_images(ae_h5_type type, const void *images, int64_t count, int64_t rows, int64_t columns,
                              float threshold, int64_t **offset, float **points) {
  const char *image = images;
  const int64_t bytes = rows * columns * (type == AE_H5_UINT8 ? 1 : (int64_t)sizeof(float));
  AE_RETURN_IF(AE_NEW(*offset, count + 1));
  for (int64_t i = 0; i < count; i++)
    (*offset)[i + 1] = (*offset)[i] + ae_points_of_image(type, image + i * bytes, rows, columns, threshold, NULL);
  AE_RETURN_IF(AE_NEW(*points, (*offset)[count] * 2));
  for (int64_t i = 0; i < count; i++)
    ae_points_of_image(type, image + i * bytes, rows, columns, threshold, *points + 2 * (*offset)[i]);
  return AE_OK;
}

static int compare_down(const void *a, const void *b) {
  const int64_t one = *(const int64_t *)a, other = *(const int64_t *)b;
  return (one < other) - (one > other);
}

ae_status ae_points_most(int64_t count, const int64_t *offset, int64_t sets, int64_t *points) {
  int64_t *size = NULL;
  AE_RETURN_IF(AE_NEW(size, count));
  for (int64_t i = 0; i < count; i++) size[i] = offset[i + 1] - offset[i];
  qsort(size, (size_t)count, sizeof *size, compare_down);
  *points = 0;
  for (int64_t i = 0; i < ae_min(sets, count); i++) *points += size[i];
  AE_FREE(size);
  return AE_OK;
}
