/* A file of named arrays, of which two are taken. */
#include "fuzz.h"

#include "mpiae/run/safetensors.h"

void ae_fuzz_one(const ae_comm *comm, const uint8_t *bytes, size_t count) {
  ae_safetensors *file = NULL;
  float weight[6];
  int64_t number;
  (void)comm;
  if (!ae_fuzz_went_well(ae_safetensors_open(ae_fuzz_file(bytes, count), &file))) return;
  ae_fuzz_went_well(ae_safetensors_take(file, &(ae_named_array){"weight", AE_H5_FLOAT32, 2, {2, 3}, weight}));
  ae_fuzz_went_well(ae_safetensors_take(file, &(ae_named_array){"number", AE_H5_INT64, 0, {0}, &number}));
  ae_fuzz_went_well(ae_safetensors_check_taken(file));
  ae_safetensors_close(&file);
}
