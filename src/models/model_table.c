#include "mpiae/base/status.h"
#include "mpiae/models/model.h"

#include <string.h>

extern const ae_model_type ae_model_ae, ae_model_vae, ae_model_vhe, ae_model_acn, ae_model_vqvae, ae_model_pixelcnn,
    ae_model_set_ae, ae_model_set_vae;

const ae_model_type *const *ae_model_table(void) {
  static const ae_model_type *const table[] = {&ae_model_ae,     &ae_model_vae,     &ae_model_vhe,
                                               &ae_model_acn,    &ae_model_vqvae,   &ae_model_pixelcnn,
                                               &ae_model_set_ae, &ae_model_set_vae, NULL};
  return table;
}

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
