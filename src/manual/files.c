/* The kinds of files. Each dataset also tells its meaning itself, as its attribute `description`; a test holds this
 * table against files of every kind. */
#include "manual.h"

#include "mpiae/models/metrics.h"

/* A dataset, or a group: what it is called, its type and axes, what is in it. */
typedef struct file_entry {
  const char *path, *shape, *text;
} file_entry;

enum { MOST_DATASETS = 40 };

typedef struct file_kind {
  const char *format, *text;
  file_entry entry[MOST_DATASETS]; /* ends with a row whose path is NULL */
} file_kind;

#define POINTS(prefix, text)                                                                                           \
  {"/" prefix "points", "float32 (" prefix "point, coordinate)", text}, {                                              \
    "/" prefix "offset", "int64 (" prefix "border)", "set i is points offset[i] to offset[i + 1], without the latter"  \
  }
#define CODES                                                                                                          \
  {"/z, /c", "float32 (sample, latent)", "the codes that were decoded; c of a vhe"}, {                                 \
    "/index", "int32 (sample, map_row, map_column)", "those of a vqvae: entries of the codebook"                       \
  }
#define PSEUDO_LABEL                                                                                                   \
  { "/pseudo_label", "int32 (sample)", "vhe: cluster that the sample was drawn from; -1 = none" }
#define LABEL                                                                                                          \
  { "/label", "int32 (example)", "known class, -1 where unknown; absent where none is known" }

static const file_kind kinds[] = {
    {"dataset",
     "What mpiae import and mpiae synth write and mpiae train reads; also what users write themselves. Attribute: "
     "source. Of points or x one is there.",
     {{"/x", "uint8 or float32 (example, channel, row, column) or (example, feature)",
       "examples; of uint8 0 to 255 stand for 0 to 1"},
      POINTS("", "points of the sets, one set after another"),
      LABEL,
      {"/source_index", "int64 (example)", "with --shuffle: place of the example in what it was made from, from 0"}}},
    {"checkpoint",
     "checkpoint-STEP.h5 in a run directory: all that a run goes on from. Attribute: model.",
     {{"/config", "text", "the resolved configuration, YAML"},
      {"/parameters/LAYER/NAME", "float32 (..., output, input), (..., output), ...",
       "parameters of the model: weight, bias, ..."},
      {"/optimizer", "group", "moments of the gradient, for each parameter: m and v, or momentum; attribute steps"},
      {"/state/epoch, step, epoch_step", "int64",
       "epochs done; optimizer steps done, with those left out; of those, steps of the running epoch"},
      {"/state/seed, shards, examples, example_shape", "int64",
       "key of all random numbers; the dataset and its slices"},
      {"/state/data_checksum, test_checksum, test_since", "int64",
       "checksums of the dataset and of the test set; epochs done when this test set came"},
      {"/state/partial_sums", "float64 (partial_sum)",
       "in the middle of an epoch: sums of the terms of the loss and of statistics over its steps; then the examples "
       "counted and the steps left out"},
      {"/state/label_names", "text",
       "names of the labels of the training data, one a line, where they are texts there"},
      {"/scale/offset, divisor", "float32 (scale_feature)",
       "with data.scale=standardize or 0-1: what is subtracted from the numbers of an example, and divides them"},
      {"/history/COLUMN", "float64 (history_epoch)", "columns of metrics.csv, but for those of time"},
      {"/pseudo_labels/centroid, size, posterior", "float32 and int64 (cluster, ...)",
       "vhe: centroids of the codes, examples in each cluster, class posteriors of unseen examples"},
      {"/pseudo_labels/label, code, code_logstd", "int32 and float32 (example, ...)",
       "vhe: the label of each training example in the coming epoch, and its code [z, c] as recorded last"},
      {"/code_memory/mean, logstd, remembered", "float32 (example, latent)",
       "acn: posteriors recorded last, and the means that neighbours are sought among"},
      {"/codebook/embedding, sum, count, unused, used", "float32, float64 and int64 (entry, ...)",
       "vqvae: the entries, their moving averages, and how they are used"},
      {"/prior/label_count", "int64 (label)", "pixelcnn: training examples with each label"},
      {"/set/mean, deviation", "float64 (coordinate)",
       "set-ae, set-vae: the Gaussian whose points predictions begin as"},
      {"/provenance/seconds, examples_per_second", "float64 (provenance_epoch)", "the columns of time"}}},
    {"codes",
     "codes-EPOCH.h5 in a run directory, and what mpiae encode writes. Attributes: model, epoch, step; of /index "
     "entries "
     "and codebook.",
     {{"/z_mean, /z_logstd", "float32 (example, latent)", "posterior of z; of an ae the code alone, /z_mean"},
      {"/c_mean, /c_logstd", "float32 (example, latent)", "vhe: posterior of the class code c"},
      {"/z_kl", "float64 (latent)",
       "vae, set-vae: divergence of each dimension from the prior, over the epoch as it trained"},
      {"/pseudo_label", "int32 (example)",
       "vhe: class in the epoch that recorded the codes; of other data the nearest cluster"},
      {"/index", "int32 (example, map_row, map_column)", "vqvae: entry of the codebook at each place"},
      LABEL}},
    {"samples",
     "What mpiae sample and mpiae decode write. Attributes: model, epoch, step; with --like also like.",
     {{"/x", "float32 (sample, axes of an example)",
       "decoded codes; with --swap (c_row, z_column, ...), with --grid (grid_y, grid_x, ...)"},
      POINTS("", "decoded sets, one after another"),
      {"/z_0, /z_1", "float32 (grid_x), (grid_y)", "with --grid: coordinates in the latent plane"},
      CODES,
      PSEUDO_LABEL,
      {"/label", "int32 (sample)", "label that the sample was drawn under"}}},
    {"film",
     "samples-EPOCH.h5 in a run directory, with output.samples. Attributes: model, epoch, step.",
     {{"/x, /reconstruction", "float32 (example, axes of an example)",
       "the first examples, and what their codes are decoded to"},
      {"/sampled", "float32 (sample, axes of an example)", "samples, always with the same noise"},
      POINTS("", "the first sets"),
      POINTS("reconstruction_", "what their codes are decoded to"),
      POINTS("sampled_", "samples"),
      CODES,
      PSEUDO_LABEL,
      LABEL}},
    {"reconstructions",
     "What mpiae reconstruct writes. Attributes: model, epoch, step.",
     {{"/x, /reconstruction", "float32 (example, axes of an example)", "examples, and what their codes are decoded to"},
      POINTS("", "sets"),
      POINTS("reconstruction_", "what their codes are decoded to"),
      LABEL}},
    {"interpolation",
     "What mpiae interpolate writes. Attributes: model, epoch, step, from, to.",
     {{"/x", "float32 (step, axes of an example)", "what the codes along the line are decoded to"},
      POINTS("", "of sets"),
      {"/z, /c", "float32 (step, latent)", "those codes; c of a vhe"}}},
    {"clusters",
     "What mpiae cluster writes. Attributes: source, init, seed, tolerance, iterations, inertia.",
     {{"/label", "int32 (example)", "cluster of each row: that of the nearest centroid"},
      {"/centroid", "float32 (cluster, dimension)", "means of the clusters"},
      {"/size", "int64 (cluster)", "rows of each cluster"}}}};

