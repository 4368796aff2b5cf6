/* Oracles of problems over expressions: what each function of an oracle asks. */
#include "base/given.h"
#include "problem/ask.h"
#include "problem/conic.h"
#include "problem/summands.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct context {
  tw_questions questions; /* first: functions that only ask are handed it as it is */
  tw_sampler *sampler;  /* NULL: not asked for yet */
  tw_block_set *blocks; /* likewise */
  double *lower, *upper, *c_lower, *c_upper;
  bool *c_linear;     /* NULL: as the class says */
  tw_var_kind *kinds; /* NULL: no variable is integer */
} context;

static tw_status out_of_memory(tw_error *error) {
  return tw_fail(error, TW_ERR_MEMORY, "oracle: out of memory");
}

/* ------------------------------------------------------------------ the oracle's functions */

static tw_status value(void *c, const double *x, double *f, tw_error *error) {
  return tw_ask(c, TW_ASK_VALUE, &(tw_point){.x = x}, f, NULL, error);
}

static tw_status gradient(void *c, const double *x, double *f, double *g, tw_error *error) {
  return tw_ask(c, TW_ASK_GRADIENT, &(tw_point){.x = x}, f, g, error);
}

static tw_status hvp(void *c, const double *x, const double *y, const double *v, double *out, tw_error *error) {
  return tw_ask(c, y ? TW_ASK_LAGRANGIAN_HVP : TW_ASK_HVP, &(tw_point){.x = x, .y = y, .v = v}, out, NULL, error);
}

static tw_status hessian(void *c, const double *x, const double *y, double *h, tw_error *error) {
  return tw_ask(c, y ? TW_ASK_LAGRANGIAN_HESSIAN : TW_ASK_HESSIAN, &(tw_point){.x = x, .y = y}, h, NULL, error);
}

static tw_status residual(void *c, const double *x, double *r, tw_error *error) {
  return tw_ask(c, TW_ASK_RESIDUAL, &(tw_point){.x = x}, r, NULL, error);
}

static tw_status residual_jvp(void *c, const double *x, const double *v, double *jv, tw_error *error) {
  return tw_ask(c, TW_ASK_RESIDUAL_JVP, &(tw_point){.x = x, .v = v}, jv, NULL, error);
}

static tw_status residual_vjp(void *c, const double *x, const double *u, double *jtu, tw_error *error) {
  return tw_ask(c, TW_ASK_RESIDUAL_VJP, &(tw_point){.x = x, .u = u}, jtu, NULL, error);
}

static tw_status residual_jacobian(void *c, const double *x, double *j, tw_error *error) {
  return tw_ask(c, TW_ASK_RESIDUAL_JACOBIAN, &(tw_point){.x = x}, j, NULL, error);
}

static tw_status constraints(void *c, const double *x, double *values, tw_error *error) {
  return tw_ask(c, TW_ASK_CONSTRAINTS, &(tw_point){.x = x}, values, NULL, error);
}

static tw_status constraints_jvp(void *c, const double *x, const double *v, double *jv, tw_error *error) {
  return tw_ask(c, TW_ASK_CONSTRAINTS_JVP, &(tw_point){.x = x, .v = v}, jv, NULL, error);
}

static tw_status constraints_vjp(void *c, const double *x, const double *y, double *jty, tw_error *error) {
  return tw_ask(c, TW_ASK_CONSTRAINTS_VJP, &(tw_point){.x = x, .y = y}, jty, NULL, error);
}

static tw_status constraints_jacobian(void *c, const double *x, double *j, tw_error *error) {
  return tw_ask(c, TW_ASK_CONSTRAINTS_JACOBIAN, &(tw_point){.x = x}, j, NULL, error);
}

static tw_status sparse_pattern(void *self, tw_matrix matrix, const tw_pattern **pattern, tw_error *error) {
  const context *c = self;
  const tw_sparse_derivative *d;
  const tw_status status = tw_kit_sparse(c->questions.kit, matrix, &d, error);
  *pattern = status == TW_OK ? &d->pattern : NULL;
  return status;
}

static tw_status sparse_values(void *c, tw_matrix matrix, const double *x, const double *y, double *values,
                               tw_error *error) {
  if (matrix == TW_MATRIX_LAGRANGIAN && !y) return tw_fail(error, TW_ERR_ARGUMENT, "oracle: no multipliers given");
  return tw_ask(c, (tw_question)(TW_ASK_SPARSE + (int)matrix), &(tw_point){.x = x, .y = y}, values, NULL, error);
}

static tw_status project(void *c, const double *x, double *out, tw_error *error) {
  return tw_ask(c, TW_ASK_PROJECT, &(tw_point){.x = x}, out, NULL, error);
}

