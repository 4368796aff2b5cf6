/* tw_oracle_check: finds each kind of wrong derivative and says where; passes what is right. */
#include "test.h"

#include <talweg/problem.h>

static tw_error error;

enum { N = 4, ROWS = 3 };

/* f = sum exp(x_i) / (i + 1) + x0 x3, rows_i = x_i x_{i+1}: residual and constraints. What is wrong, if
 * anything, and by how much. */
typedef enum fault {
  NOTHING,
  GRADIENT,
  HESSIAN,
  LAGRANGIAN,
  JVP,
  VJP,
  CONSTRAINT_JVP,
  CONSTRAINT_VJP,
  NOT_A_NUMBER
} fault;

typedef struct faulty {
  fault what;
  double by;
} faulty;

static double wrong(void *context, fault what) {
  const faulty *w = context;
  return w->what == what ? w->by : 0;
}

static tw_status value(void *context, const double *x, double *f, tw_error *e) {
  (void)context, (void)e;
  *f = x[0] * x[3];
  for (int i = 0; i < N; i++) *f += exp(x[i]) / (i + 1);
  return TW_OK;
}

static tw_status gradient(void *context, const double *x, double *f, double *g, tw_error *e) {
  for (int i = 0; i < N; i++) g[i] = exp(x[i]) / (i + 1);
  g[0] += x[3];
  g[3] += x[0];
  g[2] += wrong(context, GRADIENT);
  if (wrong(context, NOT_A_NUMBER) != 0) g[1] = NAN;
  return value(context, x, f, e);
}

static tw_status hvp(void *context, const double *x, const double *y, const double *v, double *out,
                     tw_error *e) {
  (void)e;
  for (int i = 0; i < N; i++) out[i] = exp(x[i]) / (i + 1) * v[i];
  out[0] += v[3];
  out[3] += v[0];
  for (int i = 0; y && i < ROWS; i++) {
    out[i] += y[i] * v[i + 1];
    out[i + 1] += y[i] * v[i];
  }
  out[1] += wrong(context, HESSIAN) + (y ? wrong(context, LAGRANGIAN) : 0);
  return TW_OK;
}

static tw_status rows(void *context, const double *x, double *r, tw_error *e) {
  (void)context, (void)e;
  for (int i = 0; i < ROWS; i++) r[i] = x[i] * x[i + 1];
  return TW_OK;
}

static void products(const double *x, const double *v, double *out) {
  for (int i = 0; i < ROWS; i++) out[i] = v[i] * x[i + 1] + x[i] * v[i + 1];
}

static void transposed(const double *x, const double *u, double *out) {
  memset(out, 0, N * sizeof *out);
  for (int i = 0; i < ROWS; i++) {
    out[i] += u[i] * x[i + 1];
    out[i + 1] += u[i] * x[i];
  }
}

static tw_status jvp(void *context, const double *x, const double *v, double *out, tw_error *e) {
  (void)e;
  products(x, v, out);
  out[2] += wrong(context, JVP);
  return TW_OK;
}

static tw_status vjp(void *context, const double *x, const double *u, double *out, tw_error *e) {
  (void)e;
  transposed(x, u, out);
  out[0] += wrong(context, VJP);
  return TW_OK;
}

static tw_status constraint_jvp(void *context, const double *x, const double *v, double *out, tw_error *e) {
  (void)e;
  products(x, v, out);
  out[0] += wrong(context, CONSTRAINT_JVP);
  return TW_OK;
}

static tw_status constraint_vjp(void *context, const double *x, const double *u, double *out, tw_error *e) {
  (void)e;
  transposed(x, u, out);
  out[3] += wrong(context, CONSTRAINT_VJP);
  return TW_OK;
}

static const double bounds[ROWS] = {0};

