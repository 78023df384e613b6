/* Stands in for flock() where a test preloads it: MPIAE_LOCKS=fail refuses every lock as a file system without locks
 * does; anything else grants every lock, as one does whose hosts do not tell each other. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>

int flock(int descriptor, int operation) {
  (void)descriptor, (void)operation;
  const char *choice = getenv("MPIAE_LOCKS");
  if (choice == NULL || strcmp(choice, "fail") != 0) return 0;
  errno = ENOLCK;
  return -1;
}
