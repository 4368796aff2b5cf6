/* The functions of a set of blocks. */
#include "problem/block_set.h"

#include <stdlib.h>
#include <string.h>

static int variables(const tw_block_set *s) {
  return s->kit->count[TW_GROUP_X];
}

static const tw_variable *variable(const tw_block_set *s, int i) {
  return s->kit->problem->variables.item[i];
}

static tw_status call(tw_block_set *s, tw_asker *a, int n, tw_error *error) {
  return tw_asker_call(a, s->parameters, s->more, n, s->out, error);
}

/* ------------------------------------------------------------------ z and the part outside */

static tw_status product(void *self, const double *x, double *z, tw_error *error) {
  tw_block_set *s = self;
  for (int i = 0; i < variables(s); i++) s->more[i] = x + variable(s, i)->offset;
  for (int j = 0; j < s->products; j++) s->out[j] = z + s->product[j].at;
  for (int i = 0; i < variables(s); i++)
    if (!s->part[i].rows) memcpy(z + s->part[i].at, x + variable(s, i)->offset, (size_t)variable(s, i)->size * sizeof *z);
  return s->products > 0 ? call(s, &s->meet, variables(s), error) : TW_OK;
}

static tw_status outer(void *self, const double *z, double *f, double *gz, tw_error *error) {
  tw_block_set *s = self;
  int n = 0;
  s->out[0] = f;
  for (int j = 0; j < s->products; j++, n++) {
    s->more[n] = z + s->product[j].at;
    s->out[n + 1] = gz + s->product[j].at;
  }
  for (int i = 0; i < variables(s); i++)
    if (!s->part[i].rows) {
      s->more[n] = z + s->part[i].at;
      s->out[n++ + 1] = gz + s->part[i].at;
    }
  return call(s, &s->sum, n, error);
}

/* ------------------------------------------------------------------ one block */

/* c (width) = sum_r a_r G_r, and Z_r += a_r d, for the column a (m) and rows r of width numbers. */
static void gather(const tw_product_of_rows *p, const double *a, const double *restrict g, double *restrict c) {
  if (p->width == 1) {
    c[0] = tw_vec_dot(a, g, (size_t)p->m);
    return;
  }
  memset(c, 0, (size_t)p->width * sizeof *c);
  for (int64_t r = 0; r < p->m; r++) {
    if (a[r] == 0) continue;
    for (int64_t j = 0; j < p->width; j++) c[j] += a[r] * g[r * p->width + j];
  }
}

static void spread(const tw_product_of_rows *p, const double *a, const double *restrict d, double *restrict z) {
  for (int64_t r = 0; r < p->m; r++) {
    if (a[r] == 0) continue;
    for (int64_t j = 0; j < p->width; j++) z[r * p->width + j] += a[r] * d[j];
  }
}

static tw_status refresh(tw_block_set *s, tw_error *error) {
  if (!s->stale) return TW_OK;
  for (int j = 0; j < s->products; j++) s->out[j] = s->product[j].data;
  const tw_status status = s->products > 0 ? call(s, &s->fixed, 0, error) : TW_OK;
  s->stale = status != TW_OK;
  return status;
}

static const double *column(const tw_product_of_rows *p, int64_t k) {
  return p->data + k * p->m;
}

static tw_status block(void *self, int64_t i, const double *x_i, const double *gz, double *own, double *g, tw_error *error) {
  tw_block_set *s = self;
  const int v = s->of[i];
  tw_block_part *part = &s->part[v];
  const int64_t k = i - part->first;
  *own = 0;
  if (!part->rows) {
    if (g) memcpy(g, gz + part->at, (size_t)part->size * sizeof *g);
    return TW_OK;
  }
  const tw_status status = refresh(s, error);
  if (status != TW_OK) return status;
  if (part->plain && g) memset(g, 0, (size_t)part->size * sizeof *g);
  double *c = s->work;
  int n = 2;
  for (int j = 0; j < s->products; j++) {
    const tw_product_of_rows *p = &s->product[j];
    if (p->variable != v) continue;
    if (g) gather(p, column(p, k), gz + p->at, c);
    if (!g) memset(c, 0, (size_t)p->width * sizeof *c);
    for (int64_t e = 0; part->plain && g && e < part->size; e++) g[e] += c[e];
    s->more[n++] = c;
    c += p->width;
  }
  if (part->plain) return TW_OK;
  s->more[0] = &k;
  s->more[1] = x_i;
  s->out[0] = own;
  s->out[1] = g ? g : c;
  return call(s, &part->local, n, error);
}