static tw_status prox(void *c, const double *x, double eta, double *out, tw_error *error) {
  return tw_ask(c, TW_ASK_PROX, &(tw_point){.x = x, .eta = &eta}, out, NULL, error);
}

static tw_status regularizer(void *c, const double *x, double *g, tw_error *error) {
  return tw_ask(c, TW_ASK_REGULARIZER, &(tw_point){.x = x}, g, NULL, error);
}

static tw_status mirror_step(void *c, const double *x, const double *g, double eta, double *out, tw_error *error) {
  return tw_ask(c, TW_ASK_MIRROR, &(tw_point){.x = x, .v = g, .eta = &eta}, out, NULL, error);
}

static tw_status conic(void *self, tw_conic *out, tw_error *error) {
  context *c = self;
  const tw_conic_form *form;
  *out = (tw_conic){0};
  tw_status status = tw_kit_conic_form(c->questions.kit, &form, error);
  if (status != TW_OK) return status;
  double *values = tw_alloc((size_t)tw_conic_form_values(form), sizeof *values);
  if (!values) return out_of_memory(error);
  status = tw_ask(&c->questions, TW_ASK_CONIC, &(tw_point){0}, values, NULL, error);
  if (status == TW_OK) status = tw_conic_form_fill(form, values, c->questions.kit->problem->size, out, error);
  free(values);
  return status;
}

static tw_status samples(void *self, int64_t *rows, tw_error *error) {
  context *c = self;
  *rows = 0;
  const tw_status status = c->sampler ? TW_OK : tw_sampler_new(&c->sampler, c->questions.kit, error);
  if (status == TW_OK) *rows = tw_sampler_rows(c->sampler);
  return status;
}

static tw_status sample(void *self, const double *x, int64_t count, const int64_t *row, const double *weight, double *f, double *g,
                        tw_error *error) {
  context *c = self;
  int64_t rows;
  const tw_status status = samples(self, &rows, error);
  return status != TW_OK ? status
                         : tw_sampler_call(c->sampler, &c->questions.exec, c->questions.parameter, x, count, row, weight, f, g, error);
}

static tw_status open_blocks(context *c, tw_error *error) {
  return c->blocks ? TW_OK : tw_block_set_new(&c->blocks, c->questions.kit, &c->questions.exec, c->questions.parameter, error);
}

static tw_status blocks(void *self, const tw_blocks **out, tw_error *error) {
  context *c = self;
  *out = NULL;
  const tw_status status = open_blocks(c, error);
  return status != TW_OK ? status : tw_block_set_get(c->blocks, out, error);
}

static tw_status start(void *c, double *x, tw_error *error) {
  return tw_ask(c, TW_ASK_START, &(tw_point){0}, x, NULL, error);
}

static void exec(void *c, const tw_exec *given) {
  tw_ask_exec(c, given);
}

static void visit(void *c, tw_state_visitor *visitor, void *visitor_context) {
  tw_ask_visit(c, visitor, visitor_context);
}

static void memory(void *self, tw_memory_visitor *visitor, void *visitor_context) {
  context *c = self;
  c->questions.beside = c->blocks != NULL;
  tw_ask_memory(&c->questions, visitor, visitor_context);
  if (!c->questions.beside) {
    tw_block_set_free(c->blocks);
    c->blocks = NULL;
    return;
  }
  if (open_blocks(c, NULL) == TW_OK)
    tw_block_set_memory(c->blocks, visitor, visitor_context);
  else
    visitor(visitor_context, NULL, -1);
}

static void release(void *self) {
  context *c = self;
  tw_sampler_free(c->sampler);
  tw_block_set_free(c->blocks);
  free(c->lower);
  free(c->upper);
  free(c->c_lower);
  free(c->c_upper);
  free(c->c_linear);
  free(c->kinds);
  tw_ask_close(&c->questions);
  free(c);
}

/* ------------------------------------------------------------------ parameters */

static size_t parameter_bytes(const tw_parameter *parameter) {
  return (size_t)tw_size_of(parameter->expr) * tw_dtype_get(tw_dtype_of(parameter->expr))->size;
}

const void *const *tw_oracle_values(const tw_oracle *oracle) {
  return (const void *const *)((const context *)oracle->context)->questions.parameter;
}

tw_kit *tw_oracle_kit(const tw_oracle *oracle) {
  return oracle->release == release ? ((context *)oracle->context)->questions.kit : NULL;
}

