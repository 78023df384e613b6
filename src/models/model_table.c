#include "mpiae/models/model_table.h"

#include <stdio.h>
#include <string.h>

/* A row is a model, in the order in which they are listed: its type is ae_model_<row>. */
#define MODELS(ROW)                                                                                                    \
  ROW(ae)                                                                                                              \
  ROW(vae)                                                                                                             \
  ROW(vhe)                                                                                                             \
  ROW(acn)                                                                                                             \
  ROW(vqvae)                                                                                                           \
  ROW(pixelcnn)                                                                                                        \
  ROW(set_ae)                                                                                                          \
  ROW(set_vae)

#define DECLARE(name) extern const ae_model_type ae_model_##name;
#define LIST(name) &ae_model_##name,

MODELS(DECLARE)
static const ae_model_type *const table[] = {MODELS(LIST) NULL};

enum { MODELS_LISTED = sizeof table / sizeof *table - 1 };

/* Before main: constant tables of keys and columns say what models say of themselves. */
static void __attribute__((constructor)) introduce(void) {
  ae_metrics_source source[MODELS_LISTED];
  _Static_assert(MODELS_LISTED < AE_MODELS_MAX, "more models than names");
  for (int i = 0; i < MODELS_LISTED; i++) {
    ae_model_names[i] = table[i]->name;
    source[i] = (ae_metrics_source){table[i]->figures, table[i]->columns};
  }
  ae_metrics_introduce(source, MODELS_LISTED);
}

const ae_model_type *const *ae_model_table(void) { return table; }

const ae_model_type *ae_model_find(const char *name) {
  for (const ae_model_type *const *type = ae_model_table(); *type != NULL; type++)
    if (strcmp((*type)->name, name) == 0) return *type;
  return NULL;
}

enum { MAX_TABLES = 16 };

/* Appends tables that are not in the list yet. */
static int join(const ae_key **list, int count, const ae_key *const *tables) {
  for (int t = 0; tables[t] != NULL; t++) {
    int i = 0;
    while (i < count && list[i] != tables[t]) i++;
    AE_ASSERT(i < MAX_TABLES - 1);
    if (i == count) list[count++] = tables[t];
  }
  return count;
}

const ae_key *const *ae_model_key_tables(void) {
  static const ae_key *list[MAX_TABLES];
  int count = 0;
  memset(list, 0, sizeof list);
  for (const ae_model_type *const *type = ae_model_table(); *type != NULL; type++)
    count = join(list, count, (*type)->keys);
  return list;
}

void ae_model_list(bool (*has)(const ae_model_type *type, const void *context), const void *context, char *out,
                   size_t size) {
  size_t used = 0;
  out[0] = '\0';
  for (const ae_model_type *const *type = ae_model_table(); *type != NULL; type++)
    if (has(*type, context) && used < size)
      used += (size_t)snprintf(out + used, size - used, "%s%s", used > 0 ? ", " : "", (*type)->name);
}
