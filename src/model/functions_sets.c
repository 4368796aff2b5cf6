/* Functions of sets and regularizers that are named: project, kl_project, prox; and of order: isotonic, soft_rank, soft_sort. */
#include "model/builder.h"

#include <string.h>

/* Arguments of the set taint the result as others do. */
typedef struct reading {
  tw_builder *b;
  tw_value *result;
} reading;

static bool read_parameter(void *context, const tw_ast *node, tw_expr *out) {
  const reading *r = context;
  tw_value value;
  if (!tw_build_array(r->b, node, &value)) return false;
  tw_value_taint(r->result, &value);
  *out = tw_build_real(value.expr);
  return tw_build_check(r->b, tw_build_begin(node));
}

/* The axes of x stay. */
static void like(const tw_value *x, tw_value *out) {
  const bool varies = out->varies || x->varies, looped = out->looped || x->looped;
  *out = *x;
  out->varies = varies, out->looped = looped;
  out->index = NULL;
  out->affine = NULL;
}

bool tw_function_project(tw_builder *b, const tw_site *site, tw_value *out) {
  const tw_value *x = &site->value[0];
  const tw_shape shape = tw_value_shape(x);
  const bool kl = strcmp(site->function->name, "kl_project") == 0;
  reading r = {b, out};
  const tw_parameter_reader reader = {read_parameter, &r};
  tw_domain domain;
  if (!tw_build_domain(b, site->argument[1], &shape, &reader, &domain)) return false;
  like(x, out);
  out->expr = (kl ? tw_kl_project : tw_project)(domain, tw_build_real(x->expr));
  return true;
}

bool tw_function_prox(tw_builder *b, const tw_site *site, tw_value *out) {
  const tw_value *x = &site->value[0];
  const tw_shape shape = tw_value_shape(x);
  reading r = {b, out};
  const tw_parameter_reader reader = {read_parameter, &r};
  const tw_regularizer_kind *kind;
  tw_expr params[TW_REGULARIZER_PARAMS] = {TW_NONE, TW_NONE};
  tw_domain domain = {0};
  int n;
  if (!tw_build_regularizer(b, site->argument[2], &reader, &kind, &n, params)) return false;
  if (site->argument[3] && !tw_build_domain(b, site->argument[3], &shape, &reader, &domain)) return false;
  like(x, out);
  out->expr = tw_prox(kind, tw_build_real(x->expr), tw_build_real(site->value[1].expr), n, params, domain);
  return true;
}

bool tw_function_ordered(tw_builder *b, const tw_site *site, tw_value *out) {
  const tw_value *x = &site->value[0];
  const char *name = site->function->name;
  const int rank = tw_value_rank(x);
  if (rank == 0) return tw_build_fail_shape(b, site, x, "at least one axis");
  like(x, out);
  const tw_expr e = tw_build_real(x->expr);
  if (strcmp(name, "isotonic") == 0)
    out->expr = tw_isotonic(e, true);
  else
    out->expr = (strcmp(name, "soft_rank") == 0 ? tw_soft_rank : tw_soft_sort)(e, tw_build_real(site->value[1].expr));
  if (strcmp(name, "soft_sort") == 0) out->axis[rank - 1] = NULL; /* order is no longer that of the set */
  return true;
}