static tw_status prox(void *self, int64_t i, const double *v, double eta, double *out, tw_error *error) {
  tw_block_set *s = self;
  tw_block_part *part = &s->part[s->of[i]];
  const int64_t k = i - part->first;
  s->more[0] = &k;
  s->more[1] = v;
  s->more[2] = &eta;
  s->out[0] = out;
  return call(s, &part->nearest, 3, error);
}

static tw_status move(void *self, int64_t i, const double *from, const double *to, double *z, tw_error *error) {
  tw_block_set *s = self;
  const int v = s->of[i];
  tw_block_part *part = &s->part[v];
  const int64_t k = i - part->first;
  if (!part->rows) {
    memcpy(z + part->at, to, (size_t)part->size * sizeof *z);
    return TW_OK;
  }
  tw_status status = refresh(s, error);
  double *at[2] = {s->work, s->work + s->blocks.longest * s->products};
  for (int end = 0; !part->plain && end < 2 && status == TW_OK; end++) {
    double *row = at[end];
    int n = 0;
    for (int j = 0; j < s->products; j++)
      if (s->product[j].variable == v) s->out[n++] = row, row += s->product[j].width;
    s->more[0] = &k;
    s->more[1] = end ? to : from;
    status = call(s, &part->inner, 2, error);
  }
  for (int j = 0; j < s->products && status == TW_OK; j++) {
    const tw_product_of_rows *p = &s->product[j];
    if (p->variable != v) continue;
    double *d = at[0];
    for (int64_t e = 0; e < p->width; e++) d[e] = part->plain ? to[e] - from[e] : at[1][e] - at[0][e];
    spread(p, column(p, k), d, z + p->at);
    if (!part->plain) at[0] += p->width, at[1] += p->width;
  }
  return status;
}

/* ------------------------------------------------------------------ compiling */

static tw_status compile_outer(tw_block_set *s, tw_error *error) {
  const int n = variables(s);
  tw_expr *in = calloc((size_t)(n + s->products) + 1, sizeof *in), *out = calloc((size_t)(n + s->products) + 1, sizeof *out);
  tw_status status = in && out ? TW_OK : tw_fail(error, TW_ERR_MEMORY, "oracle: out of memory");
  int m = 0;
  for (int j = 0; status == TW_OK && j < s->products; j++) in[m++] = s->product[j].z;
  for (int i = 0; status == TW_OK && i < n; i++)
    if (!s->part[i].rows) in[m++] = s->part[i].block;
  if (status == TW_OK) {
    tw_expr one = tw_ones_like(s->outer);
    out[0] = s->outer;
    tw_vjp(1, &s->outer, &one, m, in, out + 1);
    for (int i = 0; i < m; i++) out[i + 1] = tw_is_none(out[i + 1]) ? tw_zeros_like(in[i]) : tw_broadcast(out[i + 1], tw_shape_of(in[i]));
    status = tw_asker_open(&s->sum, s->kit, s->exec, m, in, m + 1, out, error);
  }
  free(in);
  free(out);
  return status;
}

static tw_status compile_products(tw_block_set *s, tw_error *error) {
  tw_expr node[TW_PRODUCTS_MOST], columns[TW_PRODUCTS_MOST];
  for (int j = 0; j < s->products; j++) node[j] = s->product[j].node, columns[j] = s->product[j].columns;
  if (s->products == 0) return TW_OK;
  const tw_status status = tw_asker_open(&s->meet, s->kit, s->exec, variables(s), s->kit->input[TW_GROUP_X], s->products, node, error);
  return status == TW_OK ? tw_asker_open(&s->fixed, s->kit, s->exec, 0, NULL, s->products, columns, error) : status;
}

