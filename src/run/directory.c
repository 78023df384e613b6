#include "mpiae/run/directory.h"

#include "mpiae/base/log.h"
#include "mpiae/base/memory.h"
#include "mpiae/base/system.h"
#include "mpiae/h5/h5.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

void ae_run_directory_checkpoint(const char *directory, int64_t step, char path[AE_PATH_SIZE]) {
  snprintf(path, AE_PATH_SIZE, "%s/checkpoint-%09lld.h5", directory, (long long)step);
}

void ae_run_directory_codes(const char *directory, int64_t epoch, char path[AE_PATH_SIZE]) {
  snprintf(path, AE_PATH_SIZE, "%s/codes-%06lld.h5", directory, (long long)epoch);
}

void ae_run_directory_samples(const char *directory, int64_t epoch, char path[AE_PATH_SIZE]) {
  snprintf(path, AE_PATH_SIZE, "%s/samples-%06lld.h5", directory, (long long)epoch);
}

bool ae_run_directory_has(const char *directory, int64_t step) {
  char path[AE_PATH_SIZE];
  struct stat info;
  ae_run_directory_checkpoint(directory, step, path);
  return stat(path, &info) == 0;
}

static void best_link(const char *directory, const char *ending, char path[AE_PATH_SIZE]) {
  snprintf(path, AE_PATH_SIZE, "%s/checkpoint-best.h5%s", directory, ending);
}

static bool is_directory(const char *path) {
  struct stat info;
  return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

/* Whether a name is one that a run gives: checkpoint-<9 digits>.h5, codes- or samples-<6 digits>.h5; the number where
 * not NULL. Files that users call alike are theirs. */
static bool is_numbered(const char *name, const char *prefix, int64_t *number) {
  const size_t length = strlen(prefix);
  char own[NAME_MAX + 1];
  if (strncmp(name, prefix, length) != 0 || name[length] != '-') return false;
  const long long value = strtoll(name + length + 1, NULL, 10);
  snprintf(own, sizeof own, "%s-%0*lld.h5", prefix, strcmp(prefix, "checkpoint") == 0 ? 9 : 6, value);
  if (number != NULL) *number = value;
  return value >= 0 && strcmp(own, name) == 0;
}

/* The step that checkpoint-best.h5 leads to; −1 when there is no such link. */
static int64_t linked_step(const char *directory) {
  char link[AE_PATH_SIZE], target[NAME_MAX + 1];
  int64_t step;
  best_link(directory, "", link);
  const ssize_t length = readlink(link, target, sizeof target - 1);
  if (length < 0) return -1;
  target[length] = '\0';
  return is_numbered(target, "checkpoint", &step) ? step : -1;
}

/* Files of a run, also under the names they have while they are being written. */
bool ae_run_directory_owns(const char *name) {
  static const char *const endings[] = {".partial", ".tmp", ".unreadable"};
  char stem[NAME_MAX + 1];
  snprintf(stem, sizeof stem, "%s", name);
  for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
    const size_t length = strlen(stem), ending = strlen(endings[i]);
    if (length > ending && strcmp(stem + length - ending, endings[i]) == 0) stem[length - ending] = '\0';
  }
  return strcmp(stem, "config.yaml") == 0 || strcmp(stem, "metrics.csv") == 0 || strcmp(stem, "run.log") == 0 ||
         strcmp(stem, "checkpoint-best.h5") == 0 || is_numbered(stem, "checkpoint", NULL) ||
         is_numbered(stem, "codes", NULL) || is_numbered(stem, "samples", NULL);
}

static ae_status make_directories(const char *directory, bool *made) {
  char path[AE_PATH_SIZE];
  snprintf(path, sizeof path, "%s/", directory);
  for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
    if (slash[-1] == '/') continue;
    *slash = '\0';
    *made = mkdir(path, 0777) == 0;
    if (!*made && errno != EEXIST)
      return AE_FAIL(AE_DATA, "run directory %s cannot be made: %s: %s; choose another with --run", directory, path,
                     strerror(errno));
    *slash = '/';
  }
  return AE_OK;
}

