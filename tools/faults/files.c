/* Calls about files. Those of stdio are its own inside: what it reads and writes is met at fopen, fread, fflush and
 * fclose. */
#include "fault.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/types.h>
#include <unistd.h>

/* The function under its name, with what the program would have called. */
#define REAL(type, name, ...)                                                                                          \
  static type (*real)(__VA_ARGS__);                                                                                    \
  if (real == NULL) *(void **)&real = fault_real(name)

/* Counts a call about `is_about`; gives `failed` with errno where it is to fail. */
#define MAY_FAIL(name, is_about, failed)                                                                               \
  do {                                                                                                                 \
    static fault_counter counter = {.call = name};                                                                     \
    const int found = (is_about) ? fault_next(&counter) : FAULT_NONE;                                                  \
    if (found > 0) {                                                                                                   \
      errno = found;                                                                                                   \
      return failed;                                                                                                   \
    }                                                                                                                  \
  } while (0)

static fault_counter reads = {.call = "read"}, writes = {.call = "write"};

static size_t part_of(size_t size, int found) { return found == FAULT_SHORT ? (size + 1) / 2 : size; }

/* Reads and writes share their counters, by whatever name they are called. */
#define READ(name, real_name, parameters, arguments)                                                                   \
  ssize_t name parameters;                                                                                             \
  ssize_t name parameters {                                                                                            \
    REAL(ssize_t, real_name, int, void *, size_t, off_t);                                                              \
    const int found = fault_is_about_file(file) ? fault_next(&reads) : FAULT_NONE;                                     \
    if (found == FAULT_END) return 0;                                                                                  \
    if (found > 0) {                                                                                                   \
      errno = found;                                                                                                   \
      return -1;                                                                                                       \
    }                                                                                                                  \
    size = part_of(size, found);                                                                                       \
    return real arguments;                                                                                             \
  }
#define WRITE(name, parameters, arguments)                                                                             \
  ssize_t name parameters;                                                                                             \
  ssize_t name parameters {                                                                                            \
    REAL(ssize_t, #name, int, const void *, size_t, off_t);                                                            \
    const int found = fault_is_about_file(file) ? fault_next(&writes) : FAULT_NONE;                                    \
    if (found > 0) {                                                                                                   \
      errno = found;                                                                                                   \
      return -1;                                                                                                       \
    }                                                                                                                  \
    size = part_of(size, found);                                                                                       \
    return real arguments;                                                                                             \
  }

READ(pread, "pread", (int file, void *bytes, size_t size, off_t at), (file, bytes, size, at))
READ(pread64, "pread64", (int file, void *bytes, size_t size, off_t at), (file, bytes, size, at))
READ(__pread_chk, "pread", (int file, void *bytes, size_t size, off_t at, size_t room),
     (file, bytes, size + 0 * room, at))
READ(__pread64_chk, "pread64", (int file, void *bytes, size_t size, off_t at, size_t room),
     (file, bytes, size + 0 * room, at))
READ(read, "read", (int file, void *bytes, size_t size), (file, bytes, size, 0))
READ(__read_chk, "read", (int file, void *bytes, size_t size, size_t room), (file, bytes, size + 0 * room, 0))
WRITE(pwrite, (int file, const void *bytes, size_t size, off_t at), (file, bytes, size, at))
WRITE(pwrite64, (int file, const void *bytes, size_t size, off_t at), (file, bytes, size, at))
WRITE(write, (int file, const void *bytes, size_t size), (file, bytes, size, 0))

static mode_t mode_of(int flags, va_list arguments) { return (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0; }

#define OPEN(name)                                                                                                     \
  int name(const char *path, int flags, ...) {                                                                         \
    REAL(int, #name, const char *, int, ...);                                                                          \
    va_list arguments;                                                                                                 \
    va_start(arguments, flags);                                                                                        \
    const mode_t mode = mode_of(flags, arguments);                                                                     \
    va_end(arguments);                                                                                                 \
    MAY_FAIL("open", fault_is_about(path), -1);                                                                        \
    return real(path, flags, mode);                                                                                    \
  }
#define OPEN_CHECKED(name)                                                                                             \
  int name(const char *path, int flags);                                                                               \
  int name(const char *path, int flags) { return open(path, flags); }

OPEN(open)
OPEN(open64)
OPEN_CHECKED(__open_2)
OPEN_CHECKED(__open64_2)

#define FOPEN(name)                                                                                                    \
  FILE *name(const char *path, const char *mode) {                                                                     \
    REAL(FILE *, #name, const char *, const char *);                                                                   \
    MAY_FAIL("fopen", fault_is_about(path), NULL);                                                                     \
    return real(path, mode);                                                                                           \
  }

FOPEN(fopen)
FOPEN(fopen64)

size_t fread(void *bytes, size_t size, size_t count, FILE *file) {
  REAL(size_t, "fread", void *, size_t, size_t, FILE *);
  MAY_FAIL("fread", fault_is_about_file(fileno(file)), 0);
  return real(bytes, size, count, file);
}

size_t __fread_chk(void *bytes, size_t room, size_t size, size_t count, FILE *file);
size_t __fread_chk(void *bytes, size_t room, size_t size, size_t count, FILE *file) {
  (void)room;
  return fread(bytes, size, count, file);
}

int fflush(FILE *file) {
  REAL(int, "fflush", FILE *);
  MAY_FAIL("fflush", file != NULL && fault_is_about_file(fileno(file)), EOF);
  return real(file);
}

int fclose(FILE *file) {
  REAL(int, "fclose", FILE *);
  const bool counts = fault_is_about_file(fileno(file));
  const int result = real(file);
  MAY_FAIL("fclose", counts, EOF);
  return result;
}

int fsync(int file) {
  REAL(int, "fsync", int);
  MAY_FAIL("fsync", fault_is_about_file(file), -1);
  return real(file);
}

#define FALLOCATE(name)                                                                                                \
  int name(int file, int mode, off_t from, off_t length) {                                                             \
    REAL(int, #name, int, int, off_t, off_t);                                                                          \
    MAY_FAIL("fallocate", fault_is_about_file(file), -1);                                                              \
    return real(file, mode, from, length);                                                                             \
  }
#define FTRUNCATE(name)                                                                                                \
  int name(int file, off_t length) {                                                                                   \
    REAL(int, #name, int, off_t);                                                                                      \
    MAY_FAIL("ftruncate", fault_is_about_file(file), -1);                                                              \
    return real(file, length);                                                                                         \
  }

FALLOCATE(fallocate)
FALLOCATE(fallocate64)
FTRUNCATE(ftruncate)
FTRUNCATE(ftruncate64)

int rename(const char *from, const char *to) {
  REAL(int, "rename", const char *, const char *);
  MAY_FAIL("rename", fault_is_about(to), -1);
  return real(from, to);
}
