#include "harness.h"

#include "mpiae/config/config.h"

#include <float.h>
#include <stdlib.h>
#include <string.h>

static const char *const models[] = {"ae", "vae", "vhe", "vqvae", NULL};

static const ae_key common[] = {
    {"model", AE_KEY_CHOICE, NULL, 0, 0, models, NULL, AE_KEY_FIXED, "which model"},
    {"data.train", AE_KEY_TEXT, NULL, 0, 0, NULL, NULL, AE_KEY_FIXED, "dataset to train on"},
    {"data.test", AE_KEY_TEXT, "", 0, 0, NULL, NULL, AE_KEY_FREE, "dataset to test on"},
    {"data.shards", AE_KEY_INTEGER, "auto", 1, 1e6, NULL, "auto", AE_KEY_FIXED, "parts of the dataset"},
    {"train.epochs", AE_KEY_INTEGER, "10", 1, 100000, NULL, NULL, AE_KEY_FREE, "times every example is seen"},
    {"train.seed", AE_KEY_INTEGER, "1", 0, 9.2e18, NULL, NULL, AE_KEY_FIXED, "random numbers"},
    {"train.learning_rate", AE_KEY_REAL, "1e-3", 0, 10, NULL, NULL, AE_KEY_FREE, "size of a step"},
    {"train.resample", AE_KEY_BOOL, "false", 0, 0, NULL, NULL, AE_KEY_FIXED, "whether to draw again"},
    {"offset", AE_KEY_INTEGER, "-3", 0, 0, NULL, NULL, AE_KEY_FREE, "any integer"},
    {NULL, AE_KEY_TEXT, NULL, 0, 0, NULL, NULL, AE_KEY_FREE, NULL}};
static const ae_key own[] = {
    {"network.hidden", AE_KEY_INTEGERS, "[512]", 1, 65536, NULL, NULL, AE_KEY_FIXED, "hidden layers"},
    {"train.extra.deep", AE_KEY_REAL, "0.5", -1, 1, NULL, NULL, AE_KEY_FIXED, "a section in a section"},
    {NULL, AE_KEY_TEXT, NULL, 0, 0, NULL, NULL, AE_KEY_FREE, NULL}};
static const ae_key *const tables[] = {common, own, NULL};

static ae_config *make(void) {
  ae_config *config = NULL;
  ae_test_ok(ae_config_create(tables, &config));
  return config;
}

static ae_status read_text(ae_config *config, const char *text) {
  return ae_config_read(config, text, (int64_t)strlen(text), "a.yaml");
}

static void test_defaults(void **state) {
  (void)state;
  ae_config *config = make();
  const int64_t *hidden = NULL;
  assert_true(ae_config_is(config, "data.shards", "auto"));
  assert_int_equal(ae_config_integer(config, "train.epochs"), 10);
  assert_int_equal(ae_config_integer(config, "offset"), -3);
  assert_true(ae_config_real(config, "train.learning_rate") == 1e-3);
  assert_false(ae_config_bool(config, "train.resample"));
  assert_string_equal(ae_config_text(config, "data.test"), "");
  assert_int_equal(ae_config_integers(config, "network.hidden", &hidden), 1);
  assert_int_equal(hidden[0], 512);
  assert_false(ae_config_was_given(config, "train.epochs"));
  ae_test_error(ae_config_complete(config), AE_USAGE, "model has no value");
  ae_config_destroy(&config);
  assert_null(config);
  ae_config_destroy(&config);
}

