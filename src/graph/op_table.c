#include "mpiae/graph/op.h"
#include "mpiae/graph/ops.h"

#define DECLARE(name) extern const ae_op ae_op_##name;
#define LIST(name) &ae_op_##name,

AE_OPS(DECLARE)

const ae_op *const *ae_op_table(int *count) {
  static const ae_op *const table[] = {AE_OPS(LIST)};
  *count = (int)(sizeof table / sizeof *table);
  return table;
}
