/* What an operation is: one constant descriptor per kind, all in one table. Adding one touches its file and ops.h: its
 * builder and a row of AE_OPS. For files in src/graph and the gradient tests. */
#ifndef MPIAE_GRAPH_OP_H
#define MPIAE_GRAPH_OP_H

#include "mpiae/graph/graph.h"
#include "mpiae/tensor/elementwise.h"

#define AE_NODE_MAX_INPUTS 4
#define AE_NODE_MAX_PARAMETERS 2

typedef struct ae_op ae_op;

/* One operation in a graph. */
typedef struct ae_node {
  const ae_op *op;
  const ae_graph *graph; /* that it is part of */
  const char *name;
  int inputs, parameters;
  ae_tensor *in[AE_NODE_MAX_INPUTS];
  bool adds[AE_NODE_MAX_INPUTS];  /* backward adds to in[i]->gradient instead of writing it */
  bool stops[AE_NODE_MAX_INPUTS]; /* set by the builder: no gradient goes to in[i] from here */
  bool rounds;                    /* set by prepare: reads the inputs by ae_graph_operand, in backward too */
  bool spares_output;             /* set by the builder: backward does not read out->value, whatever op->reads says */
  const ae_parameter *parameter[AE_NODE_MAX_PARAMETERS];
  ae_tensor *out;
  int64_t attribute[4];          /* meaning in the operation's file */
  void *state;                   /* made by the builder or prepare */
  void (*release)(void **state); /* frees it; NULL: AE_FREE does */
} ae_node;

/* What backward reads besides gradients: bits of ae_op.reads; the memory plan keeps it. */
enum { AE_READS_OUTPUT = 1, AE_READS_INPUT_0 = 2, AE_READS_INPUT_1 = 4, AE_READS_INPUTS = 2 | 4 | 8 | 16 };

/* What stands in an input of a gradient case: numbers without a gradient; numbers with one; whole numbers low … high−1,
 * without. */
typedef enum ae_case_kind { AE_CASE_CONSTANT, AE_CASE_DIFFERENTIABLE, AE_CASE_WHOLE } ae_case_kind;

/* Rows of an input whose axis is grouped by the first axis: two lists of sizes, some of them 0. */
enum { AE_CASE_SETS = -1, AE_CASE_OTHER_SETS = -2 };

/* An input of a gradient case. */
typedef struct ae_case_input {
  int rows; /* per row of the first axis: 1, or that many (an axis without groups); or one of the above */
  int rank;
  int64_t dim[AE_TENSOR_MAX_RANK];
  double low, high; /* uniform values; chosen off kinks */
  ae_case_kind kind;
} ae_case_input;

/* One gradient case: how to build the operation and on what. */
typedef struct ae_op_case {
  const char *label;
  int inputs;
  ae_case_input input[AE_NODE_MAX_INPUTS];
  ae_tensor *(*build)(ae_graph *graph, ae_params *params, ae_tensor *const *in);
} ae_op_case;

struct ae_op {
  const char *name;
  unsigned reads;
  /* May be NULL. Makes state when shapes and capacities are known; raises *scratch to the floats it wants of the
   * scratch that all operations share, each within one pass of its own. */
  ae_status (*prepare)(const ae_graph *graph, ae_node *node, int64_t *scratch);
  void (*forward)(ae_graph *graph, const ae_node *node);
  /* out->gradient → gradients of inputs that need one and of parameters. May destroy out->gradient. NULL: there is no
   * gradient, the parameters' neither. */
  void (*backward)(ae_graph *graph, const ae_node *node);
  /* float64 forward on plain arrays: in[i] (rows, width), parameter[i], out. */
  void (*reference)(const ae_node *node, const int64_t *rows, const double *const *in, const double *const *parameter,
                    int64_t out_rows, double *out);
  const ae_op_case *cases; /* ends with a label of NULL; never empty */
};

/* All operations, in order of name; *count of them. */
const ae_op *const *ae_op_table(int *count);

/* For op builders: adds a node whose output has this axis and row shape. The name is copied. NULL after an error. */
ae_node *ae_graph_add(ae_graph *graph, const ae_op *op, const char *name, ae_tensor *const *in, int inputs, int axis,
                      int rank, const int64_t *dim);

/* For op builders: keeps an error for ae_graph_seal (the first wins) and returns NULL. */
ae_tensor *ae_graph_fail(ae_graph *graph, ae_status status);

/* Readers for passes and tests. */
int64_t ae_graph_capacity(const ae_graph *graph, int axis);
/* The axis whose rows are the groups of this one, itself where there are none; and the row at which group i begins, i
 * up to their number: a row of an axis without groups is a group. */
int ae_graph_groups_axis(const ae_graph *graph, int axis);
int64_t ae_graph_group(const ae_graph *graph, int axis, int64_t group);
bool ae_graph_is_grouped(const ae_graph *graph, int axis);
bool ae_graph_varies(const ae_graph *graph, int axis); /* its segments differ from step to step: varying, or grouped */
int ae_graph_nodes(const ae_graph *graph);
const ae_node *ae_graph_node(const ae_graph *graph, int number);
float *ae_graph_scratch(const ae_graph *graph);
struct ae_products *ae_graph_products(const ae_graph *graph);
const ae_multiplier *ae_graph_multiplier(const ae_graph *graph);
bool ae_graph_is_trained(const ae_graph *graph); /* has a backward pass */

/* A tensor's value as the graph's multiplier takes it: itself, or rounded, once in a pass. Of inputs of nodes that
 * round. */
const void *ae_graph_operand(const ae_graph *graph, ae_tensor *tensor);

/* The same of the gradient of a node's output, of which _prepare_ first takes the rows of a segment back through the
 * activation that the node ended with. column_sum (width), where not NULL, becomes the sums of the columns of these rows
 * cut into rows of `width`, in order: the gradient of a bias, while the rows are in the cache. Rounded, the gradient
 * stands in the scratch, of which it takes so many floats from the first on, else 0. */
int64_t ae_graph_gradient_scratch(const ae_graph *graph, const ae_tensor *out);
void ae_graph_prepare_gradient(const ae_graph *graph, const ae_tensor *out, ae_activation activation, int segment,
                               int64_t width, float *column_sum);
const void *ae_graph_gradient_operand(const ae_graph *graph, const ae_tensor *out);

/* The activation in float64, for references. */
double ae_op_activated(ae_activation activation, double x);

/* Forms a parameter's gradient in every plane: leaf() gives the contribution of one segment, written to out or, with
 * add, added to it, with the bits of writing elsewhere and adding; it is asked to add only when `adds` (see
 * ae_products_adds). Sums follow the tree over shards. `scratch`: ae_graph_tree_scratch(graph, count) floats. */
typedef void (*ae_leaf)(void *context, int segment, bool add, float *out);
void ae_graph_tree(ae_graph *graph, const ae_parameter *parameter, bool adds, ae_leaf leaf, void *context,
                   float *scratch);
/* The same for the numbers begin … begin + count − 1 of the parameter; out is where they begin. Parts whose partial sums
 * stay in the cache cost no passes over memory. */
void ae_graph_tree_part(ae_graph *graph, const ae_parameter *parameter, int64_t begin, int64_t count, bool adds,
                        ae_leaf leaf, void *context, float *scratch);
int64_t ae_graph_tree_scratch(const ae_graph *graph, int64_t count);

#endif
