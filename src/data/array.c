#include "mpiae/data/array.h"

bool ae_array_shape(int rank, const int64_t *dim, int *example_rank, int64_t example_dim[3]) {
  if (rank < 1 || rank > 4) return false;
  *example_rank = rank <= 2 ? 1 : 3;
  for (int i = 0; i < 3; i++) example_dim[i] = 0;
  const int absent = *example_rank - (rank - 1); /* an axis in front, of length 1 */
  if (absent > 0) example_dim[0] = 1;
  for (int i = 1; i < rank; i++) example_dim[absent + i - 1] = dim[i];
  return true;
}
