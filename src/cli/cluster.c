#include "mpiae/base/arithmetic.h"
#include "mpiae/base/log.h"
#include "mpiae/base/memory.h"
#include "mpiae/base/profile.h"
#include "mpiae/cli/command.h"
#include "mpiae/cluster/kmeans.h"
#include "mpiae/cluster/score.h"
#include "mpiae/data/labels.h"
#include "mpiae/data/location.h"
#include "mpiae/data/numbers.h"
#include "mpiae/h5/h5.h"
#include "mpiae/run/provenance.h"
#include "mpiae/tensor/nearest.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Rows of a slice, and most slices: sums over slices are small beside the products, and many ranks have work. */
enum { SLICE_ROWS = 4096, MOST_SLICES = 1024 };

typedef struct clustering {
  const ae_comm *comm;
  const char *source; /* FILE.h5:/path */
  const char *init;   /* what is told of the start */
  ae_shards shards;
  int64_t dim;
  float *rows;    /* (own, dim), less `middle` */
  double *middle; /* (dim): of numbers that float32 cannot tell apart; else NULL */
  int32_t *known; /* (own) labels beside the matrix, negative = unknown; NULL = none */
  int classes;    /* of them */
  ae_kmeans_options options;
  float *centroid; /* (clusters, dim) */
  int32_t *label;  /* (own) */
  int64_t *size;   /* (clusters) */
  ae_kmeans_outcome outcome;
  double told; /* clock of the last news */
} clustering;

static void clustering_free(clustering *c) {
  AE_FREE(c->rows);
  AE_FREE(c->middle);
  AE_FREE(c->known);
  AE_FREE(c->centroid);
  AE_FREE(c->label);
  AE_FREE(c->size);
}

/* The request. */

static ae_status take_tolerance(const char *text, double *out) {
  char *end = NULL;
  *out = 1e-4;
  if (text == NULL) return AE_OK;
  *out = strtod(text, &end);
  if (*end == '\0' && *out >= 0 && *out <= 1) return AE_OK;
  return AE_FAIL(AE_USAGE, "--tolerance must be a number from 0 to 1, not '%s'", text);
}

static ae_status take_start(const ae_arguments *arguments, clustering *c) {
  const struct {
    const char *name;
    ae_kmeans_start start;
  } starts[] = {
      {"random", AE_KMEANS_RANDOM}, {"k-means++", AE_KMEANS_PLUSPLUS}, {"scalable", AE_KMEANS_SCALABLE}, {NULL, 0}};
  const char *from = ae_arguments_text(arguments, "init-from"), *init = ae_arguments_text(arguments, "init");
  c->options.start = AE_KMEANS_WARM;
  c->init = from;
  if (from != NULL && init != NULL) return AE_FAIL(AE_USAGE, "--init and --init-from exclude each other");
  if (from != NULL) return AE_OK;
  c->init = init != NULL ? init : "k-means++";
  for (int i = 0; starts[i].name != NULL; i++)
    if (strcmp(c->init, starts[i].name) == 0) {
      c->options.start = starts[i].start;
      return AE_OK;
    }
  return AE_FAIL(AE_USAGE, "--init must be random, k-means++ or scalable, not '%s'", c->init);
}

static ae_status take_request(const ae_arguments *arguments, clustering *c) {
  c->source = ae_arguments_operand(arguments, 0);
  c->options.clusters = (int)ae_arguments_integer(arguments, "clusters", 0);
  c->options.iterations = (int)ae_arguments_integer(arguments, "iterations", 300);
  c->options.seed = (uint64_t)ae_arguments_integer(arguments, "seed", 1);
  AE_RETURN_IF(take_tolerance(ae_arguments_text(arguments, "tolerance"), &c->options.tolerance));
  return take_start(arguments, c);
}

/* What is read. */

typedef struct matrix {
  ae_location place;
  ae_h5 *file;
  ae_numbers numbers;
  int64_t rows, width;
} matrix;

