/* The table of sets, and the checked constructor. */
#include "domain/kinds.h"

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

tw_expr tw_project(tw_domain domain, tw_expr x) {
  if (!domain.kind || tw_is_none(x)) return x;
  return domain.kind->project(x, domain.param);
}
