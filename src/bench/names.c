#include "bench.h"

#include <string.h>

bool ae_bench_names(const char *name, const ae_bench_part *part, const char **thing) {
  const size_t length = strlen(part->name);
  if (strncmp(name, part->name, length) != 0 || (name[length] != '\0' && name[length] != ':')) return false;
  *thing = name[length] == ':' ? name + length + 1 : NULL;
  return true;
}

bool ae_bench_wants(const ae_bench *bench, const char *thing) {
  const ae_bench_request *request = bench->request;
  const char *wanted;
  for (int i = 0; i < request->count; i++)
    if (ae_bench_names(request->names[i], bench->part, &wanted) && (wanted == NULL || strcmp(wanted, thing) == 0))
      return true;
  return request->count == 0;
}
