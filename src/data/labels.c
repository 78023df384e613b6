#include "mpiae/data/labels.h"

#include "mpiae/base/arithmetic.h"
#include "mpiae/base/log.h"
#include "mpiae/base/memory.h"
#include "mpiae/data/location.h"
#include "mpiae/h5/object.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Whole numbers: more classes than this are believed only when there are as many examples. Texts: more are no classes,
 * and so many bytes of their names are kept. */
enum { MOST_CLASSES = 1000000, MOST_NAMES = 65536, NAMES_SIZE = 50000 };

/* Rows read at once of what is wider or longer than labels. */
#define PIECE_ROWS ((int64_t)1 << 16)

typedef struct reading {
  const ae_comm *comm;
  ae_h5 *file;
  const char *path;
  int64_t rows, begin, count;
  ae_labels *out;
} reading;

void ae_labels_free(ae_labels *labels) {
  AE_FREE(labels->label);
  AE_FREE(labels->names);
}

/* What is there is no labels. The first reason stays. */
__attribute__((format(printf, 2, 3))) static void decline(ae_labels *labels, const char *format, ...) {
  va_list arguments;
  if (labels->why[0] != '\0') return;
  va_start(arguments, format);
  vsnprintf(labels->why, sizeof labels->why, format, arguments);
  va_end(arguments);
}

/* Whole numbers. */

static void take_numbers(const reading *r, const double *number) {
  for (int64_t i = 0; i < r->count; i++) {
    const long long example = (long long)(r->begin + i);
    if (isnan(number[i])) r->out->label[i] = -1;
    else if (number[i] != rint(number[i]))
      decline(r->out, "label %.9g of example %lld is no whole number", number[i], example);
    else if (number[i] < -1 || number[i] >= INT32_MAX)
      decline(r->out, "label %.0f of example %lld is out of range; labels are -1 (unknown) or from 0", number[i],
              example);
    else r->out->label[i] = (int32_t)number[i];
  }
}

/* float64 holds every number that a label may be. */
static ae_status read_numbers(const reading *r, bool lying) {
  double *number = NULL;
  ae_status status;
  const int64_t held = lying ? r->rows : r->count;
  AE_CHECK(ae_comm_agree(r->comm, AE_NEW(number, held)));
  if (lying) AE_CHECK(ae_h5_read(r->file, r->path, AE_H5_FLOAT64, r->rows, 0, 1, number));
  else AE_CHECK(ae_h5_read(r->file, r->path, AE_H5_FLOAT64, 1, r->begin, r->count, number));
  take_numbers(r, lying ? number + r->begin : number);
cleanup:
  AE_FREE(number);
  return status;
}

/* Names that our own files give beside whole numbers. */
static ae_status read_names(const reading *r) {
  bool exists;
  AE_RETURN_IF(ae_h5_has_attribute(r->file, r->path, "names", &exists));
  ae_status status = exists ? ae_h5_get_text(r->file, r->path, "names", &r->out->names) : AE_OK;
  ae_error_clear(&status); /* somebody's own attribute */
  return AE_OK;
}

/* One-hot. */

static void take_places(const reading *r, int64_t at, int64_t count, int64_t width, const float *row) {
  for (int64_t i = 0; i < count; i++) {
    int64_t place = -1, others = 0;
    for (int64_t k = 0; k < width; k++) {
      const float value = row[i * width + k];
      if (value == 1 && place < 0) place = k;
      else others += value != 0;
    }
    r->out->label[at + i] = (int32_t)place;
    if (place < 0 || others > 0)
      decline(r->out, "row %lld of the %lld columns is not zeros and a single 1", (long long)(r->begin + at + i),
              (long long)width);
  }
}

