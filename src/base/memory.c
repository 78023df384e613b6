#include "mpiae/base/memory.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Before every block stands its size, in a cache line of its own so that the block stays aligned. */
enum { ALIGNMENT = 64, HUGE_PAGE = 1 << 21 };

static _Atomic int64_t blocks, bytes, peak_bytes;

/* Whole huge pages are asked for where the system gives them: a step walks through tens of megabytes, and finding their
 * small pages takes a tenth of its time. A rest stays on small ones, so that no block takes more than it needs. */
static char *reserve(size_t count) {
  void *base = NULL;
  if (posix_memalign(&base, count < HUGE_PAGE ? ALIGNMENT : HUGE_PAGE, count) != 0) return NULL;
#ifdef MADV_HUGEPAGE
  if (count >= HUGE_PAGE) (void)madvise(base, count / HUGE_PAGE * HUGE_PAGE, MADV_HUGEPAGE);
#endif
  return base;
}

ae_status ae_memory_allocate(void *out, size_t count, size_t size) {
  if (size != 0 && count > (PTRDIFF_MAX - 2 * ALIGNMENT) / size)
    return AE_FAIL(AE_INTERNAL, "out of memory: %zu × %zu bytes are more than an address space holds", count, size);
  const size_t wanted = (count * size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  char *base = reserve(wanted + ALIGNMENT);
  if (base == NULL)
    return AE_FAIL(AE_INTERNAL, "out of memory: %zu bytes were refused (%lld are held)", wanted,
                   (long long)ae_memory_bytes());
  memcpy(base, &wanted, sizeof wanted);
  memset(base + ALIGNMENT, 0, wanted);
  atomic_fetch_add(&blocks, 1);
  const int64_t now = atomic_fetch_add(&bytes, (int64_t)wanted) + (int64_t)wanted;
  if (now > atomic_load(&peak_bytes)) atomic_store(&peak_bytes, now);
  void *block = base + ALIGNMENT;
  memcpy(out, &block, sizeof block);
  return AE_OK;
}

void ae_memory_free(void *pointer_to_pointer) {
  char *block;
  memcpy(&block, pointer_to_pointer, sizeof block);
  if (block == NULL) return;
  size_t size;
  memcpy(&size, block - ALIGNMENT, sizeof size);
  atomic_fetch_sub(&blocks, 1);
  atomic_fetch_sub(&bytes, (int64_t)size);
  free(block - ALIGNMENT);
  memset(pointer_to_pointer, 0, sizeof(void *));
}

static int sharers = 1;

void ae_memory_share(int processes) { sharers = processes; }

static double host_bytes(void) { return (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE); }

int64_t ae_memory_of_rank(void) { return (int64_t)(host_bytes() / sharers); }

/* `ranks` of a host each want so many bytes. */
static ae_status expect(double wanted, int ranks, const char *format, va_list arguments) {
  const double there = host_bytes();
  char what[256], who[64];
  if (wanted * ranks <= there) return AE_OK;
  vsnprintf(what, sizeof what, format, arguments);
  if (ranks == 1) snprintf(who, sizeof who, "a rank of");
  else snprintf(who, sizeof who, "each of %d ranks of", ranks);
  return AE_FAIL(AE_USAGE, "%s would take %.1f GB on %s a host that has %.1f GB: ask for less", what, wanted * 1e-9,
                 who, there * 1e-9);
}

ae_status ae_memory_expect(double wanted, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  const ae_status status = expect(wanted, 1, format, arguments);
  va_end(arguments);
  return status;
}

ae_status ae_memory_expect_each(double wanted, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  const ae_status status = expect(wanted, sharers, format, arguments);
  va_end(arguments);
  return status;
}

ae_status ae_memory_text(const char *text, char **out) {
  const size_t size = strlen(text) + 1;
  AE_RETURN_IF(ae_memory_allocate(out, size, 1));
  memcpy(*out, text, size);
  return AE_OK;
}

int64_t ae_memory_blocks(void) { return atomic_load(&blocks); }
int64_t ae_memory_bytes(void) { return atomic_load(&bytes); }
int64_t ae_memory_peak_bytes(void) { return atomic_load(&peak_bytes); }