static tw_status compile_part(tw_block_set *s, int v, tw_error *error) {
  tw_block_part *part = &s->part[v];
  tw_expr eta = s->kit->input[TW_GROUP_ETA][0], nearest = part->rows ? part->row_prox : part->prox;
  tw_status status = tw_asker_open(&part->nearest, s->kit, s->exec, 3, (tw_expr[]){s->k, part->block, eta}, 1, &nearest, error);
  if (status != TW_OK || !part->rows) return status;
  tw_expr in[TW_PRODUCTS_MOST + 2] = {s->k, part->block}, row[TW_PRODUCTS_MOST + 1], seed[TW_PRODUCTS_MOST + 1], out[2];
  int n = 0;
  part->plain = tw_is_none(part->own);
  for (int j = 0; j < s->products; j++) {
    if (s->product[j].variable != v) continue;
    part->plain &= s->product[j].same;
    row[n] = s->product[j].row;
    seed[n] = in[n + 2] = tw_input(row[n].graph, "cotangent", TW_F64, tw_shape_of(row[n]));
    n++;
  }
  if (part->plain) return TW_OK;
  status = tw_asker_open(&part->inner, s->kit, s->exec, 2, in, n, row, error);
  out[0] = tw_is_none(part->own) ? tw_scalar(s->k.graph, 0) : part->own;
  const int inputs = n + 2;
  row[n] = out[0];
  seed[n++] = tw_ones_like(out[0]);
  tw_vjp(n, row, seed, 1, &part->block, &out[1]);
  out[1] = tw_is_none(out[1]) ? tw_zeros_like(part->block) : tw_broadcast(out[1], tw_shape_of(part->block));
  return status == TW_OK ? tw_asker_open(&part->local, s->kit, s->exec, inputs, in, 2, out, error) : status;
}

static bool allocate(tw_block_set *s) {
  const size_t room = (size_t)(variables(s) + s->products) + 4;
  int64_t width = s->blocks.longest;
  for (int j = 0; j < s->products; j++) {
    tw_product_of_rows *p = &s->product[j];
    width = p->width > width ? p->width : width;
    if (!(p->data = tw_alloc((size_t)tw_size_of(p->columns), sizeof *p->data))) return false;
  }
  s->blocks.longest = width;
  s->work = tw_alloc((size_t)width * (2 * (size_t)s->products + 2), sizeof *s->work);
  s->more = calloc(room, sizeof *s->more);
  s->out = calloc(room, sizeof *s->out);
  return s->work && s->more && s->out;
}

tw_status tw_block_set_compile(tw_block_set *s, tw_error *error) {
  if (!allocate(s)) return tw_fail(error, TW_ERR_MEMORY, "oracle: out of memory");
  s->stale = true;
  tw_status status = compile_outer(s, error);
  if (status == TW_OK) status = compile_products(s, error);
  for (int v = 0; v < variables(s) && status == TW_OK; v++) status = compile_part(s, v, error);
  s->blocks.product = product;
  s->blocks.outer = outer;
  s->blocks.block = block;
  s->blocks.prox = prox;
  s->blocks.move = move;
  return status;
}

tw_status tw_block_set_get(tw_block_set *s, const tw_blocks **out, tw_error *error) {
  *out = &s->blocks;
  return refresh(s, error);
}

void tw_block_set_stale(tw_block_set *s) {
  if (!s) return;
  s->stale = true;
  s->sum.fresh = s->meet.fresh = s->fixed.fresh = false;
  for (int v = 0; v < variables(s); v++) s->part[v].local.fresh = s->part[v].nearest.fresh = s->part[v].inner.fresh = false;
}

static void visit_asker(tw_asker *a, tw_memory_visitor *visitor, void *context) {
  if (a->work) tw_work_memory(a->work, visitor, context);
}

void tw_block_set_memory(tw_block_set *s, tw_memory_visitor *visitor, void *context) {
  visit_asker(&s->sum, visitor, context);
  visit_asker(&s->meet, visitor, context);
  visit_asker(&s->fixed, visitor, context);
  for (int v = 0; v < variables(s); v++) {
    visit_asker(&s->part[v].local, visitor, context);
    visit_asker(&s->part[v].nearest, visitor, context);
    visit_asker(&s->part[v].inner, visitor, context);
  }
}

void tw_block_set_free(tw_block_set *s) {
  if (!s) return;
  tw_asker_close(&s->sum);
  tw_asker_close(&s->meet);
  tw_asker_close(&s->fixed);
  for (int v = 0; v < variables(s); v++) {
    tw_asker_close(&s->part[v].local);
    tw_asker_close(&s->part[v].nearest);
    tw_asker_close(&s->part[v].inner);
  }
  for (int j = 0; j < s->products; j++) free(s->product[j].data);
  free(s->part);
  free(s->start);
  free(s->size);
  free(s->of);
  free(s->work);
  free(s->more);
  free(s->out);
  free(s);
}
