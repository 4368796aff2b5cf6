/* Cases of all kinds of sets, and the library's projections on them. */
#ifndef TALWEG_TESTS_DOMAIN_SETS_H
#define TALWEG_TESTS_DOMAIN_SETS_H

#include "section_definitions.h"

/* ------------------------------------------------------------------ the table */

#define V1(n, ...)                                                                                           \
  {                                                                                                          \
    1, {n, 0}, {                                                                                             \
      __VA_ARGS__                                                                                            \
    }                                                                                                        \
  }
#define V2(m, n, ...)                                                                                        \
  {                                                                                                          \
    2, {m, n}, {                                                                                             \
      __VA_ARGS__                                                                                            \
    }                                                                                                        \
  }
#define S1(n)                                                                                                \
  1, {                                                                                                       \
    n                                                                                                        \
  }
#define S2(m, n)                                                                                             \
  2, {                                                                                                       \
    m, n                                                                                                     \
  }
#define S3(b, m, n)                                                                                          \
  3, {                                                                                                       \
    b, m, n                                                                                                  \
  }
#define SCALAR(x)                                                                                            \
  {                                                                                                          \
    0, {0, 0}, {                                                                                             \
      x                                                                                                      \
    }                                                                                                        \
  }

static const set_case set_cases[] = {
    {"nonneg", S1(5), 0, {SCALAR(0)}, box_outside, box_draw, true},
    {"nonneg", S1(1), 0, {SCALAR(0)}, box_outside, box_draw, true},
    {"nonneg", S2(2, 3), 0, {SCALAR(0)}, box_outside, box_draw, true},
    {"box", S1(5), 2, {SCALAR(-0.5), SCALAR(2)}, box_outside, box_draw, true},
    {"box", S1(4), 2, {V1(4, -INFINITY, 0, 1, -1), V1(4, 0, INFINITY, 1, 3)}, box_outside, box_draw, false},
    {"box", S2(2, 3), 2, {V1(3, -1, -0.5, 0), V2(2, 3, 0.5, 0, 0.2, 1, 2, 3)}, box_outside, box_draw, true},
    {"hypercube", S1(5), 0, {SCALAR(0)}, box_outside, box_draw, true},
    {"hypercube", S1(4), 1, {V1(4, 0, 0.5, 1, 2)}, box_outside, box_draw, false},
    {"hypercube", S1(3), 1, {V1(3, 0.5, 1, 2)}, box_outside, box_draw, true},
    {"linf_ball", S1(5), 0, {SCALAR(0)}, box_outside, box_draw, true},
    {"linf_ball", S2(3, 4), 1, {V1(3, 0, 0.5, 2)}, box_outside, box_draw, false},
    {"linf_ball", S2(2, 3), 1, {V1(2, 0.5, 2)}, box_outside, box_draw, true},
    {"simplex", S1(5), 0, {SCALAR(0)}, simplex_outside, simplex_draw, true},
    {"simplex", S1(1), 1, {SCALAR(2)}, simplex_outside, simplex_draw, true},
    {"simplex", S2(3, 4), 1, {V1(3, 0, 1, 2.5)}, simplex_outside, simplex_draw, false},
    {"simplex", S2(2, 6), 1, {V1(2, 0.5, 3)}, simplex_outside, simplex_draw, true},
    {"capped_simplex", S1(5), 2, {SCALAR(0), SCALAR(0.4)}, capped_outside, capped_draw, true},
    {"capped_simplex", S1(1), 3, {SCALAR(-1), SCALAR(3), SCALAR(2)}, capped_outside, capped_draw, true},
    {"capped_simplex",
     S1(4),
     3,
     {SCALAR(0), V1(4, 1, 0, 2, 3), SCALAR(6)},
     capped_outside,
     capped_draw,
     false},
    {"capped_simplex",
     S2(2, 4),
     3,
     {V1(4, -1, 0, -3, 0.25), SCALAR(INFINITY), V1(2, 1, -3)},
     capped_outside,
     capped_draw,
     false},
    {"capped_simplex",
     S2(2, 4),
     3,
     {V1(4, -1, 0, 0.25, -0.5), V2(2, 4, 0.5, 1, 2, 3, 1, 1, 1, 0.75), V1(2, 2, 1)},
     capped_outside,
     capped_draw,
     true},
    {"box_section",
     S1(5),
     4,
     {SCALAR(-1), V1(5, 1, 2, 0.5, 1, 3), V1(5, 1, 2, 0.5, 3, 1), SCALAR(1.5)},
     section_outside,
     section_draw,
     true},
    {"box_section", S1(1), 4, {SCALAR(-1), SCALAR(3), SCALAR(2), SCALAR(1)}, section_outside, section_draw, true},
    {"box_section",
     S1(4),
     4,
     {V1(4, -1, -INFINITY, 0, 1), V1(4, INFINITY, 2, 1, 1), V1(4, 1, -2, 0, 0.5), SCALAR(-1)},
     section_outside,
     section_draw,
     false},
    {"box_section",
     S2(2, 4),
     4,
     {SCALAR(-0.5), V2(2, 4, 0.5, 1, 2, 3, 1, 1, 1, 0.75), V2(2, 4, 1, -1, 2, 0.3, -2, 1, 1, 1), V1(2, 1, -0.4)},
     section_outside,
     section_draw,
     true},
    {"sparse_simplex", S1(5), 1, {SCALAR(2)}, sparse_outside, sparse_draw, true},
    {"sparse_simplex", S1(1), 2, {SCALAR(3), SCALAR(2)}, sparse_outside, sparse_draw, true},
    {"sparse_simplex", S2(2, 6), 2, {V1(2, 2, 4), V1(2, 0.5, 3)}, sparse_outside, sparse_draw, true},
    {"sparse_simplex", S2(2, 3), 2, {V1(2, 1, 2), V1(2, 0, 3)}, sparse_outside, sparse_draw, false},
    {"order_simplex", S1(5), 0, {SCALAR(0)}, order_outside, order_draw, true},
    {"order_simplex", S1(1), 2, {SCALAR(-1), SCALAR(2)}, order_outside, order_draw, true},
    {"order_simplex", S1(6), 2, {SCALAR(-INFINITY), SCALAR(INFINITY)}, order_outside, order_draw, false},
    {"order_simplex", S2(3, 4), 2, {V1(3, -2, -0.5, 0.1), SCALAR(0.7)}, order_outside, order_draw, true},
    {"permutahedron", S1(4), 1, {V1(4, 0.5, 3, -1, 1.2)}, permutahedron_outside, permutahedron_draw, true},
    {"permutahedron", S1(1), 1, {SCALAR(2)}, permutahedron_outside, permutahedron_draw, true},
    {"permutahedron", S1(3), 1, {V1(3, 1, 1, 2)}, permutahedron_outside, permutahedron_draw, false},
    {"permutahedron", S2(2, 5), 1, {V1(5, 1, 2, 3.5, 4, 5)}, permutahedron_outside, permutahedron_draw, true},
    {"l1_ball", S1(5), 0, {SCALAR(0)}, l1_ball_outside, l1_ball_draw, true},
    {"l1_ball", S1(1), 1, {SCALAR(2)}, l1_ball_outside, l1_ball_draw, true},
    {"l1_ball", S2(3, 4), 1, {V1(3, 0, 1, 4)}, l1_ball_outside, l1_ball_draw, false},
    {"l1_ball", S2(2, 4), 1, {V1(2, 1, 4)}, l1_ball_outside, l1_ball_draw, true},
    {"l1_sphere", S1(5), 0, {SCALAR(0)}, l1_sphere_outside, l1_sphere_draw, true},
    {"l1_sphere", S1(1), 1, {SCALAR(2)}, l1_sphere_outside, l1_sphere_draw, true},
    {"l1_sphere", S2(3, 4), 1, {V1(3, 0, 1, 4)}, l1_sphere_outside, l1_sphere_draw, false},
    {"l1_sphere", S2(2, 4), 1, {V1(2, 1, 4)}, l1_sphere_outside, l1_sphere_draw, true},
    {"l1_epigraph", S1(5), 0, {SCALAR(0)}, l1_epigraph_outside, l1_epigraph_draw, true},
    {"l1_epigraph", S1(3), 0, {SCALAR(0)}, l1_epigraph_outside, l1_epigraph_draw, true},
    {"l1_epigraph", S1(1), 0, {SCALAR(0)}, l1_epigraph_outside, l1_epigraph_draw, true},
    {"l1_epigraph", S2(3, 4), 0, {SCALAR(0)}, l1_epigraph_outside, l1_epigraph_draw, true},
    {"ball", S1(5), 0, {SCALAR(0)}, ball_outside, ball_draw, true},
    {"ball", S1(1), 1, {SCALAR(2)}, ball_outside, ball_draw, true},
    {"ball", S2(3, 4), 1, {V1(3, 0, 1, 4)}, ball_outside, ball_draw, false},
    {"ball", S2(2, 4), 1, {V1(2, 1, 4)}, ball_outside, ball_draw, true},
    {"sphere", S1(5), 0, {SCALAR(0)}, sphere_outside, sphere_draw, true},
    {"sphere", S1(1), 1, {SCALAR(2)}, sphere_outside, sphere_draw, true},
    {"sphere", S2(3, 4), 1, {V1(3, 0, 1, 4)}, sphere_outside, sphere_draw, false},
    {"sphere", S2(2, 4), 1, {V1(2, 1, 4)}, sphere_outside, sphere_draw, true},
    {"hyperplane", S1(4), 2, {V1(4, 1, -2, 0, 0.5), SCALAR(1.5)}, hyperplane_outside, hyperplane_draw, true},
    {"hyperplane", S1(1), 2, {SCALAR(-3), SCALAR(2)}, hyperplane_outside, hyperplane_draw, true},
    {"hyperplane",
     S2(2, 3),
     2,
     {V2(2, 3, 1, 2, 3, 0, -1, 0), V1(2, 1, -2)},
     hyperplane_outside,
     hyperplane_draw,
     true},
    {"halfspace", S1(4), 2, {V1(4, 1, -2, 0, 0.5), SCALAR(0.5)}, halfspace_outside, halfspace_draw, true},
    {"halfspace", S1(1), 2, {SCALAR(-3), SCALAR(2)}, halfspace_outside, halfspace_draw, true},
    {"halfspace", S2(3, 2), 2, {V1(2, 1, -1), V1(3, 1, 0, -2)}, halfspace_outside, halfspace_draw, true},
    {"affine",
     S1(5),
     2,
     {V2(2, 5, 1, 1, 1, 1, 1, 0, 1, 2, 3, 4), V1(2, 1, -2)},
     affine_outside,
     affine_draw,
     true},
    {"affine",
     S2(3, 5),
     2,
     {V2(2, 5, 1, 1, 1, 1, 1, 0, 1, 2, 3, 4), V2(3, 2, 1, -2, 0, 0, 3, 1)},
     affine_outside,
     affine_draw,
     true},
    {"affine",
     S1(4),
     2,
     {V2(3, 4, 1, 1, 1, 1, 0, 1, 2, 3, 2, 3, 4, 5), V1(3, 1, -2, 0)},
     affine_outside,
     affine_draw,
     false},
    {"polyhedron",
     S1(3),
     3,
     {V2(3, 3, 1, 2, -1, 0, 1, 1, 1, 0, 3), V1(3, -1, -INFINITY, -0.5), V1(3, 0.5, 1, INFINITY)},
     polyhedron_outside,
     polyhedron_draw,
     true},
    {"polyhedron",
     S1(4),
     3,
     {V2(2, 4, 1, 1, 1, 1, 1, -1, 2, 0), V1(2, 2, -1), V1(2, 2, 3)},
     polyhedron_outside,
     polyhedron_draw,
     true},
    {"polyhedron",
     S2(2, 2),
     3,
     {V2(3, 2, 1, 0, 0, 1, 1, 1), V1(3, -1, -2, -INFINITY), V2(2, 3, 1, 1, 0.5, 2, 1, 1)},
     polyhedron_outside,
     polyhedron_draw,
     true},
    {"polyhedron",
     S1(2),
     3,
     {V2(4, 2, 1, 1, 1, 1, 2, 2, 1, 0), V1(4, -1, -1, -2, -1), V1(4, 1, 1, 2, 1)},
     polyhedron_outside,
     polyhedron_draw,
     false},
    {"psd", S2(3, 3), 0, {SCALAR(0)}, psd_outside, psd_draw, true},
    {"psd", S2(1, 1), 0, {SCALAR(0)}, psd_outside, psd_draw, true},
    {"psd", S3(2, 3, 3), 0, {SCALAR(0)}, psd_outside, psd_draw, true},
    {"stiefel", S2(4, 2), 0, {SCALAR(0)}, stiefel_outside, stiefel_draw, true},
    {"stiefel", S2(2, 4), 0, {SCALAR(0)}, stiefel_outside, stiefel_draw, true},
    {"stiefel", S2(3, 3), 0, {SCALAR(0)}, stiefel_outside, stiefel_draw, true},
    {"stiefel", S2(1, 1), 0, {SCALAR(0)}, stiefel_outside, stiefel_draw, true},
    {"stiefel", S3(2, 4, 2), 0, {SCALAR(0)}, stiefel_outside, stiefel_draw, true},
    {"transport", S2(2, 3), 2, {V1(2, 1, 2), V1(3, 0.5, 1.3, 1.2)}, transport_outside, transport_draw, true},
    {"transport", S2(1, 1), 2, {SCALAR(2), SCALAR(2)}, transport_outside, transport_draw, true},
    {"transport", S2(3, 4), 2, {V1(3, 1, 0, 2.5), V1(4, 0.5, 0, 1, 2)}, transport_outside, transport_draw, false},
    {"transport", S3(2, 3, 2), 2, {V1(3, 1, 0.7, 0.3), V1(2, 1.4, 0.6)}, transport_outside, transport_draw, true},
    {"birkhoff", S2(2, 2), 0, {SCALAR(0)}, transport_outside, transport_draw, true},
    {"birkhoff", S2(1, 1), 0, {SCALAR(0)}, transport_outside, transport_draw, true},
    {"birkhoff", S2(4, 4), 0, {SCALAR(0)}, transport_outside, transport_draw, true},
    {"birkhoff", S3(2, 3, 3), 0, {SCALAR(0)}, transport_outside, transport_draw, true},
};
enum { SET_CASES = sizeof set_cases / sizeof *set_cases };

