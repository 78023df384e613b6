#include "mpiae/data/cifar10.h"

#include "input.h"
#include "mpiae/base/memory.h"

#include <string.h>

enum { CHANNELS = 3, SIDE = 32, PIXELS = CHANNELS * SIDE * SIDE, RECORD = 1 + PIXELS, RECORD_OF_100 = 2 + PIXELS };
enum { LARGEST_LABEL = 9 };

static ae_status count_records(const char *path, int64_t bytes, int64_t *records) {
  *records = bytes / RECORD;
  if (bytes % RECORD == 0) return AE_OK;
  if (bytes % RECORD_OF_100 == 0)
    return AE_FAIL(AE_DATA,
                   "%s: its records have %d bytes, as CIFAR-100's have; only CIFAR-10 can be read, of %d bytes", path,
                   RECORD_OF_100, RECORD);
  return AE_FAIL(AE_DATA,
                 "%s: %lld bytes are no multiple of %d, so record %lld is cut short; is it the binary version?", path,
                 (long long)bytes, RECORD, (long long)*records);
}

/* Takes the labels out of the records and moves the images together. */
static ae_status part_records(const char *path, ae_array *array) {
  uint8_t *values = array->values;
  AE_RETURN_IF(AE_NEW(array->label, array->dim[0]));
  for (int64_t i = 0; i < array->dim[0]; i++) {
    array->label[i] = values[i * RECORD];
    if (array->label[i] > LARGEST_LABEL)
      return AE_FAIL(AE_DATA, "%s: record %lld has the label %d, but those of CIFAR-10 are 0 to %d; is it damaged?",
                     path, (long long)i, array->label[i], LARGEST_LABEL);
    memmove(values + i * PIXELS, values + i * RECORD + 1, PIXELS);
  }
  return AE_OK;
}

static ae_status read_stream(gzFile stream, const char *path, ae_array *out) {
  int64_t bytes = 0;
  AE_RETURN_IF(ae_input_read_all(stream, path, &out->values, &bytes));
  *out = (ae_array){.rank = 4, .dim = {0, CHANNELS, SIDE, SIDE}, .type = AE_H5_UINT8, .values = out->values};
  AE_RETURN_IF(count_records(path, bytes, &out->dim[0]));
  return part_records(path, out);
}

ae_status ae_cifar10_read(const char *path, ae_array_use use, ae_array *out) {
  gzFile stream = NULL;
  AE_ASSERT(use == AE_ARRAY_EXAMPLES);
  *out = (ae_array){0};
  ae_status status = ae_input_open(path, &stream);
  if (status == AE_OK) status = read_stream(stream, path, out);
  ae_input_close(stream);
  if (status != AE_OK) ae_array_free(out);
  return status;
}
