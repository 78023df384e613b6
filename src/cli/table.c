/* Every command and option of the program: parsing and help both come from here. */
#include "mpiae/cli/command.h"

#include "mpiae/config/config.h"

#include <stdint.h>
#include <string.h>

#define END_OF_OPTIONS                                                                                                 \
  { NULL, AE_OPTION_FLAG, NULL, false, 0, 0, NULL }

static const ae_option global_options[] = {
    {"help", AE_OPTION_FLAG, NULL, false, 0, 0, "say what the command does, and end"},
    {"version", AE_OPTION_FLAG, NULL, false, 0, 0, "say which version this is and what it was built with, and end"},
    {"quiet", AE_OPTION_FLAG, NULL, false, 0, 0, "warnings and errors only"},
    {"verbose", AE_OPTION_FLAG, NULL, false, 0, 0, "more messages; errors tell their place in the source"},
    END_OF_OPTIONS};

static const ae_option train_options[] = {
    {"run", AE_OPTION_TEXT, "DIR", false, 0, 0, "run directory; default runs/<name of the configuration file>"},
    {"resume", AE_OPTION_FLAG, NULL, false, 0, 0,
     "go on from the newest valid checkpoint, or start when there is none"},
    {"overwrite", AE_OPTION_FLAG, NULL, false, 0, 0, "replace the run that is in the directory"},
    {"init-from", AE_OPTION_TEXT, "MODEL", false, 0, 0,
     "begin a new run with the parameters of another: a run directory or a checkpoint file"},
    END_OF_OPTIONS};

static const ae_option encode_options[] = {
    {"out", AE_OPTION_TEXT, "FILE", true, 0, 0, "HDF5 file to write: /z_mean, …"}, END_OF_OPTIONS};

static const ae_option decode_options[] = {
    {"grid", AE_OPTION_INTEGER, "N", false, 2, 1000,
     "decode N x N points of a 2-D latent plane instead of given codes"},
    {"size", AE_OPTION_INTEGER, "N", false, 1, INT32_MAX,
     "set-ae, set-vae: points of every set; default: as many as the model predicts"},
    {"data", AE_OPTION_TEXT, "DATA", false, 0, 0,
     "with --grid for an ae: the training data, when no longer where data.train says"},
    {"out", AE_OPTION_TEXT, "FILE", true, 0, 0, "HDF5 file to write: /x; of sets /points, /offset"},
    END_OF_OPTIONS};

static const ae_option evaluate_options[] = {
    {"samples", AE_OPTION_INTEGER, "S", false, 1, 1000000,
     "draws of the codes for every example; from 2 on also the importance-weighted bound; default 1"},
    {"prior", AE_OPTION_TEXT, "MODEL", false, 0, 0,
     "vqvae: what its indices cost under this pixelcnn, and bits per dimension with a categorical likelihood"},
    {"ways", AE_OPTION_INTEGER, "W", false, 2, 256,
     "vhe: few-shot classification: classes in an episode; the answer is about episodes then"},
    {"shots", AE_OPTION_INTEGER, "K", false, 1, 256, "examples shown of each class of an episode; default 1"},
    {"episodes", AE_OPTION_INTEGER, "E", false, 2, 1000000, "episodes; default 400"},
    {"matching", AE_OPTION_FLAG, NULL, false, 0, 0,
     "set-ae, set-vae: also the distance under the optimal matching, for sets of at most 2000 points"},
    {"json", AE_OPTION_FLAG, NULL, false, 0, 0, "print one JSON object"},
    END_OF_OPTIONS};

static const ae_option reconstruct_options[] = {
    {"count", AE_OPTION_INTEGER, "N", false, 1, INT64_MAX, "the first N examples; default 100"},
    {"out", AE_OPTION_TEXT, "FILE", true, 0, 0,
     "HDF5 file to write: /x, /reconstruction; of sets /points, /reconstruction_points, …"},
    END_OF_OPTIONS};

static const ae_option interpolate_options[] = {
    {"from", AE_OPTION_INTEGER, "I", true, 0, INT64_MAX, "number of the example at one end, from 0"},
    {"to", AE_OPTION_INTEGER, "J", true, 0, INT64_MAX, "and at the other"},
    {"steps", AE_OPTION_INTEGER, "N", false, 2, 100000, "pictures, both ends among them; default 10"},
    {"size", AE_OPTION_INTEGER, "N", false, 1, INT32_MAX,
     "set-ae, set-vae: points of every set; default: as many as the model predicts, or along the line"},
    {"out", AE_OPTION_TEXT, "FILE", true, 0, 0, "HDF5 file to write: /x; of sets /points, /offset"},
    END_OF_OPTIONS};