static void matrix_close(matrix *m) {
  ae_h5_close(&m->file);
  ae_location_free(&m->place);
}

/* Axes behind the first are taken as one. */
static ae_status matrix_open(const ae_comm *comm, const char *text, matrix *out) {
  AE_RETURN_IF(ae_location_find(comm, text, &out->place));
  const char *file = out->place.file;
  if (out->place.array == NULL)
    return AE_FAIL(AE_USAGE, "%s is a file; name a matrix in it as %s:/path ('mpiae info %s' lists what it holds)",
                   file, file, file);
  AE_RETURN_IF(ae_h5_open(comm, file, &out->file));
  AE_RETURN_IF(ae_location_require(comm, out->file, out->place.array));
  AE_RETURN_IF(ae_numbers_find(comm, out->file, out->place.array, &out->numbers));
  if (out->numbers.rank == 0) return AE_FAIL(AE_DATA, "%s is a single number, not a matrix", text);
  out->rows = out->numbers.dim[0];
  out->width = out->numbers.width;
  if (out->rows == 0 || out->width == 0) return AE_FAIL(AE_DATA, "%s is empty; there is nothing to cluster", text);
  return AE_OK;
}

static int64_t own_count(const clustering *c) { return ae_shards_own_count(&c->shards); }

static ae_status allocate(clustering *c) {
  const int64_t clusters = c->options.clusters;
  AE_RETURN_IF(ae_memory_expect((double)own_count(c) * (double)c->dim * sizeof(float), "%s: %lld rows of %lld numbers",
                                c->source, (long long)own_count(c), (long long)c->dim));
  AE_RETURN_IF(ae_kmeans_check_room("--clusters", clusters, c->dim, c->options.start));
  AE_RETURN_IF(AE_NEW(c->rows, own_count(c) * c->dim));
  AE_RETURN_IF(AE_NEW(c->label, own_count(c)));
  AE_RETURN_IF(AE_NEW(c->centroid, clusters * c->dim));
  return AE_NEW(c->size, clusters);
}

static ae_status take_known(clustering *c, const matrix *m, const char *path) {
  ae_labels labels;
  AE_RETURN_IF(ae_labels_read(c->comm, m->file, path, m->rows, ae_shards_own_begin(&c->shards), own_count(c), &labels));
  if (labels.why[0] != '\0') ae_log_warning("%s:%s is not taken as labels: %s", ae_h5_path(m->file), path, labels.why);
  if ((int64_t)labels.classes * c->options.clusters <= AE_SCORE_MOST_CELLS) c->classes = labels.classes;
  else ae_log_warning("%s goes up to %d: too many classes to compare clusters with", path, labels.classes - 1);
  c->known = labels.label;
  AE_FREE(labels.names);
  return AE_OK;
}

/* "/a/label" beside "/a/x". */
static ae_status read_known(clustering *c, const matrix *m) {
  char *path = NULL;
  const char *array = m->place.array;
  const int group = (int)(strrchr(array, '/') - array);
  AE_RETURN_IF(ae_comm_agree(c->comm, AE_NEW(path, (size_t)group + sizeof "/label")));
  sprintf(path, "%.*s/label", group, array);
  const ae_status status = strcmp(path, array) == 0 ? AE_OK : take_known(c, m, path);
  AE_FREE(path);
  return status;
}

/* Distances are of differences: what float32 would round away stays where the rows are less their middle. */
static ae_status read_centered(clustering *c, const matrix *m, ae_rounding *rounding) {
  const int64_t begin = ae_shards_own_begin(&c->shards);
  AE_RETURN_IF(ae_comm_agree(c->comm, AE_NEW(c->middle, c->dim)));
  AE_RETURN_IF(ae_numbers_middle(&m->numbers, begin, own_count(c), c->middle));
  AE_RETURN_IF(ae_numbers_read(&m->numbers, begin, own_count(c), c->middle, c->rows, rounding));
  ae_log_info("%s is clustered less the middle of each column: float32 would lose digits", c->source);
  return AE_OK;
}

