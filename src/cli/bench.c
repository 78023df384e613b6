#include "mpiae/bench/bench.h"

#include "mpiae/cli/command.h"

enum { SECONDS = 2 };

static ae_status run_command(const ae_comm *comm, const ae_arguments *arguments) {
  const ae_bench_request request = {.names = ae_arguments_operands(arguments),
                                    .count = ae_arguments_count(arguments),
                                    .seconds = (double)ae_arguments_integer(arguments, "seconds", SECONDS),
                                    .json = ae_arguments_flag(arguments, "json"),
                                    .network_gbit = (int)ae_arguments_integer(arguments, "network-gbit", 0),
                                    .latency_us = (int)ae_arguments_integer(arguments, "latency-us", 0),
                                    .ranks_per_node = (int)ae_arguments_integer(arguments, "ranks-per-node", 0)};
  return ae_bench_run(comm, &request);
}

static void print_part(const ae_bench_part *part) {
  printf("  %-16s %s", part->name, part->summary);
  if (part->least_ranks > 1) printf("; on %d ranks or more", part->least_ranks);
  for (int i = 0; part->things != NULL && part->things[i] != NULL; i++)
    printf("%s%s:%s", i == 0 ? "\n                   a piece of it: " : ", ", part->name, part->things[i]);
  printf("\n");
}

static void print_parts(void) {
  printf("Parts:\n");
  for (const ae_bench_part *const *part = ae_bench_parts(); *part != NULL; part++) print_part(*part);
}

extern const ae_command ae_command_bench;

static const ae_option options[] = {
    {"seconds", AE_OPTION_INTEGER, "S", false, 0, 3600,
     "that each measurement takes, or five times of what is measured if that is longer; 0 = once; default 2"},
    {"json", AE_OPTION_FLAG, NULL, false, 0, 0, "print one JSON object"},
    {"network-gbit", AE_OPTION_INTEGER, "N", false, 1, 10000,
     "scaling: Gbit/s of a node's network; default: as measured on several hosts, else 25"},
    {"latency-us", AE_OPTION_INTEGER, "N", false, 1, 1000000,
     "scaling: microseconds until a message is on another node; default: as measured, else 2"},
    {"ranks-per-node", AE_OPTION_INTEGER, "R", false, 1, 4096,
     "scaling: ranks of a node; default: those of this one, of one rank alone its cores"},
    {0}};

const ae_command ae_command_bench = {
    .name = "bench",
    .summary = "measure the speed of this build on this machine",
    .operands = "[NAME ...]",
    .least_operands = 0,
    .most_operands = AE_ANY_NUMBER,
    .options = options,
    .details =
        "Measures each part, or those that are named, beside a limit of its own, in turn with it, on made-up data. "
        "Prints medians.\n"
        "The share is how near a figure comes to its limit; on a machine that others use too it says more than a time.\n"
        "Files go to a directory of their own in $TMPDIR, else /tmp, and are removed: TMPDIR=. measures the disk at hand.",
    .print_more = print_parts,
    .example = "mpiae bench memory --seconds 1",
    .run = run_command};
