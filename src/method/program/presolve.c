/* Layer after layer, the scaling, and the way back through them; see presolve.h. */
#include "method/program/presolve_work.h"

/* ------------------------------------------------------------------ reduction */

static bool layer_aggregates(const presolve_layer *s) {
  return s->steps > 0 && s->step[s->steps - 1].kind == PRESOLVE_AGGREGATE;
}

/* `held` of the columns that a layer leaves, in place: places ascend. */
static void push_held(const presolve_layer *s, bool *held) {
  for (int64_t j = 0; j < s->left.n; j++) held[j] = held[s->column[j]];
}

static tw_status open_layers(tw_presolve *s, const tw_presolve_rules *rules, bool *held, tw_error *error) {
  const tw_presolve_rules own = {held, rules && rules->integer};
  const tw_qp *qp = s->qp;
  do {
    presolve_layer *layer = &s->layer[s->layers++];
    TW_TRY(presolve_layer_open(layer, qp, rules ? &own : NULL, &s->found, error));
    if (held) push_held(layer, held);
    qp = &layer->left;
  } while (s->found == TW_RUNNING && s->layers < PRESOLVE_LAYERS && layer_aggregates(&s->layer[s->layers - 1]));
  return TW_OK;
}

static tw_status finish_reduction(tw_presolve *s, tw_error *error) {
  presolve_layer *last = &s->layer[s->layers - 1];
  const size_t n = (size_t)last->left.n, m = (size_t)last->left.m;
  TW_TRY(tw_qp_copy(&s->reduced, &last->left, error));
  s->column_scale = tw_alloc(n, sizeof(double)), s->row_scale = tw_alloc(m, sizeof(double));
  s->work = tw_alloc(2 * n + m, sizeof(double));
  if (!s->column_scale || !s->row_scale || !s->work) return tw_fail(error, TW_ERR_MEMORY, "presolve: out of memory");
  for (size_t j = 0; j < n; j++) s->column_scale[j] = 1;
  for (size_t i = 0; i < m; i++) s->row_scale[i] = 1;
  return TW_OK;
}

static tw_status reduce(tw_presolve *s, const tw_qp *qp, const tw_presolve_rules *rules, tw_error *error) {
  *s = (tw_presolve){.qp = qp, .found = TW_RUNNING, .cost_scale = 1};
  bool *held = NULL;
  if (rules && rules->held) {
    if (!(held = tw_alloc((size_t)qp->n, sizeof *held))) return tw_fail(error, TW_ERR_MEMORY, "presolve: out of memory");
    memcpy(held, rules->held, (size_t)qp->n * sizeof *held);
  }
  const tw_status status = open_layers(s, rules, held, error);
  free(held);
  return status == TW_OK ? finish_reduction(s, error) : status;
}

tw_status tw_presolve_reduce(tw_presolve *s, const tw_qp *qp, const tw_presolve_rules *rules, tw_error *error) {
  return reduce(s, qp, rules ? rules : &(tw_presolve_rules){0}, error);
}

tw_status tw_presolve_open(tw_presolve *s, const tw_qp *qp, bool reduces, tw_error *error) {
  TW_TRY(reduce(s, qp, reduces ? &(tw_presolve_rules){0} : NULL, error));
  return tw_presolve_scale(s, error);
}

void tw_presolve_close(tw_presolve *s) {
  for (int l = 0; l < s->layers; l++) presolve_layer_close(&s->layer[l]);
  tw_qp_free(&s->reduced);
  free(s->column_scale), free(s->row_scale), free(s->work);
}

/* ------------------------------------------------------------------ the way back */

static void restore_point(const tw_presolve *s, const double *x, bool ray, double *full_x) {
  double *unscaled = s->work;
  for (int64_t j = 0; j < s->reduced.n; j++) unscaled[j] = s->column_scale[j] * x[j];
  for (int l = s->layers - 1; l >= 0; l--) {
    presolve_layer_point(&s->layer[l], unscaled, ray);
    unscaled = s->layer[l].x;
  }
  vec_copy(s->qp->n, unscaled, full_x);
}

void tw_presolve_point(const tw_presolve *s, const double *x, double *full_x) {
  restore_point(s, x, false, full_x);
}

void tw_presolve_ray(const tw_presolve *s, const double *x, double *full_x) {
  restore_point(s, x, true, full_x);
}

