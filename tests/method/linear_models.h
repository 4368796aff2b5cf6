/* Problems over a data matrix, stated as expressions. */
#ifndef TALWEG_TESTS_METHOD_LINEAR_MODELS_H
#define TALWEG_TESTS_METHOD_LINEAR_MODELS_H

#include "functions.h"
#include "test.h"

typedef struct model {
  tw_graph *graph;
  tw_problem *problem;
  tw_expr x, y, w; /* data [rows, cols], response [rows] or one-hot [rows, classes], the variable */
} model;

static inline tw_expr random_parameter(model *m, const char *name, uint64_t key, tw_shape shape) {
  tw_array a;
  assert_int_equal(tw_array_new(&a, TW_F64, shape, NULL), TW_OK);
  tw_random_normal_fill(key, 0, (size_t)tw_shape_size(&shape), a.data);
  tw_expr e = tw_problem_parameter(m->problem, name, &a);
  tw_array_free(&a);
  return e;
}

static inline void model_open(model *m, int64_t rows, int64_t cols, uint64_t key) {
  *m = (model){.graph = tw_graph_new()};
  m->problem = tw_problem_new(m->graph);
  assert_true(m->graph && m->problem);
  m->x = random_parameter(m, "X", key, TW_SHAPE(rows, cols));
}

static inline void model_close(model *m) {
  tw_problem_free(m->problem);
  tw_graph_free(m->graph);
}

static inline tw_expr model_sum(tw_expr e) { return tw_sum(e, TW_ALL, false); }

/* Labels +-1 [rows] of a noisy linear rule; mean log(1 + exp(-y X w)) + l2/2 |w|^2. */
static inline void model_logistic(model *m, int64_t rows, int64_t cols, double l2) {
  model_open(m, rows, cols, 11);
  tw_expr rule = random_parameter(m, "rule", 12, TW_SHAPE(cols)), noise = random_parameter(m, "noise", 13, TW_SHAPE(rows));
  m->y = tw_where(tw_gt(tw_add(tw_matmul(m->x, rule), noise), tw_scalar(m->graph, 0)), tw_scalar(m->graph, 1), tw_scalar(m->graph, -1));
  m->w = tw_problem_variable(m->problem, "w", TW_SHAPE(cols));
  tw_expr loss = tw_mean(tw_softplus(tw_neg(tw_mul(m->y, tw_matmul(m->x, m->w)))), TW_ALL, false);
  tw_problem_minimize(m->problem, NULL, tw_add(loss, tw_scale(model_sum(tw_square(m->w)), 0.5 * l2)));
}

/* mean (X w - y)^2 / 2; without noise some w has loss 0. */
static inline void model_interpolation(model *m, int64_t rows, int64_t cols) {
  model_open(m, rows, cols, 21);
  tw_expr rule = random_parameter(m, "rule", 22, TW_SHAPE(cols));
  m->y = tw_matmul(m->x, rule);
  m->w = tw_problem_variable(m->problem, "w", TW_SHAPE(cols));
  tw_problem_minimize(m->problem, NULL, tw_scale(tw_mean(tw_square(tw_sub(tw_matmul(m->x, m->w), m->y)), TW_ALL, false), 0.5));
}

/* One-hot labels [rows, classes] of the largest of random scores. */
static inline tw_expr model_one_hot(model *m, int64_t rows, int64_t cols, int64_t classes) {
  tw_expr rule = random_parameter(m, "rule", 32, TW_SHAPE(cols, classes)),
          noise = random_parameter(m, "noise", 33, TW_SHAPE(rows, classes));
  tw_expr scores = tw_add(tw_matmul(m->x, rule), noise), best = tw_expand(tw_argmax(scores, 1), -1);
  tw_expr classes_of = tw_cast(tw_iota(m->graph, TW_F64, classes), TW_I64);
  return tw_cast(tw_eq(best, classes_of), TW_F64);
}

/* The multiclass SVM's dual: rows of beta on the simplex, |X'(Y - beta)|^2 / (2 theta) + <beta, Y>. */
static inline void model_svm_dual(model *m, int64_t rows, int64_t cols, int64_t classes, double theta) {
  model_open(m, rows, cols, 31);
  m->y = model_one_hot(m, rows, cols, classes);
  m->w = tw_problem_variable(m->problem, "beta", TW_SHAPE(rows, classes));
  tw_problem_domain(m->problem, m->w, tw_domain_make(m->graph, tw_domain_find("simplex"), TW_SHAPE(rows, classes), 0, NULL));
  tw_problem_start(m->problem, m->w, tw_fill(m->graph, TW_F64, TW_SHAPE(rows, classes), 1 / (double)classes));
  tw_expr v = tw_matmul(tw_matrix_transpose(m->x), tw_sub(m->y, m->w));
  tw_problem_minimize(m->problem, NULL, tw_add(tw_scale(model_sum(tw_square(v)), 0.5 / theta), model_sum(tw_mul(m->w, m->y))));
}

static inline tw_oracle model_oracle(const model *m) {
  tw_class cls;
  tw_oracle oracle = {0};
  tw_error error = {0};
  if (tw_classify(m->problem, &cls, &error) != TW_OK || tw_oracle_from_problem(&oracle, m->problem, &cls, &error) != TW_OK)
    fail_msg("%s", error.message);
  return oracle;
}

#endif
