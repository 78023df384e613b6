#include "mpiae/base/log.h"
#include "mpiae/base/memory.h"
#include "mpiae/infer/decoding.h"
#include "prior.h"
#include "result.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Without --count. */
enum { SAMPLES = 64, SWAPPED = 8 };

/* What is asked for. */
typedef struct samples {
  ae_sample_request request;
  bool swap;
  int64_t size;      /* --size, or 0 */
  const char *given; /* --like, or NULL */
  char *path;        /* of the examples of --like */
  int64_t example[AE_BLOCK_ROWS];
  int64_t examples;
  ae_block_copy like;
  float *code;      /* --swap: (count, code_width), of rows and columns */
  ae_loaded *prior; /* --prior, or NULL */
} samples;

/* "DATA:I,J,…": the data may hold colons themselves. */
static ae_status parse_like(const char *text, samples *what) {
  const char *colon = strrchr(text, ':');
  if (colon == NULL || colon == text)
    return AE_FAIL(AE_USAGE, "--like %s: give data and numbers of examples, as in data.h5:3,17", text);
  AE_RETURN_IF(ae_memory_text(text, &what->path));
  what->path[colon - text] = '\0';
  const char *place = colon;
  do {
    char *end;
    const char *digits = place + 1;
    errno = 0;
    const long long number = strtoll(digits, &end, 10);
    if (*digits < '0' || *digits > '9' || errno != 0 || (*end != ',' && *end != '\0'))
      return AE_FAIL(AE_USAGE, "--like %s: '%s' are not numbers of examples, as in data.h5:3,17", text, colon + 1);
    if (what->examples == AE_BLOCK_ROWS)
      return AE_FAIL(AE_USAGE, "--like %s: more than %d examples", text, AE_BLOCK_ROWS);
    what->example[what->examples++] = number;
    place = end;
  } while (*place == ',');
  return AE_OK;
}

static ae_status read_request(const ae_arguments *arguments, samples *what) {
  const char *from = ae_arguments_text(arguments, "from"), *like = ae_arguments_text(arguments, "like");
  what->swap = ae_arguments_flag(arguments, "swap");
  what->given = like;
  if (from != NULL && strcmp(from, "prior") != 0)
    return AE_FAIL(AE_USAGE, "--from %s: samples come from 'prior', or without --from from the clusters", from);
  if (from != NULL && like != NULL)
    return AE_FAIL(AE_USAGE, "--from prior and --like exclude each other: c comes from one of them");
  if (like != NULL) AE_RETURN_IF(parse_like(like, what));
  const bool given = what->swap && like != NULL;
  const int64_t preset = given ? what->examples : what->swap ? SWAPPED : SAMPLES;
  what->request = (ae_sample_request){.count = ae_arguments_integer(arguments, "count", preset),
                                      .seed = (uint64_t)ae_arguments_integer(arguments, "seed", 1),
                                      .from_prior = from != NULL,
                                      .labelled = ae_arguments_flag(arguments, "label"),
                                      .label = (int32_t)ae_arguments_integer(arguments, "label", 0)};
  if (given && what->request.count != preset)
    return AE_FAIL(AE_USAGE,
                   "--swap with --like makes a row and a column of each example: leave --count out, or give %lld",
                   (long long)preset);
  if (what->swap && what->request.count > AE_BLOCK_ROWS)
    return AE_FAIL(AE_USAGE, "--swap makes a table of N x N: --count is at most %d there", AE_BLOCK_ROWS);
  return AE_OK;
}

/* The examples of --like, on every rank. */
static ae_status fetch_like(ae_result *result, samples *what) {
  AE_RETURN_IF(ae_block_fetch(result->comm, result->data, what->example, what->examples, &what->like));
  what->request.like = &what->like.block;
  return AE_OK;
}

/* Codes whose parts are exchanged: of the examples given, or drawn. */
static ae_status make_codes(ae_model *model, samples *what) {
  int32_t label[AE_BLOCK_ROWS];
  AE_RETURN_IF(AE_NEW(what->code, what->request.count * model->code_width));
  if (what->request.like != NULL) return model->type->classes->one_shot(model, &what->like.block, what->code);
  return model->type->inference->draw(model, &what->request, 0, what->request.count, what->code, label);
}

/* Row `row` of the table: the last part of the code, c, is the row's, the parts before it each column's. */
static void fill_row(const ae_model *model, const void *context, int64_t row, float *codes) {
  const samples *what = context;
  int64_t last = 0;
  for (int i = 0; i < model->fields; i++)
    if (model->field[i].code != NULL) last = model->field[i].width;
  const int64_t width = model->code_width, first = width - last;
  memcpy(codes, what->code, (size_t)(what->request.count * width) * sizeof *codes);
  for (int64_t column = 0; column < what->request.count; column++)
    memcpy(codes + column * width + first, what->code + row * width + first, (size_t)last * sizeof *codes);
}

