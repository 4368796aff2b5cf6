/* Making a pass: from the nodes of a group to instructions, block registers by liveness, the size of blocks. */
#include "graph/plan/pass.h"
#include "graph/ops/ops.h"
#include "graph/plan/planner.h"

#include <stdlib.h>
#include <string.h>

enum {
  BLOCK_BYTES = 28672, /* of a block: most of a first-level cache */
  BLOCK_LEAST = 64,
  TILE = 16384,
  WORKERS = 16
};

typedef struct builder {
  tw_planner *p;
  tw_pass *pass;
  int32_t group;
  size_t values, instrs, operands, results; /* capacities */
  tw_instr nowhere; /* where instructions go after a failure */
  bool failed;
} builder;

static const tw_node_data *data_of(const builder *b, int32_t id) { return tw_node_at(b->p->graph, id); }

/* ------------------------------------------------------------------ lists */

static int32_t add_value(builder *b, tw_value value) {
  tw_value *grown = tw_grow(b->pass->value, &b->values, (size_t)b->pass->n_values + 1, sizeof *grown);
  if (!grown) {
    b->failed = true;
    return 0;
  }
  b->pass->value = grown;
  grown[b->pass->n_values] = value;
  grown[b->pass->n_values].bytes = tw_dtype_get(value.dtype)->size;
  return b->pass->n_values++;
}

static tw_instr *add_instr(builder *b, tw_instr_kind kind, int32_t node) {
  tw_instr *grown = tw_grow(b->pass->instr, &b->instrs, (size_t)b->pass->n_instrs + 1, sizeof *grown);
  if (!grown) {
    b->failed = true;
    return &b->nowhere;
  }
  b->pass->instr = grown;
  tw_instr *instr = &grown[b->pass->n_instrs++];
  *instr = (tw_instr){.kind = kind, .node = node, .array = -1, .out = -1};
  return instr;
}

static int32_t add_id(builder *b, int32_t **list, size_t *capacity, int *count, int32_t id) {
  for (int k = 0; k < *count; k++)
    if ((*list)[k] == id) return k;
  int32_t *grown = tw_grow(*list, capacity, (size_t)*count + 1, sizeof *grown);
  if (!grown) {
    b->failed = true;
    return 0;
  }
  *list = grown;
  grown[*count] = id;
  return (*count)++;
}

static int32_t operand(builder *b, int32_t id) {
  return add_id(b, &b->pass->operand, &b->operands, &b->pass->n_operands, id);
}
static int32_t result(builder *b, int32_t id) {
  return add_id(b, &b->pass->result, &b->results, &b->pass->n_results, id);
}

/* ------------------------------------------------------------------ values of nodes */

static int32_t read_value(builder *b, int32_t id);

static int32_t block_value(builder *b, int32_t id) {
  return add_value(b, (tw_value){.kind = TW_VALUE_BLOCK, .dtype = data_of(b, id)->type.dtype, .at = -1});
}

/* A member that others read is computed in their sight. */
static int32_t member_value(builder *b, int32_t id) {
  const tw_fact *fact = &b->p->fact[id];
  if (fact->group != b->group || !fact->outside) return block_value(b, id);
  return add_value(b, (tw_value){.kind = TW_VALUE_RESULT, .dtype = data_of(b, id)->type.dtype, .at = result(b, id)});
}

static int32_t remember(builder *b, int32_t id, int32_t value) {
  b->p->fact[id].value = value;
  b->p->fact[id].stamp = b->p->stamp;
  return value;
}

/* A MAP, of this group or cheap enough to do again. */
static int32_t map_value(builder *b, int32_t id) {
  const tw_node_data *node = data_of(b, id);
  int32_t in[TW_MAX_OPERANDS];
  for (int i = 0; i < node->n; i++) {
    double bits;
    const bool whole = data_of(b, node->in[i])->size == node->size || data_of(b, node->in[i])->size == 1 ||
                       tw_repeated_constant(b->p->graph, node->in[i], &bits);
    if (whole) {
      in[i] = read_value(b, node->in[i]);
      continue;
    }
    const int32_t array = operand(b, node->in[i]); /* repeated along some axes */
    in[i] = block_value(b, node->in[i]);
    tw_instr *instr = add_instr(b, TW_INSTR_VIEW, node->in[i]);
    instr->array = array;
    instr->view = tw_broadcast_view(&data_of(b, node->in[i])->type.shape, &node->type.shape);
    instr->out = in[i];
  }
  const int32_t out = member_value(b, id);
  tw_instr *instr = add_instr(b, TW_INSTR_MAP, id);
  instr->loop = node->op->loop(tw_at(b->p->graph, id));
  instr->n = node->n;
  memcpy(instr->in, in, (size_t)node->n * sizeof *in);
  instr->out = out;
  return out;
}

