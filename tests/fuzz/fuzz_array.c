/* A file of one of the formats that are imported, whose reader AE_FUZZ_READ is: behind a byte that says what it is read for,
 * where AE_FUZZ_LABELS says that it may be read for labels. */
#include "fuzz.h"

#include "mpiae/data/cifar10.h"
#include "mpiae/data/idx.h"
#include "mpiae/data/npy.h"

/* Whether there is memory behind every number is for the sanitizer to say. */
static void read_all(const ae_array *array) {
  int64_t bytes = array->type == AE_H5_UINT8 ? 1 : array->type == AE_H5_INT64 ? 8 : 4;
  volatile uint8_t seen = 0;
  ae_fuzz_require(array->rank >= 1 && array->rank <= AE_ARRAY_MAX_RANK, "an array has 1 to 4 axes");
  for (int i = 0; i < array->rank; i++) bytes *= array->dim[i];
  for (int64_t i = 0; i < bytes; i++) seen = ((const uint8_t *)array->values)[i];
  for (int64_t i = 0; array->label != NULL && i < array->dim[0]; i++) seen = (uint8_t)array->label[i];
  (void)seen;
}

void ae_fuzz_one(const ae_comm *comm, const uint8_t *bytes, size_t count) {
  ae_array array;
  (void)comm;
  if (count == 0) return;
  const ae_array_use use = AE_FUZZ_LABELS && bytes[0] % 2 == 1 ? AE_ARRAY_LABELS : AE_ARRAY_EXAMPLES;
  const char *path = ae_fuzz_file(bytes + 1, count - 1);
  if (ae_fuzz_went_well(AE_FUZZ_READ(path, use, &array))) read_all(&array);
  ae_array_free(&array);
}