static ae_status read_matrix(clustering *c, const matrix *m) {
  const int64_t begin = ae_shards_own_begin(&c->shards);
  ae_rounding rounding;
  if (ae_numbers_are_plain(&m->numbers))
    return ae_h5_read(m->file, m->place.array, AE_H5_FLOAT32, c->dim, begin, own_count(c), c->rows);
  AE_RETURN_IF(ae_numbers_read(&m->numbers, begin, own_count(c), NULL, c->rows, &rounding));
  if (rounding.matters) AE_RETURN_IF(read_centered(c, m, &rounding));
  ae_numbers_warn(&m->numbers, &rounding);
  return AE_OK;
}

/* Centroids in the units of the matrix → in those of the rows, and back. */
static void shift(clustering *c, double sign) {
  for (int64_t i = 0; c->middle != NULL && i < c->options.clusters * c->dim; i++)
    c->centroid[i] = (float)((double)c->centroid[i] + sign * c->middle[i % c->dim]);
}

static ae_status read_rows(clustering *c) {
  ae_status status;
  matrix m = {0};
  AE_CHECK(matrix_open(c->comm, c->source, &m));
  if (c->options.clusters > m.rows)
    AE_RAISE(AE_USAGE, "--clusters %d: %s has only %lld rows; ask for at most that many", c->options.clusters,
             c->source, (long long)m.rows);
  const int64_t slice = ae_max(SLICE_ROWS, (m.rows + MOST_SLICES - 1) / MOST_SLICES);
  AE_CHECK(ae_comm_agree(
      c->comm, ae_shards_init_blocks(&c->shards, m.rows, slice, ae_comm_rank(c->comm), ae_comm_size(c->comm))));
  c->dim = m.width;
  AE_CHECK(ae_comm_agree(c->comm, allocate(c)));
  AE_CHECK(read_matrix(c, &m));
  AE_CHECK(read_known(c, &m));
cleanup:
  matrix_close(&m);
  return status;
}

static ae_status check_start(const clustering *c) {
  for (int64_t i = 0; i < c->options.clusters * c->dim; i++)
    if (!(fabsf(c->centroid[i]) <= (float)AE_NEAREST_LIMIT))
      return AE_FAIL(AE_DATA, "--init-from %s: row %lld holds %g, not a finite number of size at most %g", c->init,
                     (long long)(i / c->dim), (double)c->centroid[i], AE_NEAREST_LIMIT);
  return AE_OK;
}

static ae_status read_start(clustering *c) {
  ae_status status;
  matrix m = {0};
  const int64_t clusters = c->options.clusters;
  AE_CHECK(ae_error_prefix(matrix_open(c->comm, c->init, &m), "--init-from"));
  if (m.width != c->dim)
    AE_RAISE(AE_USAGE, "--init-from %s: its rows have %lld numbers, but those of %s have %lld", c->init,
             (long long)m.width, c->source, (long long)c->dim);
  if (m.rows != clusters)
    AE_RAISE(AE_USAGE, "--init-from %s: it has %lld rows, but --clusters asks for %lld", c->init, (long long)m.rows,
             (long long)clusters);
  AE_CHECK(ae_h5_read(m.file, m.place.array, AE_H5_FLOAT32, c->dim, 0, clusters, c->centroid));
  shift(c, -1);
  AE_CHECK(ae_comm_agree(c->comm, check_start(c)));
cleanup:
  matrix_close(&m);
  return status;
}

/* The clustering. */

