/* An odd HDF5 file, read as a dataset file or as an array of somebody's, told of by `mpiae info`, and verified. */
#include "fuzz.h"
#include "odd_file.h"

#include "mpiae/base/memory.h"
#include "mpiae/cli/command.h"
#include "mpiae/data/dataset.h"

#include <stdio.h>

static const char *const paths[] = {
    "/",          "/x",        "/label", "/points",  "/offset",      "/source_index", "/g", "/g/data",
    "/g/indices", "/g/indptr", "/g/x",   "/g/label", "/more_points", "/more_offset",  NULL};

static void use(const ae_dataset *data) {
  float *numbers = NULL;
  const int64_t rows = data->offset != NULL ? data->points : data->examples;
  ae_fuzz_require(rows >= 0 && data->features > 0, "a dataset has examples");
  if (!ae_fuzz_went_well(AE_NEW(numbers, rows * data->features))) return;
  ae_dataset_to_float(data, data->rows, rows, numbers);
  for (int64_t i = 0; i < rows * data->features; i++)
    ae_fuzz_require(numbers[i] >= data->low && numbers[i] <= data->high, "numbers are within what the dataset tells");
  for (int64_t i = 0; i < data->examples; i++) {
    int64_t count;
    ae_fuzz_require(data->label == NULL || (data->label[i] >= -1 && data->label[i] < data->classes),
                    "labels are within what the dataset tells");
    if (data->offset != NULL) ae_dataset_set(data, i, &count);
  }
  AE_FREE(numbers);
}

static void run_info(const ae_comm *comm, const char *path, const char *option) {
  ae_arguments *arguments = NULL;
  char *words[] = {"mpiae", "info", (char *)(uintptr_t)path, (char *)(uintptr_t)option};
  ae_fuzz_require(ae_fuzz_went_well(ae_arguments_parse(ae_commands(), option != NULL ? 4 : 3, words, &arguments)),
                  "info takes a file");
  ae_fuzz_went_well(ae_arguments_command(arguments)->run(comm, arguments));
  ae_arguments_destroy(&arguments);
}

void ae_fuzz_one(const ae_comm *comm, const uint8_t *bytes, size_t count) {
  ae_choices choices = {bytes, count};
  char place[640];
  ae_dataset *data = NULL;
  const unsigned array = ae_choose(&choices, sizeof paths / sizeof *paths);
  const char *path = ae_odd_file(&choices, paths, NULL, 0);
  snprintf(place, sizeof place, "%s%s%s", path, paths[array] != NULL ? ":" : "",
           paths[array] != NULL ? paths[array] : "");
  if (ae_fuzz_went_well(ae_dataset_open(comm, place, 0, &data))) use(data);
  ae_dataset_close(&data);
  run_info(comm, path, NULL);
  run_info(comm, path, "--verify");
}