/* What a layer's columns occur in outside, for those that it leaves: none of them is aggregated. */
static void gather(const presolve_layer *s, const double *outside, double *out) {
  for (int64_t j = 0; j < s->left.n; j++) out[j] = outside[s->column[j]];
}

/* px of all layers at their points, and what held columns occur in of those that are left. */
static void set_gradients(const tw_presolve *s, const double *outside, double *left) {
  for (int l = 0; l < s->layers; l++) {
    const presolve_layer *layer = &s->layer[l];
    if (l > 0)
      gather(&s->layer[l - 1], s->layer[l - 1].px, layer->px);
    else if (outside)
      vec_copy(s->qp->n, outside, layer->px);
    else
      vec_zero(s->qp->n, layer->px);
  }
  gather(&s->layer[s->layers - 1], s->layer[s->layers - 1].px, left);
}

/* From y and z of the reduced program, unscaled. */
static void restore_multipliers(const tw_presolve *s, double *y, double *z, double costs, double *full_y, double *full_z) {
  for (int l = s->layers - 1; l >= 0; l--) {
    presolve_layer_multipliers(&s->layer[l], y, z, costs);
    y = s->layer[l].y, z = s->layer[l].z;
  }
  vec_copy(s->qp->m, y, full_y), vec_copy(s->qp->n, z, full_z);
}

static void unscale(const tw_presolve *s, const double *y, double *out) {
  for (int64_t i = 0; i < s->reduced.m; i++) out[i] = s->row_scale[i] * y[i] / s->cost_scale;
}

/* z = -(P x + q + A'y + outside) of what is left. */
void tw_presolve_multipliers(const tw_presolve *s, const double *y, const double *outside, double *full_y, double *full_z) {
  const tw_qp *left = &s->layer[s->layers - 1].left;
  double *x = s->work, *z = x + left->n, *own_y = z + left->n;
  unscale(s, y, own_y);
  set_gradients(s, outside, z);
  for (int l = 0; l < s->layers; l++) tw_qp_add_p(s->layer[l].qp, 1, s->layer[l].x, s->layer[l].px);
  gather(&s->layer[s->layers - 1], s->layer[s->layers - 1].x, x);
  tw_qp_add_p(left, 1, x, z);
  tw_qp_add_at(left, 1, own_y, z);
  for (int64_t j = 0; j < left->n; j++) z[j] = -z[j] - left->q[j];
  restore_multipliers(s, own_y, z, 1, full_y, full_z);
}

void tw_presolve_restore(const tw_presolve *s, const double *x, const double *y, double *full_x, double *full_y, double *full_z) {
  tw_presolve_point(s, x, full_x);
  tw_presolve_multipliers(s, y, NULL, full_y, full_z);
}

void tw_presolve_restore_farkas(const tw_presolve *s, const double *y, const double *outside, double *full_y, double *full_z) {
  const presolve_layer *last = &s->layer[s->layers - 1];
  double *z = s->work + last->left.n, *own_y = z + last->left.n;
  vec_zero(last->left.m, own_y);
  if (y) unscale(s, y, own_y);
  for (int64_t i = 0; i < last->left.m && !y; i++)
    if (last->row[i] == last->contradiction) own_y[i] = last->side;
  set_gradients(s, outside, z);
  tw_qp_add_at(&last->left, 1, own_y, z);
  for (int64_t j = 0; j < last->left.n; j++) z[j] = -z[j];
  restore_multipliers(s, own_y, z, 0, full_y, full_z);
}

void tw_presolve_push(const tw_presolve *s, const double *full_x, const double *full_y, double *x, double *y) {
  const tw_qp *left = &s->reduced;
  const double *from_x = full_x, *from_y = full_y;
  for (int l = 0; l < s->layers; l++) {
    const presolve_layer *layer = &s->layer[l];
    double *to_x = l + 1 < s->layers ? s->layer[l + 1].x : x, *to_y = l + 1 < s->layers ? s->layer[l + 1].y : y;
    presolve_layer_join(layer, from_x);
    gather(layer, layer->joined, to_x);
    for (int64_t i = 0; i < layer->left.m; i++) to_y[i] = from_y[layer->row[i]];
    from_x = to_x, from_y = to_y;
  }
  for (int64_t j = 0; j < left->n; j++) x[j] = fmin(fmax(x[j] / s->column_scale[j], left->lower[j]), left->upper[j]);
  for (int64_t i = 0; i < left->m; i++) y[i] *= s->cost_scale / s->row_scale[i];
}
