/* `mpiae info`: one screen on an HDF5 file. All ranks walk it together and agree at each object. */
#include "mpiae/cli/command.h"

#include "mpiae/base/arithmetic.h"
#include "mpiae/base/memory.h"
#include "mpiae/data/location.h"
#include "mpiae/h5/object.h"
#include "mpiae/run/directory.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>

/* A group with more datasets than this gets one line. */
#define MOST_DATASETS 16
/* No file of ours is nested deeper; of what is, a line is enough. */
#define MOST_LEVELS 12
#define PATH_SIZE 512
#define LINE_WIDTH 110
#define PIECE_SETS ((int64_t)1 << 20)

static ae_status join(const char *group, const char *name, char out[PATH_SIZE]) {
  int length = snprintf(out, PATH_SIZE, "%s/%s", strcmp(group, "/") == 0 ? "" : group, name);
  if (length < 0 || length >= PATH_SIZE) return AE_FAIL(AE_DATA, "the path %s/… is too long", group);
  return AE_OK;
}

static void print_type(const ae_h5_object *what) {
  switch (what->content) {
  case AE_H5_INTEGERS:
    printf("%sint%zu", what->is_signed ? "" : "u", 8 * what->bytes);
    break;
  case AE_H5_REALS:
    printf("float%zu", 8 * what->bytes);
    break;
  case AE_H5_TEXTS:
    printf("text");
    break;
  case AE_H5_OTHERS:
    printf("other");
    break;
  }
}

static void print_shape(const ae_h5_object *what) {
  char text[AE_H5_NAME_SIZE] = "(";
  size_t used = 1;
  for (int i = 0; i < what->rank && used < sizeof text - 32; i++)
    used += (size_t)snprintf(text + used, sizeof text - used, "%s%llu", i > 0 ? ", " : "",
                             (unsigned long long)what->dim[i]);
  snprintf(text + used, sizeof text - used, ")");
  printf("  %-22s", text);
  print_type(what);
}

/* Names are the file's, and may be anything. */
static void print_name(int width, const char *name) {
  char shown[PATH_SIZE + AE_H5_NAME_SIZE];
  snprintf(shown, sizeof shown, "%s", name);
  ae_make_printable(shown, strlen(shown));
  printf("  %-*s", width, shown);
}

/* First line only: one screen is the promise. */
static void print_line(char *text) {
  size_t length = strcspn(text, "\n");
  bool whole = text[length] == '\0' && length <= LINE_WIDTH;
  ae_make_printable(text, length);
  printf("%.*s%s", (int)(length < LINE_WIDTH ? length : LINE_WIDTH), text, whole ? "" : " …");
}

static ae_status print_scalar(ae_h5 *file, const char *path, const ae_h5_object *what) {
  ae_status status = AE_OK;
  char *text = NULL;
  int64_t integer = 0;
  double real = 0;
  printf("  ");
  if (what->content == AE_H5_TEXTS) {
    AE_CHECK(ae_h5_read_text(file, path, &text));
    print_line(text);
  } else if (what->content == AE_H5_INTEGERS) {
    AE_CHECK(ae_h5_read(file, path, AE_H5_INT64, 1, 0, 1, &integer));
    printf("%" PRId64, integer);
  } else if (what->content == AE_H5_REALS) {
    AE_CHECK(ae_h5_read(file, path, AE_H5_FLOAT64, 1, 0, 1, &real));
    printf("%.9g", real);
  } else print_type(what);
cleanup:
  AE_FREE(text);
  return status;
}

static ae_status print_dataset(ae_h5 *file, const char *path, const ae_h5_object *what) {
  print_name(40, path);
  if (what->kind == AE_H5_OBJECT_LOST) printf("  (a link that leads nowhere)");
  else if (what->kind == AE_H5_OBJECT_EMPTY) printf("  (empty)");
  else if (what->kind == AE_H5_OBJECT_OTHER) printf("  (not a dataset)");
  else if (what->rank > 0) print_shape(what);
  else AE_RETURN_IF(print_scalar(file, path, what));
  printf("\n");
  return AE_OK;
}

/* Sizes of sets, as offsets tell them. */
typedef struct set_sizes {
  double smallest, largest, sum;
} set_sizes;

