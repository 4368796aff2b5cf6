/* Mixed-integer rounding of a row or a sum of rows (Marchand & Wolsey 2001). With bounds substituted, the row is
 *
 *   sum_I c_j z_j + sum_C g_k t_k <= b,   0 <= z_j integer,  t_k >= 0
 *
 * and for any delta > 0, f = frac(b / delta), every integer point meets
 *
 *   sum_I F(c_j / delta) z_j + sum_{g_k < 0} g_k / (delta (1 - f)) t_k <= floor(b / delta),
 *   F(d) = floor(d) + max(0, frac(d) - f) / (1 - f). */
#include "method/program/bb_cut.h"

enum { DELTAS = 8, FLIPS = 30 };
static const double LEAST_FRACTION = 0.01, LARGEST_RATIO = 1e7;

typedef enum from { FROM_LOWER, FROM_UPPER, FROM_BINARY } from; /* t = x - l, u - x, most y - x */

typedef struct mir {
  tw_cutter *c;
  double *coefficient; /* n: of integers in x */
  double *g;           /* of continuous terms */
  int64_t *integer, *term;
  int64_t integers, terms;
  unsigned char *how;  /* n: of a continuous term; of an integer whether it is complemented */
  double b;            /* before integers are shifted */
} mir;

static double value_of(const mir *s, int64_t j) {
  const tw_cutter *c = s->c;
  const double t = s->how[j] == FROM_LOWER   ? c->x[j] - c->lower[j]
                   : s->how[j] == FROM_UPPER ? c->upper[j] - c->x[j]
                                             : c->most[j] * c->x[c->binary[j]] - c->x[j];
  return fmax(0, t);
}

static void add_integer(mir *s, int64_t j, double v) {
  if (s->coefficient[j] == 0) s->integer[s->integers++] = j;
  s->coefficient[j] += v;
  if (s->coefficient[j] == 0) s->coefficient[j] = 1e-300; /* keeps its place in the list */
}

/* A continuous variable by the nearest bound that there is; false: none. */
static bool substitute(mir *s, int64_t j, double v) {
  const tw_cutter *c = s->c;
  const double down = c->x[j] - c->lower[j], up = c->upper[j] - c->x[j];
  const double below = c->binary[j] >= 0 ? c->most[j] * c->x[c->binary[j]] - c->x[j] : INFINITY;
  if (!(fmin(fmin(down, up), below) < INFINITY)) return false;
  s->how[j] = below <= fmin(down, up) ? FROM_BINARY : down <= up ? FROM_LOWER : FROM_UPPER;
  s->term[s->terms] = j;
  s->g[s->terms++] = s->how[j] == FROM_LOWER ? v : -v;
  if (s->how[j] == FROM_BINARY)
    add_integer(s, c->binary[j], v * c->most[j]);
  else
    s->b -= v * (s->how[j] == FROM_LOWER ? c->lower[j] : c->upper[j]);
  return true;
}

static bool take_row(mir *s, double b) {
  const tw_cutter *c = s->c;
  s->b = b;
  for (int64_t j = 0; j < c->n; j++) {
    if (c->row[j] == 0) continue;
    if (c->place[j] >= 0)
      add_integer(s, j, c->row[j]);
    else if (!substitute(s, j, c->row[j]))
      return false;
  }
  for (int64_t k = 0; k < s->integers; k++) {
    const int64_t j = s->integer[k];
    const double down = c->x[j] - c->lower[j], up = c->upper[j] - c->x[j];
    if (!(fmin(down, up) < INFINITY)) return false;
    s->how[j] = down <= up ? FROM_LOWER : FROM_UPPER;
  }
  return s->integers > 0;
}

static double shifted(const mir *s, int64_t j) {
  return s->how[j] == FROM_LOWER ? s->coefficient[j] : -s->coefficient[j];
}

static double right_side(const mir *s) {
  double b = s->b;
  for (int64_t k = 0; k < s->integers; k++) {
    const int64_t j = s->integer[k];
    b -= s->coefficient[j] * (s->how[j] == FROM_LOWER ? s->c->lower[j] : s->c->upper[j]);
  }
  return b;
}

static double rounded(double d, double f) {
  const double whole = floor(d);
  return whole + fmax(0, d - whole - f) / (1 - f);
}

