#include "method/gradient/history.h"

#include <math.h>
#include <string.h>

enum { PRODUCTS = 4 }; /* of a pair with the newest y and g: s'y, y'y, s'g, y'g */

tw_status tw_history_get(tw_run *run, const tw_trail *trail, tw_history *h) {
  *h = (tw_history){0};
  const int64_t slots = trail->slots;
  const struct {
    const char *name;
    double **vector;
    int64_t n;
  } wanted[] = {{"pairs", &h->count, 1},
                {"s'y", &h->sy, slots * slots},
                {"y'y", &h->yy, slots * slots},
                {"s'g", &h->sg, slots},
                {"y'g", &h->yg, slots},
                {"coefficients", &h->coefficient, 2 * slots},
                {"sums", &h->scratch, (TW_SEGMENTS + 1) * PRODUCTS * (slots + 1)}};
  for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
    *wanted[i].vector = tw_run_vector(run, wanted[i].name, wanted[i].n);
    if (*wanted[i].vector == NULL) return TW_ERR_MEMORY;
  }
  if (!(*h->count >= 0 && *h->count <= (double)(slots - 2)))
    return tw_fail(run->error, TW_ERR_DATA, "method %s: the checkpoint has more pairs than the memory holds",
                   run->method->name);
  h->pairs = (tw_pairs){trail, (int)*h->count};
  return TW_OK;
}

static int slot_of(const tw_history *h, int age) {
  return tw_trail_slot(h->pairs.trail, age);
}

static bool useful(const tw_history *h, int slot) {
  return h->sy[slot * h->pairs.trail->slots + slot] > 0;
}

/* Age of the youngest useful pair; the number of pairs when there is none. */
static int youngest(const tw_history *h) {
  int age = 0;
  while (age < h->pairs.count && !useful(h, slot_of(h, age))) age++;
  return age;
}

bool tw_history_informed(const tw_history *h) {
  return youngest(h) < h->pairs.count;
}

static void set_count(tw_history *h, int count) {
  h->pairs.count = count;
  *h->count = count;
}

void tw_history_clear(tw_history *h) {
  set_count(h, 0);
}

/* ------------------------------------------------------------------ products */

static void products_tile(void *context, int64_t first, int64_t length, double *sums) {
  const tw_history *h = context;
  const double *g = tw_trail_g(h->pairs.trail, 0) + first, *before = tw_trail_g(h->pairs.trail, 1) + first;
  double y[TW_PAIRS_TILE];
  for (int64_t i = 0; i < length; i++) y[i] = g[i] - before[i];
  tw_pairs_products(&h->pairs, first, length, y, g, sums);
}

void tw_history_update(tw_history *h, bool curved) {
  const int slots = h->pairs.trail->slots, newest = slot_of(h, 0);
  if (h->pairs.count < slots - 2) set_count(h, h->pairs.count + 1);
  const int places = PRODUCTS * (h->pairs.count + 1);
  double *sums = h->scratch + TW_SEGMENTS * places;
  tw_pairs_reduce(&h->pairs, places, products_tile, h, h->scratch, sums);
  for (int age = 0; age < h->pairs.count; age++, sums += PRODUCTS) {
    const int i = slot_of(h, age);
    h->sy[i * slots + newest] = sums[0];
    h->yy[i * slots + newest] = h->yy[newest * slots + i] = sums[1];
    h->sg[i] = sums[2];
    h->yg[i] = sums[3];
  }
  double *sy = &h->sy[newest * slots + newest];
  const double yy = h->yy[newest * slots + newest];
  if (!curved || !(*sy > 0 && yy > 0 && isfinite(yy))) *sy = 0;
}

/* ------------------------------------------------------------------ direction */

/* First loop: q = g - sum a_j y_j, a_j = s_j'q / s_j'y_j, youngest first; a_j into coefficient[2 j + 1]. */
static void first_loop(tw_history *h) {
  const int slots = h->pairs.trail->slots;
  double *c = h->coefficient;
  for (int age = 0; age < h->pairs.count; age++) {
    const int j = slot_of(h, age);
    double sq = h->sg[j];
    for (int younger = 0; younger < age; younger++)
      sq -= c[2 * younger + 1] * h->sy[j * slots + slot_of(h, younger)];
    c[2 * age + 1] = useful(h, j) ? sq / h->sy[j * slots + j] : 0;
  }
}

/* Second loop: r = gamma q + sum (a_j - b_j) s_j, b_j = y_j'r / s_j'y_j, oldest first; a_j - b_j into
 * coefficient[2 j]. */
static void second_loop(tw_history *h, double gamma) {
  const int slots = h->pairs.trail->slots, count = h->pairs.count;
  double *c = h->coefficient;
  for (int age = count - 1; age >= 0; age--) {
    const int j = slot_of(h, age);
    double yr = h->yg[j];
    for (int other = 0; other < count; other++) yr -= c[2 * other + 1] * h->yy[j * slots + slot_of(h, other)];
    yr *= gamma;
    for (int older = age + 1; older < count; older++)
      yr += c[2 * older] * h->sy[slot_of(h, older) * slots + j];
    c[2 * age] = useful(h, j) ? c[2 * age + 1] - yr / h->sy[j * slots + j] : 0;
  }
}

/* coefficient[2 j], [2 j + 1] become those of s_j, y_j in -r = -H g. Returns gamma. */
static double two_loops(tw_history *h) {
  const int count = h->pairs.count;
  memset(h->coefficient, 0, (size_t)(2 * count) * sizeof *h->coefficient);
  if (!tw_history_informed(h)) return 1;
  const int diagonal = slot_of(h, youngest(h)) * (h->pairs.trail->slots + 1);
  const double gamma = h->sy[diagonal] / h->yy[diagonal];
  first_loop(h);
  second_loop(h, gamma);
  for (int age = 0; age < count; age++) {
    h->coefficient[2 * age] = -h->coefficient[2 * age];
    h->coefficient[2 * age + 1] *= gamma;
  }
  return gamma;
}

typedef struct pass {
  const tw_history *h;
  double *d, *x_trial;
  double gamma;
} pass;

static void direction_tile(void *context, int64_t first, int64_t length, double *sums) {
  const pass *p = context;
  const tw_trail *trail = p->h->pairs.trail;
  const double *x = tw_trail_x(trail, 0) + first, *g = tw_trail_g(trail, 0) + first;
  double *d = p->d + first, *x_trial = p->x_trial + first;
  for (int64_t i = 0; i < length; i++) d[i] = -p->gamma * g[i];
  tw_pairs_combine(&p->h->pairs, first, length, p->h->coefficient, d);
  for (int64_t i = 0; i < length; i++) x_trial[i] = x[i] + d[i];
  sums[0] += tw_vec_dot_on(1, g, d, (size_t)length);
}

double tw_history_direction(tw_history *h, double *d, double *x_trial) {
  pass p = {.h = h, .d = d, .x_trial = x_trial, .gamma = two_loops(h)};
  double slope = 0;
  tw_pairs_reduce(&h->pairs, 1, direction_tile, &p, h->scratch, &slope);
  return slope;
}
