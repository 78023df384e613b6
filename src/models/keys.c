#include "mpiae/models/keys.h"

const char *ae_model_names[AE_MODELS_MAX];

static const char *const binarizations[] = {"none", "static", "dynamic", NULL};
static const char *const memories[] = {"all", "auto", NULL};
static const char *const scales[] = {"type", "none", "standardize", "0-1", NULL};
static const char *const optimizers[] = {"sgd", "adam", "adamw", NULL};
static const char *const schedules[] = {"constant", "cosine", "onecycle", "step", NULL};
static const char *const remedies[] = {"stop", "skip", NULL};
static const char *const precisions[] = {"f32", "bf16", "bf16-emulated", NULL};
static const char *const libraries[] = {"auto", "blas", "onednn", NULL};
static const char *const codes[] = {"none", "last", "all", NULL};
static const char *const activations[] = {"relu", "tanh", NULL};
static const char *const kinds[] = {"dense", "conv", NULL};
static const char *const likelihoods[] = {"bernoulli", "gaussian", "categorical", NULL};
static const char *const starts[] = {"random", "k-means++", "scalable", NULL};

const ae_key ae_keys_common[] = {
    {"model", AE_KEY_CHOICE, NULL, 0, 0, ae_model_names, NULL, AE_KEY_FIXED, "what is trained"},
    {"data.train", AE_KEY_TEXT, NULL, 0, 0, NULL, NULL, AE_KEY_FREE,
     "dataset file of the training examples, or FILE.h5:/path"},
    {"data.test", AE_KEY_TEXT, "none", 0, 0, NULL, "none", AE_KEY_FREE,
     "data evaluated after every epoch (columns test_...): a dataset file, or FILE.h5:/path; none = no such"},
    {"data.shards", AE_KEY_INTEGER, "auto", 1, 1e6, NULL, "auto", AE_KEY_FIXED,
     "slices of the dataset, most ranks a run can have; results depend on it but not on the number of ranks; auto = "
     "ranks "
     "at the start"},
    {"data.memory", AE_KEY_CHOICE, "all", 1e-9, 1e6, memories, NULL, AE_KEY_FREE,
     "GiB that the examples may take on a rank: where they are more, they are read from the file in every epoch, ahead of "
     "use, with the same results; auto = half of a rank's share of its host; all = they are kept"},
    {"data.shuffle_block", AE_KEY_INTEGER, "auto", 0, 1e12, NULL, "auto", AE_KEY_FIXED,
     "examples of a block: the blocks of a shard are shuffled, then the examples of every data.shuffle_window blocks; 0 = "
     "all of a shard; auto = 0, or 1 MiB of examples, at most a 64th of a shard, where data.memory is less than they take"},
    {"data.shuffle_window", AE_KEY_INTEGER, "16", 2, 1e9, NULL, NULL, AE_KEY_FIXED,
     "blocks whose examples are shuffled together; a rank keeps two such windows of each of its shards"},
    {"data.binarize", AE_KEY_CHOICE, "none", 0, 0, binarizations, NULL, AE_KEY_FIXED,
     "make values in 0 to 1 black or white at random: once (static), or afresh every epoch (dynamic)"},
    {"data.scale", AE_KEY_CHOICE, "auto", 1e-30, 1e30, scales, "auto", AE_KEY_FIXED,
     "what stored numbers become for the networks: type (bytes are divided by 255, others stay), none, a number to divide "
     "by, 0-1 (by the smallest and largest of data.train), standardize (each feature less its mean, by its "
     "standard deviation in data.train); auto = none for bytes of 0 and 1, else type; but of type, what models draw is in "
     "the units of the data"},
    {"data.center", AE_KEY_REAL, "0", -1e30, 1e30, NULL, NULL, AE_KEY_FIXED,
     "subtracted from every number that the networks see, and added to what they draw"},
    {"train.epochs", AE_KEY_INTEGER, "10", 1, 1e6, NULL, NULL, AE_KEY_FREE, "passes over the training examples"},
    {"train.steps", AE_KEY_INTEGER, "0", 0, 9e15, NULL, NULL, AE_KEY_FREE,
     "ends the run, with a checkpoint, after that many steps in all, also in the middle of an epoch; 0 = off"},
    {"train.patience", AE_KEY_INTEGER, "0", 0, 1e6, NULL, NULL, AE_KEY_FREE,
     "ends the run after that many epochs without a better test_loss (train_loss without data.test); 0 = off"},
    {"train.batch_size", AE_KEY_INTEGER, "128", 1, 1e8, NULL, NULL, AE_KEY_FIXED,
     "examples of a step, over all ranks together"},
    {"train.seed", AE_KEY_INTEGER, "0", 0, 9e15, NULL, NULL, AE_KEY_FIXED, "key of all random numbers"},
    {"train.optimizer", AE_KEY_CHOICE, "adam", 0, 0, optimizers, NULL, AE_KEY_FIXED, "rule of the parameter update"},
    {"train.momentum", AE_KEY_REAL, "0.9", 0, 0.999999, NULL, NULL, AE_KEY_FIXED, "of sgd"},
    {"train.learning_rate", AE_KEY_REAL, "0.001", 1e-12, 1e3, NULL, NULL, AE_KEY_FREE, "step size of the optimizer"},
    {"train.schedule", AE_KEY_CHOICE, "constant", 0, 0, schedules, NULL, AE_KEY_FIXED,
     "course of the learning rate over train.schedule_steps"},
    {"train.schedule_steps", AE_KEY_INTEGER, "auto", 1, 9e15, NULL, "auto", AE_KEY_FIXED,
     "horizon of the schedule; auto = train.epochs at the start"},
    {"train.schedule_every", AE_KEY_INTEGER, "auto", 1, 9e15, NULL, "auto", AE_KEY_FIXED,
     "steps between the falls of schedule 'step'; auto = a third of the horizon"},
    {"train.schedule_factor", AE_KEY_REAL, "0.1", 1e-9, 1, NULL, NULL, AE_KEY_FIXED,
     "what each fall of schedule 'step' multiplies the rate by"},
    {"train.warmup_steps", AE_KEY_INTEGER, "0", 0, 9e15, NULL, NULL, AE_KEY_FIXED,
     "steps over which the rate rises from 0 to that of the schedule"},
    {"train.weight_decay", AE_KEY_REAL, "0", 0, 1e6, NULL, NULL, AE_KEY_FIXED,
     "of weights, not of biases; coupled for sgd and adam, decoupled for adamw"},
    {"train.clip_norm", AE_KEY_REAL, "0", 0, 1e30, NULL, NULL, AE_KEY_FIXED,
     "largest norm of a step's gradient; 0 = any"},
    {"train.on_nonfinite", AE_KEY_CHOICE, "stop", 0, 0, remedies, NULL, AE_KEY_FREE,
     "a step whose loss or gradient is not finite ends the run, or is left out of the training and counted"},
    {"train.verify_every", AE_KEY_INTEGER, "0", 0, 9e15, NULL, NULL, AE_KEY_FREE,
     "steps between comparisons of the ranks' parameters by hashes; 0 = never; ranks of one node then keep a copy each "
     "and exchange messages, since a bit flipped in shared memory is the same for all"},
    {"train.precision", AE_KEY_CHOICE, "f32", 0, 0, precisions, NULL, AE_KEY_FIXED,
     "of the numbers that are multiplied: f32, or bf16, rounded to it (sums, weights and all else stay float32; only on "
     "processors with AMX or AVX512_BF16); bf16-emulated gives such results, slowly, on any"},
    {"train.products", AE_KEY_CHOICE, "auto", 0, 0, libraries, NULL, AE_KEY_FREE,
     "library that computes the matrix products of training; results depend on it, as on the kind of CPU; auto = blas, "
     "and onednn for bf16"},
    {"train.threads", AE_KEY_INTEGER, "1", 1, 1024, NULL, NULL, AE_KEY_FIXED,
     "threads that each rank computes matrix products on; results depend on it, as on the kind of CPU"},
    {"train.stall_seconds", AE_KEY_REAL, "300", 0, 1e9, NULL, NULL, AE_KEY_FREE,
     "seconds without progress after which a warning says which ranks are late, and where; 0 = never"},
    {"train.stall_abort_seconds", AE_KEY_REAL, "0", 0, 1e9, NULL, NULL, AE_KEY_FREE,
     "seconds without progress after which the run says so and ends, with exit status 1: a job that hangs does not burn "
     "its allocation; 0 = never"},
    {"train.time_limit", AE_KEY_REAL, "auto", 0, 1e9, NULL, "auto", AE_KEY_FREE,
     "seconds after which this launch of the run has saved and stopped, with exit status 75; 0 = none; auto = the end "
     "of "
     "the SLURM job it runs in, none elsewhere"},
    {"checkpoint.every_epochs", AE_KEY_INTEGER, "1", 1, 1e6, NULL, NULL, AE_KEY_FREE,
     "epochs between checkpoints; the last epoch always has one"},
    {"checkpoint.every_steps", AE_KEY_INTEGER, "0", 0, 9e15, NULL, NULL, AE_KEY_FREE,
     "steps between further checkpoints, in the middle of an epoch; 0 = off"},
    {"checkpoint.keep", AE_KEY_INTEGER, "2", 1, 4000, NULL, NULL, AE_KEY_FREE, "newest checkpoints kept"},
    {"checkpoint.best", AE_KEY_BOOL, "false", 0, 0, NULL, NULL, AE_KEY_FREE,
     "also write and keep the checkpoint of the epoch with the lowest test_loss (train_loss without data.test); "
     "checkpoint-best.h5 leads to it"},
    {"output.codes", AE_KEY_CHOICE, "last", 0, 0, codes, NULL, AE_KEY_FREE,
     "codes files: after no epoch, with the newest checkpoint (last: earlier ones are removed), or after every epoch"},
    {"output.samples", AE_KEY_INTEGER, "0", 0, 100000, NULL, NULL, AE_KEY_FREE,
     "after every epoch so many reconstructions and samples, always of the same examples and noise, in "
     "samples-<epoch>.h5"},
    {"output.log_every", AE_KEY_REAL, "30", 0.01, 1e6, NULL, NULL, AE_KEY_FREE,
     "seconds between progress lines when standard error is not a terminal"},
    {0}};

