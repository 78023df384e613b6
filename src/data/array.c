#include "mpiae/data/array.h"

#include "mpiae/base/arithmetic.h"
#include "mpiae/base/memory.h"

void ae_array_free(ae_array *array) {
  AE_FREE(array->values);
  AE_FREE(array->label);
}

ae_status ae_array_bytes(const char *path, const ae_array *array, int64_t size, int64_t *bytes) {
  AE_RETURN_IF(ae_size_of(array->rank, array->dim, size, path, bytes));
  for (int i = 0; i < array->rank; i++)
    if (array->dim[i] == 0) *bytes = 0;
  return AE_OK;
}

bool ae_array_shape(int rank, const int64_t *dim, int *example_rank, int64_t example_dim[3]) {
  if (rank < 1 || rank > AE_ARRAY_MAX_RANK) return false;
  *example_rank = rank <= 2 ? 1 : 3;
  for (int i = 0; i < 3; i++) example_dim[i] = 0;
  const int absent = *example_rank - (rank - 1); /* an axis in front, of length 1 */
  if (absent > 0) example_dim[0] = 1;
  for (int i = 1; i < rank; i++) example_dim[absent + i - 1] = dim[i];
  return true;
}
