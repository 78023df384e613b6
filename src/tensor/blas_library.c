/* The library behind the products. What is not in cblas.h, threads and names, each library calls otherwise: it is
 * looked up by name in the very library that computes the products, since sites put one in place of another after the
 * build. */
#include "mpiae/tensor/blas.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_SIZE = 128 };

/* One kind of library, known by a function that it alone has. Any of the others may be missing. */
typedef struct kind {
  const char *sign;
  void (*describe)(char out[NAME_SIZE]);
  const char *(*core)(void);
  void (*use_threads)(int threads);
  int (*threads)(void);
  const char *core_variable;
} kind;

/* The file that product calls arrive in; NULL when they do not leave the program. */
static const char *file(void) {
  void *product = dlsym(RTLD_DEFAULT, "cblas_sgemm");
  Dl_info found;
  return product != NULL && dladdr(product, &found) != 0 ? found.dli_fname : NULL;
}

/* A function of that library or of what it stands on, into a pointer to functions of its type; else NULL. */
static void find(const char *name, void *out) {
  static void *library;
  if (library == NULL) library = dlopen(file(), RTLD_LAZY | RTLD_NOLOAD);
  void *symbol = library != NULL ? dlsym(library, name) : NULL;
  memcpy(out, &symbol, sizeof symbol);
}

static bool has(const char *name) {
  void *found;
  find(name, &found);
  return found != NULL;
}

static const char *text_of(const char *name) {
  const char *(*get)(void);
  find(name, &get);
  return get != NULL ? get() : "unknown";
}

static int count_of(const char *name) {
  int (*get)(void);
  find(name, &get);
  return get != NULL ? get() : 1;
}

static void set_count(const char *name, int count) {
  void (*set)(int);
  find(name, &set);
  if (set != NULL) set(count);
}

/* OpenBLAS. */
static void describe_openblas(char out[NAME_SIZE]) { snprintf(out, NAME_SIZE, "%s", text_of("openblas_get_config")); }
static const char *openblas_core(void) { return text_of("openblas_get_corename"); }
static void use_openblas_threads(int threads) { set_count("openblas_set_num_threads", threads); }
static int openblas_threads(void) { return count_of("openblas_get_num_threads"); }

/* BLIS, also AMD's. Its counts are of 32 or 64 bits, as it was built: told of 64, read of the lower 32. */
static void describe_blis(char out[NAME_SIZE]) {
  snprintf(out, NAME_SIZE, "BLIS %s", text_of("bli_info_get_version_str"));
  for (char *space = strchr(out + strlen("BLIS "), ' '); space != NULL; space = strchr(space, ' ')) *space = '-';
}

static const char *blis_core(void) {
  int (*query)(void);
  const char *(*name)(int);
  find("bli_arch_query_id", &query);
  find("bli_arch_string", &name);
  return query != NULL && name != NULL ? name(query()) : "unknown";
}

static void use_blis_threads(int threads) {
  void (*set)(int64_t);
  find("bli_thread_set_num_threads", &set);
  if (set != NULL && count_of("bli_info_get_enable_threading") != 0) set(threads);
}

/* -1 before the first is told. */
static int blis_threads(void) {
  const int threads = count_of("bli_thread_get_num_threads");
  return threads > 0 ? threads : 1;
}

/* MKL. */
typedef struct mkl_version {
  int major, minor, update;
  char *status, *build, *processor, *platform;
} mkl_version;

static mkl_version ask_mkl(void) {
  mkl_version version = {0};
  void (*get)(mkl_version *);
  find("MKL_Get_Version", &get);
  if (get != NULL) get(&version);
  return version;
}

static void describe_mkl(char out[NAME_SIZE]) {
  const mkl_version version = ask_mkl();
  snprintf(out, NAME_SIZE, "MKL %d.%d.%d build %s", version.major, version.minor, version.update,
           version.build != NULL ? version.build : "unknown");
}

static const char *mkl_core(void) {
  const char *processor = ask_mkl().processor;
  return processor != NULL ? processor : "unknown";
}

/* Not fewer, as it thinks best: bits depend on it. */
static void use_mkl_threads(int threads) {
  set_count("MKL_Set_Dynamic", 0);
  set_count("MKL_Set_Num_Threads", threads);
}

static int mkl_threads(void) { return count_of("MKL_Get_Max_Threads"); }

/* Any other, by the name of its file; if it has threads, they are OpenMP's. */
static void describe_other(char out[NAME_SIZE]) {
  char *path = file() != NULL ? realpath(file(), NULL) : NULL;
  const char *slash = path != NULL ? strrchr(path, '/') : NULL;
  snprintf(out, NAME_SIZE, "%s", slash != NULL ? slash + 1 : "unknown");
  free(path);
}

static const char *other_core(void) { return "unknown"; }
static void use_other_threads(int threads) { (void)threads; }
static int other_threads(void) { return count_of("omp_get_max_threads"); }

static const kind kinds[] = {
    {"openblas_get_config", describe_openblas, openblas_core, use_openblas_threads, openblas_threads,
     "OPENBLAS_CORETYPE"},
    {"bli_info_get_version_str", describe_blis, blis_core, use_blis_threads, blis_threads, NULL},
    {"MKL_Get_Version", describe_mkl, mkl_core, use_mkl_threads, mkl_threads, NULL},
    {NULL, describe_other, other_core, use_other_threads, other_threads, NULL},
};

static const kind *found_kind(void) {
  static const kind *found;
  if (found != NULL) return found;
  const kind *next = kinds;
  while (next->sign != NULL && !has(next->sign)) next++;
  found = next;
  return found;
}

/* oneDNN takes as many threads as OpenMP has. Which library that is, is known to oneDNN alone. */
static void use_openmp_threads(int threads) {
  void *symbol = dlsym(RTLD_DEFAULT, "omp_set_num_threads");
  void (*set)(int);
  memcpy(&set, &symbol, sizeof set);
  if (set != NULL) set(threads);
}

/* OpenBLAS asks for its workspace at the first large product; refused, it asks for ever. So it does before there is
 * much else in memory. */
static void claim_workspace(void) {
  enum { SIDE = 128 };
  float zero[SIDE * SIDE] = {0}, product[SIDE * SIDE];
  ae_gemm(false, false, SIDE, SIDE, SIDE, 1, zero, SIDE, zero, SIDE, 0, product, SIDE);
}

void ae_blas_use_threads(int threads) {
  found_kind()->use_threads(threads);
  use_openmp_threads(threads);
  claim_workspace();
}

int ae_blas_threads(void) { return found_kind()->threads(); }

const char *ae_blas_version(void) {
  static char text[NAME_SIZE];
  found_kind()->describe(text);
  return text;
}

const char *ae_blas_library(void) {
  static char text[NAME_SIZE];
  snprintf(text, sizeof text, "%s", ae_blas_version());
  char *first = strchr(text, ' '), *second = first != NULL ? strchr(first + 1, ' ') : NULL;
  if (second != NULL) *second = '\0';
  return text;
}

const char *ae_blas_core(void) { return found_kind()->core(); }
const char *ae_blas_core_variable(void) { return found_kind()->core_variable; }