/* In pieces: there may be many sets. */
static ae_status read_sizes(const ae_comm *comm, ae_h5 *file, const char *path, int64_t sets, set_sizes *out) {
  ae_status status;
  int64_t *offset = NULL;
  const int64_t piece = ae_min(sets, PIECE_SETS);
  AE_CHECK(ae_comm_agree(comm, AE_NEW(offset, piece + 1)));
  *out = (set_sizes){.smallest = INFINITY, .largest = -INFINITY};
  for (int64_t at = 0; at < sets; at += piece) {
    const int64_t count = ae_min(piece, sets - at);
    AE_CHECK(ae_h5_read(file, path, AE_H5_INT64, 1, at, count + 1, offset));
    for (int64_t i = 0; i < count; i++) {
      const double size = (double)offset[i + 1] - (double)offset[i];
      out->smallest = fmin(out->smallest, size);
      out->largest = fmax(out->largest, size);
      out->sum += size;
    }
  }
cleanup:
  AE_FREE(offset);
  return status;
}

/* A line under points that have offsets beside them; nothing under other datasets. */
static ae_status print_sets(const ae_comm *comm, ae_h5 *file, const char *path, const ae_h5_object *what) {
  char offset[PATH_SIZE];
  ae_h5_object beside;
  set_sizes sizes;
  const size_t length = strlen(path), ending = strlen("points");
  if (what->kind != AE_H5_OBJECT_DATASET || what->rank != 2 || length < ending ||
      strcmp(path + length - ending, "points") != 0)
    return AE_OK;
  snprintf(offset, sizeof offset, "%.*soffset", (int)(length - ending), path);
  AE_RETURN_IF(ae_h5_object_find(file, offset, &beside));
  if (beside.kind != AE_H5_OBJECT_DATASET || beside.rank != 1 || beside.content != AE_H5_INTEGERS || beside.dim[0] < 2)
    return AE_OK;
  const int64_t sets = (int64_t)beside.dim[0] - 1;
  AE_RETURN_IF(read_sizes(comm, file, offset, sets, &sizes));
  printf("  %-40s  %" PRId64 " sets of %.0f to %.0f points (%.1f on average) of %llu coordinates\n", "", sets,
         sizes.smallest, sizes.largest, sizes.sum / (double)sets, (unsigned long long)what->dim[1]);
  return AE_OK;
}

static ae_status print_attribute(ae_h5 *file, const char *path, const char *name, ae_h5_content content) {
  char shown[PATH_SIZE + AE_H5_NAME_SIZE];
  snprintf(shown, sizeof shown, "%s%s%s", strcmp(path, "/") == 0 ? "" : path, strcmp(path, "/") == 0 ? "" : ":", name);
  char *text = NULL;
  int64_t integer = 0;
  double real = 0;
  if (content == AE_H5_TEXTS) {
    AE_RETURN_IF(ae_h5_get_text(file, path, name, &text));
    print_name(42, shown);
    print_line(text);
    printf("\n");
    AE_FREE(text);
  } else if (content == AE_H5_INTEGERS) {
    AE_RETURN_IF(ae_h5_get_integer(file, path, name, &integer));
    print_name(42, shown);
    printf("%" PRId64 "\n", integer);
  } else if (content == AE_H5_REALS) {
    AE_RETURN_IF(ae_h5_get_real(file, path, name, &real));
    print_name(42, shown);
    printf("%.9g\n", real);
  }
  return AE_OK;
}

static ae_status print_attributes(ae_h5 *file, const char *path, int count) {
  for (int i = 0; i < count; i++) {
    char name[AE_H5_NAME_SIZE] = "";
    ae_h5_content content;
    AE_RETURN_IF(ae_h5_attribute_find(file, path, i, name, &content));
    bool shown = strncmp(name, "mpiae_", 6) != 0 && strcmp(name, "description") != 0;
    if (shown) AE_RETURN_IF(print_attribute(file, path, name, content));
  }
  return AE_OK;
}

/* Groups that were met on a way through a file: links may lead in circles, and to one group on more ways than can be gone. */
typedef struct walk {
  const ae_comm *comm;
  uint64_t (*met)[2]; /* their places */
  int64_t count, room;
} walk;