tw_status tw_oracle_parameters(tw_oracle *oracle, const void *const *values, tw_error *error) {
  if (!oracle || oracle->release != release)
    return tw_fail(error, TW_ERR_ARGUMENT, "oracle: made from callbacks, it has no parameters");
  context *c = oracle->context;
  const tw_problem *p = c->questions.kit->problem;
  for (int i = 0; i < p->parameters.count; i++) {
    const tw_parameter *parameter = p->parameters.item[i];
    memcpy(c->questions.parameter[i], values ? values[i] : parameter->value.data, parameter_bytes(parameter));
  }
  tw_ask_stale(&c->questions);
  tw_sampler_stale(c->sampler);
  tw_block_set_stale(c->blocks);
  tw_status status = TW_OK;
  const tw_point nowhere = {0};
  if (c->lower) status = tw_ask(&c->questions, TW_ASK_BOUNDS, &nowhere, c->lower, c->upper, error);
  if (c->c_lower && status == TW_OK) status = tw_ask(&c->questions, TW_ASK_C_BOUNDS, &nowhere, c->c_lower, c->c_upper, error);
  if (!tw_is_none(c->questions.kit->cls.residual_constant) && status == TW_OK)
    status = tw_ask(&c->questions, TW_ASK_OFFSET, &nowhere, &oracle->residual_offset, NULL, error);
  return status;
}

/* ------------------------------------------------------------------ making one */

enum { DENSE_MOST = 100000000 }; /* elements of a dense derivative worth offering: 800 MB */

static unsigned offers_of(const tw_kit *kit) {
  const tw_problem *p = kit->problem;
  const tw_class *cls = &kit->cls;
  unsigned offers = 0;
  double n = (double)p->size;
  bool minimise = p->goal != TW_GOAL_ROOT && p->goal != TW_GOAL_FIXPOINT;
  if (minimise) offers |= TW_VALUE | TW_GRADIENT | TW_CURVATURE | (n * n <= DENSE_MOST ? TW_HESSIAN : 0);
  if (minimise && p->rows > 0) offers |= TW_CONSTRAINTS;
  if (!tw_is_none(cls->residual))
    offers |= TW_RESIDUAL | TW_RESIDUAL_JVP | ((double)kit->k * n <= DENSE_MOST ? TW_RESIDUAL_JACOBIAN : 0);
  if (offers & (TW_CURVATURE | TW_RESIDUAL)) offers |= TW_SPARSE;
  if (cls->bounded || cls->has_set) offers |= TW_PROJECT;
  if (cls->bounded) offers |= TW_BOUNDS;
  if (cls->has_regularizer) offers |= TW_PROX;
  if (minimise && !cls->has_regularizer && tw_kit_has_mirror(kit)) offers |= TW_MIRROR;
  const bool quadratic = cls->objective <= TW_QUADRATIC && cls->constraints <= TW_LINEAR;
  if (minimise && quadratic && !cls->has_regularizer && !cls->has_set) offers |= TW_QP;
  if (minimise && cls->convex) offers |= TW_CONVEX | TW_CONIC;
  return offers;
}

static tw_status clone(void *self, tw_oracle *out, tw_error *error);

static void set_functions(tw_oracle *o) {
  if (o->offers & TW_VALUE) o->value = value;
  if (o->offers & TW_GRADIENT) o->gradient = gradient;
  if (o->offers & TW_CURVATURE) o->hvp = hvp;
  if (o->offers & TW_HESSIAN) o->hessian = hessian;
  if (o->offers & TW_RESIDUAL) o->residual = residual;
  if (o->offers & TW_RESIDUAL_JVP) o->residual_jvp = residual_jvp, o->residual_vjp = residual_vjp;
  if (o->offers & TW_RESIDUAL_JACOBIAN) o->residual_jacobian = residual_jacobian;
  if (o->offers & TW_CONSTRAINTS) {
    o->constraints = constraints;
    o->constraints_jvp = constraints_jvp;
    o->constraints_vjp = constraints_vjp;
    if ((double)o->m * (double)o->n <= DENSE_MOST) o->constraints_jacobian = constraints_jacobian;
  }
  if (o->offers & TW_SPARSE) o->sparse_pattern = sparse_pattern, o->sparse_values = sparse_values;
  if (o->offers & TW_PROJECT) o->project = project;
  if (o->offers & TW_PROX) o->prox = prox, o->regularizer = regularizer;
  if (o->offers & TW_MIRROR) o->mirror_step = mirror_step;
  if (o->offers & TW_CONIC) o->conic = conic;
  if (o->offers & TW_GRADIENT) o->samples = samples, o->sample = sample, o->blocks = blocks;
  o->start = start;
  o->exec = exec;
  o->visit = visit;
  o->memory = memory;
  o->clone = clone;
  o->release = release;
}