static int32_t gather_value(builder *b, int32_t id) {
  const tw_node_data *node = data_of(b, id);
  int32_t in[TW_MAX_RANK];
  for (int i = 1; i < node->n; i++) in[i - 1] = read_value(b, node->in[i]);
  const int32_t array = operand(b, node->in[0]), out = member_value(b, id);
  tw_instr *instr = add_instr(b, TW_INSTR_GATHER, id);
  instr->array = array;
  instr->n = instr->rank = node->n - 1;
  memcpy(instr->in, in, (size_t)instr->n * sizeof *in);
  for (int i = 0; i < instr->rank; i++) instr->extent[i] = data_of(b, node->in[0])->type.shape.dim[i];
  instr->out = out;
  return out;
}

/* Positions that step by one (or not at all) need no copy: the value is a window on the array. */
static int32_t slide_value(builder *b, int32_t id) {
  const tw_node_data *node = data_of(b, id);
  tw_instr made = {.rank = node->n - 1, .array = operand(b, node->in[0])};
  int64_t slope = 0;
  for (int i = 0; i < made.rank; i++) {
    made.extent[i] = data_of(b, node->in[0])->type.shape.dim[i];
    tw_affine_of(b->p->graph, node->in[i + 1], node->size, &made.affine[i]);
    for (int t = 0; t < made.affine[i].n; t++) made.affine[i].scalar[t] = operand(b, made.affine[i].scalar[t]);
    slope = slope * made.extent[i] + made.affine[i].slope;
  }
  const bool window = slope == 0 || slope == 1;
  const int32_t out =
      add_value(b, (tw_value){.kind = window ? TW_VALUE_WINDOW : TW_VALUE_BLOCK, .dtype = node->type.dtype,
                              .at = window ? (int32_t)slope : -1});
  tw_instr *instr = add_instr(b, TW_INSTR_SLIDE, id);
  made.kind = TW_INSTR_SLIDE;
  made.node = id;
  made.out = out;
  *instr = made;
  return out;
}

static int32_t virtual_value(builder *b, int32_t id) {
  const tw_node_data *node = data_of(b, id);
  if (node->op == &tw_op_take) return slide_value(b, id);
  if (node->op == &tw_op_iota) {
    const int32_t out = block_value(b, id);
    add_instr(b, TW_INSTR_IOTA, id)->out = out;
    return out;
  }
  if (data_of(b, node->in[0])->size == 1) return read_value(b, node->in[0]);
  const int32_t array = operand(b, node->in[0]), out = block_value(b, id);
  tw_instr *instr = add_instr(b, TW_INSTR_VIEW, id);
  instr->array = array;
  instr->out = out;
  node->op->view(tw_at(b->p->graph, id), &instr->view);
  return out;
}

/* The value of `id` read element by element. */
static int32_t read_value(builder *b, int32_t id) {
  tw_value constant = {.kind = TW_VALUE_CONSTANT, .dtype = data_of(b, id)->type.dtype};
  const int32_t direct = tw_pointwise(b->p, id);
  tw_fact *fact = &b->p->fact[direct];
  if (fact->stamp == b->p->stamp) return fact->value;
  if (tw_repeated_constant(b->p->graph, id, &constant.bits)) return add_value(b, constant);
  const int64_t size = data_of(b, direct)->size;
  if (size == 1 && b->pass->n > 1)
    return remember(b, direct, add_value(b, (tw_value){.kind = TW_VALUE_SCALAR, .dtype = constant.dtype, .at = operand(b, direct)}));
  const bool own = fact->group == b->group;
  const bool redo = fact->role == TW_ROLE_MAP && fact->cheap && fact->level == b->p->fact[b->group].level;
  if (fact->role == TW_ROLE_MAP && (own || redo)) return remember(b, direct, map_value(b, direct));
  if (fact->role == TW_ROLE_GATHER && own) return remember(b, direct, gather_value(b, direct));
  if (fact->role == TW_ROLE_VIRTUAL) return remember(b, direct, virtual_value(b, direct));
  return remember(b, direct, add_value(b, (tw_value){.kind = TW_VALUE_OPERAND, .dtype = constant.dtype, .at = operand(b, direct)}));
}