static ae_status make_room(walk *way) {
  uint64_t(*larger)[2] = NULL;
  if (way->count < way->room) return AE_OK;
  way->room = 2 * way->room + 16;
  AE_RETURN_IF(ae_comm_agree(way->comm, AE_NEW(larger, way->room)));
  if (way->count > 0) memcpy(larger, way->met, (size_t)way->count * sizeof *larger);
  AE_FREE(way->met);
  way->met = larger;
  return AE_OK;
}

static ae_status meet(walk *way, const ae_h5_object *group, bool *is_new) {
  *is_new = false;
  for (int64_t i = 0; i < way->count; i++)
    if (memcmp(way->met[i], group->place, sizeof group->place) == 0) return AE_OK;
  AE_RETURN_IF(make_room(way));
  memcpy(way->met[way->count++], group->place, sizeof group->place);
  *is_new = true;
  return AE_OK;
}

typedef ae_status visitor(ae_h5 *file, const char *path, const ae_h5_object *what, void *context);

/* Visits what is under a group that is new, and is no group; the first error ends it. */
static ae_status visit_group(walk *way, ae_h5 *file, const char *group, const ae_h5_object *as, visitor *visit,
                             void *context) {
  ae_status status = AE_OK;
  char **names = NULL;
  int count = 0;
  bool is_new;
  AE_CHECK(meet(way, as, &is_new));
  if (is_new) AE_CHECK(ae_h5_list(file, group, &names, &count));
  for (int i = 0; i < count; i++) {
    char path[PATH_SIZE];
    ae_h5_object what;
    AE_CHECK(join(group, names[i], path));
    AE_CHECK(ae_h5_object_find(file, path, &what));
    if (what.kind == AE_H5_OBJECT_GROUP) AE_CHECK(visit_group(way, file, path, &what, visit, context));
    else AE_CHECK(visit(file, path, &what, context));
  }
cleanup:
  AE_FREE(names);
  return status;
}

static ae_status visit_all(const ae_comm *comm, ae_h5 *file, const char *group, const ae_h5_object *as, visitor *visit,
                           void *context) {
  walk way = {.comm = comm};
  const ae_status status = visit_group(&way, file, group, as, visit, context);
  AE_FREE(way.met);
  return status;
}

/* Datasets, scales left out, and their numbers. */
typedef struct counted {
  int datasets;
  double numbers;
} counted;

static ae_status count_dataset(ae_h5 *file, const char *path, const ae_h5_object *what, void *context) {
  counted *out = context;
  double size = 1;
  (void)file, (void)path;
  if (what->kind != AE_H5_OBJECT_DATASET) return AE_OK;
  for (int d = 0; d < what->rank; d++) size *= (double)what->dim[d];
  out->numbers += size;
  out->datasets++;
  return AE_OK;
}

/* Arrays whose every row has its digest, and those that have none. */
typedef struct verified {
  int arrays, without;
} verified;

static ae_status verify_array(ae_h5 *file, const char *path, const ae_h5_object *what, void *context) {
  verified *out = context;
  bool has_digests;
  const bool is_array = what->kind == AE_H5_OBJECT_DATASET || what->kind == AE_H5_OBJECT_SCALE;
  if (!is_array || what->rank == 0) return AE_OK;
  AE_RETURN_IF(ae_h5_verify(file, path, &has_digests));
  if (has_digests) out->arrays++;
  else out->without++;
  return AE_OK;
}

/* An array, or what is in a group. */
static ae_status verify_place(const ae_comm *comm, ae_h5 *file, const char *path) {
  verified found = {0};
  ae_h5_object what;
  AE_RETURN_IF(ae_h5_object_find(file, path, &what));
  if (what.kind == AE_H5_OBJECT_LOST) return ae_location_require(comm, file, path);
  AE_RETURN_IF(what.kind == AE_H5_OBJECT_GROUP ? visit_all(comm, file, path, &what, verify_array, &found)
                                               : verify_array(file, path, &what, &found));
  printf("%s: %d arrays are as they were written", ae_h5_path(file), found.arrays);
  if (found.without > 0) printf("; %d have no digests to tell by", found.without);
  printf("\n");
  return AE_OK;
}

static ae_status print_group(walk *way, ae_h5 *file, const char *group, const ae_h5_object *as, int level);

