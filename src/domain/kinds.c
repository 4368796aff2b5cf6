/* The table of sets, and the checked constructor. */
#include "domain/kinds.h"

#include <float.h>
#include <math.h>
#include <string.h>

static const tw_domain_kind *const kinds[] = {
#define X(name) &tw_domain_##name,
#include "domain/kinds.def"
#undef X
    NULL};

const tw_domain_kind *const *tw_domain_kinds(void) {
  return kinds;
}

const tw_domain_kind *tw_domain_find(const char *name) {
  if (!name) return NULL;
  for (const tw_domain_kind *const *kind = kinds; *kind; kind++)
    if (strcmp((*kind)->name, name) == 0) return *kind;
  return NULL;
}

tw_domain tw_domain_make(tw_graph *graph, const tw_domain_kind *kind, tw_shape shape, int n,
                         const tw_expr *params) {
  if (!graph || !kind || (n > 0 && !params)) {
    tw_graph_fail(graph, TW_ERR_ARGUMENT, "a set without a kind or without parameters");
    return (tw_domain){0};
  }
  tw_domain domain = {0};
  for (int i = 0; i < TW_DOMAIN_PARAMS; i++) domain.param[i] = TW_NONE;
  if (tw_graph_status(graph) != TW_OK) return domain;
  if (!kind) {
    tw_graph_fail(graph, TW_ERR_ARGUMENT, "domain: no kind given");
    return domain;
  }
  if (!tw_take_params(graph, kind->name, kind->params, kind->min_params, kind->max_params, n, params, domain.param))
    return domain;
  if (kind->check && !kind->check(graph, shape, n, domain.param)) return domain;
  if (tw_graph_status(graph) == TW_OK) domain.kind = kind;
  return domain;
}

tw_expr tw_back_to(tw_expr e, tw_dtype dtype) {
  return dtype == TW_F32 ? tw_cast(e, TW_F32) : e;
}

tw_expr tw_project(tw_domain domain, tw_expr x) {
  if (!domain.kind || tw_is_none(x)) return x;
  return tw_back_to(domain.kind->project(tw_cast(x, TW_F64), domain.param), tw_dtype_of(x));
}

/* ------------------------------------------------------------------ Kullback-Leibler projections */

tw_expr tw_log_step(tw_expr x, tw_expr gradient, tw_expr eta) {
  if (tw_is_none(x)) return x;
  const tw_expr positive = tw_ge(x, tw_scalar(x.graph, DBL_MIN)), one = tw_scalar(x.graph, 1);
  const tw_expr log = tw_where(positive, tw_log(tw_where(positive, x, one)), tw_scalar(x.graph, -INFINITY));
  return tw_sub(log, tw_mul(eta, gradient));
}

tw_expr tw_kl_project(tw_domain domain, tw_expr x) {
  if (tw_is_none(x)) return x;
  if (!domain.kind) return tw_exp(x);
  if (!domain.kind->kl_project)
    return tw_graph_fail(x.graph, TW_ERR_UNSUPPORTED, "kl_project: no projection on the set %s in the Kullback-Leibler divergence",
                         domain.kind->name);
  return tw_back_to(domain.kind->kl_project(tw_cast(x, TW_F64), domain.param), tw_dtype_of(x));
}
