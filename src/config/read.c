#include "keys.h"

#include "mpiae/base/memory.h"

#include <string.h>
#include <yaml.h>

/* Longest dotted name that is looked up; no key comes near. */
#define PATH_SIZE 256

/* A section met in the text; told apart by its first key and how much of that key's name it is. */
typedef struct section {
  const ae_value *first;
  size_t length;
  int line;
} section;

typedef struct reader {
  ae_config *config;
  const char *name; /* of the text, for messages */
  const char *text;
  yaml_parser_t parser;
  yaml_event_t event; /* the current one */
  section *sections;
  int section_count;
  char path[PATH_SIZE]; /* dotted name of where we are */
} reader;

static int line_of(const reader *in) { return (int)in->event.start_mark.line + 1; }

static ae_status at_line(const reader *in, int line, ae_status status) {
  return ae_error_prefix(status, "%s:%d", in->name, line);
}

/* Bytes that are no UTF-8 are reported by offset only. */
static int line_of_offset(const reader *in, size_t offset) {
  int line = 1;
  for (size_t i = 0; i < offset; i++) line += in->text[i] == '\n';
  return line;
}

static ae_status syntax_error(const reader *in) {
  const yaml_parser_t *parser = &in->parser;
  if (parser->error == YAML_MEMORY_ERROR) return AE_FAIL(AE_INTERNAL, "out of memory while reading %s", in->name);
  bool bytes = parser->error == YAML_READER_ERROR;
  int line = bytes ? line_of_offset(in, parser->problem_offset) : (int)parser->problem_mark.line + 1;
  return at_line(in, line, AE_FAIL(AE_USAGE, "not valid YAML: %s", parser->problem ? parser->problem : "unreadable"));
}

static ae_status next_event(reader *in) {
  yaml_event_delete(&in->event);
  return yaml_parser_parse(&in->parser, &in->event) ? AE_OK : syntax_error(in);
}

static ae_status unknown_key(const ae_config *config, const char *name) {
  return AE_FAIL(AE_USAGE, "unknown key '%s'; the nearest known key is '%s' ('mpiae help config' lists all)", name,
                 ae_nearest_key(config, name));
}

/* The value a name stands for, or an error that says what the name is instead. */
static ae_status find_key(const ae_config *config, const char *name, ae_value **out) {
  *out = ae_config_find(config, name);
  if (*out != NULL) return AE_OK;
  const ae_value *first = ae_config_find_section(config, name, strlen(name));
  if (first == NULL) return unknown_key(config, name);
  return AE_FAIL(AE_USAGE, "'%s' is a section of keys such as '%s' and takes no value itself", name, first->key->name);
}

static bool is_null(const char *text, bool quoted) {
  return !quoted && (*text == '\0' || strcmp(text, "~") == 0 || strcmp(text, "null") == 0);
}

static ae_status set_value(reader *in, const char *text, bool quoted, int line) {
  ae_value *value = NULL;
  AE_RETURN_IF(find_key(in->config, in->path, &value));
  if (value->line != 0) return AE_FAIL(AE_USAGE, "%s was given before, in line %d; remove one", in->path, value->line);
  value->line = line;
  if (is_null(text, quoted)) {
    if (value->key->type != AE_KEY_TEXT || value->key->preset == NULL)
      return AE_FAIL(AE_USAGE, "%s has no value", in->path);
    text = value->key->preset;
  }
  AE_RETURN_IF(ae_value_parse(value, text, quoted));
  value->given = true;
  return AE_OK;
}

static ae_status read_scalar(reader *in, int line) {
  const char *text = (const char *)in->event.data.scalar.value;
  if (strlen(text) != in->event.data.scalar.length) return AE_FAIL(AE_USAGE, "%s holds a zero byte", in->path);
  return set_value(in, text, in->event.data.scalar.style != YAML_PLAIN_SCALAR_STYLE, line);
}

