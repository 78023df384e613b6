/* Allocations: the program's own, and those of HDF5, told apart by where the call comes from. */
#include "fault.h"

#include <errno.h>
#include <link.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct span {
  uintptr_t begin, end;
} span;

static span program, hdf5;
static fault_counter own = {.call = "allocation"}, of_hdf5 = {.call = "hdf5_allocation"};

static int note(struct dl_phdr_info *info, size_t size, void *first) {
  bool *is_first = first;
  span *out = *is_first ? &program : strstr(info->dlpi_name, "libhdf5") != NULL && hdf5.end == 0 ? &hdf5 : NULL;
  (void)size;
  *is_first = false;
  for (int i = 0; out != NULL && i < info->dlpi_phnum; i++) {
    const ElfW(Phdr) *part = &info->dlpi_phdr[i];
    if (part->p_type != PT_LOAD || (part->p_flags & PF_X) == 0) continue;
    out->begin = info->dlpi_addr + part->p_vaddr;
    out->end = out->begin + part->p_memsz;
  }
  return 0;
}

static void __attribute__((constructor)) find_spans(void) {
  bool first = true;
  dl_iterate_phdr(note, &first);
}

static bool within(const span *where, const void *address) {
  return (uintptr_t)address >= where->begin && (uintptr_t)address < where->end;
}

static bool fails(const void *caller) {
  if (within(&program, caller)) return fault_next(&own) != FAULT_NONE;
  return within(&hdf5, caller) && fault_next(&of_hdf5) != FAULT_NONE;
}

/* The C library's, under names that need no looking up: that would allocate. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

#define CALLER __builtin_return_address(0)

void *malloc(size_t size) { return fails(CALLER) ? NULL : __libc_malloc(size); }
void *calloc(size_t count, size_t size) { return fails(CALLER) ? NULL : __libc_calloc(count, size); }
void *realloc(void *block, size_t size) { return fails(CALLER) ? NULL : __libc_realloc(block, size); }
void *aligned_alloc(size_t alignment, size_t size) { return fails(CALLER) ? NULL : __libc_memalign(alignment, size); }
int posix_memalign(void **out, size_t alignment, size_t size) {
  void *block = fails(CALLER) ? NULL : __libc_memalign(alignment, size);
  if (block == NULL) return ENOMEM;
  *out = block;
  return 0;
}
