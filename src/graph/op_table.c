#include "mpiae/graph/op.h"

extern const ae_op ae_op_activate, ae_op_attention, ae_op_bernoulli, ae_op_chamfer, ae_op_convolution,
    ae_op_convolution_transposed, ae_op_embed, ae_op_gate, ae_op_gaussian, ae_op_gaussian_kl, ae_op_gaussian_sample,
    ae_op_layer_norm, ae_op_linear, ae_op_matching, ae_op_mean_rows, ae_op_mean_squared_error, ae_op_nearest_entry,
    ae_op_repeat_per_set, ae_op_seeds, ae_op_softmax, ae_op_straight_through, ae_op_sum, ae_op_sum_per_set,
    ae_op_weigh_rows;

const ae_op *const *ae_op_table(int *count) {
  static const ae_op *const table[] = {&ae_op_activate,
                                       &ae_op_attention,
                                       &ae_op_bernoulli,
                                       &ae_op_chamfer,
                                       &ae_op_convolution,
                                       &ae_op_convolution_transposed,
                                       &ae_op_embed,
                                       &ae_op_gate,
                                       &ae_op_gaussian,
                                       &ae_op_gaussian_kl,
                                       &ae_op_gaussian_sample,
                                       &ae_op_layer_norm,
                                       &ae_op_linear,
                                       &ae_op_matching,
                                       &ae_op_mean_rows,
                                       &ae_op_mean_squared_error,
                                       &ae_op_nearest_entry,
                                       &ae_op_repeat_per_set,
                                       &ae_op_seeds,
                                       &ae_op_softmax,
                                       &ae_op_straight_through,
                                       &ae_op_sum,
                                       &ae_op_sum_per_set,
                                       &ae_op_weigh_rows};
  *count = (int)(sizeof table / sizeof *table);
  return table;
}