static void test_reading(void **state) {
  (void)state;
  ae_config *config = make();
  const int64_t *hidden = NULL;
  ae_test_ok(read_text(config, "# a run\nmodel: vhe\ndata:\n  train: 'my data.h5'\n  shards: 8\n  test: ~\n"
                               "train: {epochs: 3, learning_rate: .5e-1, resample: true, extra: {deep: -1}}\n"
                               "network:\n  hidden:\n    - 700\n    - 500\n"));
  ae_test_ok(ae_config_complete(config));
  assert_true(ae_config_is(config, "model", "vhe"));
  assert_false(ae_config_is(config, "model", "vae"));
  assert_string_equal(ae_config_text(config, "model"), "vhe");
  assert_string_equal(ae_config_text(config, "data.train"), "my data.h5");
  assert_string_equal(ae_config_text(config, "data.test"), "");
  assert_int_equal(ae_config_integer(config, "data.shards"), 8);
  assert_false(ae_config_is(config, "data.shards", "auto"));
  assert_true(ae_config_real(config, "train.learning_rate") == 0.05);
  assert_true(ae_config_real(config, "train.extra.deep") == -1);
  assert_true(ae_config_bool(config, "train.resample"));
  assert_int_equal(ae_config_integers(config, "network.hidden", &hidden), 2);
  assert_int_equal(hidden[0], 700);
  assert_int_equal(hidden[1], 500);
  assert_true(ae_config_was_given(config, "train.epochs"));
  assert_false(ae_config_was_given(config, "train.seed"));
  assert_true(ae_config_is_default(config, "train.seed"));
  assert_false(ae_config_is_default(config, "train.epochs"));
  ae_config_set(config, "train.epochs", "10");
  assert_true(ae_config_is_default(config, "train.epochs"));
  assert_false(ae_config_is_default(config, "model")); /* has none */
  assert_true(ae_config_has(config, "model"));
  assert_false(ae_config_has(config, "train"));
  ae_config_destroy(&config);
}

static void test_empty_texts(void **state) {
  (void)state;
  const char *const texts[] = {"", "# nothing\n", "---\n", "{}", "train: {}\n"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    ae_config *config = make();
    ae_test_ok(read_text(config, texts[i]));
    assert_int_equal(ae_config_integer(config, "train.epochs"), 10);
    ae_config_destroy(&config);
  }
}

