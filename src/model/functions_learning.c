/* Functions of learning: losses, regularizers; and derivatives. */
#include "model/builder.h"

#include <talweg/loss.h>

#include <stdlib.h>
#include <string.h>

static bool is(const tw_site *site, const char *name) {
  return strcmp(site->function->name, name) == 0;
}

bool tw_function_huber(tw_builder *b, const tw_site *site, tw_value *out) {
  const tw_value *r = &site->value[0];
  tw_value delta = site->argument[1] ? site->value[1] : tw_value_of(tw_scalar(b->graph, 1));
  tw_shape sr = tw_value_shape(r), sd = tw_value_shape(&delta), both;
  if (!tw_shape_broadcast(&sr, &sd, &both) || !tw_shape_equal(&both, &sr))
    return tw_build_fail_shape(b, site, &delta, "a delta that broadcasts to the shape of r");
  *out = *r;
  out->index = NULL;
  out->affine = NULL;
  out->expr = tw_loss_huber(tw_build_real(r->expr), delta.expr);
  return true;
}

/* ------------------------------------------------------------------ several classes */

/* Class numbers as a constant, each in 0 .. classes-1. */
static bool read_labels(tw_builder *b, const tw_site *site, int64_t classes, tw_expr *labels) {
  tw_array given, real;
  const tw_ast *node = site->argument[1];
  if (!tw_build_evaluate(b, node, &site->value[1], &given)) return false;
  tw_status status = tw_array_copy(&real, &given, TW_F64, NULL);
  tw_array_free(&given);
  if (status != TW_OK) return tw_build_memory(b, tw_build_begin(node));
  int64_t n = tw_shape_size(&real.shape);
  int64_t *label = tw_alloc((size_t)n, sizeof *label);
  bool good = label || tw_build_memory(b, tw_build_begin(node));
  for (int64_t k = 0; good && k < n; k++) {
    double v = ((const double *)real.data)[k];
    good = v >= 0 && v < (double)classes && v == (double)(int64_t)v;
    if (good)
      label[k] = (int64_t)v;
    else
      tw_build_fail(b, tw_build_begin(node), TW_ERR_RANGE,
                    "label %g at position %lld, expected an integer in 0..%lld", v, (long long)k,
                    (long long)classes - 1);
  }
  if (good) {
    tw_array view = tw_array_view(label, TW_I64, real.shape);
    *labels = tw_constant(b->graph, &view);
  }
  free(label);
  tw_array_free(&real);
  return good && tw_build_check(b, tw_build_begin(node));
}

/* The mean over rows of a loss of scores and labels. */
bool tw_function_multiclass(tw_builder *b, const tw_site *site, tw_value *out) {
  const tw_value *z = &site->value[0];
  const tw_shape shape = tw_value_shape(z), labels = tw_value_shape(&site->value[1]);
  if (shape.rank < 1 || shape.rank > 2 || tw_size_of(z->expr) == 0)
    return tw_build_fail_shape(b, site, z, "scores [rows, classes] or [classes]");
  const bool fits = labels.rank == shape.rank - 1 && (labels.rank == 0 || labels.dim[0] == shape.dim[0]);
  if (!fits) return tw_build_fail_shape(b, site, &site->value[1], "one label for each row of the logits");
  tw_expr y;
  if (!read_labels(b, site, shape.dim[shape.rank - 1], &y)) return false;
  tw_expr (*loss)(tw_expr, tw_expr) = is(site, "multiclass_hinge")        ? tw_loss_multiclass_hinge
                                      : is(site, "multiclass_perceptron") ? tw_loss_multiclass_perceptron
                                      : is(site, "multiclass_sparsemax")  ? tw_loss_multiclass_sparsemax
                                                                          : tw_loss_multiclass_logistic;
  *out = tw_value_of(tw_mean(loss(tw_build_real(z->expr), y), TW_ALL, false));
  return true;
}

/* ------------------------------------------------------------------ regularizers */

bool tw_function_regularizer(tw_builder *b, const tw_site *site, tw_value *out) {
  const tw_regularizer_kind *kind = tw_regularizer_find(site->function->name);
  tw_expr params[TW_REGULARIZER_PARAMS];
  int n = 0;
  if (!kind)
    return tw_build_fail(b, tw_ast_place(site->node), TW_ERR_UNSUPPORTED, "this build has no regularizer %s",
                         site->function->name);
  while (n < TW_REGULARIZER_PARAMS && site->argument[1 + n]) {
    params[n] = site->value[1 + n].expr;
    n++;
  }
  *out = tw_value_of(tw_regularizer(b->graph, kind, tw_build_real(site->value[0].expr), n, params));
  return true;
}

