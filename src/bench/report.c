#include "bench.h"

#include "mpiae/base/build.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { PROCESSOR_SIZE = 128, NAME_WIDTH = 40 };

/* As the system tells it, cut to fit and fit for JSON. */
static void name_processor(char out[PROCESSOR_SIZE]) {
  char line[512];
  FILE *file = fopen("/proc/cpuinfo", "r");
  snprintf(out, PROCESSOR_SIZE, "unknown");
  while (file != NULL && fgets(line, sizeof line, file) != NULL) {
    const char *colon = strchr(line, ':');
    if (strncmp(line, "model name", strlen("model name")) != 0 || colon == NULL) continue;
    snprintf(out, PROCESSOR_SIZE, "%.*s", (int)strcspn(colon + 1, "\n\"\\") - 1, colon + 2);
    break;
  }
  if (file != NULL) fclose(file);
}

void ae_bench_begin(const ae_bench *bench) {
  char processor[PROCESSOR_SIZE];
  const int ranks = ae_comm_size(bench->comm);
  name_processor(processor);
  if (bench->request->json)
    printf("{\"version\": \"%s\", \"commit\": \"%s\", \"cpu\": \"%s\", \"ranks\": %d, \"figures\": [",
           ae_build_version(), ae_build_commit(), processor, ranks);
  else
    printf("mpiae %s (%s) on %s, %d rank%s\n", ae_build_version(), ae_build_commit(), processor, ranks,
           ranks == 1 ? "" : "s");
  fflush(stdout);
}

void ae_bench_begin_part(const ae_bench *bench) {
  if (!bench->request->json) printf("\n%s: %s\n", bench->part->name, bench->part->summary);
  fflush(stdout);
}

static double share_of(const ae_bench_figure *figure) {
  const char *unit = figure->unit;
  const bool is_time = strcmp(unit, "s") == 0 || strcmp(unit, "ms") == 0;
  return is_time ? figure->limit / figure->value : figure->value / figure->limit;
}

static void print_text(const ae_bench_figure *figure) {
  printf("  %-*s %10.4g ", NAME_WIDTH, figure->name, figure->value);
  if (isnan(figure->limit)) printf("%s\n", figure->unit);
  else printf("%-10s %10.4g %-22s %4.0f %%\n", figure->unit, figure->limit, figure->beside, 100 * share_of(figure));
}

static void print_number(const char *name, double value) {
  if (isfinite(value)) printf(", \"%s\": %.6g", name, value);
  else printf(", \"%s\": null", name);
}

static void print_json(const ae_bench *bench, const ae_bench_figure *figure) {
  printf("%s\n{\"part\": \"%s\", \"name\": \"%s\", \"unit\": \"%s\"", bench->figures > 0 ? "," : "", bench->part->name,
         figure->name, figure->unit);
  print_number("value", figure->value);
  print_number("limit", figure->limit);
  print_number("share", share_of(figure));
  printf("}");
}

void ae_bench_tell(ae_bench *bench, const ae_bench_figure *figure) {
  if (bench->request->json) print_json(bench, figure);
  else print_text(figure);
  bench->figures++;
  fflush(stdout);
}

void ae_bench_end(const ae_bench *bench) {
  if (bench->request->json) printf("]}\n");
}
