/* Factorizations. */
#include "nmf.h"

#include <math.h>
#include <stdlib.h>

static tw_status open_model(study *s, const char *name, const nmf_options *o, const char *start, tw_error *error) {
  char path[64], text[3][16];
  const tw_override set[4] = {{"seed", text[0]}, {"images", text[1]}, {"rank", text[2]}, {"start", start}};
  snprintf(path, sizeof path, "recipes/nmf/%s.tw", name);
  snprintf(text[0], sizeof text[0], "%d", o->seed);
  snprintf(text[1], sizeof text[1], "%d", o->images);
  snprintf(text[2], sizeof text[2], "%d", o->rank);
  return study_open(s, &(study_options){.path = path, .n = start ? 4 : 3, .set = set}, error);
}

/* Of the gradient where the outer method starts. */
static tw_status check_start(study *s, double h, double *error_of, tw_error *error) {
  double *x = tw_alloc((size_t)s->oracle.n, sizeof *x);
  if (!x) return tw_fail(error, TW_ERR_MEMORY, "out of memory for %lld unknowns", (long long)s->oracle.n);
  tw_status status = s->oracle.start(s->oracle.context, x, error);
  if (status == TW_OK) status = study_check(s, x, 5, h, error_of, error);
  free(x);
  return status;
}

tw_status nmf_run(nmf *r, const nmf_options *o, int64_t iterations, tw_error *error) {
  tw_status status = open_model(&r->joint, "nmf", o, NULL, error);
  if (status == TW_OK) status = study_solve(&r->joint, NULL, error);
  if (status == TW_OK) status = open_model(&r->nested, "projected", o, NULL, error);
  if (status == TW_OK) status = check_start(&r->nested, 1e-5, &r->gradient_error, error);
  if (status == TW_OK) status = study_solve(&r->nested, &(tw_solve_options){.max_iter = iterations}, error);
  return status;
}

void nmf_free(nmf *r) {
  study_close(&r->joint);
  study_close(&r->nested);
}

/* The parts of the plain factorization as text. */
static tw_status plain_parts(const nmf_options *o, tw_text *parts, tw_error *error) {
  study s = {0};
  tw_status status = open_model(&s, "nmf", o, NULL, error);
  if (status == TW_OK) status = study_solve(&s, NULL, error);
  if (status == TW_OK) tw_json_array(parts, study_array(&s, "H"));
  if (parts->failed) status = tw_fail(error, TW_ERR_MEMORY, "out of memory for parts");
  study_close(&s);
  return status;
}

static tw_status report_at_start(nmf_inpainting *r, tw_error *error) {
  study *s = &r->model;
  double *x = tw_alloc((size_t)s->oracle.n, sizeof *x);
  if (!x) return tw_fail(error, TW_ERR_MEMORY, "out of memory for %lld unknowns", (long long)s->oracle.n);
  tw_status status = s->oracle.start(s->oracle.context, x, error);
  if (status == TW_OK) status = study_at(s, x, error);
  free(x);
  r->before = study_report(s, "tested");
  r->trained[0] = study_report(s, "trained");
  return status;
}

tw_status nmf_inpainting_run(nmf_inpainting *r, const nmf_options *o, int64_t iterations, tw_error *error) {
  tw_text parts = {0};
  tw_status status = plain_parts(o, &parts, error);
  if (status == TW_OK) status = open_model(&r->model, "inpainting", o, parts.data, error);
  if (status == TW_OK) status = report_at_start(r, error);
  if (status == TW_OK) status = check_start(&r->model, 1e-6, &r->gradient_error, error);
  if (status == TW_OK) status = study_solve(&r->model, &(tw_solve_options){.max_iter = iterations}, error);
  r->after = study_report(&r->model, "tested");
  r->trained[1] = study_report(&r->model, "trained");
  tw_text_free(&parts);
  return status;
}

void nmf_inpainting_free(nmf_inpainting *r) {
  study_close(&r->model);
}