static void write_kind(ae_page *page, const file_kind *kind) {
  ae_page_part(page, kind->format);
  ae_page_text(page, kind->text);
  for (const file_entry *entry = kind->entry; entry->path != NULL; entry++) {
    ae_page_item(page);
    ae_page_literal(page, entry->path);
    ae_page_item_text(page, entry->shape);
    ae_page_line(page);
    ae_page_text(page, entry->text);
  }
}

static void write_columns(ae_page *page) {
  int count;
  const ae_column *column = ae_metrics_columns(&count);
  ae_page_heading(page, "COLUMNS OF METRICS.CSV");
  ae_page_text(page, "A run has those of its model; a value that an epoch does not have is left out. Units of the loss "
                     "and its terms are nats (nat) unless the model's are others.");
  for (int i = 0; i < count; i++, column++) {
    ae_page_item(page);
    ae_page_literal(page, column->name);
    if (column->units[0] != '\0') {
      ae_page_usage(page, " (");
      ae_page_usage(page, column->units);
      ae_page_usage(page, ")");
    }
    ae_page_item_text(page, column->description);
  }
}

void ae_manual_write_files(ae_page *page, const char *date) {
  static const ae_reference references[] = {
      {"mpiae", 1}, {"mpiae-info", 1}, {"mpiae-config", 5}, {"h5dump", 1}, {NULL, 0}};
  ae_page_begin(page, "mpiae-files", 5, "files that mpiae reads and writes", date);
  ae_page_heading(page, "DESCRIPTION");
  ae_page_text(
      page, "A run directory holds config.yaml, metrics.csv, run.log, checkpoints and codes. All else is HDF5 in the "
            "format of HDF5 1.10: every dataset has the attribute description, and units where it has any; every axis "
            "a name (a dimension scale: example, latent, ...); every chunk a checksum. A file is whole or absent.\n"
            "Which kind a file is, its attribute mpiae_format tells; mpiae_version is 1. Files but datasets and "
            "clusters have a group /provenance, whose attributes tell where, when and with what the file was written; "
            "all else in a file depends on configuration, data, seed, kind of CPU and versions of libraries alone, not "
            "on the number of ranks.\n"
            "In place of a dataset any array will do whose first axis is examples: FILE.h5:/path.");
  ae_page_heading(page, "KINDS");
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) write_kind(page, &kinds[i]);
  write_columns(page);
  ae_page_see_also(page, references);
}
