#include "mpiae/run/arrays.h"

#include <stdio.h>
#include <string.h>

enum { PATH_SIZE = 512 };

/* Axes of a parameter's dimensions, in the group of its layer; weight and bias share them. */
static ae_status make_axes(ae_h5 *file, const char *root, const ae_parameter *parameter) {
  char group[PATH_SIZE], path[2 * PATH_SIZE];
  snprintf(group, sizeof group, "%s/%s", root, parameter->path);
  *strrchr(group, '/') = '\0';
  for (int i = 0; i < parameter->rank; i++) {
    bool exists;
    snprintf(path, sizeof path, "%s/%s", group, parameter->axes[i]);
    AE_RETURN_IF(ae_h5_exists(file, path, &exists));
    if (!exists)
      AE_RETURN_IF(ae_h5_create_axis(file, group, parameter->axes[i], parameter->dim[i], NULL, "index of the layer"));
  }
  return AE_OK;
}

static ae_h5_dataset dataset_of(const char *root, const ae_parameter *parameter, char path[PATH_SIZE]) {
  ae_h5_dataset dataset = {.path = path, .type = AE_H5_FLOAT32, .rank = parameter->rank};
  snprintf(path, PATH_SIZE, "%s/%s", root, parameter->path);
  memcpy(dataset.dim, parameter->dim, sizeof parameter->dim);
  memcpy(dataset.axes, parameter->axes, sizeof parameter->axes);
  return dataset;
}

ae_status ae_arrays_write(ae_h5 *file, const ae_params *params, const char *root, const char *description,
                          const float *flat) {
  for (int i = 0; i < ae_params_count(params); i++) {
    const ae_parameter *parameter = ae_params_at(params, i);
    char path[PATH_SIZE];
    ae_h5_dataset dataset = dataset_of(root, parameter, path);
    dataset.description = description;
    AE_RETURN_IF(make_axes(file, root, parameter));
    AE_RETURN_IF(ae_h5_write_whole(file, &dataset, flat + parameter->offset));
  }
  return AE_OK;
}

bool ae_arrays_may_lack(const ae_parameter *parameter, const char *own) {
  return own != NULL && strncmp(parameter->path, own, strlen(own)) == 0;
}

ae_status ae_arrays_read(ae_h5 *file, const ae_params *params, const char *root, const char *own, float *flat) {
  for (int i = 0; i < ae_params_count(params); i++) {
    const ae_parameter *parameter = ae_params_at(params, i);
    char path[PATH_SIZE];
    bool exists = true;
    const ae_h5_dataset dataset = dataset_of(root, parameter, path);
    if (ae_arrays_may_lack(parameter, own)) AE_RETURN_IF(ae_h5_exists(file, path, &exists));
    if (exists) AE_RETURN_IF(ae_h5_read_whole(file, &dataset, flat + parameter->offset));
  }
  return AE_OK;
}
