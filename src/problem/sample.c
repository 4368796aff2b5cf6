/* Finite sums: f(x) = sum_{k < N} row(k, x) + rest(x), found among the terms of f. Terms that are sums over N rows of which each
 * reads a variable as a whole, as a loss over the rows of a data set does, are rows; a sum over the variable's own rows, such as
 * a norm, belongs to the rest, and so do sums of other lengths than the longest. */
#include "problem/summands.h"

#include <stdlib.h>

struct tw_sampler {
  const tw_kit *kit;
  int64_t rows;
  tw_expr k, row, rest;
  int64_t count;            /* rows of what is compiled; 0: nothing */
  tw_asker value, gradient; /* open when asked for */
};

/* Does the row read a variable in another way than by its own row k? */
static bool reads_whole(const tw_kit *kit, tw_expr row, tw_expr k) {
  for (int i = 0; i < kit->count[TW_GROUP_X]; i++) {
    tw_expr x = kit->input[TW_GROUP_X][i];
    bool rest = tw_depends(row, 1, &x);
    if (rest && tw_shape_of(x).rank > 0) tw_replace_row(row, x, k, tw_fill_like(tw_take(x, 1, &k), 0), &rest);
    if (rest) return true;
  }
  return false;
}

typedef struct found {
  int64_t rows; /* 0: part of the rest */
  tw_expr row;
} found;

static void add(tw_expr *sum, tw_expr e) {
  *sum = tw_is_none(*sum) ? e : tw_add(*sum, e);
}

static tw_expr weighed(const tw_term *term, tw_expr body) {
  const tw_term other = {term->scale, term->weight, tw_reshape(body, TW_SCALAR)};
  return tw_term_value(&other);
}

static void join(tw_sampler *s, const tw_terms *terms, found *of) {
  for (size_t i = 0; i < terms->count; i++) {
    found *at = &of[i];
    if (!tw_summands(terms->term[i].body, s->k, &at->rows, &at->row) || !reads_whole(s->kit, at->row, s->k)) at->rows = 0;
    if (at->rows > s->rows) s->rows = at->rows;
  }
  if (s->rows < 2) s->rows = 0;
  for (size_t i = 0; i < terms->count; i++) {
    const bool sampled = s->rows > 0 && of[i].rows == s->rows;
    add(sampled ? &s->row : &s->rest, weighed(&terms->term[i], sampled ? of[i].row : terms->term[i].body));
  }
}

static tw_status find(tw_sampler *s, tw_error *error) {
  const tw_kit *kit = s->kit;
  tw_facts facts = {.graph = kit->problem->graph, .problem = kit->problem, .m = kit->count[TW_GROUP_X], .inputs = kit->input[TW_GROUP_X]};
  tw_expr smooth = tw_reshape(kit->cls.smooth, TW_SCALAR);
  tw_terms terms = {0};
  s->k = tw_input(facts.graph, "row", TW_I64, TW_SCALAR);
  s->row = s->rest = TW_NONE;
  found *of = NULL;
  if (tw_facts_open(&facts, 1, &smooth) && tw_terms_split(&facts, smooth, &terms)) {
    of = calloc(terms.count + 1, sizeof *of);
    if (of) join(s, &terms, of);
  }
  const bool failed = !of;
  free(of);
  tw_terms_free(&terms);
  tw_facts_close(&facts);
  const tw_status status = tw_graph_check(facts.graph, error);
  return status == TW_OK && failed ? tw_fail(error, TW_ERR_MEMORY, "oracle: out of memory") : status;
}

tw_status tw_sampler_new(tw_sampler **out, const tw_kit *kit, tw_error *error) {
  tw_sampler *s = *out = calloc(1, sizeof *s);
  if (!s) return tw_fail(error, TW_ERR_MEMORY, "oracle: out of memory");
  s->kit = kit;
  tw_graph_lock(kit->problem->graph);
  const tw_status status = find(s, error);
  tw_graph_unlock(kit->problem->graph);
  if (status == TW_OK) return TW_OK;
  tw_sampler_free(s);
  *out = NULL;
  return status;
}

int64_t tw_sampler_rows(const tw_sampler *s) { return s->rows; }

void tw_sampler_stale(tw_sampler *s) {
  if (s) s->value.fresh = s->gradient.fresh = false;
}

