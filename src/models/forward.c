#include "mpiae/models/forward.h"

#include <string.h>

ae_status ae_forward_begin(ae_params *params, int64_t rows, ae_forward *forward) {
  *forward = (ae_forward){0};
  AE_RETURN_IF(ae_graph_create(params, 1, NULL, 0, &forward->graph));
  forward->axis = ae_graph_axis(forward->graph, rows);
  return AE_OK;
}

ae_status ae_forward_seal(ae_forward *forward) {
  for (int i = 0; i < AE_FORWARD_INPUTS; i++) ae_graph_keep(forward->in[i]);
  ae_graph_keep(forward->out);
  return ae_graph_seal(forward->graph);
}

void ae_forward_destroy(ae_forward *forward) { ae_graph_destroy(&forward->graph); }

void ae_forward_run(const ae_forward *forward, int64_t count) {
  ae_graph_set_rows(forward->graph, forward->axis, (int64_t[]){0, count});
  ae_graph_forward(forward->graph, NULL);
}

void ae_forward_feed(const ae_forward *forward, int64_t count, const float *rows) {
  memcpy(forward->in[0]->value, rows, (size_t)(count * forward->in[0]->width) * sizeof *rows);
  ae_forward_run(forward, count);
}
