/* Star and acyclic coloring (Gebremedhin, Tarafdar, Manne & Pothen 2007, "New acyclic and star coloring
 * algorithms"): vertices are colored one by one, and the two-colored stars or trees that the colored edges
 * form are kept up to date, so that a color can be refused by looking at neighbours of neighbours alone. */
#include "graph/transform/coloring.h"

#include <stdlib.h>

/* The edges twice, at both ends. */
typedef struct adjacency {
  int64_t n, edges, *start, *to, *edge;
} adjacency;

typedef struct state {
  const adjacency *g;
  int32_t *color;
  int64_t *taken; /* by color: v + 1 when v may not have it */
  int64_t *first,
      *first_edge;   /* by color: the first neighbour of v that has it, and the edge; valid when .. */
  int64_t *first_of; /* .. this is v + 1 */
  int64_t *treated;  /* by vertex: v + 1 when the colors of its neighbours are taken for v */
  int64_t *set;      /* by edge: the star, or the edge above in a tree of edges */
  int64_t *hub;      /* by star; -1: a single edge has none */
  int64_t stars;
  int64_t *visited, *visited_from; /* by tree: v + 1 when v met it, and at which neighbour */
} state;

static void adjacency_free(adjacency *g) {
  free(g->start);
  free(g->to);
  free(g->edge);
}

static tw_status adjacency_new(const tw_pattern *lower, adjacency *g) {
  *g = (adjacency){.n = lower->cols};
  g->start = calloc((size_t)g->n + 2, sizeof *g->start);
  g->to = malloc((2 * (size_t)lower->nnz + 1) * sizeof *g->to);
  g->edge = malloc((2 * (size_t)lower->nnz + 1) * sizeof *g->edge);
  if (!g->start || !g->to || !g->edge) {
    adjacency_free(g);
    return TW_ERR_MEMORY;
  }
  for (int pass = 0; pass < 2; pass++) {
    for (int64_t j = 0; j < lower->cols; j++)
      for (int64_t p = lower->colptr[j]; p < lower->colptr[j + 1]; p++) {
        int64_t i = lower->rowidx[p];
        if (i == j) continue;
        if (pass == 0) {
          g->start[i + 1]++;
          g->start[j + 1]++;
          continue;
        }
        g->to[g->start[i]] = j;
        g->to[g->start[j]] = i;
        g->edge[g->start[i]++] = g->edge[g->start[j]++] = g->edges++;
      }
    for (int64_t v = 0; pass == 0 && v < g->n; v++) g->start[v + 1] += g->start[v];
  }
  for (int64_t v = g->n; v > 0; v--) g->start[v] = g->start[v - 1];
  g->start[0] = 0;
  return TW_OK;
}

static int32_t least_free(state *s, int64_t v) {
  int32_t c = 0;
  while (s->taken[c] == v + 1) c++;
  return c;
}

/* Neighbour w, at slot p of v, is the first with its color; false when another was before. */
static bool is_first(state *s, int64_t v, int64_t p) {
  int32_t c = s->color[s->g->to[p]];
  if (s->first_of[c] == v + 1) return false;
  s->first_of[c] = v + 1;
  s->first[c] = s->g->to[p];
  s->first_edge[c] = s->g->edge[p];
  return true;
}

/* ------------------------------------------------------------------ stars */

/* v has two neighbours of one color, w among them: no color of w's neighbours will do. */
static void treat(state *s, int64_t v, int64_t w) {
  const adjacency *g = s->g;
  if (s->treated[w] == v + 1) return;
  s->treated[w] = v + 1;
  for (int64_t q = g->start[w]; q < g->start[w + 1]; q++)
    if (g->to[q] != v && s->color[g->to[q]] >= 0) s->taken[s->color[g->to[q]]] = v + 1;
}

static void refuse_for_stars(state *s, int64_t v) {
  const adjacency *g = s->g;
  for (int64_t p = g->start[v]; p < g->start[v + 1]; p++) {
    int64_t w = g->to[p];
    if (s->color[w] < 0) continue;
    s->taken[s->color[w]] = v + 1;
    if (!is_first(s, v, p)) {
      treat(s, v, s->first[s->color[w]]);
      treat(s, v, w);
      continue;
    }
    for (int64_t q = g->start[w]; q < g->start[w + 1];
         q++) { /* w - hub - other end: v would make it a path */
      int64_t x = g->to[q];
      if (x != v && s->color[x] >= 0 && s->hub[s->set[g->edge[q]]] == x) s->taken[s->color[x]] = v + 1;
    }
  }
}

static void join_stars(state *s, int64_t v) {
  const adjacency *g = s->g;
  for (int64_t p = g->start[v]; p < g->start[v + 1]; p++) {
    int64_t w = g->to[p], e = g->edge[p], star = -1;
    if (s->color[w] < 0) continue;
    for (int64_t q = g->start[w]; q < g->start[w + 1] && star < 0; q++)
      if (g->to[q] != v && s->color[g->to[q]] == s->color[v]) star = s->set[g->edge[q]];
    if (star >= 0) {
      s->hub[star] = w;
    } else if (s->first[s->color[w]] != w) {
      star = s->set[s->first_edge[s->color[w]]];
      s->hub[star] = v;
    } else {
      star = s->stars++;
      s->hub[star] = -1;
    }
    s->set[e] = star;
  }
}

/* ------------------------------------------------------------------ trees */

static int64_t root(int64_t *set, int64_t e) {
  for (; set[e] != e; e = set[e]) set[e] = set[set[e]];
  return e;
}

