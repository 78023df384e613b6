#include "fault.h"

#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST = 8 };

typedef struct fault {
  char call[32], how[16];
  long nth;
  bool onwards;
} fault;

static fault faults[MOST];
static int count;
static const char *path_part;
static fault_counter *_Atomic counters;
static _Atomic bool ready;

static const struct {
  const char *name;
  int error;
} errors[] = {{"EIO", EIO},        {"ENOSPC", ENOSPC}, {"EINTR", EINTR},           {"EACCES", EACCES},
              {"EMFILE", EMFILE},  {"EFBIG", EFBIG},   {"EOPNOTSUPP", EOPNOTSUPP}, {"ESTALE", ESTALE},
              {"EDQUOT", EDQUOT},  {"ENOENT", ENOENT}, {"short", FAULT_SHORT},     {"end", FAULT_END},
              {"fail", FAULT_FAIL}};

static int own_rank(void) {
  const char *rank = getenv("OMPI_COMM_WORLD_RANK");
  if (rank == NULL) rank = getenv("PMI_RANK");
  return rank == NULL ? 0 : atoi(rank);
}

static void __attribute__((constructor)) begin(void) {
  const char *text = getenv("MPIAE_FAULTS");
  path_part = getenv("MPIAE_FAULT_PATH");
  for (; text != NULL && *text != '\0' && count < MOST; text = strchr(text, ';')) {
    fault *one = &faults[count];
    int rank, used = 0;
    text += *text == ';';
    if (sscanf(text, "%31s %ld%n", one->call, &one->nth, &used) < 2) break;
    one->onwards = text[used] == '+';
    if (sscanf(text + used + one->onwards, "%15s %d", one->how, &rank) == 2 && rank == own_rank()) count++;
  }
  ready = true;
}

static void __attribute__((destructor)) tell(void) {
  const char *directory = getenv("MPIAE_FAULT_COUNTS");
  char path[4096];
  if (directory == NULL) return;
  snprintf(path, sizeof path, "%s/%d-%ld", directory, own_rank(), (long)getpid());
  ready = false;
  FILE *file = fopen(path, "w");
  for (const fault_counter *one = counters; file != NULL && one != NULL; one = one->next)
    fprintf(file, "%s %ld\n", one->call, one->seen);
  if (file != NULL) fclose(file);
}

static void list(fault_counter *counter) {
  if (counter->listed || __atomic_exchange_n(&counter->listed, true, __ATOMIC_SEQ_CST)) return;
  counter->next = counters;
  while (!__atomic_compare_exchange_n(&counters, &counter->next, counter, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
    continue;
}

static int outcome(const char *how) {
  if (strcmp(how, "kill") == 0) kill(getpid(), SIGKILL);
  for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
    if (strcmp(errors[i].name, how) == 0) return errors[i].error;
  return EIO;
}

int fault_next(fault_counter *counter) {
  if (!ready) return FAULT_NONE;
  list(counter);
  const long now = ++counter->seen;
  for (int i = 0; i < count; i++)
    if (strcmp(faults[i].call, counter->call) == 0 && (faults[i].onwards ? now >= faults[i].nth : now == faults[i].nth))
      return outcome(faults[i].how);
  return FAULT_NONE;
}

bool fault_is_about(const char *path) {
  char here[4096] = "";
  if (!ready || path_part == NULL) return false;
  if (path[0] != '/' && getcwd(here, sizeof here) != NULL && strstr(here, path_part) != NULL) return true;
  return strstr(path, path_part) != NULL;
}

bool fault_is_about_file(int descriptor) {
  char link[64], path[4096];
  if (!ready || path_part == NULL) return false;
  const int before = errno;
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  const ssize_t length = readlink(link, path, sizeof path - 1);
  errno = before;
  if (length < 0) return false;
  path[length] = '\0';
  return strstr(path, path_part) != NULL;
}

void *fault_real(const char *name) { return dlsym(RTLD_NEXT, name); }
