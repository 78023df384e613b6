/* What the shims share: which calls fail, told by the environment of the program that they are loaded into.
 *
 *   MPIAE_FAULTS  faults, parted by ';', each "CALL NTH HOW RANK": on that rank the NTH such call fails (3), or it and all
 *                 after it (3+). HOW is the name of an errno; or short: half of what was asked for is done; end: a read
 *                 finds the end of the file; fail: what is no call of the system fails; kill: the process ends there.
 *   MPIAE_FAULT_PATH   calls about files count when this is part of the file's path
 *   MPIAE_FAULT_COUNTS a directory: each process leaves there a file with the number of calls of each kind */
#ifndef MPIAE_TOOLS_FAULT_H
#define MPIAE_TOOLS_FAULT_H

#include <stdbool.h>
#include <stddef.h>

/* One for each kind of call. */
typedef struct fault_counter {
  const char *call;
  _Atomic long seen;
  _Atomic bool listed;
  struct fault_counter *next;
} fault_counter;

enum { FAULT_NONE = 0, FAULT_SHORT = -1, FAULT_END = -2, FAULT_FAIL = -3 };

/* Counts a call, and gives what is to become of it: FAULT_NONE, an errno, or one of the above. */
int fault_next(fault_counter *counter);

/* Whether calls about this file count. */
bool fault_is_about(const char *path);
bool fault_is_about_file(int descriptor);

/* The function that the program would have called. */
void *fault_real(const char *name);

#endif
