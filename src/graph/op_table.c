#include "mpiae/graph/op.h"

extern const ae_op ae_op_bernoulli, ae_op_gaussian, ae_op_gaussian_kl, ae_op_gaussian_sample, ae_op_linear,
    ae_op_mean_rows, ae_op_weigh_rows;

const ae_op *const *ae_op_table(int *count) {
  static const ae_op *const table[] = {&ae_op_bernoulli, &ae_op_gaussian,  &ae_op_gaussian_kl, &ae_op_gaussian_sample,
                                       &ae_op_linear,    &ae_op_mean_rows, &ae_op_weigh_rows};
  *count = (int)(sizeof table / sizeof *table);
  return table;
}
