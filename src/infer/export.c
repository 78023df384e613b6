#include "mpiae/infer/export.h"

#include "mpiae/run/directory.h"
#include "mpiae/run/torch.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static json_t *json_of_integers(int64_t count, const int64_t *values) {
  json_t *list = json_array();
  for (int64_t i = 0; i < count; i++) json_array_append_new(list, json_integer(values[i]));
  return list;
}

static json_t *json_of_key(const ae_config *config, const ae_key *key) {
  const int64_t *values;
  if (key->word != NULL && ae_config_is(config, key->name, key->word)) return json_string(key->word);
  if (key->type == AE_KEY_INTEGER) return json_integer(ae_config_integer(config, key->name));
  if (key->type == AE_KEY_REAL) return json_real(ae_config_real(config, key->name));
  if (key->type == AE_KEY_BOOL) return json_boolean(ae_config_bool(config, key->name));
  if (key->type != AE_KEY_INTEGERS) return json_string(ae_config_text(config, key->name));
  const int count = ae_config_integers(config, key->name, &values);
  return json_of_integers(count, values);
}

static ae_status write_config(const ae_loaded *loaded, const char *path) {
  const ae_model *model = loaded->model;
  json_t *keys = json_object();
  for (const ae_key *const *table = model->type->keys; *table != NULL; table++)
    for (const ae_key *key = *table; key->name != NULL; key++)
      json_object_set_new(keys, key->name, json_of_key(loaded->config, key));
  json_t *all = json_pack("{s:s, s:o, s:I, s:o}", "model", model->type->name, "shape",
                          json_of_integers(model->setup.rank, model->setup.dim), "epoch",
                          (json_int_t)loaded->state.epoch, "config", keys);
  const bool written = all != NULL && json_dump_file(all, path, JSON_INDENT(2)) == 0;
  json_decref(all);
  return written ? AE_OK : AE_FAIL(AE_DATA, "cannot write %s: %s", path, strerror(errno));
}

static ae_status write_module(const ae_model *model, const char *path) {
  FILE *file = fopen(path, "we");
  bool written = file != NULL;
  for (const char *const *part = model->type->python; *part != NULL && written; part++)
    written = fprintf(file, "%s%s", part == model->type->python ? "" : "\n\n", *part) >= 0;
  written = written && fprintf(file, "\n\nif __name__ == \"__main__\":\n    main()\n") >= 0;
  if (file != NULL && fclose(file) != 0) written = false;
  return written ? AE_OK : AE_FAIL(AE_DATA, "cannot write %s: %s", path, strerror(errno));
}

static ae_status write_all(const ae_loaded *loaded, const char *out) {
  char path[AE_PATH_SIZE + 32];
  if (mkdir(out, 0777) != 0)
    return AE_FAIL(errno == EEXIST ? AE_USAGE : AE_DATA, "--out %s: %s: choose the name of a new directory", out,
                   strerror(errno));
  snprintf(path, sizeof path, "%s/model.safetensors", out);
  AE_RETURN_IF(ae_torch_save(loaded->model, path));
  snprintf(path, sizeof path, "%s/config.json", out);
  AE_RETURN_IF(write_config(loaded, path));
  snprintf(path, sizeof path, "%s/model.py", out);
  return write_module(loaded->model, path);
}

ae_status ae_export(const ae_comm *comm, const ae_loaded *loaded, const char *out) {
  return ae_comm_agree(comm, ae_comm_rank(comm) == 0 ? write_all(loaded, out) : AE_OK);
}