/* All ranks read equally often: reading is collective. */
static ae_status read_one_hot(const reading *r, int64_t width) {
  float *row = NULL;
  ae_status status;
  const int64_t piece = ae_max(1, PIECE_ROWS / width), most = ae_comm_max(r->comm, r->count);
  AE_CHECK(ae_comm_agree(r->comm, AE_NEW(row, piece * width)));
  for (int64_t at = 0; at < most; at += piece) {
    const int64_t from = ae_min(at, r->count), count = ae_min(piece, r->count - from);
    AE_CHECK(ae_h5_read(r->file, r->path, AE_H5_FLOAT32, width, r->begin + from, count, row));
    take_places(r, from, count, width, row);
  }
cleanup:
  AE_FREE(row);
  return status;
}

/* Texts. */

typedef struct name {
  char *text;
  int32_t met; /* number in the order in which they were met */
} name;

typedef struct name_table {
  name *entry; /* sorted; room for MOST_NAMES */
  int count;
} name_table;

static void free_names(name_table *table) {
  for (int i = 0; i < table->count; i++) AE_FREE(table->entry[i].text);
  AE_FREE(table->entry);
}

/* Place of the first name that does not come before the text. */
static int find_name(const name_table *table, const char *text) {
  int low = 0, high = table->count;
  while (low < high) {
    const int middle = (low + high) / 2;
    if (strcmp(table->entry[middle].text, text) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/* *met: −1 of an empty text. Nothing is added when the table is full. */
static ae_status meet(name_table *table, const char *text, int32_t *met) {
  *met = -1;
  if (text[0] == '\0') return AE_OK;
  const int at = find_name(table, text);
  if (at == table->count || strcmp(table->entry[at].text, text) != 0) {
    char *copy = NULL;
    if (table->count == MOST_NAMES) return AE_OK;
    AE_RETURN_IF(ae_memory_text(text, &copy));
    for (char *c = copy; *c != '\0'; c++) *c = *c == '\n' ? ' ' : *c;
    memmove(table->entry + at + 1, table->entry + at, (size_t)(table->count - at) * sizeof *table->entry);
    table->entry[at] = (name){copy, table->count++};
  }
  *met = table->entry[at].met;
  return AE_OK;
}

static ae_status meet_all(const reading *r, name_table *table, int64_t at, int64_t count, char *const *text) {
  for (int64_t i = 0; i < count; i++) {
    int32_t met;
    AE_RETURN_IF(meet(table, text[i], &met));
    if (at + i >= r->begin && at + i < r->begin + r->count) r->out->label[at + i - r->begin] = met;
  }
  return AE_OK;
}

/* Every rank reads all texts, so that all have one table without a word between them. */
static ae_status read_texts(const reading *r, bool lying, name_table *table) {
  ae_status status = AE_OK;
  char **text = NULL;
  for (int64_t at = 0; at < r->rows && table->count < MOST_NAMES; at += PIECE_ROWS) {
    const int64_t count = lying ? r->rows : ae_min(PIECE_ROWS, r->rows - at);
    AE_CHECK(ae_h5_read_texts(r->file, r->path, lying ? 0 : at, lying ? 1 : count, &text));
    AE_CHECK(ae_comm_agree(r->comm, meet_all(r, table, at, count, text)));
    AE_FREE(text);
    if (lying) break;
  }
cleanup:
  AE_FREE(text);
  return status;
}

/* Order of names in place of that in which they were met. */
static ae_status number_by_name(const reading *r, const name_table *table) {
  int32_t *place = NULL;
  AE_RETURN_IF(AE_NEW(place, table->count));
  for (int32_t i = 0; i < table->count; i++) place[table->entry[i].met] = i;
  for (int64_t i = 0; i < r->count; i++)
    if (r->out->label[i] >= 0) r->out->label[i] = place[r->out->label[i]];
  AE_FREE(place);
  return AE_OK;
}

static ae_status join_names(const reading *r, const name_table *table) {
  size_t size = 1;
  for (int i = 0; i < table->count; i++) size += strlen(table->entry[i].text) + 1;
  if (size > NAMES_SIZE) {
    ae_log_warning("%s:%s: the names of its %d classes are too long to be kept: classes are numbers in their order",
                   ae_h5_path(r->file), r->path, table->count);
    return AE_OK;
  }
  AE_RETURN_IF(AE_NEW(r->out->names, size));
  for (int i = 0; i < table->count; i++) {
    if (i > 0) strcat(r->out->names, "\n");
    strcat(r->out->names, table->entry[i].text);
  }
  return AE_OK;
}

static ae_status read_classes(const reading *r, bool lying) {
  ae_status status;
  name_table table = {0};
  AE_CHECK(ae_comm_agree(r->comm, AE_NEW(table.entry, MOST_NAMES)));
  AE_CHECK(read_texts(r, lying, &table));
  if (table.count == MOST_NAMES || (table.count == r->rows && r->rows > 2))
    decline(r->out, "it holds %s%d different texts, which name examples rather than classes",
            table.count == MOST_NAMES ? "at least " : "", table.count);
  else if (table.count == 0) decline(r->out, "all of its texts are empty");
  else {
    status = number_by_name(r, &table);
    if (status == AE_OK) status = join_names(r, &table);
  }
  AE_CHECK(ae_comm_agree(r->comm, status));
cleanup:
  free_names(&table);
  return status;
}

/* All forms. */

static void print_shape(const ae_h5_object *what, char out[64]) {
  size_t used = (size_t)snprintf(out, 64, "(");
  for (int i = 0; i < what->rank && used < 40; i++)
    used += (size_t)snprintf(out + used, 64 - used, "%s%llu", i > 0 ? ", " : "", (unsigned long long)what->dim[i]);
  snprintf(out + used, 64 - used, ")");
}

static ae_status read_form(const reading *r, const ae_h5_object *what) {
  const bool column = what->rank == 1 || (what->rank == 2 && what->dim[1] == 1);
  const bool lying = what->rank == 2 && what->dim[0] == 1 && r->rows > 1 && (int64_t)what->dim[1] == r->rows;
  const bool numbers = what->content == AE_H5_INTEGERS || what->content == AE_H5_REALS;
  char shape[64];
  print_shape(what, shape);
  if (what->kind != AE_H5_OBJECT_DATASET && what->kind != AE_H5_OBJECT_SCALE) decline(r->out, "it is no array");
  else if (!numbers && what->content != AE_H5_TEXTS) decline(r->out, "it holds neither numbers nor texts");
  else if (!lying && (what->rank < 1 || what->rank > 2 || (int64_t)what->dim[0] != r->rows))
    decline(r->out, "its shape is %s, but there are %lld examples; they must match", shape, (long long)r->rows);
  else if (what->content == AE_H5_TEXTS && (column || lying)) return read_classes(r, lying);
  else if (numbers && (column || lying)) {
    AE_RETURN_IF(read_numbers(r, lying));
    return read_names(r);
  } else if (numbers && what->dim[1] > 1 && what->dim[1] <= MOST_CLASSES) return read_one_hot(r, (int64_t)what->dim[1]);
  else decline(r->out, "of shape %s it is no labels of %lld examples", shape, (long long)r->rows);
  return AE_OK;
}

/* The reason of the lowest rank that has one is everybody's. */
static ae_status agree(const reading *r) {
  ae_labels *labels = r->out;
  ae_status status = labels->why[0] != '\0' ? AE_FAIL(AE_DATA, "%s", labels->why) : AE_OK;
  status = ae_comm_agree(r->comm, status);
  snprintf(labels->why, sizeof labels->why, "%s", ae_error_message(status));
  ae_error_clear(&status);
  int64_t largest = -1;
  for (int64_t i = 0; i < r->count; i++) largest = ae_max(largest, labels->label[i]);
  largest = ae_comm_max(r->comm, largest);
  if (largest >= MOST_CLASSES && largest >= r->rows)
    decline(labels, "a label is %lld, with %lld examples: number the classes from 0", (long long)largest,
            (long long)r->rows);
  labels->classes = (int)largest + 1;
  if (labels->why[0] == '\0') return AE_OK;
  ae_labels_free(labels);
  labels->classes = 0;
  return AE_OK;
}

/* In a file of ours that is no dataset, labels of another length are of other rows: of what was clustered, not of the
 * centroids. */
static ae_status are_of_others(const reading *r, const ae_h5_object *what, bool *others) {
  char *kind = NULL;
  *others = what->rank == 1 && (int64_t)what->dim[0] != r->rows;
  if (!*others) return AE_OK;
  AE_RETURN_IF(ae_h5_get_kind(r->file, &kind));
  *others = kind != NULL && strcmp(kind, "dataset") != 0;
  AE_FREE(kind);
  return AE_OK;
}

ae_status ae_labels_read(const ae_comm *comm, ae_h5 *file, const char *path, int64_t rows, int64_t begin, int64_t count,
                         ae_labels *out) {
  const reading r = {comm, file, path, rows, begin, count, out};
  ae_h5_object what;
  bool others;
  ae_status status;
  *out = (ae_labels){0};
  AE_CHECK(ae_h5_object_find(file, path, &what));
  if (what.kind == AE_H5_OBJECT_LOST) return AE_OK;
  AE_CHECK(are_of_others(&r, &what, &others));
  if (others) return AE_OK;
  AE_CHECK(ae_comm_agree(comm, AE_NEW(out->label, count)));
  AE_CHECK(read_form(&r, &what));
  AE_CHECK(agree(&r));
cleanup:
  if (status != AE_OK) ae_labels_free(out);
  return status;
}

/* Names of several datasets. */

static int count_lines(const char *names) {
  int count = 1;
  for (; *names != '\0'; names++) count += *names == '\n';
  return count;
}

/* Line of `names` that is this line of another text; −1 = none. */
static int32_t find_line(const char *names, const char *line) {
  const size_t length = strcspn(line, "\n");
  for (int32_t at = 0;; at++) {
    const size_t own = strcspn(names, "\n");
    if (own == length && strncmp(names, line, length) == 0) return at;
    if (names[own] == '\0') return -1;
    names += own + 1;
  }
}

/* place[i]: what becomes of class i. *joined: names, then those that are not among them. */
static ae_status match_names(const char *here, const char *names, int32_t *place, char **joined) {
  int32_t next = count_lines(names);
  AE_RETURN_IF(AE_NEW(*joined, strlen(names) + strlen(here) + 2));
  strcpy(*joined, names);
  for (const char *line = here;; line += strcspn(line, "\n") + 1, place++) {
    const size_t length = strcspn(line, "\n");
    *place = find_line(names, line);
    if (*place < 0) {
      *place = next++;
      strcat(*joined, "\n");
      strncat(*joined, line, length);
    }
    if (line[length] == '\0') return AE_OK;
  }
}

ae_status ae_dataset_name_labels(const ae_comm *comm, ae_dataset *dataset, const char *names) {
  int32_t *place = NULL;
  char *joined = NULL;
  if (names == NULL || dataset->names == NULL || strcmp(names, dataset->names) == 0) return AE_OK;
  const int named = count_lines(dataset->names);
  ae_status status = AE_NEW(place, named);
  if (status == AE_OK) status = match_names(dataset->names, names, place, &joined);
  AE_CHECK(ae_comm_agree(comm, status));
  for (int64_t i = 0; i < ae_shards_own_count(&dataset->shards); i++)
    if (dataset->label[i] >= 0 && dataset->label[i] < named) dataset->label[i] = place[dataset->label[i]];
  dataset->classes = (int)ae_max(dataset->classes, count_lines(joined));
  AE_FREE(dataset->names);
  dataset->names = joined;
  joined = NULL;
cleanup:
  AE_FREE(place);
  AE_FREE(joined);
  return status;
}