static ae_status print_subgroup(walk *way, ae_h5 *file, const char *path, const ae_h5_object *what, int level) {
  counted under = {0};
  AE_RETURN_IF(visit_all(way->comm, file, path, what, count_dataset, &under));
  if (level > MOST_LEVELS || under.datasets > MOST_DATASETS) {
    print_name(40, path);
    printf("  %d datasets, %.0f numbers\n", under.datasets, under.numbers);
    return AE_OK;
  }
  if (level == 1) printf("\n");
  AE_RETURN_IF(print_attributes(file, path, level == 1 ? what->attributes : 0));
  return print_group(way, file, path, what, level + 1);
}

/* The configuration of a checkpoint is printed as one. */
static bool is_config(const char *path, const ae_h5_object *what) {
  return strcmp(path, "/config") == 0 && what->kind == AE_H5_OBJECT_DATASET && what->content == AE_H5_TEXTS &&
         what->rank == 0;
}

/* Datasets first, then groups. Of one that was printed under another name nothing more is said. */
static ae_status print_group(walk *way, ae_h5 *file, const char *group, const ae_h5_object *as, int level) {
  ae_status status = AE_OK;
  char **names = NULL;
  int count = 0;
  bool is_new;
  AE_CHECK(meet(way, as, &is_new));
  if (is_new) AE_CHECK(ae_h5_list(file, group, &names, &count));
  for (int groups = 0; groups < 2; groups++)
    for (int i = 0; i < count; i++) {
      char path[PATH_SIZE];
      ae_h5_object what;
      AE_CHECK(join(group, names[i], path));
      AE_CHECK(ae_h5_object_find(file, path, &what));
      if (is_config(path, &what) || what.kind == AE_H5_OBJECT_SCALE ||
          (what.kind == AE_H5_OBJECT_GROUP) != (groups == 1))
        continue;
      if (groups) AE_CHECK(print_subgroup(way, file, path, &what, level));
      else AE_CHECK(print_dataset(file, path, &what));
      if (!groups) AE_CHECK(print_sets(way->comm, file, path, &what));
    }
cleanup:
  AE_FREE(names);
  return status;
}

/* Where we are in a configuration: its dotted name, and where that ends at each level. */
typedef struct config_place {
  char path[PATH_SIZE];
  size_t end[MOST_LEVELS + 1];
  int column;
} config_place;

/* A line of our own YAML, two blanks a level: a section goes into the path, a value becomes "section.key=value". */
static void print_config_line(config_place *place, const char *line, int length) {
  int indent = (int)strspn(line, " "), name = (int)strcspn(line + indent, ":\n"), level = indent / 2;
  if (level >= MOST_LEVELS || line[indent + name] != ':') return;
  size_t end = place->end[level], room = sizeof place->path - end;
  int used = snprintf(place->path + end, room, "%s%.*s", level > 0 ? "." : "", name, line + indent);
  place->end[level + 1] = used < (int)room ? end + (size_t)used : sizeof place->path - 1;
  int skipped = indent + name + 2;
  if (skipped > length) return;
  int width = 2 + (int)strlen(place->path) + 1 + length - skipped;
  if (place->column > 0 && place->column + width > LINE_WIDTH) {
    printf("\n");
    place->column = 0;
  }
  place->column += width;
  printf("  %s=%.*s", place->path, length - skipped, line + skipped);
}

/* In the form of command-line overrides, several to a line: as nested lines it would fill the screen. */
static void print_config(char *text) {
  config_place place = {0};
  printf("\nConfiguration:\n");
  while (*text != '\0') {
    size_t length = strcspn(text, "\n");
    ae_make_printable(text, length);
    print_config_line(&place, text, (int)length);
    text += length + (text[length] == '\n');
  }
  printf("\n");
}

static ae_status print_kind(ae_h5 *file) {
  ae_status status = AE_OK;
  char *kind = NULL;
  double version = 0;
  struct stat place = {0};
  AE_CHECK(ae_h5_get_kind(file, &kind));
  if (kind != NULL) AE_CHECK(ae_h5_get_real(file, "/", "mpiae_version", &version));
  if (kind != NULL) ae_make_printable(kind, strlen(kind));
  printf("%s: %s", ae_h5_path(file), kind != NULL ? kind : "an HDF5 file not written by mpiae");
  if (kind != NULL) printf(", version %g", version);
  if (stat(ae_h5_path(file), &place) == 0) printf(", %.1f MB", (double)place.st_size / 1e6);
  printf("\n\n");
cleanup:
  AE_FREE(kind);
  return status;
}