/* Violation over the norm, in the shifted variables; -inf where f is of no use. */
static double efficacy(const mir *s, double delta) {
  const double d = right_side(s) / delta, whole = floor(d), f = d - whole;
  if (f < LEAST_FRACTION || f > 1 - LEAST_FRACTION || fabs(d) > 1e9) return -INFINITY;
  double left = -whole, square = 0;
  for (int64_t k = 0; k < s->integers; k++) {
    const double v = rounded(shifted(s, s->integer[k]) / delta, f);
    left += v * value_of(s, s->integer[k]), square += v * v;
  }
  for (int64_t k = 0; k < s->terms; k++) {
    const double v = fmin(0, s->g[k]) / (delta * (1 - f));
    left += v * value_of(s, s->term[k]), square += v * v;
  }
  return square > 0 ? left / sqrt(square) : -INFINITY;
}

/* delta among the coefficients of integers between their bounds, and halves of the best. */
static double choose(const mir *s, double *best) {
  double delta = 0;
  int tried = 0;
  *best = 0;
  for (int64_t k = 0; k < s->integers && tried < DELTAS; k++) {
    const int64_t j = s->integer[k];
    const double size = fabs(s->coefficient[j]), room = s->c->upper[j] - s->c->lower[j];
    if (size < 1e-9 || value_of(s, j) < 1e-6 || value_of(s, j) > room - 1e-6) continue;
    const double e = efficacy(s, size);
    tried++;
    if (e > *best) *best = e, delta = size;
  }
  for (double half = 2; delta > 0 && half <= 8; half *= 2) {
    const double e = efficacy(s, delta / half);
    if (e > *best) *best = e, delta /= half, half = 1;
    if (delta < 1e-9) break;
  }
  return delta;
}

/* Integers measured from the other bound, where that cuts deeper. */
static void flip(mir *s, double delta, double *best) {
  int flips = 0;
  for (int64_t k = 0; k < s->integers && flips < FLIPS; k++) {
    const int64_t j = s->integer[k];
    if (!(s->c->upper[j] - s->c->lower[j] < INFINITY) || value_of(s, j) < 1e-6) continue;
    flips++;
    s->how[j] = s->how[j] == FROM_LOWER ? FROM_UPPER : FROM_LOWER;
    const double e = efficacy(s, delta);
    if (e > *best)
      *best = e;
    else
      s->how[j] = s->how[j] == FROM_LOWER ? FROM_UPPER : FROM_LOWER;
  }
}

/* v t in the variables of the program. */
static void write_term(const mir *s, int64_t j, double v, double *limit) {
  const tw_cutter *c = s->c;
  c->a[j] += s->how[j] == FROM_LOWER ? v : -v;
  if (s->how[j] == FROM_LOWER) *limit += v * c->lower[j];
  if (s->how[j] == FROM_UPPER) *limit -= v * c->upper[j];
  if (s->how[j] == FROM_BINARY) c->a[c->binary[j]] += v * c->most[j];
}

static void write_cut(const mir *s, double delta, double *limit) {
  const double d = right_side(s) / delta, f = d - floor(d);
  *limit = floor(d);
  vec_zero(s->c->n, s->c->a);
  for (int64_t k = 0; k < s->integers; k++)
    write_term(s, s->integer[k], rounded(shifted(s, s->integer[k]) / delta, f), limit);
  for (int64_t k = 0; k < s->terms; k++)
    if (s->g[k] < 0) write_term(s, s->term[k], s->g[k] / (delta * (1 - f)), limit);
}

bool tw_cut_mir(tw_cutter *c, double b, double *limit) {
  mir s = {.c = c, .coefficient = c->memory, .g = c->memory + c->n, .integer = c->index, .term = c->index + c->n};
  s.how = (unsigned char *)(c->memory + 2 * c->n);
  double best = 0, delta = 0;
  vec_zero(c->n, s.coefficient);
  if (take_row(&s, b)) delta = choose(&s, &best);
  if (!(delta > 0)) return false;
  flip(&s, delta, &best);
  double least = INFINITY, most = 0;
  for (int64_t k = 0; k < s.integers; k++) {
    const double v = fabs(s.coefficient[s.integer[k]]);
    least = v > 1e-9 ? fmin(least, v) : least, most = fmax(most, v);
  }
  if (most > LARGEST_RATIO * least) return false;
  write_cut(&s, delta, limit);
  return true;
}