static const ae_option sample_options[] = {
    {"count", AE_OPTION_INTEGER, "N", false, 1, INT32_MAX, "how many examples to draw; default 64, with --swap 8"},
    {"seed", AE_OPTION_INTEGER, "S", false, 0, INT64_MAX, "another seed gives other samples; default 1"},
    {"size", AE_OPTION_INTEGER, "N", false, 1, INT32_MAX,
     "set-vae: points of every set; default: drawn, as the model predicts"},
    {"like", AE_OPTION_TEXT, "DATA:I,J,...", false, 0, 0,
     "vhe: more of the class that these examples are of (one-shot, few-shot)"},
    {"swap", AE_OPTION_FLAG, NULL, false, 0, 0,
     "vhe: a table of N x N, every c (rows) with every z (columns); with --like those of the examples"},
    {"from", AE_OPTION_TEXT, "prior", false, 0, 0, "vhe: c from N(0, 1) in place of its clusters"},
    {"prior", AE_OPTION_TEXT, "MODEL", false, 0, 0, "vqvae: indices from this pixelcnn; without it evenly drawn ones"},
    {"label", AE_OPTION_INTEGER, "K", false, 0, INT32_MAX,
     "pixelcnn with pixelcnn.labels, or a vqvae with such a prior: all of this label; default: as often as in "
     "training"},
    {"out", AE_OPTION_TEXT, "FILE", true, 0, 0, "HDF5 file to write: /x; of sets /points, /offset"},
    END_OF_OPTIONS};

static const ae_option cluster_options[] = {
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
    END_OF_OPTIONS};

static const ae_option import_options[] = {
    {"out", AE_OPTION_TEXT, "FILE", true, 0, 0, "dataset file to write"},
    {"labels", AE_OPTION_TEXT, "FILE", false, 0, 0,
     "labels of the examples, in the same format (cifar10 holds its own)"},
    {"classes", AE_OPTION_TEXT, "A,B,...", false, 0, 0, "keep only the examples with these labels"},
    {"shuffle", AE_OPTION_INTEGER, "SEED", false, 0, INT64_MAX,
     "put the examples into a random order; /source_index tells the old one"},
    {"limit", AE_OPTION_INTEGER, "N", false, 1, INT64_MAX, "keep the first N examples (after --classes and --shuffle)"},
    {"as-set", AE_OPTION_FLAG, NULL, false, 0, 0,
     "images become sets of points: pixels above the threshold, at (row / rows, column / columns)"},
    {"threshold", AE_OPTION_TEXT, "T", false, 0, 0, "of --as-set, in the units of the files; default 20, for bytes"},
    END_OF_OPTIONS};

static const ae_option synth_options[] = {
    {"count", AE_OPTION_INTEGER, "N", true, 1, INT32_MAX, "how many examples"},
    {"classes", AE_OPTION_INTEGER, "C", false, 1, 100000, "how many classes; the first ten are the digits; default 10"},
    {"first", AE_OPTION_INTEGER, "K", false, 0, 100000, "number of the first class; default 0"},
    {"seed", AE_OPTION_INTEGER, "S", false, 0, INT64_MAX, "another seed gives other examples; default 1"},
    {"layout", AE_OPTION_TEXT, "image|set", false, 0, 0,
     "set: sets of points, of the pixels above 20, at (row, column) / 28; default image"},
    {"out", AE_OPTION_TEXT, "FILE", true, 0, 0, "dataset file to write"},
    END_OF_OPTIONS};

static const ae_option no_options[] = {END_OF_OPTIONS};

#define MODEL_HELP "MODEL is a run directory (its newest valid checkpoint) or a checkpoint file."
#define DATA_HELP                                                                                                      \
  MODEL_HELP "\nDATA is a dataset file, or FILE.h5:/path of any HDF5 array whose first axis is examples."

