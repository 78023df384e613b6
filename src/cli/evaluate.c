#include "mpiae/infer/evaluate.h"
#include "mpiae/base/arithmetic.h"
#include "mpiae/base/log.h"
#include "mpiae/base/memory.h"
#include "mpiae/cluster/kmeans.h"
#include "mpiae/cluster/neighbours.h"
#include "mpiae/cluster/score.h"
#include "mpiae/comm/reduce.h"
#include "mpiae/infer/codes.h"
#include "mpiae/infer/episodes.h"
#include "prior.h"
#include "result.h"

#include <math.h>
#include <string.h>

/* The probe asks for the classes of at most so many examples, by so many neighbours. */
enum { NEIGHBOURS = 5, MOST_PROBED = 10000, MOST_FIGURES = 32, EPISODES = 400 };

/* One line of the answer. */
typedef struct figure {
  const char *name;
  double value;
  const char *units;
} figure;

typedef struct answer {
  figure figure[MOST_FIGURES];
  int count;
} answer;

static void add(answer *all, const char *name, double value, const char *units) {
  AE_ASSERT(all->count < MOST_FIGURES);
  all->figure[all->count++] = (figure){name, value, units};
}

static void add_mean(answer *all, const ae_model *model, const ae_figure *of, double value) {
  add(all, of->name, value, ae_metrics_units(of->units, model->units));
}

/* The share of the examples whose indices are priced given their labels, where a prior is conditioned on labels. */
static void add_given_labels(const ae_result *result, const ae_model *prior, answer *all) {
  const ae_dataset *data = result->data;
  int64_t known = 0;
  if (prior->labels == 0) return;
  for (int64_t i = 0; i < ae_shards_own_count(&data->shards) && data->label != NULL; i++)
    known += data->label[i] >= 0 && data->label[i] < prior->labels;
  ae_reduce_integers(result->comm, &known, 1);
  add(all, "given_labels", (double)known / (double)data->examples, "");
}

static ae_status add_losses(const ae_result *result, int draws, answer *all) {
  ae_evaluation found;
  ae_model *model = result->loaded->model;
  AE_RETURN_IF(ae_inference_evaluate(model, result->data, draws, &found));
  add(all, "loss", found.loss, model->units);
  for (int i = 0; i < model->terms; i++) add_mean(all, model, model->term[i].figure, found.term[i]);
  for (int i = 0; i < model->measures; i++) add_mean(all, model, model->measure[i], found.term[model->terms + i]);
  if (model->type->prior != NULL) add(all, "nats_per_index", found.loss / (double)model->setup.features, "nat");
  if (model->type->prior != NULL) add_given_labels(result, model, all);
  if (!model->proper) return AE_OK;
  add(all, "elbo", found.elbo, "nat");
  if (draws > 1) add(all, "importance_weighted_bound", found.bound, "nat");
  double length = -found.elbo;
  for (int i = 0; i < model->measures; i++) length += found.term[model->terms + i];
  add(all, "bits_per_dimension", length / ((double)model->setup.features * log(2)), "bit");
  return AE_OK;
}

/* Agreement of clusters with the known labels. */
static ae_status add_scores(const ae_result *result, const int32_t *label, int clusters, answer *all) {
  const ae_dataset *data = result->data;
  ae_scores scores;
  AE_RETURN_IF(ae_score_labels(result->comm, label, data->label, ae_shards_own_count(&data->shards), clusters,
                               data->classes, &scores));
  if (isnan(scores.nmi)) {
    ae_log_warning("%s has labels up to %d: too many classes to compare clusters with", data->path, data->classes - 1);
    return AE_OK;
  }
  add(all, "label_nmi", scores.nmi, "");
  add(all, "label_ari", scores.ari, "");
  if (!isnan(scores.accuracy)) add(all, "label_acc", scores.accuracy, "");
  return AE_OK;
}

/* Clusters of a model without any of its own: as many as there are classes, by k-means over the codes. */
static ae_status cluster_codes(const ae_result *result, const float *rows, int32_t *label) {
  ae_status status;
  const int classes = result->data->classes;
  const int64_t width = result->loaded->model->code_width;
  const ae_kmeans_options options = {
      .clusters = classes, .iterations = 300, .tolerance = 1e-4, .start = AE_KMEANS_PLUSPLUS, .seed = 1};
  ae_kmeans_outcome outcome;
  float *centroid = NULL;
  int64_t *size = NULL;
  status = AE_NEW(centroid, classes * width);
  if (status == AE_OK) status = AE_NEW(size, classes);
  AE_CHECK(ae_comm_agree(result->comm, status));
  AE_CHECK(
      ae_kmeans_fit(result->comm, &result->data->shards, rows, width, &options, NULL, centroid, label, size, &outcome));
cleanup:
  AE_FREE(centroid);
  AE_FREE(size);
  return status;
}