/* ------------------------------------------------------------------ derivatives */

/* What to differentiate by: inputs of the graph. A `let` is no input: what was simplified past it would be
 * missed. */
static bool check_target(tw_builder *b, const tw_site *site) {
  const tw_ast *node = site->argument[1];
  const tw_symbol *symbol = node->kind == TW_AST_NAME ? tw_scope_find(b->scope, node->text) : NULL;
  if (!symbol || (symbol->kind != TW_SYMBOL_VAR && symbol->kind != TW_SYMBOL_PARAM))
    return tw_build_fail(b, tw_build_begin(node), TW_ERR_ARGUMENT,
                         "%s by something else than a variable, expected the name of a var or param",
                         site->function->name);
  if (symbol->fixed)
    return tw_build_fail(b, tw_build_begin(node), TW_ERR_ARGUMENT,
                         "the param `%.64s` sets sizes or indices, there is no derivative by it; expected a "
                         "var or another param",
                         symbol->name);
  if (!tw_is_input(symbol->value.expr))
    return tw_build_fail(
        b, tw_build_begin(node), TW_ERR_ARGUMENT,
        "the param `%.64s` is computed from other params, expected a var or a param with a value of its own",
        symbol->name);
  return true;
}

static bool append(tw_shape *shape, const tw_shape *more) {
  for (int k = 0; k < more->rank; k++) {
    if (shape->rank == TW_MAX_RANK) return false;
    shape->dim[shape->rank++] = more->dim[k];
  }
  return true;
}

bool tw_function_derivative(tw_builder *b, const tw_site *site, tw_value *out) {
  const tw_value *e = &site->value[0], *x = &site->value[1];
  if (!check_target(b, site)) return false;
  bool jacobian = is(site, "jacobian"), hessian = is(site, "hessian");
  if (!jacobian && tw_value_rank(e) > 0)
    return tw_build_fail_shape(b, site, e, "one number; jacobian takes arrays");
  tw_shape by = tw_value_shape(x), shape = jacobian ? tw_value_shape(e) : hessian ? by : TW_SCALAR;
  if (!append(&shape, &by)) return tw_build_fail_shape(b, site, x, "fewer axes");
  if (!tw_build_size(b, tw_ast_place(site->node), &shape)) return false;
  tw_expr value = tw_build_real(e->expr);
  *out = tw_value_of(jacobian  ? tw_jacobian(value, x->expr)
                     : hessian ? tw_hessian(value, x->expr)
                               : tw_grad(value, x->expr));
  if (!tw_build_check(b, tw_ast_place(site->node))) return false;
  int lead = shape.rank - by.rank;
  for (int k = 0; k < shape.rank; k++)
    out->axis[k] = k >= lead ? x->axis[k - lead] : hessian ? x->axis[k] : e->axis[k];
  return true;
}

/* E e(x + sigma Z): e as a function of x alone, what else depends on x stays where it is. */
bool tw_function_perturbed(tw_builder *b, const tw_site *site, tw_value *out) {
  const tw_value *e = &site->value[0], *x = &site->value[1];
  const int64_t samples = site->argument[4] ? site->integer[4] : 1000;
  if (!check_target(b, site)) return false;
  if (samples < 1)
    return tw_build_fail(b, tw_build_begin(site->argument[4]), TW_ERR_ARGUMENT, "perturbed: %lld samples, expected at least 1",
                         (long long)samples);
  tw_shape all = TW_SHAPE(samples), each = tw_value_shape(x), of = tw_value_shape(e), draws = all;
  if (!append(&draws, &each) || !append(&all, &of)) return tw_build_fail_shape(b, site, x, "fewer axes");
  if (!tw_build_size(b, tw_ast_place(site->node), &draws) || !tw_build_size(b, tw_ast_place(site->node), &all)) return false;
  const tw_expr point = tw_input(b->graph, "x", TW_F64, each), from = tw_cast(point, tw_dtype_of(x->expr));
  tw_expr value = tw_build_real(e->expr), f = TW_NONE;
  if (tw_substitute(1, &value, 1, &x->expr, &from, &f) != TW_OK) return tw_build_check(b, tw_ast_place(site->node));
  const tw_perturbation how = {.samples = samples, .sigma = site->argument[3] ? tw_build_real(site->value[3].expr) : TW_NONE};
  const bool varies = out->varies, looped = out->looped;
  *out = *e;
  out->varies = varies, out->looped = looped, out->index = NULL, out->affine = NULL;
  out->expr = tw_perturbed_argmax(point, f, tw_build_real(x->expr), tw_integer(b->graph, site->integer[2]), &how);
  return tw_build_check(b, tw_ast_place(site->node));
}
