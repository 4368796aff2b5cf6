/* Problems as C source: the functions behind an oracle's questions, with flat vectors for arguments. */
#include "base/given.h"
#include "problem/oracle.h"

#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------ what is written */

typedef enum extents { ONE, N, M, N_BY_N, M_BY_N, NNZ } extents; /* of n variables and m constraint rows */

typedef struct written { /* one function */
  const char *name, *meaning;
  tw_question question, unconstrained; /* without multipliers */
  struct output {
    const char *name;
    extents shape;
  } output[2];
  unsigned asks; /* what must be there */
} written;

enum { OBJECTIVE = 1, CONSTRAINTS = 2, EITHER = 4, MATRIX = 8 };

#define ASK(question) TW_ASK_##question, TW_ASK_##question
static const written functions[] = {
    {"objective", "the objective as stated", ASK(VALUE), {{"objective", ONE}}, OBJECTIVE},
    {"gradient",
     "the objective and its gradient",
     ASK(GRADIENT),
     {{"objective", ONE}, {"gradient", N}},
     OBJECTIVE},
    {"hvp",
     "the Hessian of objective + sum_i y[i] c[i] times v",
     TW_ASK_LAGRANGIAN_HVP,
     TW_ASK_HVP,
     {{"product", N}},
     EITHER},
    {"hessian",
     "the Hessian of objective + sum_i y[i] c[i], by rows",
     TW_ASK_LAGRANGIAN_HESSIAN,
     TW_ASK_HESSIAN,
     {{"hessian", N_BY_N}},
     EITHER | MATRIX},
    {"constraints",
     "what is bounded by the constraints, c",
     ASK(CONSTRAINTS),
     {{"constraints", M}},
     CONSTRAINTS},
    {"constraints_jvp", "the Jacobian of c times v", ASK(CONSTRAINTS_JVP), {{"product", M}}, CONSTRAINTS},
    {"constraints_vjp",
     "the transposed Jacobian of c times y",
     ASK(CONSTRAINTS_VJP),
     {{"product", N}},
     CONSTRAINTS},
    {"jacobian",
     "the Jacobian of c, by rows",
     ASK(CONSTRAINTS_JACOBIAN),
     {{"jacobian", M_BY_N}},
     CONSTRAINTS | MATRIX},
    {"start", "where to start", ASK(START), {{"x", N}}, 0},
    {"bounds", "lower <= x <= upper", ASK(BOUNDS), {{"lower", N}, {"upper", N}}, 0},
    {"constraint_bounds", "lower <= c <= upper", ASK(C_BOUNDS), {{"lower", M}, {"upper", M}}, CONSTRAINTS},
};
enum { FUNCTIONS = sizeof functions / sizeof *functions };

/* The same matrices without the zeros of their structure. */
#define SPARSE(matrix) TW_ASK_SPARSE + TW_MATRIX_##matrix
static const written sparse_functions[] = {
    {"hessian",
     "the Hessian of objective + sum_i y[i] c[i], lower triangle in compressed columns",
     SPARSE(LAGRANGIAN),
     SPARSE(HESSIAN),
     {{"values", NNZ}},
     EITHER | MATRIX},
    {"jacobian",
     "the Jacobian of c in compressed columns",
     SPARSE(CONSTRAINTS),
     SPARSE(CONSTRAINTS),
     {{"values", NNZ}},
     CONSTRAINTS | MATRIX},
};

static tw_shape shape_of(const tw_problem *p, extents e, int64_t nnz) {
  switch (e) {
  case N:
    return TW_SHAPE(p->size);
  case M:
    return TW_SHAPE(p->rows);
  case N_BY_N:
    return TW_SHAPE(p->size, p->size);
  case M_BY_N:
    return TW_SHAPE(p->rows, p->size);
  case NNZ:
    return TW_SHAPE(nnz);
  default:
    return TW_SCALAR;
  }
}