static ae_status check_element(const reader *in) {
  if (in->event.type != YAML_SCALAR_EVENT || in->event.data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
    return AE_FAIL(AE_USAGE, "the list %s must hold plain integers", in->path);
  return AE_OK;
}

/* A YAML list in either style becomes the text "[a, b]". */
static ae_status read_sequence(reader *in, int line) {
  ae_status status = AE_OK;
  char *text = NULL;
  size_t size = 0;
  int count = 0;
  FILE *stream = open_memstream(&text, &size);
  if (stream == NULL) return AE_FAIL(AE_INTERNAL, "out of memory");
  fputc('[', stream);
  AE_CHECK(next_event(in));
  while (in->event.type != YAML_SEQUENCE_END_EVENT) {
    AE_CHECK(check_element(in));
    fprintf(stream, "%s%s", count++ > 0 ? ", " : "", (const char *)in->event.data.scalar.value);
    AE_CHECK(next_event(in));
  }
  fputc(']', stream);
  if (fflush(stream) != 0) AE_RAISE(AE_INTERNAL, "out of memory");
  status = set_value(in, text, false, line);
cleanup:
  fclose(stream);
  free(text);
  return status;
}

static ae_status enter_section(reader *in, int line) {
  size_t length = strlen(in->path);
  const ae_value *first = ae_config_find_section(in->config, in->path, length);
  if (first == NULL && ae_config_find(in->config, in->path) != NULL)
    return AE_FAIL(AE_USAGE, "%s takes a value, not a map of keys", in->path);
  if (first == NULL) return unknown_key(in->config, in->path);
  for (int i = 0; i < in->section_count; i++)
    if (in->sections[i].first == first && in->sections[i].length == length)
      return AE_FAIL(AE_USAGE, "section '%s' was opened before, in line %d; put its keys together", in->path,
                     in->sections[i].line);
  in->sections[in->section_count++] = (section){first, length, line};
  return AE_OK;
}

/* Appends the key at hand to the path. */
static ae_status read_name(reader *in, size_t prefix) {
  if (in->event.type != YAML_SCALAR_EVENT) return AE_FAIL(AE_USAGE, "a key must be a word");
  int written = snprintf(in->path + prefix, PATH_SIZE - prefix, "%s%s", prefix > 0 ? "." : "",
                         (const char *)in->event.data.scalar.value);
  if (written < 0 || (size_t)written >= PATH_SIZE - prefix)
    return AE_FAIL(AE_USAGE, "the key '%s' is too long", in->path);
  return AE_OK;
}

static ae_status read_map(reader *in);

/* What stands behind a key. Depth is bounded by that of the key table: a section is entered only when known. */
static ae_status read_node(reader *in, int line) {
  switch (in->event.type) {
  case YAML_SCALAR_EVENT:
    return at_line(in, line, read_scalar(in, line));
  case YAML_MAPPING_START_EVENT:
    AE_RETURN_IF(at_line(in, line, enter_section(in, line)));
    return read_map(in);
  case YAML_ALIAS_EVENT:
    return at_line(in, line, AE_FAIL(AE_USAGE, "%s is an alias; write the value itself", in->path));
  default:
    break;
  }
  ae_status status = read_sequence(in, line);
  /* A syntax error inside the list has its own line. */
  return in->event.type == YAML_NO_EVENT ? status : at_line(in, line, status);
}

static ae_status read_map(reader *in) {
  size_t prefix = strlen(in->path);
  for (;;) {
    AE_RETURN_IF(next_event(in));
    if (in->event.type == YAML_MAPPING_END_EVENT) break;
    int line = line_of(in);
    AE_RETURN_IF(at_line(in, line, read_name(in, prefix)));
    AE_RETURN_IF(next_event(in));
    AE_RETURN_IF(read_node(in, line));
    in->path[prefix] = '\0';
  }
  return AE_OK;
}

static bool is_empty_document(const reader *in) {
  return in->event.type == YAML_SCALAR_EVENT && in->event.data.scalar.length == 0;
}

static ae_status read_document(reader *in) {
  AE_RETURN_IF(next_event(in)); /* start of the stream */
  AE_RETURN_IF(next_event(in)); /* start of the document, or the end */
  if (in->event.type == YAML_STREAM_END_EVENT) return AE_OK;
  AE_RETURN_IF(next_event(in));
  if (in->event.type == YAML_MAPPING_START_EVENT) AE_RETURN_IF(read_map(in));
  else if (!is_empty_document(in))
    return at_line(in, line_of(in), AE_FAIL(AE_USAGE, "a configuration is a map: lines of 'key: value'"));
  AE_RETURN_IF(next_event(in)); /* end of the document */
  AE_RETURN_IF(next_event(in));
  if (in->event.type == YAML_STREAM_END_EVENT) return AE_OK;
  return at_line(in, line_of(in), AE_FAIL(AE_USAGE, "a second YAML document begins here; a configuration is one"));
}

static int most_sections(const ae_config *config) {
  int count = 0;
  for (int i = 0; i < config->count; i++)
    for (const char *c = config->values[i].key->name; *c != '\0'; c++) count += *c == '.';
  return count;
}

ae_status ae_config_read(ae_config *config, const char *text, int64_t length, const char *name) {
  ae_status status = AE_OK;
  reader in = {.config = config, .name = name, .text = text};
  if (!yaml_parser_initialize(&in.parser)) return AE_FAIL(AE_INTERNAL, "out of memory while reading %s", name);
  AE_CHECK(AE_NEW(in.sections, most_sections(config)));
  for (int i = 0; i < config->count; i++) config->values[i].line = 0;
  yaml_parser_set_input_string(&in.parser, (const unsigned char *)text, (size_t)length);
  AE_CHECK(read_document(&in));
cleanup:
  yaml_event_delete(&in.event);
  yaml_parser_delete(&in.parser);
  AE_FREE(in.sections);
  return status;
}

static ae_status override(ae_config *config, const char *name, const char *text) {
  ae_value *value = NULL;
  AE_RETURN_IF(find_key(config, name, &value));
  if (value->overridden) return AE_FAIL(AE_USAGE, "%s is given twice; remove one", name);
  AE_RETURN_IF(ae_value_parse(value, text, false));
  value->given = value->overridden = true;
  return AE_OK;
}

ae_status ae_config_override(ae_config *config, const char *assignment) {
  const char *equals = strchr(assignment, '=');
  if (equals == NULL || equals == assignment)
    return AE_FAIL(AE_USAGE, "command line: '%s' is not of the form KEY=VALUE", assignment);
  char *name = NULL;
  AE_RETURN_IF(ae_memory_text(assignment, &name));
  name[equals - assignment] = '\0';
  ae_status status = ae_error_prefix(override(config, name, equals + 1), "command line");
  AE_FREE(name);
  return status;
}
