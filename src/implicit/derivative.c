/* Derivatives of solutions in what a nested problem captured, from its optimality condition alone, as
 * expressions. */
#include "implicit/argmin.h"
#include "implicit/solve.h"

#include <stdlib.h>
#include <string.h>

/* The derivatives of outputs of `body` in theta alone along dtheta, at args (n of them; params appended for
 * tangents). */
void tw_theta_jvp(const tw_nested *nested, const tw_body *body, const tw_expr *args, const tw_expr *dtheta,
                  int n_outputs, const tw_expr *outputs, tw_expr *results) {
  int m = 0, n = body->n_params;
  tw_expr *wrt = calloc((size_t)nested->n_theta + 1, sizeof *wrt),
          *tangent = calloc((size_t)nested->n_theta + 1, sizeof *tangent);
  tw_expr *from = calloc((size_t)(n + nested->n_theta), sizeof *from),
          *to = calloc((size_t)(n + nested->n_theta), sizeof *to);
  for (int i = 0; i < n_outputs; i++) results[i] = TW_NONE;
  if (wrt && tangent && from && to) {
    for (int j = 0; j < n; j++) {
      from[j] = body->params[j];
      to[j] = args[j];
    }
    for (int j = 0; j < nested->n_theta; j++) {
      if (tw_is_none(dtheta[j])) continue;
      wrt[m] = body->params[nested->n_variables + j];
      from[n + m] = tangent[m] =
          tw_param(nested->graph, n + m, tw_dtype_of(dtheta[j]), tw_shape_of(dtheta[j]));
      to[n + m] = dtheta[j];
      m++;
    }
    if (m && tw_jvp(n_outputs, outputs, m, wrt, tangent, results) == TW_OK)
      for (int i = 0; i < n_outputs; i++)
        if (!tw_is_none(results[i])) tw_substitute(1, &results[i], n + m, from, to, &results[i]);
  } else {
    tw_graph_fail(nested->graph, TW_ERR_MEMORY, "out of memory differentiating %s", nested->word);
  }
  free(wrt), free(tangent), free(from), free(to);
}

static bool is_real(tw_expr e) {
  return tw_dtype_of(e) == TW_F64 || tw_dtype_of(e) == TW_F32;
}

void tw_theta_transpose(tw_graph *graph, int n, const tw_expr *theta, tw_theta_map *map, const void *context,
                        tw_expr cotangent, tw_expr *cotangents) {
  size_t most = (size_t)n + 1;
  tw_expr *tangent = calloc(most, sizeof *tangent), *zero = calloc(most, sizeof *zero);
  tw_expr *wrt = calloc(most, sizeof *wrt), *bar = calloc(most, sizeof *bar);
  int m = 0;
  bool ok = tangent && zero && wrt && bar;
  for (int j = 0; ok && j < n; j++) {
    bool wanted = is_real(theta[j]) && !tw_is_unasked(cotangents[j]);
    tangent[j] = wanted ? tw_input(graph, "tangent", tw_dtype_of(theta[j]), tw_shape_of(theta[j])) : TW_NONE;
    if (!wanted) continue;
    zero[m] = tw_zeros_like(tangent[j]);
    wrt[m++] = tangent[j];
  }
  if (!ok) tw_graph_fail(graph, TW_ERR_MEMORY, "out of memory differentiating a nested problem");
  if (ok && m > 0) {
    tw_expr value = map(context, tangent);
    if (!tw_is_none(value) && tw_vjp(1, &value, &cotangent, m, wrt, bar) == TW_OK)
      for (int j = 0, k = 0; j < n; j++) {
        if (tw_is_none(tangent[j])) continue;
        /* The tangents themselves have no part in the transpose, though rules may have left a trace of them.
         */
        if (!tw_is_none(bar[k])) tw_substitute(1, &bar[k], m, wrt, zero, &bar[k]);
        cotangents[j] = bar[k++];
      }
  }
  free(tangent), free(zero), free(wrt), free(bar);
}

/* ------------------------------------------------------------------ at a solution */

/* Everything a rule needs at z, theta, with room for one more in front. */
static tw_expr *args_at(const tw_nested *nested, tw_expr z, const tw_expr *theta) {
  tw_expr *args = calloc((size_t)(nested->n_variables + nested->n_theta) + 3, sizeof *args);
  if (args)
    tw_nested_args(nested, z, theta, args + 1);
  else
    tw_graph_fail(nested->graph, TW_ERR_MEMORY, "out of memory differentiating %s", nested->word);
  return args;
}

tw_expr tw_nested_linear(const tw_nested *nested, tw_expr z, const tw_expr *theta, tw_expr v) {
  tw_expr *args = args_at(nested, z, theta), lv = TW_NONE;
  if (args) {
    args[0] = v;
    tw_body_inline(nested->linear, args, &lv);
  }
  free(args);
  return lv;
}

tw_expr tw_nested_solve(const tw_nested *nested, tw_expr z, const tw_expr *theta, tw_expr b) {
  tw_expr *args = args_at(nested, z, theta), v = TW_NONE, at[3];
  if (args && tw_body_inline(nested->condition, args + 1, at) == TW_OK)
    v = tw_implicit_solve_by(nested->graph, nested->linear, nested->n_variables + nested->n_theta + 1, args + 1, b,
                             nested->masked ? at[1] : TW_NONE, nested->symmetric, &nested->choice.linear);
  free(args);
  return v;
}

/* dz = -(dF/dz)^-1 (dF/dtheta) dtheta */
tw_expr tw_nested_tangent(const tw_nested *nested, tw_expr z, const tw_expr *theta, const tw_expr *dtheta) {
  tw_expr *args = args_at(nested, z, theta), dz = TW_NONE, df = TW_NONE;
  if (args) tw_theta_jvp(nested, nested->condition, args + 1, dtheta, 1, nested->condition->outputs, &df);
  if (!tw_is_none(df)) dz = tw_nested_solve(nested, z, theta, tw_neg(df));
  free(args);
  return dz;
}

/* The arguments of tw_nested_tangent. */
typedef struct solution_at {
  const tw_nested *nested;
  tw_expr z;
  const tw_expr *theta;
} solution_at;

static tw_expr solution_tangent(const void *context, const tw_expr *dtheta) {
  const solution_at *at = context;
  return tw_nested_tangent(at->nested, at->z, at->theta, dtheta);
}

void tw_nested_cotangent(const tw_nested *nested, tw_expr z, const tw_expr *theta, tw_expr cotangent,
                         tw_expr *cotangents) {
  const solution_at at = {nested, z, theta};
  tw_theta_transpose(nested->graph, nested->n_theta, theta, solution_tangent, &at, cotangent, cotangents);
}