static void refuse_for_trees(state *s, int64_t v) {
  const adjacency *g = s->g;
  for (int64_t p = g->start[v]; p < g->start[v + 1]; p++)
    if (s->color[g->to[p]] >= 0) s->taken[s->color[g->to[p]]] = v + 1;
  for (int64_t p = g->start[v]; p < g->start[v + 1]; p++) {
    int64_t w = g->to[p];
    if (s->color[w] < 0) continue;
    for (int64_t q = g->start[w]; q < g->start[w + 1]; q++) {
      int64_t x = g->to[q];
      if (x == v || s->color[x] < 0 || s->taken[s->color[x]] == v + 1) continue;
      int64_t tree = root(s->set, g->edge[q]);
      if (s->visited[tree] != v + 1) {
        s->visited[tree] = v + 1;
        s->visited_from[tree] = w;
      } else if (s->visited_from[tree] != w) { /* v would close a cycle through two neighbours */
        s->taken[s->color[x]] = v + 1;
      }
    }
  }
}

static void join_trees(state *s, int64_t v) {
  const adjacency *g = s->g;
  for (int64_t p = g->start[v]; p < g->start[v + 1]; p++) {
    int64_t w = g->to[p], e = g->edge[p];
    if (s->color[w] < 0) continue;
    if (!is_first(s, v, p)) s->set[root(s->set, e)] = root(s->set, s->first_edge[s->color[w]]);
    for (int64_t q = g->start[w]; q < g->start[w + 1]; q++)
      if (g->to[q] != v && s->color[g->to[q]] == s->color[v])
        s->set[root(s->set, g->edge[q])] = root(s->set, e);
  }
}

/* ------------------------------------------------------------------ both */

static void color_all(state *s, tw_symmetric_coloring kind, const int64_t *order, tw_coloring *out) {
  for (int64_t v = 0; v < s->g->n; v++) s->color[v] = -1;
  for (int64_t e = 0; e < s->g->edges; e++) s->set[e] = e;
  for (int64_t i = 0; i < s->g->n; i++) {
    int64_t v = order[i];
    if (kind == TW_COLOR_STAR)
      refuse_for_stars(s, v);
    else
      refuse_for_trees(s, v);
    int32_t c = s->color[v] = least_free(s, v);
    if (kind == TW_COLOR_STAR)
      join_stars(s, v);
    else
      join_trees(s, v);
    if (c >= out->colors) out->colors = c + 1;
  }
}

/* Vertices as columns, edges as rows: what orders are made of. */
static tw_status order_vertices(const adjacency *g, tw_ordering ordering, int64_t *order) {
  tw_pattern p = {.rows = g->edges, .cols = g->n, .nnz = 2 * g->edges, .colptr = g->start, .rowidx = g->edge},
             t;
  tw_status status = tw_pattern_turn(&p, &t);
  if (status != TW_OK) return status;
  status = tw_order_columns(&p, &t, ordering, order);
  tw_pattern_free(&t);
  return status;
}

static tw_status color_by(const adjacency *g, tw_symmetric_coloring kind, tw_ordering ordering,
                          tw_coloring *out) {
  size_t n = (size_t)g->n + 1, m = (size_t)g->edges + 1;
  *out = (tw_coloring){.n = g->n, .color = malloc(n * sizeof *out->color)};
  int64_t *word = calloc(6 * n + 4 * m, sizeof *word);
  tw_status status = out->color && word ? TW_OK : TW_ERR_MEMORY;
  if (status == TW_OK) status = order_vertices(g, ordering, word);
  if (status == TW_OK) {
    state s = {
        .g = g, .color = out->color, .taken = word + n, .first = word + 2 * n, .first_edge = word + 3 * n};
    s.first_of = word + 4 * n;
    s.treated = word + 5 * n;
    s.set = word + 6 * n;
    s.hub = s.set + m;
    s.visited = s.set + 2 * m;
    s.visited_from = s.set + 3 * m;
    color_all(&s, kind, word, out);
  }
  free(word);
  if (status != TW_OK) tw_coloring_free(out);
  return status;
}

static tw_status prepare(const tw_pattern *lower, adjacency *g) {
  tw_status status = adjacency_new(lower, g);
  if (status != TW_OK) return status;
  status = tw_coloring_work(&(tw_pattern){.cols = g->n, .colptr = g->start});
  if (status != TW_OK) adjacency_free(g);
  return status;
}

tw_status tw_color_symmetric_by(const tw_pattern *lower, tw_symmetric_coloring kind, tw_ordering ordering,
                                tw_coloring *out) {
  adjacency g;
  *out = (tw_coloring){0};
  tw_status status = prepare(lower, &g);
  if (status != TW_OK) return status;
  status = color_by(&g, kind, ordering, out);
  adjacency_free(&g);
  return status;
}

tw_status tw_color_symmetric(const tw_pattern *lower, tw_symmetric_coloring kind, tw_coloring *out) {
  *out = (tw_coloring){0};
  for (int o = 0; o < TW_ORDERINGS; o++) {
    tw_coloring one;
    tw_status status = tw_color_symmetric_by(lower, kind, (tw_ordering)o, &one);
    if (status != TW_OK) {
      tw_coloring_free(out);
      return status;
    }
    bool better = o == 0 || one.colors < out->colors;
    if (better) {
      tw_coloring_free(out);
      *out = one;
    } else {
      tw_coloring_free(&one);
    }
  }
  return TW_OK;
}