void tw_sampler_free(tw_sampler *s) {
  if (!s) return;
  tw_asker_close(&s->value);
  tw_asker_close(&s->gradient);
  free(s);
}

/* The sum for `count` rows given by input: inputs are the variables, rows and weights. */
static tw_status open(tw_sampler *s, tw_asker *a, bool gradient, int64_t count, const tw_exec *exec, tw_error *error) {
  tw_graph *graph = s->kit->problem->graph;
  const int m = s->kit->count[TW_GROUP_X];
  const tw_expr *x = s->kit->input[TW_GROUP_X];
  tw_expr index = tw_input(graph, "rows", TW_I64, TW_SHAPE(count)), weight = tw_input(graph, "weights", TW_F64, TW_SHAPE(count));
  tw_expr each = TW_NONE, *in = calloc((size_t)m + 2, sizeof *in), *out = calloc((size_t)m + 1, sizeof *out);
  tw_status status = in && out ? TW_OK : tw_fail(error, TW_ERR_MEMORY, "oracle: out of memory");
  if (status == TW_OK) {
    tw_batch(1, &s->row, 1, &s->k, &index, count, &each);
    out[0] = tw_dot(tw_reshape(each, TW_SHAPE(count)), weight);
    if (!tw_is_none(s->rest)) out[0] = tw_add(out[0], s->rest);
    for (int i = 0; i < m; i++) in[i] = x[i], out[i + 1] = TW_NONE;
    in[m] = index, in[m + 1] = weight;
    tw_expr one = tw_ones_like(out[0]);
    if (gradient) tw_vjp(1, out, &one, m, x, out + 1);
    for (int i = 0; gradient && i < m; i++)
      out[i + 1] = tw_is_none(out[i + 1]) ? tw_zeros_like(x[i]) : tw_broadcast(out[i + 1], tw_shape_of(x[i]));
    status = tw_asker_open(a, s->kit, exec, m + 2, in, gradient ? m + 1 : 1, out, error);
  }
  free(in);
  free(out);
  return status;
}

static tw_status prepare(tw_sampler *s, tw_asker *a, bool gradient, int64_t count, const tw_exec *exec, tw_error *error) {
  if (s->count != count) {
    tw_asker_close(&s->value);
    tw_asker_close(&s->gradient);
    s->count = count;
  }
  if (a->fn) {
    tw_work_exec(a->work, exec);
    return TW_OK;
  }
  tw_graph_lock(s->kit->problem->graph);
  const tw_status status = open(s, a, gradient, count, exec, error);
  tw_graph_unlock(s->kit->problem->graph);
  return status;
}

tw_status tw_sampler_call(tw_sampler *s, const tw_exec *exec, void *const *parameters, const double *x, int64_t count, const int64_t *row,
                          const double *weight, double *f, double *g, tw_error *error) {
  if (s->rows == 0) return tw_fail(error, TW_ERR_UNSUPPORTED, "oracle: the objective is no sum over the rows of a data set");
  if (count < 1) return tw_fail(error, TW_ERR_ARGUMENT, "oracle: a sample of %lld rows, expected at least 1", (long long)count);
  for (int64_t i = 0; i < count; i++)
    if (row[i] < 0 || row[i] >= s->rows)
      return tw_fail(error, TW_ERR_ARGUMENT, "oracle: row %lld, expected 0 .. %lld", (long long)row[i], (long long)s->rows - 1);
  tw_asker *a = g ? &s->gradient : &s->value;
  tw_status status = prepare(s, a, g != NULL, count, exec, error);
  if (status != TW_OK) return status;
  const tw_problem *p = s->kit->problem;
  const int m = p->variables.count;
  const void **more = calloc((size_t)m + 2, sizeof *more);
  void **out = calloc((size_t)m + 1, sizeof *out);
  status = more && out ? TW_OK : tw_fail(error, TW_ERR_MEMORY, "oracle: out of memory");
  for (int i = 0; status == TW_OK && i < m; i++) {
    const tw_variable *v = p->variables.item[i];
    more[i] = x + v->offset;
    if (g) out[i + 1] = g + v->offset;
  }
  if (status == TW_OK) {
    more[m] = row, more[m + 1] = weight, out[0] = f;
    status = tw_asker_call(a, parameters, more, m + 2, out, error);
  }
  free(more);
  free(out);
  return status;
}