static ae_status add_clusters(const ae_result *result, const ae_codes *codes, const float *rows, answer *all) {
  const ae_model *model = result->loaded->model;
  ae_status status;
  int32_t *label = NULL;
  for (int i = 0; i < model->fields; i++)
    if (strcmp(model->field[i].name, "pseudo_label") == 0)
      return add_scores(result, codes->field[i], model->classes, all);
  if (result->data->classes > result->data->examples) return AE_OK;
  if (result->data->classes > AE_SCORE_MOST_MATCHED) {
    ae_log_warning("%s has labels up to %d: too many classes to cluster the codes for", result->data->path,
                   result->data->classes - 1);
    return AE_OK;
  }
  AE_CHECK(ae_comm_agree(result->comm, AE_NEW(label, ae_shards_own_count(&result->data->shards))));
  AE_CHECK(cluster_codes(result, rows, label));
  AE_CHECK(add_scores(result, label, result->data->classes, all));
cleanup:
  AE_FREE(label);
  return status;
}

static ae_status add_probe(const ae_result *result, const float *rows, answer *all) {
  const ae_shards *shards = &result->data->shards;
  ae_status status;
  double accuracy;
  int64_t *neighbour = NULL;
  const int64_t queries = ae_min(MOST_PROBED, result->data->examples);
  AE_CHECK(ae_comm_agree(result->comm, AE_NEW(neighbour, ae_shards_own_count(shards) * NEIGHBOURS)));
  AE_CHECK(ae_neighbours_find(result->comm, shards, rows, result->loaded->model->code_width, NEIGHBOURS, queries,
                              neighbour, NULL));
  AE_CHECK(
      ae_neighbours_accuracy(result->comm, shards, result->data->label, neighbour, NEIGHBOURS, queries, &accuracy));
  add(all, "neighbours_acc", accuracy, "");
cleanup:
  AE_FREE(neighbour);
  return status;
}

/* Clusters and neighbours among the codes, against the known labels. */
static ae_status add_structure(const ae_result *result, const ae_codes *codes, const float *rows, answer *all) {
  const int64_t numbers = ae_shards_own_count(&result->data->shards) * result->loaded->model->code_width;
  int64_t odd = 0;
  for (int64_t i = 0; i < numbers; i++) odd += !isfinite(rows[i]);
  if (ae_comm_max(result->comm, odd) > 0) {
    ae_log_warning("the model gives codes that are not finite: no figures about codes");
    return AE_OK;
  }
  AE_RETURN_IF(add_clusters(result, codes, rows, all));
  return add_probe(result, rows, all);
}

static bool has(const answer *all, const char *name) {
  for (int i = 0; i < all->count; i++)
    if (strcmp(all->figure[i].name, name) == 0) return true;
  return false;
}

static double figure_of(const answer *all, const char *name) {
  int i = 0;
  while (strcmp(all->figure[i].name, name) != 0) i++;
  return all->figure[i].value;
}

/* What the codes cost under the prior, and with what they leave to be told, the data. */
static ae_status add_price(const ae_result *result, ae_model *prior, const float *rows, answer *all) {
  const ae_model *model = result->loaded->model;
  double nats;
  AE_RETURN_IF(ae_prior_price(result, prior, rows, &nats));
  add(all, "prior", nats, "nat");
  add(all, "prior_per_index", nats / (double)model->code_width, "nat");
  add_given_labels(result, prior, all);
  if (!model->per_number) return AE_OK;
  const double number = figure_of(all, model->term[0].figure->name) + nats / (double)model->setup.features;
  add(all, "bits_per_dimension", number / log(2), "bit");
  return AE_OK;
}

