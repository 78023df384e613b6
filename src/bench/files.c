/* A checkpoint: written, beside a write of the same bytes that reaches the disk, and read, beside a read of them from the disk. */
#include "bench.h"

#include "mpiae/base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct course {
  ae_bench *bench;
  const ae_checkpoint *held;
  char checkpoint[AE_PATH_SIZE], plain[AE_PATH_SIZE];
  char *bytes;
  int64_t count;
} course;

static ae_status write_checkpoint(void *context) {
  const course *c = context;
  return ae_checkpoint_write(c->held, c->checkpoint);
}

static ae_status fail_of(const char *path) { return AE_FAIL(AE_DATA, "%s: %s", path, strerror(errno)); }

static bool write_all(int descriptor, const char *bytes, int64_t count) {
  for (int64_t at = 0; at < count;) {
    const ssize_t written = write(descriptor, bytes + at, (size_t)(count - at));
    if (written < 0) return false;
    at += written;
  }
  return fsync(descriptor) == 0;
}

/* To a new file each time, as checkpoints are. */
static ae_status write_bytes(const course *c) {
  if (ae_comm_rank(c->bench->comm) != 0) return AE_OK;
  unlink(c->plain);
  const int descriptor = open(c->plain, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (descriptor < 0) return fail_of(c->plain);
  const bool written = write_all(descriptor, c->bytes, c->count);
  ae_status status = written ? AE_OK : fail_of(c->plain);
  if (close(descriptor) != 0 && written) status = fail_of(c->plain);
  return status;
}

static ae_status write_plain(void *context) {
  const course *c = context;
  return ae_comm_agree(c->bench->comm, write_bytes(c));
}

/* What is on the disk is read from there, where the system lets go of what it keeps. */
static ae_status forget(const char *path) {
  const int descriptor = open(path, O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return fail_of(path);
  posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED);
  close(descriptor);
  return AE_OK;
}

static ae_status read_checkpoint(void *context) {
  const course *c = context;
  ae_h5 *file = NULL;
  ae_status status = ae_comm_rank(c->bench->comm) == 0 ? forget(c->checkpoint) : AE_OK;
  AE_CHECK(ae_comm_agree(c->bench->comm, status));
  AE_CHECK(ae_h5_open(c->bench->comm, c->checkpoint, &file));
  ae_h5_read_ahead(file);
  AE_CHECK(ae_checkpoint_read(c->held, file));
cleanup:
  ae_h5_close(&file);
  return status;
}

static ae_status read_again(const course *c) {
  if (ae_comm_rank(c->bench->comm) != 0) return AE_OK;
  AE_RETURN_IF(forget(c->plain));
  const int descriptor = open(c->plain, O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return fail_of(c->plain);
  int64_t at = 0, got = 1;
  for (; at < c->count && got > 0; at += got) got = read(descriptor, c->bytes + at, (size_t)(c->count - at));
  const ae_status status = at == c->count ? AE_OK : fail_of(c->plain);
  close(descriptor);
  return status;
}

static ae_status read_plain(void *context) {
  const course *c = context;
  return ae_comm_agree(c->bench->comm, read_again(c));
}

static ae_status read_bytes(course *c) {
  ae_status status = AE_OK;
  if (ae_comm_rank(c->bench->comm) != 0) return AE_OK;
  FILE *file = fopen(c->checkpoint, "rb");
  if (file == NULL || fseek(file, 0, SEEK_END) != 0) AE_RAISE(AE_DATA, "%s: %s", c->checkpoint, strerror(errno));
  c->count = ftell(file);
  if (c->count < 0 || fseek(file, 0, SEEK_SET) != 0) AE_RAISE(AE_DATA, "%s: %s", c->checkpoint, strerror(errno));
  AE_CHECK(AE_NEW(c->bytes, c->count));
  if (fread(c->bytes, 1, (size_t)c->count, file) != (size_t)c->count)
    AE_RAISE(AE_DATA, "%s cannot be read", c->checkpoint);
cleanup:
  if (file != NULL) fclose(file);
  return status;
}

static ae_status measure(course *c, const char *name, const char *beside, ae_bench_work work[2]) {
  AE_RETURN_IF(ae_bench_alternate(c->bench, work, 2));
  const double megabytes = 1e-6 * (double)c->count;
  ae_bench_tell(c->bench,
                &(ae_bench_figure){name, megabytes / work[0].median, "MB/s", megabytes / work[1].median, beside});
  return AE_OK;
}

/* After the first step there is all that a checkpoint holds. */
static ae_status after_step(void *context, const ae_checkpoint *held, bool *enough) {
  course *c = context;
  ae_bench_work writes[] = {{.run = write_checkpoint, .context = c}, {.run = write_plain, .context = c}};
  ae_bench_work reads[] = {{.run = read_checkpoint, .context = c}, {.run = read_plain, .context = c}};
  *enough = true;
  c->held = held;
  AE_RETURN_IF(write_checkpoint(c));
  AE_RETURN_IF(ae_comm_agree(c->bench->comm, read_bytes(c)));
  AE_RETURN_IF(measure(c, "vhe checkpoint: write", "write and fsync", writes));
  return measure(c, "vhe checkpoint: read", "read", reads);
}

static ae_status run(ae_bench *bench) {
  const ae_bench_preset *preset = ae_bench_presets();
  course c = {.bench = bench};
  const ae_follower follower = {after_step, &c};
  ae_bench_path(bench, "checkpoint.h5", c.checkpoint);
  ae_bench_path(bench, "plain", c.plain);
  AE_RETURN_IF(ae_bench_write_data(bench, preset, preset->examples));
  const ae_status status = ae_bench_train(bench, preset, NULL, &follower);
  AE_FREE(c.bytes);
  return status;
}

extern const ae_bench_part ae_bench_part_files;

const ae_bench_part ae_bench_part_files = {"files", "checkpoints, beside write and fsync, and read, of the same bytes",
                                           NULL, 1, run};