/* Whether the problem has what the function is about. */
static bool fits(const written *f, const tw_problem *p) {
  const bool objective = !tw_is_none(p->objective), constraints = p->rows > 0;
  if ((f->asks & OBJECTIVE && !objective) || (f->asks & CONSTRAINTS && !constraints)) return false;
  return !(f->asks & EITHER) || objective || constraints;
}

static double elements_of(const written *f, const tw_problem *p) {
  return (double)(f->output[0].shape == N_BY_N ? p->size : p->rows) * (double)p->size;
}

static tw_question question_of(const written *f, const tw_problem *p) {
  return p->rows > 0 ? f->question : f->unconstrained;
}

/* ------------------------------------------------------------------ arguments */

typedef struct writer {
  tw_kit *kit;
  tw_source_argument *argument;
  tw_source_part *part;
  int64_t nnz;          /* of the sparse matrix that is written */
  int n;                /* arguments so far */
  int first[TW_GROUPS]; /* argument of a group; of parameters the first */
} writer;

static int add(writer *w, const char *name, const char *meaning, tw_dtype dtype, tw_shape shape,
               bool output) {
  w->argument[w->n] = (tw_source_argument){name, meaning, dtype, shape, output};
  return w->n++;
}

static bool reads(tw_question q, tw_group group) {
  return tw_question_groups(q) >> group & 1;
}

/* x, parameters, y, v, outputs; the number of the first output. */
static int add_arguments(writer *w, const written *f, tw_question q) {
  const tw_problem *p = w->kit->problem;
  w->n = 0;
  if (reads(q, TW_GROUP_X) || reads(q, TW_GROUP_FLAT))
    w->first[TW_GROUP_X] = w->first[TW_GROUP_FLAT] =
        add(w, "x", "the variables", TW_F64, shape_of(p, N, 0), false);
  w->first[TW_GROUP_PARAMETERS] = w->n;
  for (int i = 0; i < p->parameters.count; i++) {
    const tw_parameter *parameter = p->parameters.item[i];
    add(w, parameter->name, "a parameter", tw_dtype_of(parameter->expr), tw_shape_of(parameter->expr), false);
  }
  if (reads(q, TW_GROUP_Y) || reads(q, TW_GROUP_W))
    w->first[TW_GROUP_Y] = w->first[TW_GROUP_W] =
        add(w, "y", "a weight for each constraint row", TW_F64, shape_of(p, M, 0), false);
  if (reads(q, TW_GROUP_V)) w->first[TW_GROUP_V] = add(w, "v", "a direction", TW_F64, shape_of(p, N, 0), false);
  const int first = w->n;
  for (int k = 0; k < 2 && f->output[k].name; k++)
    add(w, f->output[k].name, NULL, TW_F64, shape_of(p, f->output[k].shape, w->nnz), true);
  return first;
}

static int64_t offset_of(const tw_problem *p, int group, int i) {
  if (group == TW_GROUP_X || group == TW_GROUP_V) return ((const tw_variable *)p->variables.item[i])->offset;
  if (group == TW_GROUP_Y || group == TW_GROUP_W)
    return ((const tw_constraint *)p->constraints.item[i])->offset;
  return 0;
}

/* Where the inputs and outputs of the question's function lie in the arguments. */
static void set_parts(writer *w, tw_question q, int first_output) {
  const tw_kit *kit = w->kit;
  int count = 0;
  for (int g = 0; g < TW_GROUPS; g++)
    for (int i = 0; reads(q, (tw_group)g) && i < kit->count[g]; i++)
      w->part[count++] =
          (tw_source_part){w->first[g] + (g == TW_GROUP_PARAMETERS ? i : 0), offset_of(kit->problem, g, i)};
  for (int k = 0; k < kit->n_out[q]; k++)
    w->part[count++] = (tw_source_part){first_output + kit->out[q][k].array, kit->out[q][k].offset};
}

static tw_status out_of_memory(tw_error *error) {
  return tw_fail(error, TW_ERR_MEMORY, "out of memory writing C");
}