/* Which rows are linear, where some are and some are not. */
static bool list_linear(context *c, size_t m) {
  const tw_problem *p = c->questions.kit->problem;
  const unsigned char *degree = c->questions.kit->cls.constraint_degree;
  if (!degree || c->questions.kit->cls.constraints <= TW_LINEAR) return true;
  if (!(c->c_linear = tw_alloc(m, sizeof *c->c_linear))) return false;
  for (int i = 0; i < p->constraints.count; i++) {
    const tw_constraint *row = p->constraints.item[i];
    for (int64_t k = 0; k < row->size; k++) c->c_linear[row->offset + k] = degree[i] <= TW_LINEAR;
  }
  return true;
}

/* Room for the values of parameters and for the bounds. */
static bool allocate(context *c, const tw_oracle *o) {
  const tw_problem *p = c->questions.kit->problem;
  c->questions.parameter = calloc((size_t)p->parameters.count + 1, sizeof *c->questions.parameter);
  if (!c->questions.parameter) return false;
  for (int i = 0; i < p->parameters.count; i++)
    if (!(c->questions.parameter[i] = tw_alloc(1, parameter_bytes(p->parameters.item[i])))) return false;
  size_t n = (size_t)o->n, m = (size_t)o->m;
  if (o->offers & TW_BOUNDS) {
    c->lower = tw_alloc(n, sizeof(double));
    c->upper = tw_alloc(n, sizeof(double));
    if (!c->lower || !c->upper) return false;
  }
  if (o->offers & TW_CONSTRAINTS) {
    c->c_lower = tw_alloc(m, sizeof(double));
    c->c_upper = tw_alloc(m, sizeof(double));
    if (!c->c_lower || !c->c_upper || !list_linear(c, m)) return false;
  }
  if (!c->questions.kit->cls.integer) return true;
  if (!(c->kinds = tw_alloc(n, sizeof *c->kinds))) return false;
  for (int i = 0; i < p->variables.count; i++) {
    const tw_variable *v = p->variables.item[i];
    for (int64_t k = 0; k < v->size; k++) c->kinds[v->offset + k] = tw_variable_kind(v, k);
  }
  return true;
}

/* Takes over the caller's use of the kit. */
static tw_status make(tw_oracle *out, tw_kit *kit, const void *const *parameters, tw_error *error) {
  context *c = calloc(1, sizeof *c);
  if (!c) {
    tw_kit_release(kit);
    return out_of_memory(error);
  }
  c->questions.kit = kit;
  unsigned offers = offers_of(kit);
  *out = (tw_oracle){.context = c,
                     .n = kit->problem->size,
                     .m = offers & TW_CONSTRAINTS ? kit->problem->rows : 0,
                     .k = kit->k,
                     .offers = offers,
                     .residual_scale = kit->cls.residual_scale};
  set_functions(out);
  tw_status status = allocate(c, out) ? tw_oracle_parameters(out, parameters, error) : out_of_memory(error);
  out->lower = c->lower;
  out->upper = c->upper;
  out->c_lower = c->c_lower;
  out->c_upper = c->c_upper;
  out->c_linear = c->c_linear;
  out->kinds = c->kinds;
  if (status != TW_OK) tw_oracle_release(out);
  return status;
}

static tw_status clone(void *self, tw_oracle *out, tw_error *error) {
  context *c = self;
  tw_graph_lock(c->questions.kit->problem->graph);
  c->questions.kit->users++;
  tw_graph_unlock(c->questions.kit->problem->graph);
  tw_status status = make(out, c->questions.kit, (const void *const *)c->questions.parameter, error);
  if (status == TW_OK) exec(out->context, &c->questions.exec);
  return status;
}

tw_status tw_oracle_from_problem(tw_oracle *out, const tw_problem *p, const tw_class *cls, tw_error *error) {
  if (!out || !p || !cls) return tw_fail(error, TW_ERR_ARGUMENT, "oracle: the result, problem or class is NULL");
  *out = (tw_oracle){0};
  tw_kit *kit;
  const tw_status status = tw_kit_new(&kit, p, cls, error);
  return status == TW_OK ? make(out, kit, NULL, error) : status;
}

tw_status tw_oracle_clone(tw_oracle *out, const tw_oracle *oracle, tw_error *error) {
  TW_GIVEN(out);
  *out = (tw_oracle){0};
  if (!oracle || !oracle->clone) return tw_fail(error, TW_ERR_UNSUPPORTED, "oracle: it cannot be cloned");
  return oracle->clone(oracle->context, out, error);
}

void tw_oracle_release(tw_oracle *oracle) {
  if (!oracle) return;
  if (oracle->release) oracle->release(oracle->context);
  *oracle = (tw_oracle){0};
}
