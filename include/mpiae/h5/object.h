/* What stands in an HDF5 file that may be anybody's: for those who look at it without knowing. Collective; errors are
 * agreed. */
#ifndef MPIAE_H5_OBJECT_H
#define MPIAE_H5_OBJECT_H

#include "mpiae/h5/h5.h"

typedef enum ae_h5_object_kind {
  AE_H5_OBJECT_GROUP,
  AE_H5_OBJECT_DATASET,
  AE_H5_OBJECT_SCALE, /* a dataset that is a dimension scale */
  AE_H5_OBJECT_EMPTY, /* one without a shape */
  AE_H5_OBJECT_LOST,  /* a link that leads nowhere */
  AE_H5_OBJECT_OTHER
} ae_h5_object_kind;

typedef enum ae_h5_content { AE_H5_INTEGERS, AE_H5_REALS, AE_H5_TEXTS, AE_H5_OTHERS } ae_h5_content;

typedef struct ae_h5_object {
  ae_h5_object_kind kind;
  int attributes;
  uint64_t place[2]; /* number of the file, and address in it: alike for all names of an object */
  /* of datasets */
  ae_h5_content content;
  bool is_signed;
  size_t bytes; /* of an element */
  int rank;
  hsize_t dim[H5S_MAX_RANK];
} ae_h5_object;

/* AE_DATA when it cannot be read. */
ae_status ae_h5_object_find(ae_h5 *file, const char *path, ae_h5_object *out);

/* The attribute of a number below `attributes`, for one that is a single value; an array, or one whose name does not fit,
 * has content AE_H5_OTHERS. */
#define AE_H5_NAME_SIZE 256
ae_status ae_h5_attribute_find(ae_h5 *file, const char *path, int number, char name[AE_H5_NAME_SIZE],
                               ae_h5_content *content);

#endif