/* A comment in the place of the function. */
static tw_status leave_out(const char *name, const char *why, tw_source *source, tw_error *error) {
  tw_text text = {0};
  tw_text_printf(&text, "%s is not written: %s.", name, why);
  const bool failed = text.failed;
  if (!failed) tw_source_comment(source, text.data);
  tw_text_free(&text);
  return failed ? out_of_memory(error) : TW_OK;
}

/* `pattern`: of a matrix in compressed columns; NULL otherwise. */
static tw_status write_compiled(tw_kit *kit, const written *f, const char *name, const tw_pattern *pattern,
                                tw_source *source, tw_error *error) {
  const tw_problem *p = kit->problem;
  const tw_question q = question_of(f, p);
  tw_status status = tw_kit_compile(kit, q, error);
  if (status != TW_OK) return status;
  size_t parts = (size_t)kit->n_out[q];
  for (int g = 0; g < TW_GROUPS; g++) parts += (size_t)kit->count[g];
  writer w = {.kit = kit,
              .nnz = pattern ? pattern->nnz : 0,
              .argument = calloc((size_t)p->parameters.count + 5, sizeof *w.argument),
              .part = calloc(parts, sizeof *w.part)};
  if (w.argument && w.part) {
    set_parts(&w, q, add_arguments(&w, f, q));
    status = pattern ? tw_source_add_sparse(source, name, f->meaning, kit->fn[q], w.n, w.argument, w.part, pattern, error)
                     : tw_source_add_packed(source, name, f->meaning, kit->fn[q], w.n, w.argument, w.part, error);
  } else {
    status = out_of_memory(error);
  }
  free(w.argument);
  free(w.part);
  return status;
}

static const written *sparse_of(const written *f) {
  const written *s = sparse_functions;
  while (strcmp(s->name, f->name) != 0) s++;
  return s;
}

/* The matrix in compressed columns; *storage: sparse, dense, or TW_STORE_PRODUCTS where it is left out. */
static tw_status write_sparse(tw_kit *kit, const written *f, const char *name, tw_source *source, tw_storage *storage,
                              tw_error *error) {
  const written *sparse = sparse_of(f);
  const tw_matrix matrix = (tw_matrix)(question_of(sparse, kit->problem) - TW_ASK_SPARSE);
  const tw_sparse_derivative *d;
  tw_text both = {0};
  *storage = TW_STORE_PRODUCTS;
  tw_status status = tw_kit_sparse(kit, matrix, &d, error);
  if (status == TW_OK) status = write_compiled(kit, sparse, name, &d->pattern, source, error);
  if (status == TW_OK) *storage = tw_pattern_storage(&d->pattern, matrix);
  if (status != TW_ERR_UNSUPPORTED) return status;
  tw_text_printf(&both, "%s_values", name);
  status = both.failed ? out_of_memory(error) : leave_out(both.data, error->message, source, error);
  tw_text_free(&both);
  return status;
}

/* In compressed columns where that can be; with all elements where that is small, or smallish and as good. */
static tw_status write_matrix(tw_kit *kit, const written *f, const char *name, tw_source *source, tw_error *error) {
  const double elements = elements_of(f, kit->problem);
  tw_storage storage;
  const tw_status status = write_sparse(kit, f, name, source, &storage, error);
  if (status != TW_OK) return status;
  if (elements <= (storage == TW_STORE_SPARSE ? TW_SOURCE_DENSE_SPARSE : TW_SOURCE_DENSE))
    return write_compiled(kit, f, name, NULL, source, error);
  return leave_out(name,
                   storage == TW_STORE_PRODUCTS ? "it has too many elements; its products with vectors are"
                                                : "it has too many elements; its values in compressed columns are",
                   source, error);
}

static tw_status write_function(tw_kit *kit, const written *f, const char *prefix, tw_source *source,
                                tw_error *error) {
  tw_text name = {0};
  tw_text_printf(&name, "%s_%s", prefix, f->name);
  tw_status status = name.failed            ? out_of_memory(error)
                     : f->asks & MATRIX     ? write_matrix(kit, f, name.data, source, error)
                                            : write_compiled(kit, f, name.data, NULL, source, error);
  if (status == TW_ERR_UNSUPPORTED && f->question == TW_ASK_START)
    status = leave_out(name.data, error->message, source, error); /* to the caller */
  tw_text_free(&name);
  return status;
}