/* Each text, what the message must hold. */
static void test_bad_texts(void **state) {
  (void)state;
  static const char *const cases[][2] = {
      {"train:\n  epoch: 3\n", "a.yaml:2: unknown key 'train.epoch'; the nearest known key is 'train.epochs'"},
      {"train:\n  learnign_rate: 3\n", "nearest known key is 'train.learning_rate'"},
      {"epochs: 3\n", "nearest known key is 'train.epochs'"},
      {"\n\nshards: 3\n", "a.yaml:3: unknown key 'shards'; the nearest known key is 'data.shards'"},
      {"trian:\n  epochs: 3\n", "a.yaml:1: unknown key 'trian'"},
      {"trian: {}\n", "unknown key 'trian'"},
      {"train:\n  extra:\n    depe: 1\n",
       "a.yaml:3: unknown key 'train.extra.depe'; the nearest known key is 'train.extra.deep'"},
      {"train: 3\n", "'train' is a section of keys such as 'train.epochs'"},
      {"model:\n  a: 3\n", "a.yaml:1: model takes a value, not a map"},
      {"train:\n  epochs: ten\n", "a.yaml:2: train.epochs must be an integer from 1 to 100000, not 'ten'"},
      {"train: {epochs: 1.5}\n", "not '1.5'"},
      {"train: {epochs: 5x}\n", "not '5x'"},
      {"train: {epochs: ' 5'}\n", "not the text ' 5'"},
      {"train: {epochs: '5'}\n", "not the text '5'"},
      {"train: {epochs: 99999999999999999999}\n", "not '99999999999999999999'"},
      {"train: {epochs: 0}\n", "from 1 to 100000, not '0'"},
      {"train: {epochs: 100001}\n", "from 1 to 100000, not '100001'"},
      {"train: {epochs: auto}\n", "train.epochs must be an integer"},
      {"train: {seed: -1}\n", "train.seed must be an integer of at least 0, not '-1'"},
      {"train: {learning_rate: nan}\n", "train.learning_rate must be a number from 0 to 10, not 'nan'"},
      {"train: {learning_rate: 0x1}\n", "not '0x1'"},
      {"train: {learning_rate: 1e999}\n", "not '1e999'"},
      {"train: {learning_rate: 11}\n", "not '11'"},
      {"train: {resample: yes}\n", "train.resample must be true or false, not 'yes'"},
      {"train:\n  epochs:\n  seed: 1\n", "a.yaml:2: train.epochs has no value"},
      {"model: vea\n", "model must be one of ae, vae, vhe, vqvae, not 'vea'; did you mean 'vae'?"},
      {"model: transformer\n", "model must be one of ae, vae, vhe, vqvae, not 'transformer'"},
      {"model: [vae]\n", "not '[vae]'"},
      {"data: {shards: many}\n", "data.shards must be an integer from 1 to 1000000 or auto, not 'many'"},
      {"network: {hidden: [512, x]}\n", "network.hidden must be a list of integers from 1 to 65536, not '[512, x]'"},
      {"network: {hidden: [512, 0]}\n", "not '[512, 0]'"},
      {"network: {hidden: [[512]]}\n", "the list network.hidden must hold plain integers"},
      {"network: {hidden: ['512']}\n", "the list network.hidden must hold plain integers"},
      {"network: {hidden: '[512]'}\n", "not the text '[512]'"},
      {"network: {hidden: }\n", "network.hidden has no value"},
      {"model: ae\ntrain:\n  seed: 1\n  seed: 2\n", "a.yaml:4: train.seed was given before, in line 3"},
      {"train.seed: 1\ntrain:\n  seed: 2\n", "a.yaml:3: train.seed was given before, in line 1"},
      {"train: {seed: 1}\nmodel: ae\ntrain: {epochs: 2}\n", "a.yaml:3: section 'train' was opened before, in line 1"},
      {"- model\n- ae\n", "a.yaml:1: a configuration is a map"},
      {"model\n", "a.yaml:1: a configuration is a map"},
      {"model: ae\n---\nmodel: ae\n", "a.yaml:2: a second YAML document"},
      {"model: &m ae\ndata: {train: *m}\n", "a.yaml:2: data.train is an alias"},
      {"? [a]\n: 1\n", "a.yaml:1: a key must be a word"},
      {"model: ae\ntrain: {epochs: 1\n", "a.yaml:3: not valid YAML"},
      {"network:\n  hidden: [1, 2\nmodel: ae\n", "not valid YAML"},
      {"model: ae\n\tdata: 1\n", "a.yaml:2: not valid YAML"},
      {"model: ae\ndata: {train: \xff}\n", "a.yaml:2: not valid YAML"},
      {"data: {train: \"a\\0b\"}\n", "data.train holds a zero byte"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    ae_config *config = make();
    ae_test_error(read_text(config, cases[i][0]), AE_USAGE, cases[i][1]);
    ae_config_destroy(&config);
  }
}

static void test_long_key(void **state) {
  (void)state;
  char text[400];
  memset(text, 'k', sizeof text);
  memcpy(text + sizeof text - 5, ": 1\n", 5);
  ae_config *config = make();
  ae_test_error(read_text(config, text), AE_USAGE, "too long");
  ae_config_destroy(&config);
}

static void test_overrides(void **state) {
  (void)state;
  ae_config *config = make();
  const int64_t *hidden = NULL;
  ae_test_ok(read_text(config, "train: {epochs: 3}\n"));
  ae_test_ok(ae_config_override(config, "train.epochs=7"));
  ae_test_ok(ae_config_override(config, "data.train=a=b: [c].h5"));
  ae_test_error(ae_config_override(config, "network.hidden=[1,2"), AE_USAGE, "must be a list");
  ae_test_error(ae_config_override(config, "network.hidden=1,"), AE_USAGE, "must be a list");
  ae_test_ok(ae_config_override(config, "network.hidden=700,500, 100"));
  assert_int_equal(ae_config_integer(config, "train.epochs"), 7);
  assert_string_equal(ae_config_text(config, "data.train"), "a=b: [c].h5");
  assert_int_equal(ae_config_integers(config, "network.hidden", &hidden), 3);
  assert_int_equal(hidden[2], 100);
  ae_test_error(ae_config_override(config, "train.epochs=8"), AE_USAGE, "command line: train.epochs is given twice");
  ae_test_error(ae_config_override(config, "train.eposh=8"), AE_USAGE,
                "command line: unknown key 'train.eposh'; the nearest known key is 'train.epochs'");
  ae_test_error(ae_config_override(config, "train.seed=1 2"), AE_USAGE, "command line: train.seed must be an integer");
  ae_test_error(ae_config_override(config, "train.seed="), AE_USAGE, "not ''");
  ae_test_error(ae_config_override(config, "train=1"), AE_USAGE, "'train' is a section");
  ae_test_error(ae_config_override(config, "train.seed"), AE_USAGE, "not of the form KEY=VALUE");
  ae_test_error(ae_config_override(config, "=1"), AE_USAGE, "not of the form KEY=VALUE");
  ae_test_error(ae_config_override(config, "data.test=\xff"), AE_USAGE, "not written in UTF-8");
  assert_int_equal(ae_config_integer(config, "train.seed"), 1);
  ae_config_destroy(&config);
}

static void assert_equal(const ae_config *a, const ae_config *b) {
  char *first = NULL, *second = NULL;
  ae_test_ok(ae_config_format(a, &first));
  ae_test_ok(ae_config_format(b, &second));
  assert_string_equal(first, second);
  AE_FREE(first);
  AE_FREE(second);
}

static void test_format(void **state) {
  (void)state;
  ae_config *config = make();
  char *text = NULL;
  ae_test_ok(read_text(config, "model: ae\ndata: {train: x/y.h5}\nnetwork: {hidden: [ 7,8 ]}\n"));
  ae_config_set(config, "data.shards", "4");
  ae_test_ok(ae_config_format(config, &text));
  assert_string_equal(text,
                      "model: ae\ndata:\n  train: x/y.h5\n  test: \"\"\n  shards: 4\ntrain:\n  epochs: 10\n  seed: 1\n"
                      "  learning_rate: 0.001\n  resample: false\n  extra:\n    deep: 0.5\noffset: -3\n"
                      "network:\n  hidden: [7, 8]\n");
  assert_false(ae_config_was_given(config, "data.shards"));
  AE_FREE(text);
  ae_config_destroy(&config);
}

/* Whatever a text holds, the configuration written reads back as the same. */
static void test_round_trip(void **state) {
  (void)state;
  static const char *const texts[] = {"",     " ",        "null",      "~",      "a: b", "it's",   "\"q\"",
                                      "a\\b", "#x",       "line\nnew", "\ttab",  "[1]",  "{a: 1}", "- x",
                                      "-x",   "true",     "12",        "é ü.h5", "a #b", "&a",     "*a",
                                      "!t",   "\x01\x7f", "%x",        "@x",     "a b ", "x:"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    ae_config *config = make(), *again = make();
    char *text = NULL, assignment[64];
    snprintf(assignment, sizeof assignment, "data.train=%s", texts[i]);
    ae_test_ok(ae_config_override(config, assignment));
    ae_test_ok(ae_config_override(config, "model=vae"));
    ae_test_ok(ae_config_override(config, "network.hidden=[]"));
    ae_test_ok(ae_config_format(config, &text));
    ae_test_ok(read_text(again, text));
    assert_string_equal(ae_config_text(again, "data.train"), texts[i]);
    assert_equal(config, again);
    AE_FREE(text);
    ae_config_destroy(&config);
    ae_config_destroy(&again);
  }
}

static void test_resume(void **state) {
  (void)state;
  ae_config *then = make(), *now = make();
  ae_test_ok(
      read_text(then, "train: {seed: 4, learning_rate: 0.1, epochs: 2, extra: {deep: 0.10}}\ndata: {shards: 8}"));
  ae_test_ok(read_text(now, "train: {seed: +4, learning_rate: 0.2, epochs: 3, extra: {deep: 1e-1}}\n"));
  ae_test_ok(ae_config_check_resume(now, then)); /* free keys, equal numbers, auto */
  ae_test_ok(ae_config_override(now, "data.shards=4"));
  ae_test_error(ae_config_check_resume(now, then), AE_USAGE, "data.shards is now '4' but was '8'");
  ae_config_set(now, "data.shards", "8");
  ae_config_set(now, "network.hidden", "[512, 512]");
  ae_test_error(ae_config_check_resume(now, then), AE_USAGE, "network.hidden is now '[512, 512]' but was '[512]'");
  ae_config_set(now, "network.hidden", "512");
  ae_test_ok(ae_config_check_resume(now, then));
  ae_config_set(now, "model", "vae");
  ae_test_error(ae_config_check_resume(now, then), AE_USAGE, "model is now 'vae' but was '(no value)'");
  ae_config_destroy(&then);
  ae_config_destroy(&now);
}

static void test_help(void **state) {
  (void)state;
  char *text = NULL;
  size_t length = 0;
  FILE *out = open_memstream(&text, &length);
  assert_non_null(out);
  assert_true(ae_config_print_keys(tables, "", out) > 0);
  fclose(out);
  for (int t = 0; tables[t] != NULL; t++)
    for (const ae_key *key = tables[t]; key->name != NULL; key++) {
      assert_non_null(strstr(text, key->name));
      assert_non_null(strstr(text, key->help));
    }
  assert_non_null(strstr(text, "an integer from 1 to 1000000 or auto; default auto"));
  assert_non_null(strstr(text, "one of ae, vae, vhe, vqvae; must be given"));
  assert_non_null(strstr(text, "default 10; may change on --resume"));
  free(text);
}

static void test_bad_default(void **state) {
  (void)state;
  static const ae_key wrong[] = {{"a", AE_KEY_INTEGER, "x", 0, 0, NULL, NULL, AE_KEY_FREE, "wrong"},
                                 {NULL, AE_KEY_TEXT, NULL, 0, 0, NULL, NULL, AE_KEY_FREE, NULL}};
  const ae_key *const list[] = {wrong, NULL};
  ae_config *config = NULL;
  ae_test_error(ae_config_create(list, &config), AE_USAGE, "default in the key table: a must be an integer");
}

static void test_nearest_word(void **state) {
  (void)state;
  static const char *const words[] = {"train", "sample", "import", "info", "help", NULL};
  assert_string_equal(ae_nearest_word("trian", words), "train");
  assert_string_equal(ae_nearest_word("TRAIN", words), "train");
  assert_string_equal(ae_nearest_word("samples", words), "sample");
  assert_string_equal(ae_nearest_word("imp", words), "import");
  assert_null(ae_nearest_word("frobnicate", words));
  assert_null(ae_nearest_word("", words));
}

int main(int argc, char **argv) {
  static const ae_test tests[] = {AE_TEST(test_defaults),  AE_TEST(test_reading),     AE_TEST(test_empty_texts),
                                  AE_TEST(test_bad_texts), AE_TEST(test_long_key),    AE_TEST(test_overrides),
                                  AE_TEST(test_format),    AE_TEST(test_round_trip),  AE_TEST(test_resume),
                                  AE_TEST(test_help),      AE_TEST(test_bad_default), AE_TEST(test_nearest_word)};
  return ae_test_main(argc, argv, tests, (int)(sizeof tests / sizeof *tests));
}