/* Codes that are indices come from a prior, or, said aloud, from nowhere in particular. */
static ae_status find_prior(const ae_result *result, const char *name, samples *what) {
  const ae_model *model = result->loaded->model;
  if (name != NULL) {
    AE_RETURN_IF(ae_prior_open(result, name, &what->prior));
    what->request.prior = what->prior->model;
  } else if (model->entries > 0 && model->type->prior == NULL)
    ae_log_warning("the indices of these samples are drawn evenly, every entry of the codebook as likely as any other: "
                   "train a pixelcnn on what encode writes and name it with --prior");
  return AE_OK;
}

static ae_status check_label(const ae_result *result, const samples *what) {
  const ae_model *model = what->prior != NULL ? what->prior->model : result->loaded->model;
  if (!what->request.labelled || what->request.label < model->labels) return AE_OK;
  if (model->labels == 0)
    return AE_FAIL(AE_USAGE,
                   "--label: model '%s' is not conditioned on labels; a pixelcnn with pixelcnn.labels is, and a vqvae "
                   "with such a --prior",
                   model->type->name);
  return AE_FAIL(AE_USAGE, "--label %d: the model knows the labels 0 to %d", what->request.label, model->labels - 1);
}

/* What the samples are like. */
static ae_status tell_origin(const samples *what, ae_h5 *file) {
  return what->given != NULL ? ae_h5_put_text(file, "/", "like", what->given) : AE_OK;
}

static ae_status fill_table(ae_result *result, ae_h5 *file) {
  samples *what = result->own;
  const int64_t count = what->request.count;
  const bool like = what->given != NULL;
  AE_RETURN_IF(tell_origin(what, file));
  AE_RETURN_IF(ae_h5_create_axis(file, "/", "c_row", count, like ? what->example : NULL,
                                 like ? "example that gives c" : "sample that gives c"));
  AE_RETURN_IF(ae_h5_create_axis(file, "/", "z_column", count, like ? what->example : NULL,
                                 like ? "example that gives z" : "sample that gives z"));
  const ae_picture_table table = {
      "/x", {"c_row", "z_column"}, count, count, what, fill_row, "decoded: c of the row with z of the column"};
  return ae_decoding_of(result->loaded->model->type)->table(result->loaded->model, file, &table);
}

static ae_status fill_samples(ae_result *result, ae_h5 *file) {
  const samples *what = result->own;
  AE_RETURN_IF(tell_origin(what, file));
  return ae_decoding_sample(result->loaded->model, file, &what->request, what->size, NULL, NULL);
}

static void tell(const ae_result *result, const samples *what, const char *out) {
  const long long count = what->request.count;
  if (what->swap)
    ae_log_info("a table of %lld x %lld samples of %s (epoch %lld) in %s", count, count, result->name,
                (long long)result->loaded->state.epoch, out);
  else
    ae_log_info("%lld sample%s of %s (epoch %lld) in %s", count, count == 1 ? "" : "s", result->name,
                (long long)result->loaded->state.epoch, out);
}

static ae_status run_command(const ae_comm *comm, const ae_arguments *arguments) {
  ae_status status;
  ae_result result = {0};
  samples what = {0};
  const char *out = ae_arguments_text(arguments, "out");
  AE_CHECK(read_request(arguments, &what));
  const bool alike = what.swap || what.path != NULL;
  AE_CHECK(ae_result_open(
      comm, ae_arguments_operand(arguments, 0), what.path, alike ? ae_result_draws_alike : ae_result_draws,
      alike ? "has no code for classes, as --like and --swap need" : "has no distribution to draw samples from",
      &result));
  if (what.path != NULL) AE_CHECK(fetch_like(&result, &what));
  if (what.request.from_prior && result.loaded->model->entries > 0)
    AE_RAISE(AE_USAGE, "--from prior is for vhe: give --prior MODEL, the pixelcnn to draw indices from");
  AE_CHECK(find_prior(&result, ae_arguments_text(arguments, "prior"), &what));
  AE_CHECK(check_label(&result, &what));
  AE_CHECK(ae_result_read_size(&result, arguments, true, &what.size));
  if (what.request.from_prior && result.loaded->model->classes == 0)
    AE_RAISE(AE_USAGE, "--from prior: model '%s' draws from its prior anyway", result.loaded->model->type->name);
  if (what.swap) AE_CHECK(ae_comm_agree(comm, make_codes(result.loaded->model, &what)));
  result.own = &what;
  AE_CHECK(ae_result_write(&result, out, "samples", what.swap ? fill_table : fill_samples));
  tell(&result, &what, out);
cleanup:
  ae_loaded_close(&what.prior);
  AE_FREE(what.path);
  ae_block_copy_free(&what.like);
  AE_FREE(what.code);
  ae_result_close(&result);
  return status;
}

extern const ae_command ae_command_sample;

static const ae_option options[] = {
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
    {0}};

const ae_command ae_command_sample = {.name = "sample",
                                      .summary = "draw new examples from a trained model",
                                      .operands = "MODEL",
                                      .least_operands = 1,
                                      .most_operands = 1,
                                      .options = options,
                                      .details = AE_MODEL_HELP,
                                      .example = "mpiae sample runs/glyphs --count 64 --out samples.h5",
                                      .run = run_command};