/* ------------------------------------------------------------------ the comment */

static void put_place(tw_text *out, const char *vector, const char *name, tw_expr e, int64_t offset,
                      int64_t size) {
  const tw_shape shape = tw_shape_of(e);
  char text[TW_SHAPE_TEXT];
  if (size == 1)
    tw_text_printf(out, "  %s[%lld]  %s", vector, (long long)offset, name);
  else
    tw_text_printf(out, "  %s[%lld .. %lld]  %s", vector, (long long)offset, (long long)(offset + size - 1),
                   name);
  if (shape.rank > 0) tw_text_printf(out, " %s", tw_shape_text(&shape, text));
}

static void put_variables(tw_text *out, const tw_problem *p) {
  static const char *const kind[] = {"", ", integer: continuous here", ", binary: continuous here"};
  tw_text_printf(out, "Variables: one vector x [%lld], arrays in C order.\n", (long long)p->size);
  for (int i = 0; i < p->variables.count; i++) {
    const tw_variable *v = p->variables.item[i];
    put_place(out, "x", v->name, v->expr, v->offset, v->size);
    tw_text_puts(out, kind[v->kind]);
    if (v->domain.kind) tw_text_printf(out, ", in %s", v->domain.kind->name);
    if (v->domain.kind && !v->domain.kind->bounds) tw_text_puts(out, ": left to the caller");
    tw_text_puts(out, "\n");
  }
}

static void put_layout(tw_text *out, const tw_problem *p) {
  static const char *const goal[] = {"none", "minimize", "maximize", "none: equations", "none"};
  tw_text_printf(out, "Objective: %s%s%s.\n", goal[p->goal], p->objective_name ? " " : "",
                 p->objective_name ? p->objective_name : "");
  put_variables(out, p);
  if (p->rows > 0)
    tw_text_printf(out, "Constraints: lower <= c <= upper, one vector c [%lld].\n", (long long)p->rows);
  for (int i = 0; i < p->constraints.count; i++) {
    const tw_constraint *c = p->constraints.item[i];
    put_place(out, "c", c->name, c->expr, c->offset, c->size);
    tw_text_puts(out, !tw_is_none(c->lower) && tw_same(c->lower, c->upper) ? ", equality\n" : "\n");
  }
  tw_text_puts(out, "Work memory is a struct for each function, static or from malloc; calls need not keep "
                    "what is in it.\n");
}

static tw_status write_comment(const tw_problem *p, tw_source *source, tw_error *error) {
  tw_text text = {0};
  put_layout(&text, p);
  const bool failed = text.failed;
  if (!failed) tw_source_comment(source, text.data);
  tw_text_free(&text);
  return failed ? out_of_memory(error) : TW_OK;
}

/* ------------------------------------------------------------------ the problem */

tw_status tw_problem_source(const tw_problem *p, const char *prefix, tw_source *source, tw_error *error) {
  TW_GIVEN(p);
  TW_GIVEN(prefix);
  TW_GIVEN(source);
  tw_kit *kit = NULL;
  tw_class cls = {.smooth = p->objective, .residual = TW_NONE, .residual_constant = TW_NONE};
  if (p->goal == TW_GOAL_FIXPOINT)
    return tw_fail(error, TW_ERR_UNSUPPORTED, "a fixed point has no objective and no constraints to write");
  tw_graph_lock(p->graph);
  if (tw_is_none(cls.smooth)) cls.smooth = tw_scalar(p->graph, 0);
  tw_status status = tw_kit_new(&kit, p, &cls, error);
  if (status == TW_OK) status = write_comment(p, source, error);
  for (int f = 0; f < FUNCTIONS && status == TW_OK; f++)
    if (fits(&functions[f], p))
      status = write_function(kit, &functions[f], prefix, source, error);
  tw_kit_release(kit);
  tw_graph_unlock(p->graph);
  return status;
}
