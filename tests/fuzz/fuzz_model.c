/* A checkpoint of one of the kinds of models, edited, and used as a model. */
#include "fuzz.h"
#include "odd_file.h"

#include "mpiae/infer/evaluate.h"
#include "mpiae/infer/loaded.h"

#include <stdio.h>
#include <zlib.h>

enum { MOST_BYTES = 1 << 20 };

static const struct {
  const char *model, *data, *array;
} kinds[] = {{"vhe", "bars", ""},    {"vae", "bars", ""},   {"ae", "bars", ""},
             {"acn", "bars", ""},    {"vqvae", "bars", ""}, {"pixelcnn", "vqvae-codes", ":/index"},
             {"set-vae", "sets", ""}};

static size_t read_all(const char *name, char *bytes) {
  char path[256];
  snprintf(path, sizeof path, "%s/%s.h5.gz", MPIAE_FUZZ_FILES, name);
  gzFile file = gzopen(path, "rb");
  const int count = file != NULL ? gzread(file, bytes, MOST_BYTES) : -1;
  ae_fuzz_require(count > 0 && count < MOST_BYTES, "there are checkpoints of 0.1.0");
  gzclose(file);
  return (size_t)count;
}

/* What a model that opens makes of the data of its kind. */
static void evaluate(const ae_comm *comm, ae_loaded *model, const char *path) {
  ae_dataset *data = NULL;
  ae_evaluation found;
  if (ae_fuzz_went_well(ae_loaded_open_data(comm, model, path, &data)))
    ae_fuzz_went_well(ae_inference_evaluate(model->model, data, 1, &found));
  ae_dataset_close(&data);
}

void ae_fuzz_one(const ae_comm *comm, const uint8_t *bytes, size_t count) {
  static char before[MOST_BYTES];
  static const char *const none[] = {NULL};
  ae_choices choices = {bytes, count};
  ae_loaded *model = NULL;
  const unsigned kind = ae_choose(&choices, sizeof kinds / sizeof *kinds);
  const size_t size = read_all(kinds[kind].model, before);
  const bool opened = ae_fuzz_went_well(ae_loaded_open(comm, ae_odd_file(&choices, none, before, size), true, &model));
  if (opened) {
    char data[640];
    const size_t length = read_all(kinds[kind].data, before);
    snprintf(data, sizeof data, "%s%s", ae_fuzz_file(before, length), kinds[kind].array);
    evaluate(comm, model, data);
  }
  ae_loaded_close(&model);
}
