#include "manual.h"

#include "mpiae/base/memory.h"
#include "mpiae/models/model.h"
#include "mpiae/models/model_table.h"

#include <string.h>

/* Length of the section of a key: "train" of "train.epochs"; a key without a dot is a section of its own. */
static size_t section_length(const ae_key *key) { return strcspn(key->name, "."); }

static bool same_section(const ae_key *a, const ae_key *b) {
  return section_length(a) == section_length(b) && strncmp(a->name, b->name, section_length(a)) == 0;
}

/* Whether no key of the tables before `key` lies in its section. */
static bool begins_section(const ae_key *const *tables, const ae_key *key) {
  for (int t = 0; tables[t] != NULL; t++)
    for (const ae_key *other = tables[t]; other->name != NULL; other++) {
      if (other == key) return true;
      if (same_section(other, key)) return false;
    }
  return true;
}

/* What the key takes, as `mpiae help config` says it. */
static void write_key(ae_page *page, const ae_key *key) {
  char *description = NULL;
  ae_status status = ae_key_explain(key, &description);
  ae_page_item(page);
  ae_page_literal(page, key->name);
  ae_page_item_text(page, key->help);
  ae_page_line(page);
  ae_page_text(page, status == AE_OK ? description : "");
  ae_error_clear(&status);
  AE_FREE(description);
}

static void write_section(ae_page *page, const ae_key *const *tables, const ae_key *first) {
  char name[AE_PAGE_NAME_SIZE];
  snprintf(name, sizeof name, "%.*s", (int)section_length(first), first->name);
  ae_page_part(page, name);
  for (int t = 0; tables[t] != NULL; t++)
    for (const ae_key *key = tables[t]; key->name != NULL; key++)
      if (same_section(key, first)) write_key(page, key);
}

static void write_keys(ae_page *page) {
  const ae_key *const *tables = ae_model_key_tables();
  ae_page_heading(page, "KEYS");
  for (int t = 0; tables[t] != NULL; t++)
    for (const ae_key *key = tables[t]; key->name != NULL; key++)
      if (begins_section(tables, key)) write_section(page, tables, key);
}

/* Its summary and the sections it has keys in. */
static void write_model(ae_page *page, const ae_model_type *type) {
  ae_page_item(page);
  ae_page_literal(page, type->name);
  ae_page_item_text(page, type->summary);
  ae_page_line(page);
  ae_page_usage(page, "Sections:");
  for (int t = 0; type->keys[t] != NULL; t++)
    for (const ae_key *key = type->keys[t]; key->name != NULL; key++)
      if (begins_section(type->keys, key) && section_length(key) < strlen(key->name)) {
        char name[AE_PAGE_NAME_SIZE];
        snprintf(name, sizeof name, "%.*s", (int)section_length(key), key->name);
        ae_page_text(page, name);
      }
}

void ae_manual_write_config(ae_page *page, const char *date) {
  static const ae_reference references[] = {{"mpiae", 1}, {"mpiae-train", 1}, {"mpiae-files", 5}, {NULL, 0}};
  ae_page_begin(page, "mpiae-config", 5, "configuration of mpiae train", date);
  ae_page_heading(page, "DESCRIPTION");
  ae_page_text(page, "A configuration is a YAML file of nested maps: train.epochs below is epochs in the map train. A "
                     "key that the file lacks has its default; one that the model lacks is refused.\n"
                     "Any key can be given on the command line as KEY=VALUE, which goes before the file.\n"
                     "The configuration as resolved is config.yaml in the run directory and /config in each "
                     "checkpoint; read again, it gives the same run.");
  ae_page_heading(page, "MODELS");
  for (const ae_model_type *const *type = ae_model_table(); *type != NULL; type++) write_model(page, *type);
  write_keys(page);
  ae_page_heading(page, "EXAMPLE");
  ae_page_example(page, "model: vae\n"
                        "data:\n"
                        "  train: glyphs.h5\n"
                        "network:\n"
                        "  hidden: [512]\n"
                        "  latent_size: 20");
  ae_page_see_also(page, references);
}