static void add_fold(builder *b, int32_t id) {
  const tw_node_data *node = data_of(b, id);
  const tw_axes_attr *axes = node->attr;
  const tw_extents e = tw_shape_split(&data_of(b, node->in[0])->type.shape, (int)axes->first, (int)axes->count);
  const int32_t in = read_value(b, node->in[0]), out = result(b, id);
  tw_instr *instr = add_instr(b, TW_INSTR_FOLD, id);
  instr->n = 1;
  instr->in[0] = in;
  instr->out = out;
  instr->shape = e.outer == 1 && e.inner == 1 ? TW_FOLD_ALL : e.inner == 1 ? TW_FOLD_ROWS : TW_FOLD_COLUMNS;
  instr->fold = node->op == &tw_op_sum    ? TW_FOLD_SUM
                : node->op == &tw_op_prod ? TW_FOLD_PROD
                : node->op == &tw_op_reduce_max ? TW_FOLD_MAX
                                                : TW_FOLD_MIN;
  instr->combine = instr->fold;
}

/* ------------------------------------------------------------------ registers */

static int64_t rounded_up(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

/* Bytes that an element takes in registers, operands and results. */
static int64_t footprint(const tw_pass *pass) {
  int64_t slot = 1, arrays = 0;
  for (int k = 0; k < pass->n_values; k++) {
    const tw_value *value = &pass->value[k];
    const int64_t bytes = (int64_t)value->bytes;
    if (value->kind == TW_VALUE_BLOCK && bytes > slot) slot = bytes;
    if (value->kind == TW_VALUE_OPERAND || value->kind == TW_VALUE_RESULT) arrays += bytes;
  }
  return pass->slots * slot + arrays;
}

/* The scratch: registers and pointers of every worker, then the folds' partial results. The native form cuts its elements
 * the same way, so that its bits are the same. */
static void set_sizes(tw_pass *pass, int64_t row, bool serial) {
  if (pass->native && pass->native->slots > pass->slots) pass->slots = pass->native->slots;
  const int64_t bytes = footprint(pass);
  int64_t block = BLOCK_BYTES / (bytes > 0 ? bytes : 1) / BLOCK_LEAST * BLOCK_LEAST;
  block = block < BLOCK_LEAST ? BLOCK_LEAST : block > TW_PASS_ROW ? TW_PASS_ROW : block;
  pass->row = row;
  if (row > 1) block = block / row > 0 ? block / row * row : row;
  pass->block = block;
  pass->tile = block >= TILE ? block : TILE / block * block;
  pass->workers = serial || pass->n <= pass->tile ? 1 : tw_cores() < WORKERS ? tw_cores() : WORKERS;
  pass->slot_bytes = (size_t)rounded_up((pass->n < block ? pass->n : block) * (int64_t)sizeof(double), TW_ALIGN);
  pass->room_bytes = (size_t)pass->slots * pass->slot_bytes + (size_t)pass->n_values * (sizeof(void *) + 1);
  pass->room_bytes = (size_t)rounded_up((int64_t)pass->room_bytes, TW_ALIGN);
  pass->scratch = (size_t)pass->workers * pass->room_bytes;
  const int64_t blocks = (pass->n + block - 1) / block, tiles = (pass->n + pass->tile - 1) / pass->tile;
  for (int i = 0; i < pass->n_instrs; i++) {
    tw_instr *instr = &pass->instr[i];
    if (instr->kind != TW_INSTR_FOLD || instr->shape == TW_FOLD_ROWS) continue;
    instr->partial = pass->scratch;
    const int64_t items = instr->shape == TW_FOLD_ALL ? blocks : tiles * row;
    pass->scratch += (size_t)rounded_up(items * (int64_t)sizeof(double), TW_ALIGN);
  }
  tw_pass *native = pass->native;
  if (!native) return;
  native->row = row;
  native->block = block;
  native->tile = pass->tile;
  native->workers = pass->workers;
  native->slots = pass->slots;
  native->slot_bytes = pass->slot_bytes;
  native->room_bytes = pass->room_bytes;
  for (int i = 0, k = 0; i < native->n_instrs; i++) {
    if (native->instr[i].kind != TW_INSTR_FOLD) continue;
    while (pass->instr[k].kind != TW_INSTR_FOLD || pass->instr[k].out != native->instr[i].out) k = k + 1 == pass->n_instrs ? 0 : k + 1;
    native->instr[i].partial = pass->instr[k].partial;
  }
}

static void set_turns(tw_pass *pass, tw_graph *graph) {
  for (int i = 0; i < pass->n_instrs; i++)
    pass->instr[i].turn = tw_needs_loop(&pass->instr[i], graph) ? pass->turns++ : -1;
}

static double array_bytes(const tw_graph *graph, int32_t id, int64_t most) {
  const tw_node_data *node = tw_node_at(graph, id);
  return (double)(node->size < most ? node->size : most) * (double)tw_dtype_get(node->type.dtype)->size;
}

/* No more than n elements of an operand are looked at. */
static double first_read(const tw_pass *pass, const tw_graph *graph, int32_t operand, bool *read) {
  if (read[operand]) return 0;
  read[operand] = true;
  return array_bytes(graph, pass->operand[operand], pass->n);
}

void tw_pass_cost(const tw_pass *pass, tw_graph *graph, int i, bool *read, double *flops, double *bytes) {
  const tw_instr *instr = &pass->instr[i];
  const tw_expr node = tw_at(graph, instr->node);
  const tw_op *op = tw_op_of(node);
  const bool fold = instr->kind == TW_INSTR_FOLD;
  *flops = (fold || instr->kind == TW_INSTR_MAP) && op->flops ? op->flops(node) : 0;
  *bytes = instr->array >= 0 ? first_read(pass, graph, instr->array, read) : 0;
  for (int k = 0; k < instr->n; k++) {
    const tw_value *value = &pass->value[instr->in[k]];
    if (value->kind == TW_VALUE_OPERAND || value->kind == TW_VALUE_SCALAR) *bytes += first_read(pass, graph, value->at, read);
  }
  if (fold || pass->value[instr->out].kind == TW_VALUE_RESULT) *bytes += array_bytes(graph, instr->node, INT64_MAX);
}

static bool set_costs(tw_pass *pass, tw_graph *graph) {
  bool *read = calloc((size_t)pass->n_operands + 1, sizeof *read);
  for (int i = 0; read && i < pass->n_instrs; i++) {
    double flops, bytes;
    tw_pass_cost(pass, graph, i, read, &flops, &bytes);
    pass->flops += flops;
    pass->bytes += bytes;
  }
  free(read);
  pass->work = (int64_t)(pass->flops / 4) > pass->n ? (int64_t)(pass->flops / 4) : pass->n;
  if (!pass->native) return read != NULL;
  pass->native->work = pass->work;
  pass->native->bytes = pass->bytes;
  pass->gain = (double)(pass->n_instrs - pass->native->n_instrs) *
               (0.2e-9 * (double)pass->n + 10e-9 * ((double)pass->n / (double)pass->block + 1));
  return read != NULL;
}

void tw_pass_free(tw_pass *pass) {
  if (!pass) return;
  if (pass->native) { /* operands and results are ours */
    pass->native->operand = pass->native->result = NULL;
    tw_pass_free(pass->native);
  }
  free(pass->value);
  free(pass->instr);
  free(pass->map);
  free(pass->operand);
  free(pass->result);
  free(pass->last);
  free(pass);
}

tw_pass *tw_pass_make(tw_planner *p, int32_t group, const int32_t *member, int32_t count) {
  builder b = {.p = p, .group = group, .pass = calloc(1, sizeof(tw_pass))};
  if (!b.pass) return NULL;
  p->stamp++;
  const tw_node_data *first = data_of(&b, member[0]);
  b.pass->n = p->fact[member[0]].role == TW_ROLE_FOLD ? data_of(&b, first->in[0])->size : first->size;
  for (int32_t k = 0; k < count && !b.failed; k++) {
    if (p->fact[member[k]].role == TW_ROLE_FOLD)
      add_fold(&b, member[k]);
    else
      read_value(&b, member[k]);
  }
  if (b.failed || !tw_pass_set_slots(b.pass) || !tw_pass_cluster(b.pass, p->graph, &p->fn->n_clusters)) {
    tw_pass_free(b.pass);
    return NULL;
  }
  set_sizes(b.pass, p->fact[group].row, (p->fn->mode & TW_MODE_SERIAL) != 0);
  tw_pass *native = b.pass->native;
  set_turns(b.pass, p->graph);
  if (native) set_turns(native, p->graph);
  if (!set_costs(b.pass, p->graph) || !tw_pass_set_last_reads(b.pass) || (native && !tw_pass_set_last_reads(native))) {
    tw_pass_free(b.pass);
    return NULL;
  }
  return b.pass;
}
