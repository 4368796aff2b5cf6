/* Reduced costs at a result: what the bounds of variables press with. */
#include "base/given.h"
#include "method/work.h"

bool tw_has_reduced_costs(const tw_oracle *o) {
  if (!o) return false;
  const unsigned other = TW_PROX | TW_MIRROR;
  const bool sets = (o->offers & TW_PROJECT) && !(o->offers & TW_BOUNDS);
  return (o->offers & TW_GRADIENT) && !(o->offers & other) && !sets && ((o->offers & TW_BOUNDS) || o->m > 0);
}

tw_status tw_reduced_costs(const tw_oracle *o, const tw_result *at, double *z, tw_error *error) {
  TW_GIVEN(o);
  TW_GIVEN(at);
  TW_GIVEN(z);
  double f;
  if (!tw_has_reduced_costs(o) || (o->m > 0 && !at->dual))
    return tw_fail(error, TW_ERR_UNSUPPORTED, "there are no reduced costs without gradients, multipliers, and bounds or constraints");
  TW_TRY(o->gradient(o->context, at->x, &f, z, error));
  if (o->m == 0) return TW_OK;
  double *pull = tw_alloc((size_t)o->n, sizeof *pull);
  if (!pull) return tw_fail(error, TW_ERR_MEMORY, "out of memory for reduced costs");
  const tw_status status = o->constraints_vjp(o->context, at->x, at->dual, pull, error);
  for (int64_t k = 0; k < o->n && status == TW_OK; k++) z[k] += pull[k];
  free(pull);
  return status;
}