const ae_key ae_keys_network[] = {
    {"network.kind", AE_KEY_CHOICE, "dense", 0, 0, kinds, NULL, AE_KEY_FIXED,
     "dense, or conv: with convolutions between images and the hidden layers"},
    {"network.channels", AE_KEY_INTEGERS, "[32, 64, 128]", 1, 65536, NULL, NULL, AE_KEY_FIXED,
     "network.kind=conv: channels after each of the encoder's convolutions, which halve the sides of an image; the "
     "decoder mirrors them"},
    {"network.hidden", AE_KEY_INTEGERS, "[512]", 1, 1e6, NULL, NULL, AE_KEY_FIXED,
     "widths of the encoder's hidden layers; the decoder mirrors them"},
    {"network.activation", AE_KEY_CHOICE, "relu", 0, 0, activations, NULL, AE_KEY_FIXED, "between layers"},
    {0}};

const ae_key ae_keys_latent[] = {
    {"network.latent_size", AE_KEY_INTEGER, "20", 1, 1e6, NULL, NULL, AE_KEY_FIXED, "dimensions of a latent code"},
    {0}};

const ae_key ae_keys_likelihood[] = {
    {"network.likelihood", AE_KEY_CHOICE, "auto", 0, 0, likelihoods, "auto", AE_KEY_FIXED,
     "of the data given the code: bernoulli (values in 0 to 1), gaussian of variance 1/2 (vqvae: squared error as a "
     "share "
     "of the data's variance), categorical (vqvae: 256 levels from 0 to 1); auto = gaussian for vqvae, else bernoulli"},
    {0}};