static void lock_file(const char *directory, char path[AE_PATH_SIZE]) {
  snprintf(path, AE_PATH_SIZE, "%s/.lock", directory);
}

/* Whether the file of this name is still the one that is open. */
static bool is_current(const char *path, int descriptor) {
  struct stat named, opened;
  return stat(path, &named) == 0 && fstat(descriptor, &opened) == 0 && named.st_dev == opened.st_dev &&
         named.st_ino == opened.st_ino;
}

static void close_lock(ae_run_lock *lock) {
  close(lock->descriptor);
  lock->descriptor = -1;
}

/* Fails now rather than at the first checkpoint. The lock ends with the process, however that ends; a process that ends
 * in good order removes the file, and a directory that it made and left empty: here they may go between two calls. */
static ae_status take_lock(const char *directory, ae_run_lock *lock) {
  enum { ATTEMPTS = 100 };
  char path[AE_PATH_SIZE];
  lock_file(directory, path);
  for (int attempt = 1;; attempt++) {
    bool made = false;
    AE_RETURN_IF(make_directories(directory, &made));
    lock->made |= made;
    lock->descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (lock->descriptor < 0 && errno == ENOENT && attempt < ATTEMPTS) continue;
    if (lock->descriptor < 0 && lock->made) rmdir(directory);
    if (lock->descriptor < 0)
      return AE_FAIL(AE_DATA, "run directory %s cannot be written to: %s; choose another with --run", directory,
                     strerror(errno));
    if (flock(lock->descriptor, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
      close_lock(lock);
      return AE_FAIL(AE_USAGE, "another process trains in %s; wait for it, or choose another directory with --run",
                     directory);
    }
    if (is_current(path, lock->descriptor)) return AE_OK;
    close_lock(lock);
    if (attempt >= ATTEMPTS)
      return AE_FAIL(AE_DATA, "%s: the file that was opened is not the one of this name: does its file system work?",
                     path);
  }
}

void ae_run_directory_release(const char *directory, ae_run_lock *lock) {
  char path[AE_PATH_SIZE];
  if (lock->descriptor < 0) return;
  lock_file(directory, path);
  unlink(path);
  close_lock(lock);
  if (lock->made) rmdir(directory);
}

/* Removes the files of a run, or, with `look`, only tells whether there are any. */
static ae_status sweep(const char *directory, bool look, bool *found) {
  char path[AE_PATH_SIZE];
  DIR *entries = opendir(directory);
  if (entries == NULL) return AE_FAIL(AE_DATA, "run directory %s: %s", directory, strerror(errno));
  *found = false;
  for (const struct dirent *entry = readdir(entries); entry != NULL; entry = readdir(entries)) {
    if (!ae_run_directory_owns(entry->d_name)) continue;
    *found = true;
    snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
    if (!look) unlink(path);
  }
  closedir(entries);
  return AE_OK;
}

/* What a run that was killed was writing: nobody writes there now. */
static void remove_unfinished(const char *directory) {
  char path[AE_PATH_SIZE];
  DIR *entries = opendir(directory);
  if (entries == NULL) return;
  for (const struct dirent *entry = readdir(entries); entry != NULL; entry = readdir(entries)) {
    const char *ending = strrchr(entry->d_name, '.');
    if (ending == NULL || (strcmp(ending, ".partial") != 0 && strcmp(ending, ".tmp") != 0)) continue;
    snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
    if (ae_run_directory_owns(entry->d_name)) unlink(path);
  }
  closedir(entries);
}

static ae_status take(const char *directory, ae_run_mode mode, ae_run_lock *lock) {
  bool found;
  if (strlen(directory) + NAME_MAX > AE_PATH_SIZE)
    return AE_FAIL(AE_USAGE, "the path of the run directory has %zu bytes; at most %d are possible", strlen(directory),
                   AE_PATH_SIZE - NAME_MAX);
  AE_RETURN_IF(take_lock(directory, lock));
  if (mode == AE_RUN_RESUME) remove_unfinished(directory);
  AE_RETURN_IF(sweep(directory, true, &found));
  if (!found || mode != AE_RUN_NEW) return AE_OK;
  return AE_FAIL(
      AE_USAGE,
      "%s already holds a run: --resume goes on with it, --overwrite replaces it, --run DIR takes another place",
      directory);
}

/* The lock file is there when the directory is the one that rank 0 has. */
static ae_status see_lock(const ae_comm *comm, const char *directory) {
  char path[AE_PATH_SIZE], host[AE_HOST_NAME];
  struct stat info;
  lock_file(directory, path);
  if (stat(path, &info) == 0) return AE_OK;
  const int reason = errno;
  ae_host_name(host);
  return AE_FAIL(
      AE_DATA,
      "rank %d on %s does not see run directory %s as rank 0 has it: %s: %s; give a directory that all hosts "
      "share with --run",
      ae_comm_rank(comm), host, directory, path, strerror(reason));
}

ae_status ae_run_directory_take(const ae_comm *comm, const char *directory, ae_run_mode mode, ae_run_lock *lock) {
  *lock = (ae_run_lock){.descriptor = -1};
  AE_RETURN_IF(ae_comm_agree(comm, ae_comm_rank(comm) == 0 ? take(directory, mode, lock) : AE_OK));
  return ae_comm_agree(comm, see_lock(comm, directory));
}

ae_status ae_run_directory_clear(const ae_comm *comm, const char *directory) {
  bool found;
  return ae_comm_agree(comm, ae_comm_rank(comm) == 0 ? sweep(directory, false, &found) : AE_OK);
}

static int newest_first(const void *a, const void *b) {
  const int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
  return (left < right) - (left > right);
}

enum { MOST_LISTED = 4096 };

static ae_status list(const char *directory, int64_t steps[MOST_LISTED], int *found) {
  int count = 0;
  DIR *entries = opendir(directory);
  *found = 0;
  if (entries == NULL && errno == ENOENT) return AE_OK;
  if (entries == NULL) return AE_FAIL(AE_DATA, "%s cannot be listed: %s", directory, strerror(errno));
  for (const struct dirent *entry = readdir(entries); entry != NULL && count < MOST_LISTED; entry = readdir(entries))
    if (is_numbered(entry->d_name, "checkpoint", &steps[count])) count++;
  closedir(entries);
  qsort(steps, (size_t)count, sizeof *steps, newest_first);
  *found = count;
  return AE_OK;
}

ae_status ae_run_directory_checkpoints(const ae_comm *comm, const char *directory, int64_t **steps, int *count) {
  AE_RETURN_IF(ae_comm_agree(comm, AE_NEW(*steps, MOST_LISTED)));
  AE_RETURN_IF(ae_comm_agree(comm, ae_comm_rank(comm) == 0 ? list(directory, *steps, count) : AE_OK));
  ae_comm_broadcast(comm, count, (int64_t)sizeof *count);
  ae_comm_broadcast(comm, *steps, MOST_LISTED * (int64_t)sizeof **steps);
  return AE_OK;
}

ae_status ae_run_directory_visit(const ae_comm *comm, const char *model,
                                 ae_status (*use)(const ae_comm *comm, const char *path, void *context),
                                 void *context) {
  ae_status status;
  int64_t *steps = NULL;
  int count, within = is_directory(model);
  char path[AE_PATH_SIZE];
  ae_comm_broadcast(comm, &within, (int64_t)sizeof within);
  if (!within) return use(comm, model, context);
  AE_CHECK(ae_run_directory_checkpoints(comm, model, &steps, &count));
  if (count == 0) AE_RAISE(AE_DATA, "%s has no checkpoint: it is not the directory of a run that got that far", model);
  for (int i = 0; i < count; i++) {
    ae_error_clear(&status);
    ae_run_directory_checkpoint(model, steps[i], path);
    AE_CHECK(ae_h5_look(comm, path)); /* a file that cannot be opened now is not a damaged one */
    status = use(comm, path, context);
    if (ae_error_code(status) != AE_DATA || ae_error_is_passing(status)) break;
    if (i + 1 < count) ae_log_warning("%s; trying the checkpoint before", ae_error_message(status));
  }
cleanup:
  AE_FREE(steps);
  return status;
}

ae_status ae_run_directory_trim_checkpoints(const ae_comm *comm, const char *directory, int keep, int64_t best) {
  ae_status status;
  int64_t *steps = NULL;
  int count;
  char path[AE_PATH_SIZE];
  AE_CHECK(ae_run_directory_checkpoints(comm, directory, &steps, &count));
  for (int i = keep; i < count && ae_comm_rank(comm) == 0; i++) {
    if (steps[i] == best || steps[i] == linked_step(directory)) continue;
    ae_run_directory_checkpoint(directory, steps[i], path);
    unlink(path);
  }
cleanup:
  AE_FREE(steps);
  return status;
}

/* Removes <prefix>-<number>.h5 with a number in [low, high]. */
static void remove_numbered(const char *directory, const char *prefix, int64_t low, int64_t high) {
  char path[AE_PATH_SIZE];
  DIR *entries = opendir(directory);
  if (entries == NULL) return;
  for (const struct dirent *entry = readdir(entries); entry != NULL; entry = readdir(entries)) {
    int64_t number;
    if (!is_numbered(entry->d_name, prefix, &number) || number < low || number > high) continue;
    snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
    unlink(path);
  }
  closedir(entries);
}

void ae_run_directory_trim_codes(const ae_comm *comm, const char *directory, int64_t epoch) {
  if (ae_comm_rank(comm) == 0) remove_numbered(directory, "codes", 0, epoch - 1);
}

void ae_run_directory_rewind(const ae_comm *comm, const char *directory, int64_t step, int64_t epoch) {
  if (ae_comm_rank(comm) != 0) return;
  remove_numbered(directory, "checkpoint", step + 1, INT64_MAX);
  remove_numbered(directory, "codes", epoch + 1, INT64_MAX);
  remove_numbered(directory, "samples", epoch + 1, INT64_MAX);
  char link[AE_PATH_SIZE];
  best_link(directory, "", link);
  const int64_t best = linked_step(directory);
  if (best >= 0 && !ae_run_directory_has(directory, best)) unlink(link);
}

void ae_run_directory_set_aside(const ae_comm *comm, const char *directory, int64_t step) {
  char path[AE_PATH_SIZE], aside[AE_PATH_SIZE + 16];
  if (ae_comm_rank(comm) != 0) return;
  ae_run_directory_checkpoint(directory, step, path);
  snprintf(aside, sizeof aside, "%s.unreadable", path);
  (void)rename(path, aside);
}

ae_status ae_run_directory_link_best(const char *directory, int64_t step) {
  char link[AE_PATH_SIZE], temporary[AE_PATH_SIZE], checkpoint[AE_PATH_SIZE];
  struct stat info;
  best_link(directory, "", link);
  best_link(directory, ".tmp", temporary);
  ae_run_directory_checkpoint(directory, step, checkpoint);
  unlink(temporary);
  if (lstat(link, &info) == 0 && !S_ISLNK(info.st_mode))
    return AE_FAIL(AE_DATA, "%s cannot be made: something else bears that name", link);
  if (step < 0 || !ae_run_directory_has(directory, step)) {
    unlink(link);
    return AE_OK;
  }
  /* relative, so that the directory may be moved */
  if (symlink(strrchr(checkpoint, '/') + 1, temporary) != 0 || rename(temporary, link) != 0) {
    const int reason = errno;
    unlink(temporary);
    return AE_FAIL(AE_DATA, "%s cannot be made: %s", link, strerror(reason));
  }
  ae_sync_directory_of(link);
  return AE_OK;
}