static void tell(void *listener, const ae_kmeans_news *news) {
  clustering *c = listener;
  char line[160], changed[64] = "";
  const double now = ae_clock_seconds();
  if (now - c->told < (ae_log_is_terminal() ? 0.2 : 30)) return;
  c->told = now;
  if (news->changed >= 0)
    snprintf(changed, sizeof changed, ", %.3g %% of the labels changed",
             100 * (double)news->changed / (double)c->shards.examples);
  snprintf(line, sizeof line, "k-means: %s: %lld of %s%lld%s", news->what, (long long)news->done,
           news->changed >= 0 ? "at most " : "", (long long)news->most, changed);
  if (ae_log_is_terminal()) ae_log_redraw(line);
  else ae_log_info("%s", line);
}

static ae_status fit(clustering *c) {
  c->options.tell = tell;
  c->options.listener = c;
  c->told = ae_clock_seconds();
  const ae_status status = ae_kmeans_fit(c->comm, &c->shards, c->rows, c->dim, &c->options, NULL, c->centroid, c->label,
                                         c->size, &c->outcome);
  if (ae_log_is_terminal()) ae_log_redraw("");
  return ae_error_prefix(status, "%s", c->source);
}

/* What is written and told. */

static ae_status write_numbers(ae_h5 *file, const clustering *c) {
  const int64_t clusters = c->options.clusters, examples = c->shards.examples;
  const ae_h5_dataset label = {
      "/label", AE_H5_INT32, 1, {examples}, {"example"}, "cluster of each row: that of the nearest centroid", NULL};
  const ae_h5_dataset centroid = {
      "/centroid", AE_H5_FLOAT32, 2, {clusters, c->dim}, {"cluster", "dimension"}, "means of the clusters", NULL};
  const ae_h5_dataset size = {"/size", AE_H5_INT64, 1, {clusters}, {"cluster"}, "rows of each cluster", NULL};
  AE_RETURN_IF(ae_h5_create_axis(file, "/", "example", examples, NULL, "row of the source"));
  AE_RETURN_IF(ae_h5_create_axis(file, "/", "cluster", clusters, NULL, "cluster"));
  AE_RETURN_IF(ae_h5_create_axis(file, "/", "dimension", c->dim, NULL, "number in a row; further axes are joined"));
  AE_RETURN_IF(ae_h5_write(file, &label, ae_shards_own_begin(&c->shards), own_count(c), c->label));
  AE_RETURN_IF(ae_h5_write_whole(file, &centroid, c->centroid));
  return ae_h5_write_whole(file, &size, c->size);
}

static ae_status fill_file(ae_h5 *file, void *context) {
  const clustering *c = context;
  AE_RETURN_IF(ae_h5_put_kind(file, "clusters"));
  AE_RETURN_IF(ae_h5_put_text(file, "/", "source", c->source));
  AE_RETURN_IF(ae_h5_put_text(file, "/", "init", c->init));
  AE_RETURN_IF(ae_h5_put_integer(file, "/", "seed", (int64_t)c->options.seed));
  AE_RETURN_IF(ae_h5_put_real(file, "/", "tolerance", c->options.tolerance));
  AE_RETURN_IF(ae_h5_put_integer(file, "/", "iterations", c->outcome.iterations));
  AE_RETURN_IF(ae_h5_put_real(file, "/", "inertia", c->outcome.inertia));
  AE_RETURN_IF(write_numbers(file, c));
  return ae_provenance_write(c->comm, file, &ae_multiplier_blas, c->outcome.start_seconds + c->outcome.seconds);
}

static ae_status print_scores(const clustering *c) {
  ae_scores scores;
  if (c->classes == 0) return AE_OK;
  AE_RETURN_IF(ae_score_labels(c->comm, c->label, c->known, own_count(c), c->options.clusters, c->classes, &scores));
  printf("  %-20s %.5g\n", "label_nmi", scores.nmi);
  printf("  %-20s %.5g\n", "label_ari", scores.ari);
  if (!isnan(scores.accuracy)) printf("  %-20s %.5g\n", "label_acc", scores.accuracy);
  return AE_OK;
}

