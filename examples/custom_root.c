/* A solver of your own, differentiated. The layer x = tanh(W x + b) is found by plain iteration in C; the library is told the map
 * alone, and gives the gradient of a loss of x in W and b by one linear solve, whatever the iteration did. The gradient is compared
 * with a central difference of whole solves; then a solver that gives up early is found out. */
#include <talweg/talweg.h>

#include <math.h>
#include <stdio.h>

enum { N = 4 };

typedef struct layer {
  int iterations;
} layer;

/* x <- tanh(W x + b), theta = {W, b} */
static tw_status iterate(void *context, const void *const *theta, double *x, tw_error *error) {
  const layer *l = context;
  const double *w = theta[0], *b = theta[1];
  (void)error;
  for (int k = 0; k < l->iterations; k++) {
    double next[N];
    for (int i = 0; i < N; i++) {
      double sum = b[i];
      for (int j = 0; j < N; j++) sum += w[i * N + j] * x[j];
      next[i] = tanh(sum);
    }
    for (int i = 0; i < N; i++) x[i] = next[i];
  }
  return TW_OK;
}

int main(void) {
  tw_error error = {0};
  tw_graph *g = tw_graph_new();
  if (!g) return 1;
  tw_expr w = tw_input(g, "W", TW_F64, TW_SHAPE(N, N)), b = tw_input(g, "b", TW_F64, TW_SHAPE(N)),
          x = tw_input(g, "x", TW_F64, TW_SHAPE(N));
  tw_expr theta[] = {w, b};
  layer patient = {200};
  const tw_custom custom = {
      .x = x, .f = tw_tanh(tw_add(tw_matmul(w, x), b)), .n_theta = 2, .theta = theta, .solve = iterate, .context = &patient};
  tw_expr fixed = tw_custom_fixed_point(&custom), loss = tw_sum(tw_square(fixed), TW_ALL, false);
  tw_expr out[] = {loss, tw_grad(loss, w), tw_grad(loss, b)};

  tw_fn *fn = NULL;
  tw_work *work = NULL;
  double w0[N * N], b0[N], value, dw[N * N], db[N], up, down;
  for (int i = 0; i < N * N; i++) w0[i] = 0.4 * cos(1.0 + 3.0 * i);
  for (int i = 0; i < N; i++) b0[i] = 0.3 * i - 0.5;
  const void *in[] = {w0, b0};
  if (tw_fn_new(&fn, 2, theta, 3, out, NULL, &error) != TW_OK || tw_work_new(&work, fn, &error) != TW_OK ||
      tw_fn_call(fn, work, in, (void *[]){&value, dw, db}, 0, &error) != TW_OK) {
    fprintf(stderr, "custom_root: %s\n", error.message);
    return 1;
  }
  tw_evidence evidence;
  tw_work_evidence(work, &evidence);
  printf("loss %.12f, d loss / d b[0] = %.10f; residual %.1e, derivatives good to %.1e\n", value, db[0], evidence.inner_residual,
         evidence.derivative_error);
  int bad = !evidence.reliable;

  const double h = 1e-6, at = b0[0];
  double unused_w[N * N], unused_b[N];
  b0[0] = at + h;
  bad |= tw_fn_call(fn, work, in, (void *[]){&up, unused_w, unused_b}, 0, &error) != TW_OK;
  b0[0] = at - h;
  bad |= tw_fn_call(fn, work, in, (void *[]){&down, unused_w, unused_b}, 0, &error) != TW_OK;
  const double difference = (up - down) / (2 * h);
  printf("central difference             %.10f\n", difference);
  bad |= !(fabs(difference - db[0]) <= 1e-7);

  patient.iterations = 3; /* a solver that gives up early */
  b0[0] = at + 0.1;
  bad |= tw_fn_call(fn, work, in, (void *[]){&value, dw, db}, 0, &error) != TW_OK;
  tw_work_evidence(work, &evidence);
  printf("after 3 iterations: %s\n", evidence.reliable ? "trusted" : evidence.message);
  bad |= evidence.reliable;
  tw_work_free(work);
  tw_fn_free(fn);
  tw_graph_free(g);
  return bad;
}
