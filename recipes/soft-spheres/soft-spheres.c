/* The packing, its motion, and the motion by differences. */
#include "soft-spheres.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* [[x, y], ..] in the language. */
static tw_status put_points(tw_text *text, int n, const double *x, tw_error *error) {
  for (int i = 0; i < n; i++) {
    tw_text_puts(text, i ? ", [" : "[[");
    tw_text_number(text, x[2 * i]);
    tw_text_puts(text, ", ");
    tw_text_number(text, x[2 * i + 1]);
    tw_text_puts(text, "]");
  }
  tw_text_puts(text, "]");
  return text->failed ? tw_fail(error, TW_ERR_MEMORY, "out of memory for %d points", n) : TW_OK;
}

static tw_status keep(soft_spheres *s, const study *m, tw_error *error) {
  const tw_array *x = study_array(m, "x"), *moves = study_array(m, "moves");
  const size_t size = 2 * (size_t)s->n;
  s->x = tw_alloc(2 * size, sizeof *s->x);
  if (!s->x) return tw_fail(error, TW_ERR_MEMORY, "out of memory for %d spheres", s->n);
  s->moves = s->x + size;
  memcpy(s->x, x->data, size * sizeof *s->x);
  memcpy(s->moves, moves->data, size * sizeof *s->x);
  s->evidence = m->solution.evidence;
  s->residual = s->evidence.inner_residual;
  return TW_OK;
}

tw_status soft_spheres_run(soft_spheres *s, const soft_spheres_options *o, const double *start, tw_error *error) {
  char text[3][32];
  tw_text from = {0};
  study m = {0};
  tw_override set[4] = {{"N", text[0]}, {"seed", text[1]}, {"theta", text[2]}};
  snprintf(text[0], sizeof text[0], "%d", o->n);
  snprintf(text[1], sizeof text[1], "%d", o->seed);
  snprintf(text[2], sizeof text[2], "%.17g", o->theta);
  s->n = o->n;
  tw_status status = start ? put_points(&from, o->n, start, error) : TW_OK;
  set[3] = (tw_override){"start", from.data};
  const double began = tw_now();
  const study_options options = {.path = "recipes/soft-spheres/soft-spheres.tw", .nested = o->method, .n = start ? 4 : 3, .set = set};
  if (status == TW_OK) status = study_open(&m, &options, error);
  if (status == TW_OK) status = study_solve(&m, NULL, error);
  if (status == TW_OK) status = keep(s, &m, error);
  s->seconds = tw_now() - began;
  study_close(&m);
  tw_text_free(&from);
  return status;
}

void soft_spheres_free(soft_spheres *s) {
  free(s->x);
  *s = (soft_spheres){0};
}

tw_status soft_spheres_differences(const soft_spheres *s, const soft_spheres_options *o, double h, double *error_of, tw_error *error) {
  soft_spheres side[2] = {{0}, {0}};
  tw_status status = TW_OK;
  for (int k = 0; k < 2 && status == TW_OK; k++) {
    soft_spheres_options at = *o;
    at.theta += k ? -h : h;
    status = soft_spheres_run(&side[k], &at, s->x, error);
  }
  double mean[2] = {0}, most = 0, apart = 0;
  for (int i = 0; i < 2 * s->n && status == TW_OK; i++) mean[i % 2] += (side[0].x[i] - side[1].x[i]) / (2 * h) / s->n;
  for (int i = 0; i < 2 * s->n && status == TW_OK; i++) {
    most = fmax(most, fabs(s->moves[i]));
    apart = fmax(apart, fabs(s->moves[i] - ((side[0].x[i] - side[1].x[i]) / (2 * h) - mean[i % 2])));
  }
  *error_of = apart / most;
  for (int k = 0; k < 2; k++) soft_spheres_free(&side[k]);
  return status;
}