/* What the codes tell. */
static ae_status add_codes(const ae_result *result, ae_model *prior, answer *all) {
  ae_model *model = result->loaded->model;
  const int64_t own = ae_shards_own_count(&result->data->shards);
  ae_status status;
  ae_codes codes = {0};
  float *rows = NULL;
  status = ae_codes_create(model, own, &codes);
  if (status == AE_OK) status = AE_NEW(rows, own * model->code_width);
  AE_CHECK(ae_comm_agree(result->comm, status));
  AE_CHECK(ae_inference_encode(model, result->data, &codes));
  ae_codes_join(model, &codes, 0, own, rows);
  if (prior != NULL) AE_CHECK(add_price(result, prior, rows, all));
  else AE_CHECK(add_structure(result, &codes, rows, all));
cleanup:
  ae_codes_free(&codes);
  AE_FREE(rows);
  return status;
}

/* What the labels are called. */
static void print_names(const char *names) {
  if (names == NULL) return;
  printf("\n  labels:");
  for (int number = 0; *names != '\0'; number++) {
    const int length = (int)strcspn(names, "\n");
    printf("%s %d %.*s", number > 0 ? "," : "", number, length, names);
    names += length + (names[length] == '\n');
  }
  printf("\n");
}

static void print_json_names(const char *names) {
  if (names == NULL) return;
  printf(", \"label_names\": [\"");
  for (; *names != '\0'; names++)
    if (*names == '\n') printf("\", \"");
    else if (*names == '"' || *names == '\\') printf("\\%c", *names);
    else if ((unsigned char)*names < ' ') printf("\\u%04x", (unsigned)*names);
    else putchar(*names);
  printf("\"]");
}

static void print_json(const ae_result *result, int draws, const answer *all) {
  printf("{\"model\": \"%s\", \"epoch\": %lld, \"step\": %lld, \"examples\": %lld, \"draws\": %d",
         result->loaded->model->type->name, (long long)result->loaded->state.epoch,
         (long long)result->loaded->state.step, (long long)result->data->examples, draws);
  for (int i = 0; i < all->count; i++)
    if (isfinite(all->figure[i].value)) printf(", \"%s\": %.10g", all->figure[i].name, all->figure[i].value);
    else printf(", \"%s\": null", all->figure[i].name);
  print_json_names(result->data->names);
  printf("}\n");
}

static void print_given_labels(double share) {
  if (share == 1) printf("\n  the indices are priced given the labels of the data, which are not paid for\n");
  else if (share == 0)
    printf("\n  the indices are priced by the mixture over all labels: those of the data are unknown\n");
  else
    printf("\n  the indices of a share of %.4g are priced given the labels of the data, which are not paid for; the "
           "others by the mixture over all labels\n",
           share);
}

/* Values that binarising would not change. */
static bool is_binary(const ae_result *result) {
  const ae_dataset *data = result->data;
  return data->offset == NULL && data->whole && data->low >= 0 && data->high <= 1 &&
         ae_config_has(result->loaded->config, "network.likelihood") &&
         ae_config_is(result->loaded->config, "network.likelihood", "bernoulli");
}

static void print_text(const ae_result *result, int draws, bool episodes, const answer *all) {
  const ae_model *model = result->loaded->model;
  printf("%s (%s, epoch %lld, step %lld) on %s: %s %lld examples", result->name, model->type->name,
         (long long)result->loaded->state.epoch, (long long)result->loaded->state.step, result->data->path,
         episodes ? "few-shot classification among" : "means over", (long long)result->data->examples);
  if (draws > 1) printf(", %d draws each", draws);
  printf("\n\n");
  for (int i = 0; i < all->count; i++)
    printf("  %-28s %12.5g %s\n", all->figure[i].name, all->figure[i].value, all->figure[i].units);
  print_names(result->data->names);
  if (has(all, "given_labels")) print_given_labels(figure_of(all, "given_labels"));
  if (model->entries > 0 && model->type->prior == NULL && !has(all, "prior"))
    printf("\n  without what the indices cost: --prior MODEL adds it\n");
  else if (is_binary(result) && !model->proper && !episodes && model->entries == 0)
    printf(
        "\n  no ELBO: the model was trained on grey values; the data are 0 and 1, which data.binarize=static leaves as "
        "they are\n");
  else if (!model->proper && !episodes && model->entries == 0)
    printf("\n  no ELBO: the loss is no bound on a likelihood here (grey values under Bernoulli, distances between "
           "sets, or no distribution over codes)\n");
}