/* ------------------------------------------------------------------ the library's projection of a case */

typedef struct projection {
  const set_case *set;
  char label[64];
  int64_t n;
  bool convex;
  tw_graph *graph;
  tw_expr in[1 + TW_DOMAIN_PARAMS];    /* the point; with `open` parameters they too */
  double *value[1 + TW_DOMAIN_PARAMS]; /* of the inputs */
  int n_in;
  tw_domain domain;
  tw_expr p;
  call call;
} projection;

static inline tw_shape values_shape(const values *v) {
  return tw_shape_make(v->rank, v->dim);
}

static inline void projection_open(projection *q, const set_case *c, bool open_params) {
  char text[TW_SHAPE_TEXT];
  const tw_shape shape = case_shape(c);
  const tw_domain_kind *kind = tw_domain_find(c->kind);
  assert_non_null(kind);
  *q = (projection){.set = c, .n = case_size(c), .convex = kind->convex, .graph = tw_graph_new(), .n_in = 1};
  snprintf(q->label, sizeof q->label, "%s %s, %d parameters", c->kind, tw_shape_text(&shape, text),
           c->n_params);
  q->in[0] = tw_input(q->graph, "x", TW_F64, shape);
  q->value[0] = tw_alloc((size_t)q->n, sizeof(double));
  tw_expr param[TW_DOMAIN_PARAMS];
  for (int i = 0; i < c->n_params; i++) {
    const tw_array value = tw_array_f64((double *)(uintptr_t)c->param[i].v, values_shape(&c->param[i]));
    param[i] = open_params ? tw_input(q->graph, "param", TW_F64, value.shape) : tw_constant(q->graph, &value);
    if (!open_params) continue;
    q->in[q->n_in] = param[i];
    q->value[q->n_in] = tw_alloc(16, sizeof(double));
    memcpy(q->value[q->n_in++], c->param[i].v, 16 * sizeof(double));
  }
  q->domain = tw_domain_make(q->graph, kind, shape, c->n_params, param);
  if (!q->domain.kind) fail_msg("%s: %s", q->label, tw_graph_message(q->graph));
  q->p = tw_project(q->domain, q->in[0]);
  q->call = call_open(q->label, q->n_in, q->in, q->p);
  assert_int_equal(q->call.size, q->n);
}

static inline void projection_close(projection *q) {
  for (int i = 0; i < q->n_in; i++) free(q->value[i]);
  call_close(&q->call);
  tw_graph_free(q->graph);
}

/* Random points of several sizes, with ties, with zeros, constant ones, and points of the set: number `i` of
 * them. */
static inline void point(const set_case *c, int i, double *x) {
  static const double scale[] = {1.5, 1.5, 10, 0.1, 1e6, 1e-8};
  const int64_t n = case_size(c);
  const uint64_t key = tw_key_split(tw_hash(c->kind, strlen(c->kind), 3), (uint64_t)i);
  if (i % 10 == 9) {
    c->draw(c, key, x);
    return;
  }
  for (int64_t k = 0; k < n; k++) {
    x[k] = scale[i % 6] * normal(key, k);
    if (i % 10 == 5) x[k] = floor(2 * normal(key, k)) / 2; /* ties and zeros */
    if (i % 10 == 7) x[k] = floor(4 * normal(key, 0)) / 4; /* all equal */
  }
}

#endif