const ae_key ae_keys_vae[] = {
    {"vae.beta", AE_KEY_REAL, "1", 0, 1e6, NULL, NULL, AE_KEY_FIXED, "weight of the divergence from the prior"},
    {"vae.warmup_epochs", AE_KEY_REAL, "0", 0, 1e6, NULL, NULL, AE_KEY_FIXED,
     "epochs over which that weight rises from 0, step by step"},
    {0}};

const ae_key ae_keys_kmeans[] = {{"kmeans.clusters", AE_KEY_INTEGER, "10", 1, 1e6, NULL, NULL, AE_KEY_FIXED,
                                  "clusters, K; with vhe.labels=given there are as many classes as labels instead"},
                                 {"kmeans.iterations", AE_KEY_INTEGER, "50", 1, 1e6, NULL, NULL, AE_KEY_FREE,
                                  "most Lloyd iterations of a clustering"},
                                 {"kmeans.tolerance", AE_KEY_REAL, "0.0001", 0, 1, NULL, NULL, AE_KEY_FREE,
                                  "stops when the centroids' squared shift is below this share of the mean variance"},
                                 {"kmeans.init", AE_KEY_CHOICE, "k-means++", 0, 0, starts, NULL, AE_KEY_FREE,
                                  "start of the first clustering: distinct examples; examples far from each other, "
                                  "drawn one by one; or many drawn in a "
                                  "few passes and thinned out, for many clusters (k-means||)"},
                                 {0}};

const ae_key_condition ae_key_conditions[] = {{"train.momentum", "train.optimizer", "sgd", false},
                                              {"train.schedule_steps", "train.schedule", "constant", true},
                                              {"train.schedule_every", "train.schedule", "step", false},
                                              {"train.schedule_factor", "train.schedule", "step", false},
                                              {"network.channels", "network.kind", "conv", false},
                                              {0}};