/* Few-shot classification in place of the other figures. */
static ae_status add_episodes(const ae_result *result, const ae_arguments *arguments, answer *all) {
  const ae_episodes_request request = {.ways = (int)ae_arguments_integer(arguments, "ways", 0),
                                       .shots = (int)ae_arguments_integer(arguments, "shots", 1),
                                       .episodes = (int)ae_arguments_integer(arguments, "episodes", EPISODES),
                                       .draws = (int)ae_arguments_integer(arguments, "samples", 1),
                                       .seed = 1};
  ae_episodes_outcome found = {0};
  ae_model *model = result->loaded->model;
  if (model->type->classes == NULL)
    return AE_FAIL(AE_USAGE, "--ways: model '%s' has no code for classes; vhe has", model->type->name);
  AE_RETURN_IF(ae_episodes_run(model, result->data, &request, &found));
  add(all, "few_shot_acc", found.accuracy, "");
  add(all, "few_shot_acc_interval", found.accuracy_interval, "95 %, to either side");
  add(all, "pixels_acc", found.pixels, "");
  add(all, "pixels_acc_interval", found.pixels_interval, "95 %, to either side");
  return AE_OK;
}

static ae_status check_request(const ae_result *result, int draws) {
  const ae_model *model = result->loaded->model;
  if (draws == 1 || model->proper) return AE_OK;
  return AE_FAIL(AE_USAGE,
                 "--samples: %s has no bound on a likelihood to sample. A vae or vhe trained with "
                 "data.binarize=static or dynamic, or network.likelihood=gaussian, has one",
                 result->name);
}

static ae_status add_matching(const ae_result *result) {
  ae_model *model = result->loaded->model;
  if (model->type->sets == NULL)
    return AE_FAIL(AE_USAGE, "--matching: model '%s' makes no sets of points", model->type->name);
  model->type->sets->add_matching(model);
  return AE_OK;
}

static ae_status run_command(const ae_comm *comm, const ae_arguments *arguments) {
  ae_status status;
  ae_result result = {0};
  ae_loaded *prior = NULL;
  answer all = {0};
  const char *name = ae_arguments_text(arguments, "prior");
  const int draws = (int)ae_arguments_integer(arguments, "samples", 1);
  AE_CHECK(ae_result_open(comm, ae_arguments_operand(arguments, 0), ae_arguments_operand(arguments, 1),
                          ae_result_evaluates, "cannot be evaluated", &result));
  const bool episodes = ae_arguments_text(arguments, "ways") != NULL;
  for (int i = 0; i < 2 && !episodes; i++) {
    const char *const option = i == 0 ? "shots" : "episodes";
    if (ae_arguments_text(arguments, option) != NULL)
      AE_RAISE(AE_USAGE, "--%s is for few-shot classification: give --ways, the classes of an episode, too", option);
  }
  if (!episodes) AE_CHECK(check_request(&result, draws));
  if (ae_arguments_flag(arguments, "matching")) AE_CHECK(add_matching(&result));
  if (name != NULL) AE_CHECK(ae_prior_open(&result, name, &prior));
  if (episodes) AE_CHECK(add_episodes(&result, arguments, &all));
  else AE_CHECK(add_losses(&result, draws, &all));
  const bool vectors = result.loaded->model->code_width > 0 && result.loaded->model->entries == 0;
  if (name != NULL) AE_CHECK(add_codes(&result, prior->model, &all));
  else if (!episodes && result.data->classes > 0 && vectors) AE_CHECK(add_codes(&result, NULL, &all));
  if (ae_arguments_flag(arguments, "json")) print_json(&result, draws, &all);
  else print_text(&result, draws, episodes, &all);
cleanup:
  ae_loaded_close(&prior);
  ae_result_close(&result);
  return status;
}

extern const ae_command ae_command_evaluate;

static const ae_option options[] = {
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
    {0}};

const ae_command ae_command_evaluate = {
    .name = "evaluate",
    .summary = "measure a trained model on a dataset",
    .operands = "MODEL DATA",
    .least_operands = 2,
    .most_operands = 2,
    .options = options,
    .details =
        "Prints the loss and its terms per example; with a proper likelihood the ELBO, the importance-weighted bound and "
        "bits\n"
        "per dimension; where labels are known NMI, ARI, ACC of the clusters (of the codes, for models without clusters)\n"
        "and the accuracy of 5 nearest neighbours among the codes, each example left out, over the first "
        "10000.\n" AE_DATA_HELP,
    .example = "mpirun -n 2 mpiae evaluate runs/glyphs glyphs.h5",
    .run = run_command};
