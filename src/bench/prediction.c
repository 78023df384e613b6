#include "prediction.h"

#include "mpiae/base/arithmetic.h"
#include "mpiae/comm/exchange.h"

#include <math.h>

static int cover(const ae_bench_layout *layout, int first_rank, int ranks) {
  ae_range nodes[AE_TREE_MAX_NODES];
  const int64_t begin = ae_muldiv(layout->shards, first_rank, layout->ranks);
  return ae_tree_cover(layout->shards, begin, ae_muldiv(layout->shards, first_rank + ranks, layout->ranks), nodes);
}

ae_bench_traffic ae_bench_count_traffic(const ae_bench_layout *layout) {
  const int per_node = layout->ranks / layout->nodes, others = layout->nodes - 1;
  ae_bench_traffic out = {0};
  for (int node = 0; node < layout->nodes; node++) {
    const int partials = cover(layout, node * per_node, per_node);
    if (partials <= out.partials) continue;
    out.partials = partials;
    out.planes = 0;
    for (int i = 0; i < per_node; i++) out.planes += cover(layout, node * per_node + i, 1);
  }
  const double floats = (double)layout->floats, own = floats / layout->ranks;
  const double p = out.partials, q = out.planes, sent = others * (q > p ? q + p : 0);
  const double finished = layout->ranks > 1 ? q + others * p + 1 : 0;
  out.sends = (int64_t)layout->buckets * others * (out.partials + 1);
  out.node_bytes = (double)sizeof(float) * (p + 1) * floats * others / layout->nodes;
  out.rank_floats = (sent + finished + 7) * own;
  return out;
}

/* Seconds of the control reduction. */
static double control_of(const ae_bench_machine *machine, const ae_bench_layout *layout) {
  const double blocks = (double)layout->floats / AE_BLOCK / layout->buckets / layout->ranks;
  const double record = 1 + layout->terms + 2 * layout->buckets * ceil(log2(blocks + 1));
  const double latency = layout->nodes > 1 ? machine->far : machine->near;
  const double rate = layout->nodes > 1 ? machine->wire : machine->memory;
  return ceil(log2(layout->ranks)) * latency + (double)sizeof(double) * record * layout->ranks / rate;
}

ae_bench_prediction ae_bench_predict(const ae_bench_machine *machine, const ae_bench_layout *layout, double rows) {
  const ae_bench_traffic traffic = ae_bench_count_traffic(layout);
  ae_bench_prediction out = {.compute = machine->fixed + machine->row * rows,
                             .memory = (double)sizeof(float) * traffic.rank_floats / machine->memory,
                             .messages = (double)traffic.sends * machine->message};
  if (layout->ranks > 1) out.control = control_of(machine, layout);
  out.hidden = out.open = out.compute + out.memory + out.messages + out.control;
  if (layout->nodes == 1) return out;
  const double values = traffic.node_bytes / (traffic.partials + 1) / machine->wire, sums = traffic.partials * values;
  out.wire = sums + values + 2 * machine->far;
  out.open += out.wire;
  out.hidden += 2 * machine->far + fmax(sums / layout->buckets, sums - out.compute * 2 / 3) +
                fmax(values / layout->buckets, values - out.compute / 3);
  return out;
}
