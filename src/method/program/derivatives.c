/* Derivatives of a program without a method, by a run that only counts; see derivatives.h. */
#include "method/derivatives.h"
#include "method/driver.h"
#include "method/program/nlp.h"

struct tw_derivatives {
  tw_driver *driver; /* runs nothing */
  tw_nlp nlp;        /* not scaled */
};

static const tw_option reader_options[] = {TW_OPTION_TOL(0), TW_OPTION_MAX_ITER(0), TW_OPTION_END};
static const tw_method reader = {.name = "sensitivity", .options = reader_options};

static tw_status pass_on(const tw_derivatives *d, tw_status status, tw_error *error) {
  if (status == TW_OK || !d->driver || d->driver->error.status == TW_OK) return status;
  return tw_fail(error, status, "%s", d->driver->error.message);
}

static tw_status open(tw_derivatives *d, const tw_oracle *oracle, const double *x, tw_error *error) {
  const tw_exec exec = {0};
  const tw_driver_setup setup = {.method = &reader, .oracle = oracle, .x0 = x, .exec = &exec};
  TW_TRY(tw_driver_make(&d->driver, &setup, error));
  TW_TRY(pass_on(d, tw_nlp_open(&d->nlp, &d->driver->run), error));
  *d->nlp.scale = 1;
  for (int64_t i = 0; i < d->nlp.m; i++) d->nlp.row[i] = 1;
  return TW_OK;
}

tw_status tw_derivatives_new(tw_derivatives **out, const tw_oracle *oracle, const double *x, tw_error *error) {
  tw_derivatives *d = tw_alloc(1, sizeof *d);
  *out = NULL;
  if (!d) return tw_fail(error, TW_ERR_MEMORY, "out of memory for derivatives");
  const tw_status status = open(d, oracle, x, error);
  if (status == TW_OK && d->nlp.second != TW_NLP_BFGS) return *out = d, TW_OK;
  tw_derivatives_free(d);
  return status == TW_ERR_UNSUPPORTED ? TW_OK : status;
}

void tw_derivatives_free(tw_derivatives *d) {
  if (!d) return;
  if (d->nlp.run) tw_nlp_close(&d->nlp);
  tw_driver_free(d->driver);
  free(d);
}

const tw_pattern *tw_derivatives_hessian(const tw_derivatives *d) {
  return &d->nlp.h;
}

const tw_pattern *tw_derivatives_jacobian(const tw_derivatives *d) {
  return &d->nlp.j;
}

tw_status tw_derivatives_first(tw_derivatives *d, const double *x, double *g, double *j, bool *finite, tw_error *error) {
  return pass_on(d, tw_nlp_first(&d->nlp, x, g, j, finite), error);
}

tw_status tw_derivatives_second(tw_derivatives *d, const double *x, const double *y, double *h, bool *finite, tw_error *error) {
  return pass_on(d, tw_nlp_second(&d->nlp, x, 1, y, h, finite), error);
}

tw_status tw_derivatives_rows(tw_derivatives *d, const double *x, double *c, tw_error *error) {
  return d->nlp.m == 0 ? TW_OK : pass_on(d, tw_run_constraints(&d->driver->run, x, c), error);
}

const tw_counts *tw_derivatives_counts(const tw_derivatives *d) {
  return &d->driver->counts;
}