static ae_status print_figures(const clustering *c) {
  int64_t smallest = INT64_MAX, largest = 0;
  for (int k = 0; k < c->options.clusters; k++) {
    smallest = ae_min(smallest, c->size[k]);
    largest = ae_max(largest, c->size[k]);
  }
  printf("%s: %lld rows of %lld numbers in %d clusters\n\n", c->source, (long long)c->shards.examples,
         (long long)c->dim, c->options.clusters);
  printf("  %-20s %.10g\n", "inertia", c->outcome.inertia);
  printf("  %-20s %d\n", "iterations", c->outcome.iterations);
  printf("  %-20s %lld\n", "smallest_cluster", (long long)smallest);
  printf("  %-20s %lld\n", "largest_cluster", (long long)largest);
  if (c->outcome.empty > 0) printf("  %-20s %lld\n", "empty_clusters", (long long)c->outcome.empty);
  return print_scores(c);
}

static ae_status run_command(const ae_comm *comm, const ae_arguments *arguments) {
  ae_status status;
  clustering c = {.comm = comm};
  const char *out = ae_arguments_text(arguments, "out");
  AE_CHECK(take_request(arguments, &c));
  const char *const inputs[] = {c.source, ae_arguments_text(arguments, "init-from")};
  AE_CHECK(ae_command_check_out(comm, out, "clusters", inputs, 2));
  AE_CHECK(read_rows(&c));
  if (c.options.start == AE_KMEANS_WARM) AE_CHECK(read_start(&c));
  AE_CHECK(fit(&c));
  shift(&c, 1);
  AE_CHECK(ae_h5_produce(comm, out, fill_file, &c));
  AE_CHECK(print_figures(&c));
  ae_log_info("clusters are in %s; the start took %.3f s, the iterations %.3f s", out, c.outcome.start_seconds,
              c.outcome.seconds);
cleanup:
  clustering_free(&c);
  return status;
}

extern const ae_command ae_command_cluster;

static const ae_option options[] = {
    {"clusters", AE_OPTION_INTEGER, "K", true, 1, 1000000, "how many clusters"},
    {"out", AE_OPTION_TEXT, "FILE", true, 0, 0, "HDF5 file to write: /label, /centroid, /size"},
    {"init", AE_OPTION_TEXT, "random|k-means++|scalable", false, 0, 0,
     "first centroids: random (rows), k-means++ (K passes over the rows; default) or scalable (k-means||: a few "
     "passes, "
     "for many clusters)"},
    {"init-from", AE_OPTION_TEXT, "FILE.h5:/path", false, 0, 0, "the first centroids themselves, (K, columns)"},
    {"iterations", AE_OPTION_INTEGER, "N", false, 1, 1000000, "most iterations; default 300"},
    {"tolerance", AE_OPTION_TEXT, "T", false, 0, 0,
     "stop when the centroids' squared shift is at most this share of the mean variance of the columns; 0 = when no "
     "label changes; default 0.0001"},
    {"seed", AE_OPTION_INTEGER, "S", false, 0, INT64_MAX, "another seed gives another start; default 1"},
    {0}};

const ae_command ae_command_cluster = {
    .name = "cluster",
    .summary = "find clusters among the rows of any matrix (k-means)",
    .operands = "FILE.h5:/path",
    .least_operands = 1,
    .most_operands = 1,
    .options = options,
    .details =
        "The matrix is any HDF5 array whose first axis is rows; its numbers are taken as float32, not scaled, and further "
        "axes as\n"
        "one. Prints inertia, iterations and sizes, and NMI, ARI and ACC when `label` stands beside the matrix. Labels "
        "are "
        "those of\n"
        "the nearest centroids exactly; the file is the same bits for any number of ranks.",
    .example = "mpirun -n 2 mpiae cluster codes.h5:/c_mean --clusters 10 --out clusters.h5",
    .run = run_command};
