/* Runs inside a run: a child has its own state, limits and oracle; its parent's clock, stop flag and
 * checkpoint. */
#include "method/driver.h"

#include <string.h>

/* A child restored from a checkpoint waits for its oracle; from then on it goes on where it was. */
static tw_status attach(tw_run *run, tw_driver *child, const tw_oracle *oracle) {
  if (oracle->n != child->run.n)
    return tw_fail(run->error, TW_ERR_ARGUMENT,
                   "the inner run was over %lld variables and is continued over %lld",
                   (long long)child->run.n, (long long)oracle->n);
  child->run.oracle = oracle;
  return TW_OK;
}

tw_status tw_run_child(tw_run *run, const char *name, const tw_oracle *oracle, const char *method_spec,
                       const double *x0, tw_run **child) {
  *child = NULL;
  tw_driver *parent = run->driver;
  const tw_named_child *known = tw_driver_child(parent, name);
  if (known != NULL) {
    const tw_status status = attach(run, known->driver, oracle);
    if (status == TW_OK) *child = &known->driver->run;
    return status;
  }
  const tw_method *method = NULL;
  tw_status status = tw_spec_method(method_spec, &method, run->error);
  if (status != TW_OK) return status;
  const tw_driver_setup setup = {.method = method,
                                 .spec = method_spec,
                                 .oracle = oracle,
                                 .x0 = x0,
                                 .exec = &parent->exec,
                                 .seed = tw_key_split(run->seed, tw_hash(name, strlen(name), 0)),
                                 .parent = parent};
  tw_driver *d = NULL;
  status = tw_driver_new(&d, &setup, run->error);
  if (status == TW_OK) status = tw_driver_begin(d, run->error);
  if (status == TW_OK && tw_driver_add_child(parent, name, d) == NULL)
    status = tw_fail(run->error, TW_ERR_MEMORY, "out of memory for the inner run '%s'", name);
  if (status != TW_OK) {
    tw_driver_free(d);
    return status;
  }
  *child = &d->run;
  return TW_OK;
}

tw_outcome tw_run_child_step(tw_run *child) {
  return tw_driver_step(child->driver);
}

tw_status tw_run_child_move(tw_run *child, const double *x) {
  tw_driver *d = child->driver;
  memcpy(d->x, x, (size_t)child->n * sizeof *x);
  child->x = d->x;
  tw_error *error = d->parent->run.error;
  return tw_driver_restart(d, error);
}
