/* study: a model file of a recipe, opened, solved and asked. */
#ifndef RECIPES_STUDY_H
#define RECIPES_STUDY_H

#include <talweg/front.h>

typedef struct study { /* zero-initialise; owns what is in it */
  tw_model *model;
  const tw_problem *problem;
  tw_class cls;
  tw_oracle oracle;
  const char *method;   /* of the outer problem */
  tw_history history;   /* of the last solve */
  tw_solution solution; /* likewise */
  bool opened, solved;
} study;

typedef struct study_options {
  const char *path;
  const char *nested; /* "fire(tol=1e-13)": in place of the method of the first nested problem that names one; NULL: as it stands */
  int n;
  const tw_override *set;
} study_options;

/* One thread throughout. */
tw_status study_open(study *s, const study_options *options, tw_error *error);
/* From the model's own start by its own method, unless the options say otherwise (NULL: they do not). A run that ends at a limit is
 * no error. */
tw_status study_solve(study *s, const tw_solve_options *options, tw_error *error);
/* Reports at x (n) instead of a solution; x is copied. */
tw_status study_at(study *s, const double *x, tw_error *error);
/* The objective, minimised, and its gradient (n) at x. */
tw_status study_gradient(study *s, const double *x, double *f, double *g, tw_error *error);
/* |g'd - (f(x + h d) - f(x - h d)) / 2h| / max(|g'd|, 1e-300) for the random direction d of length 1 with this key. */
tw_status study_check(study *s, const double *x, uint64_t key, double h, double *error_of, tw_error *error);

/* What one gradient costs: seconds, and bytes of memory at most beyond those before the model is read. */
typedef struct study_cost {
  double seconds, bytes, slope; /* slope: the gradient along a fixed direction */
} study_cost;
/* At the model's start; with a `spread` above 0 each entry is moved by that times a normal number, and the seconds are those of a second
 * such point, with everything compiled. */
tw_status study_measure(const study_options *options, double spread, study_cost *cost, tw_error *error);
/* A report at the solution; of arrays the first element. NaN: there is none of that name. */
double study_report(const study *s, const char *name);
const tw_array *study_array(const study *s, const char *name); /* a report or a variable; NULL: none */
void study_close(study *s);

#endif