static tw_oracle oracle_of(faulty *w) {
  return (tw_oracle){.context = w,
                     .n = N,
                     .m = ROWS,
                     .k = ROWS,
                     .offers = TW_VALUE | TW_GRADIENT | TW_CURVATURE | TW_RESIDUAL | TW_RESIDUAL_JVP |
                               TW_CONSTRAINTS,
                     .c_lower = bounds,
                     .c_upper = bounds,
                     .value = value,
                     .gradient = gradient,
                     .hvp = hvp,
                     .residual = rows,
                     .residual_jvp = jvp,
                     .residual_vjp = vjp,
                     .constraints = rows,
                     .constraints_jvp = constraint_jvp,
                     .constraints_vjp = constraint_vjp};
}

static const double at[N] = {0.3, -0.7, 1.1, 0.4};

static double check(fault what, double by, char where[160]) {
  faulty w = {what, by};
  const tw_oracle o = oracle_of(&w);
  double worst = NAN;
  assert_ok(tw_oracle_check(&o, at, &worst, where, 160, &error));
  return worst;
}

static void nothing_wrong(void **state) {
  (void)state;
  char where[160];
  assert_true(check(NOTHING, 0, where) <= 1e-9);
}

static void faults_are_found(void **state) {
  (void)state;
  static const struct {
    fault what;
    const char *where;
  } cases[] = {{GRADIENT, "gradient at position 2"},
               {HESSIAN, "Hessian product at position 1"},
               {LAGRANGIAN, "Hessian of the Lagrangian at position 1"},
               {JVP, "Jacobian of the residual at position 2"},
               {VJP, "transposed Jacobian of the residual"},
               {CONSTRAINT_JVP, "Jacobian of the constraints at position 0"},
               {CONSTRAINT_VJP, "transposed Jacobian of the constraints"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char where[160];
    for (int size = 0; size < 3; size++) { /* small faults too */
      const double by = (const double[]){1, -1e-2, 1e-5}[size], worst = check(cases[i].what, by, where);
      if (!(worst >= 0.05 * fabs(by) && worst <= 20 * fabs(by)))
        fail_msg("%s by %g: %g", cases[i].where, by, worst);
      if (strncmp(where, cases[i].where, strlen(cases[i].where)) != 0)
        fail_msg("\"%s\", expected \"%s\"", where, cases[i].where);
    }
  }
}

static void not_a_number(void **state) {
  (void)state;
  char where[160];
  assert_true(isinf(check(NOT_A_NUMBER, 1, where)));
  assert_non_null(strstr(where, "gradient at position 1: nan"));
}

/* Only what is offered is asked, and where there is no room for words none are written. */
static void part_of_an_oracle(void **state) {
  (void)state;
  faulty w = {GRADIENT, 1};
  tw_oracle o = oracle_of(&w);
  double worst;
  char where[12] = "";
  o.offers = TW_VALUE;
  o.gradient = NULL, o.hvp = NULL;
  assert_ok(tw_oracle_check(&o, at, &worst, NULL, 0, &error));
  assert_true(worst == 0);
  o = oracle_of(&w);
  assert_ok(tw_oracle_check(&o, at, &worst, where, sizeof where, &error));
  assert_string_equal(where, "gradient at");
  assert_fails(tw_oracle_check(NULL, at, &worst, NULL, 0, &error), TW_ERR_ARGUMENT, "NULL");
  assert_fails(tw_oracle_check(&o, NULL, &worst, NULL, 0, &error), TW_ERR_ARGUMENT, "NULL");
  assert_fails(tw_oracle_check(&o, at, NULL, NULL, 0, &error), TW_ERR_ARGUMENT, "NULL");
}

static tw_status failing(void *context, const double *x, double *f, double *g, tw_error *e) {
  (void)context, (void)x, (void)f, (void)g;
  return tw_fail(e, TW_ERR_IO, "no answer");
}

static void failing_callbacks(void **state) {
  (void)state;
  faulty w = {NOTHING, 0};
  tw_oracle o = oracle_of(&w);
  double worst;
  o.gradient = failing;
  assert_fails(tw_oracle_check(&o, at, &worst, NULL, 0, &error), TW_ERR_IO, "no answer");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(nothing_wrong),     cmocka_unit_test(faults_are_found),
      cmocka_unit_test(not_a_number),      cmocka_unit_test(part_of_an_oracle),
      cmocka_unit_test(failing_callbacks),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