static ae_status print_all(const ae_comm *comm, ae_h5 *file, const char *group, const ae_h5_object *as) {
  walk way = {.comm = comm};
  const ae_status status = print_group(&way, file, group, as, 1);
  AE_FREE(way.met);
  return status;
}

static ae_status print_file(const ae_comm *comm, ae_h5 *file) {
  ae_status status = AE_OK;
  char *config = NULL;
  bool exists;
  ae_h5_object root, last = {.kind = AE_H5_OBJECT_LOST};
  AE_CHECK(print_kind(file));
  AE_CHECK(ae_h5_object_find(file, "/", &root));
  AE_CHECK(print_attributes(file, "/", root.attributes));
  AE_CHECK(print_all(comm, file, "/", &root));
  AE_CHECK(ae_h5_exists(file, "/config", &exists));
  if (exists) AE_CHECK(ae_h5_object_find(file, "/config", &last));
  if (is_config("/config", &last)) {
    AE_CHECK(ae_h5_read_text(file, "/config", &config));
    print_config(config);
  }
cleanup:
  AE_FREE(config);
  return status;
}

/* Whether a file opens; the last one tried is what is told of. */
static ae_status try_file(const ae_comm *comm, const char *path, void *context) {
  ae_h5 *file = NULL;
  snprintf(context, AE_PATH_SIZE, "%s", path);
  const ae_status status = ae_h5_open(comm, path, &file);
  ae_h5_close(&file);
  return status;
}

/* What is at one place of a file. */
static ae_status print_place(const ae_comm *comm, ae_h5 *file, const char *path) {
  ae_h5_object what;
  AE_RETURN_IF(ae_h5_object_find(file, path, &what));
  if (what.kind == AE_H5_OBJECT_LOST) return ae_location_require(comm, file, path);
  if (what.kind == AE_H5_OBJECT_GROUP) AE_RETURN_IF(print_all(comm, file, path, &what));
  else AE_RETURN_IF(print_dataset(file, path, &what));
  if (what.kind == AE_H5_OBJECT_DATASET) AE_RETURN_IF(print_sets(comm, file, path, &what));
  return print_attributes(file, path, what.attributes);
}

static ae_status tell_of_place(const ae_comm *comm, const ae_location *place, bool verify) {
  ae_h5 *file = NULL;
  AE_RETURN_IF(ae_h5_open(comm, place->file, &file));
  const ae_status status = verify ? verify_place(comm, file, place->array) : print_place(comm, file, place->array);
  ae_h5_close(&file);
  return status;
}

/* A run directory stands for its newest checkpoint. */
static ae_status tell_of_file(const ae_comm *comm, const char *name, bool verify) {
  ae_h5 *file = NULL;
  char path[AE_PATH_SIZE];
  AE_RETURN_IF(ae_run_directory_visit(comm, name, try_file, path));
  AE_RETURN_IF(ae_h5_open(comm, path, &file));
  const ae_status status = verify ? verify_place(comm, file, "/") : print_file(comm, file);
  ae_h5_close(&file);
  return status;
}

static ae_status run_command(const ae_comm *comm, const ae_arguments *arguments) {
  ae_location place;
  const char *name = ae_arguments_operand(arguments, 0);
  const bool verify = ae_arguments_flag(arguments, "verify");
  AE_RETURN_IF(ae_location_find(comm, name, &place));
  const ae_status status = place.array != NULL ? tell_of_place(comm, &place, verify) : tell_of_file(comm, name, verify);
  ae_location_free(&place);
  return status;
}

static const ae_option options[] = {
    {"verify", AE_OPTION_FLAG, NULL, false, 0, 0, "instead, read all arrays and hold them against their digests"}, {0}};

extern const ae_command ae_command_info;

const ae_command ae_command_info = {
    .name = "info",
    .summary = "tell what is in one of our files",
    .operands = "FILE[:/path]",
    .least_operands = 1,
    .most_operands = 1,
    .options = options,
    .details =
        "Datasets, checkpoints, codes, samples: kind, shapes, configuration, epoch, provenance. A run directory stands "
        "for\n"
        "its newest checkpoint; of FILE:/path what is there alone.",
    .example = "mpiae info glyphs.h5",
    .run = run_command};