static const ae_command commands[] = {
    {"train", "train a model", "CONFIG.yaml [KEY=VALUE ...]", 1, 1, true, train_options,
     "Reads the configuration, then every KEY=VALUE over it ('mpiae help config' lists the keys), and trains on all "
     "ranks.\n"
     "The run directory receives config.yaml, metrics.csv, run.log, checkpoints and codes. One that already holds a "
     "run is\n"
     "refused unless --resume or --overwrite is given.",
     "mpirun -n 2 mpiae train configs/vhe-glyphs.yaml train.epochs=5 --run runs/glyphs", ae_command_train},
    {"encode", "write the latent codes of a dataset", "MODEL DATA", 2, 2, false, encode_options, DATA_HELP,
     "mpirun -n 2 mpiae encode runs/glyphs glyphs.h5 --out codes.h5", ae_command_encode},
    {"decode", "decode latent codes, or a grid over a latent plane", "MODEL [CODES.h5[:/path]]", 1, 2, false,
     decode_options,
     "Codes are those of encode, sample or interpolate, or any (N, width) dataset FILE.h5:/path of whole codes (vhe: "
     "z, "
     "then c).\n"
     "The grid lies at quantiles of the prior, or of the training codes of an ae.",
     "mpiae decode runs/glyphs codes.h5 --out decoded.h5", ae_command_decode},
    {"evaluate", "measure a trained model on a dataset", "MODEL DATA", 2, 2, false, evaluate_options,
     "Prints the loss and its terms per example; with a proper likelihood the ELBO, the importance-weighted bound and "
     "bits\n"
     "per dimension; where labels are known NMI, ARI, ACC of the clusters (of the codes, for models without clusters)\n"
     "and the accuracy of 5 nearest neighbours among the codes, each example left out, over the first "
     "10000.\n" DATA_HELP,
     "mpirun -n 2 mpiae evaluate runs/glyphs glyphs.h5", ae_command_evaluate},
    {"reconstruct", "write examples beside their reconstructions", "MODEL DATA", 2, 2, false, reconstruct_options,
     DATA_HELP, "mpiae reconstruct runs/glyphs glyphs.h5 --count 20 --out pairs.h5", ae_command_reconstruct},
    {"sample", "draw new examples from a trained model", "MODEL", 1, 1, false, sample_options, MODEL_HELP,
     "mpiae sample runs/glyphs --count 64 --out samples.h5", ae_command_sample},
    {"interpolate", "decode along the line between two codes", "MODEL DATA", 2, 2, false, interpolate_options,
     DATA_HELP, "mpiae interpolate runs/glyphs glyphs.h5 --from 0 --to 1 --steps 9 --out line.h5",
     ae_command_interpolate},
    {"cluster", "find clusters among the rows of any matrix (k-means)", "FILE.h5:/path", 1, 1, false, cluster_options,
     "The matrix is any HDF5 array whose first axis is rows; its numbers are taken as float32, not scaled, and further "
     "axes as\n"
     "one. Prints inertia, iterations and sizes, and NMI, ARI and ACC when `label` stands beside the matrix. Labels "
     "are "
     "those of\n"
     "the nearest centroids exactly; the file is the same bits for any number of ranks.",
     "mpirun -n 2 mpiae cluster codes.h5:/c_mean --clusters 10 --out clusters.h5", ae_command_cluster},
    {"import", "convert foreign files to a dataset file", "cifar10|idx|npy FILES...", 2, AE_ANY_NUMBER, false,
     import_options,
     "Files may be plain or .gz; several are joined in order. Their first axis is the examples: (N), (N, F), (N, H, W) "
     "or\n"
     "(N, C, H, W).",
     "mpiae import idx train-images-idx3-ubyte.gz --labels train-labels-idx1-ubyte.gz --out mnist-train.h5",
     ae_command_import},
    {"synth", "write the embedded dataset of drawn glyphs", "glyphs", 1, 1, false, synth_options,
     "28x28 grey images drawn by strokes, every one with its own jitter; example i belongs to class i modulo C.",
     "mpiae synth glyphs --count 20000 --out glyphs.h5", ae_command_synth},
    {"info", "tell what is in one of our files", "FILE", 1, 1, false, no_options,
     "Datasets, checkpoints, codes, samples: kind, shapes, configuration, epoch, provenance. A run directory stands "
     "for\n"
     "its newest checkpoint.",
     "mpiae info glyphs.h5", ae_command_info},
    {"doctor", "check the launch, the hosts and the current directory", "", 0, 0, false, no_options,
     "Launched as a run would be, in the directory of the run: tries what a run needs and says what to mend, one line "
     "a "
     "check.\n"
     "Should it end in the middle, the check after the last line is what it ended in.\n"
     "The exit status is 2 when the launch or a setting is to be mended, 3 when it is files, 0 when nothing is.",
     "mpirun -n 2 mpiae doctor", ae_command_doctor},
    {"help", "explain a command, the configuration keys, or the columns of metrics.csv",
     "[COMMAND|config [SECTION|KEY]|metrics]", 0, 2, false, no_options, NULL, "mpiae help config", ae_command_help},
    {NULL, NULL, NULL, 0, 0, false, NULL, NULL, NULL, NULL}};

const ae_command *ae_commands(void) { return commands; }
const ae_option *ae_global_options(void) { return global_options; }

const ae_command *ae_command_find(const char *name) {
  for (const ae_command *command = commands; command->name != NULL; command++)
    if (strcmp(command->name, name) == 0) return command;
  return NULL;
}

ae_status ae_command_unknown(const char *word, const char *extra) {
  const char *words[sizeof commands / sizeof *commands + 1] = {NULL};
  int count = 0;
  for (const ae_command *command = commands; command->name != NULL; command++) words[count++] = command->name;
  words[count] = extra;
  const char *near = ae_nearest_word(word, words);
  if (near == NULL) return AE_FAIL(AE_USAGE, "unknown command '%s'; 'mpiae help' lists all", word);
  return AE_FAIL(AE_USAGE, "unknown command '%s'; did you mean '%s'? ('mpiae help' lists all)", word, near);
}
