/* Proximal block coordinate descent (Tseng & Yun 2009; Wright 2015) for phi(x) = f(x) + sum_i r_i(x_i) over blocks that meet in
 * few numbers z (tw_blocks): one block after the other,
 *
 *   x_i <- prox_{r_i / L_i}(x_i - g_i / L_i),   g_i = grad_i f(x),
 *
 * while z is kept up to date, so that a sweep over all blocks costs about what a gradient of f costs. L_i has to satisfy
 *
 *   f(x+) <= f(x) + g_i'd + L_i/2 |d|^2,   d = x_i+ - x_i;
 *
 * where it does not, it becomes what the curvature seen along d asks for, which is exact for quadratics of one variable, so that
 * L_i is the column's Lipschitz constant after the first sweep without anybody telling it; it relaxes slowly where less is seen.
 * Where differences of f drown in rounding, (g_i(x+) - g_i(x))'d <= L_i |d|^2 is asked instead.
 *
 * Stationarity is max_i L_i |d_i| over a sweep; when it is within the tolerance, z is formed anew and all blocks are looked at
 * once more at one point. */
#include "method/sweep.h"
#include "method/work.h"

enum { F_OUTER, F_OWN, STATE };
enum { MAX_TRIALS = 60, RENEW = 32 /* sweeps between fresh z against the drift of rounding */ };
enum { CYCLIC, SHUFFLED };

static const tw_option options[] = {
    TW_OPTION_TOL(1e-9),
    TW_OPTION_MAX_ITER(100000),
    {"order", TW_OPTION_CHOICE, CYCLIC, 0, 1, "cyclic|shuffled", "of the blocks in a sweep; shuffled: another permutation each time"},
    TW_OPTION_END};

typedef struct descent {
  tw_run *run;
  const tw_blocks *b;
  double *lipschitz, *z, *gz, *z_next, *gz_next, *state;
  double *g, *to, *next, *order; /* of a block; a permutation */
} descent;

static tw_status open(descent *s, tw_run *run) {
  const tw_oracle *o = run->oracle;
  *s = (descent){.run = run};
  if (!o->blocks)
    return tw_fail(run->error, TW_ERR_UNSUPPORTED, 
                   "block_cd: needs the blocks of a problem stated over expressions, which this oracle does not offer");
  TW_TRY(o->blocks(o->context, &s->b, run->error));
  const tw_blocks *b = s->b;
  const tw_slot slots[] = {{"block.lipschitz", b->count, &s->lipschitz}, {"block.z", b->n_z, &s->z},
                           {"block.gz", b->n_z, &s->gz},                 {"block.z_next", b->n_z, &s->z_next},
                           {"block.gz_next", b->n_z, &s->gz_next},       {"block.state", STATE, &s->state},
                           {"block.g", b->longest, &s->g},               {"block.to", b->longest, &s->to},
                           {"block.next", b->longest, &s->next},         {"block.order", b->count, &s->order},
                           {NULL, 0, NULL}};
  return tw_fetch(run, slots);
}

/* z and outer's gradient at run->x. */
static tw_status renew(descent *s) {
  const tw_blocks *b = s->b;
  TW_TRY(b->product(b->context, s->run->x, s->z, s->run->error));
  TW_TRY(b->outer(b->context, s->z, &s->state[F_OUTER], s->gz, s->run->error));
  if (isfinite(s->state[F_OUTER])) return TW_OK;
  return tw_fail(s->run->error, TW_ERR_NUMERIC, "block_cd: the objective is not finite");
}

/* x_i+ = prox(x_i - g / L) into s->to; *size = L |d|_inf, *square = |d|^2. */
static tw_status propose(descent *s, int64_t i, double l, double *size, double *square) {
  const tw_blocks *b = s->b;
  const double *x = s->run->x + b->start[i];
  const int64_t n = b->size[i];
  double largest = 0;
  for (int64_t j = 0; j < n; j++) s->next[j] = x[j] - s->g[j] / l;
  TW_TRY(b->prox(b->context, i, s->next, 1 / l, s->to, s->run->error));
  *square = 0;
  for (int64_t j = 0; j < n; j++) {
    const double d = s->to[j] - x[j];
    largest = fmax(largest, fabs(d));
    *square += d * d;
  }
  *size = l * largest;
  return isfinite(*square) ? TW_OK : tw_fail(s->run->error, TW_ERR_NUMERIC, "block_cd: a step is not finite");
}

/* Looks at every block without moving: max_i L_i |d_i|; *own: the sum of what blocks add to f by themselves. */
static tw_status look(descent *s, double *worst, double *own) {
  const tw_blocks *b = s->b;
  double size, square, part;
  *worst = *own = 0;
  for (int64_t i = 0; i < b->count; i++) {
    TW_TRY(b->block(b->context, i, s->run->x + b->start[i], s->gz, &part, s->g, s->run->error));
    TW_TRY(propose(s, i, s->lipschitz[i], &size, &square));
    *own += part;
    *worst = fmax(*worst, size);
  }
  return TW_OK;
}

static tw_status objective(descent *s, double own) {
  double r = 0;
  if (s->run->oracle->regularizer) TW_TRY(tw_run_regularizer(s->run, s->run->x, &r));
  s->run->f = s->state[F_OUTER] + own + r;
  return TW_OK;
}

static tw_status init(tw_run *run) {
  descent s;
  TW_TRY(open(&s, run));
  double own, worst;
  for (int64_t i = 0; i < s.b->count; i++) { /* into the sets: a vanishing step of a prox */
    const int64_t at = s.b->start[i];
    TW_TRY(s.b->prox(s.b->context, i, run->x + at, DBL_MIN, s.to, run->error));
    vec_copy(s.b->size[i], s.to, run->x + at);
    if (s.lipschitz[i] == 0) s.lipschitz[i] = 1;
  }
  TW_TRY(renew(&s));
  TW_TRY(look(&s, &worst, &own));
  run->optimality.stationarity = run->scale = worst;
  return objective(&s, own);
}

/* Is the trial s->to with L good, and which L would have been? */
static tw_status judge(descent *s, int64_t i, double l, double own, double slope, double square, double *f_next,
                       bool *good, double *needed) {
  const tw_blocks *b = s->b;
  const int64_t n = b->size[i];
  const double *x = s->run->x + b->start[i], f = s->state[F_OUTER];
  double own_next;
  TW_TRY(b->outer(b->context, s->z_next, f_next, s->gz_next, s->run->error));
  TW_TRY(b->block(b->context, i, s->to, NULL, &own_next, NULL, s->run->error));
  const double change = (*f_next - f) + (own_next - own), noise = 16 * DBL_EPSILON * (fabs(f) + fabs(own));
  *needed = INFINITY;
  *good = false;
  if (!isfinite(change)) return TW_OK;
  if (l * square > 1e3 * noise) {
    *needed = 2 * (change - slope) / square;
  } else {
    double twin = 0;
    TW_TRY(b->block(b->context, i, s->to, s->gz_next, &own_next, s->next, s->run->error));
    for (int64_t j = 0; j < n; j++) twin += (s->next[j] - s->g[j]) * (s->to[j] - x[j]);
    *needed = twin / square;
  }
  *good = *needed <= l * (1 + 1e-10);
  return TW_OK;
}

/* x_i moves; *size = L_i |d_i|. */
static tw_status move(descent *s, int64_t i, double *size) {
  const tw_blocks *b = s->b;
  tw_run *run = s->run;
  double *x = run->x + b->start[i], own, f_next, square, needed;
  TW_TRY(b->block(b->context, i, x, s->gz, &own, s->g, run->error));
  double l = s->lipschitz[i];
  for (int trial = 0; trial < MAX_TRIALS; trial++) {
    bool good;
    TW_TRY(propose(s, i, l, size, &square));
    if (square == 0) return TW_OK;
    vec_copy(b->n_z, s->z, s->z_next);
    TW_TRY(b->move(b->context, i, x, s->to, s->z_next, run->error));
    double slope = 0;
    for (int64_t j = 0; j < b->size[i]; j++) slope += s->g[j] * (s->to[j] - x[j]);
    TW_TRY(judge(s, i, l, own, slope, square, &f_next, &good, &needed));
    if (good) {
      s->lipschitz[i] = fmax(fmax(0.9 * l, needed), DBL_MIN);
      vec_copy(b->size[i], s->to, x);
      vec_copy(b->n_z, s->z_next, s->z);
      vec_copy(b->n_z, s->gz_next, s->gz);
      s->state[F_OUTER] = f_next;
      return TW_OK;
    }
    l = isfinite(needed) ? fmax(1.01 * needed, 1.1 * l) : 8 * l;
    s->lipschitz[i] = l;
  }
  return TW_OK; /* the block stays */
}

static tw_status arrange(descent *s) {
  const int64_t n = s->b->count;
  for (int64_t i = 0; i < n; i++) s->order[i] = (double)i;
  if (tw_run_choice(s->run, "order") == CYCLIC) return TW_OK;
  int64_t *order = tw_alloc((size_t)n, sizeof *order);
  if (!order) return tw_fail(s->run->error, TW_ERR_MEMORY, "out of memory");
  tw_random_permutation(tw_key_split(s->run->seed, (uint64_t)s->run->iteration), (size_t)n, order);
  for (int64_t i = 0; i < n; i++) s->order[i] = (double)order[i];
  free(order);
  return TW_OK;
}

static tw_status step(tw_run *run) {
  descent s;
  TW_TRY(open(&s, run));
  double worst = 0, own = 0, part;
  TW_TRY(arrange(&s));
  TW_TRY(tw_run_sweep(run));
  for (int64_t i = 0; i < s.b->count; i++) {
    double size;
    TW_TRY(move(&s, (int64_t)s.order[i], &size));
    worst = fmax(worst, size);
  }
  const bool near = worst <= tw_run_tolerance(run) * tw_run_scale(run);
  if (near || (run->iteration + 1) % RENEW == 0) TW_TRY(renew(&s));
  if (near) {
    TW_TRY(look(&s, &worst, &own));
  } else {
    for (int64_t i = 0; i < s.b->count; i++) {
      TW_TRY(s.b->block(s.b->context, i, run->x + s.b->start[i], NULL, &part, NULL, run->error));
      own += part;
    }
  }
  run->optimality.stationarity = worst;
  return objective(&s, own);
}

const tw_method tw_method_block_cd = {
    .name = "block_cd",
    .summary = "proximal block coordinate descent: rows of a variable one after the other, products kept up to date",
    .reference = "Tseng & Yun 2009; Wright 2015; Blondel et al. 2022 (JAXopt)",
    .goals = TW_FOR_MINIMIZE | TW_FOR_LEAST_SQUARES,
    .needs = TW_VALUE | TW_GRADIENT,
    .handles = TW_HANDLES_BOUNDS | TW_HANDLES_SETS | TW_HANDLES_REGULARIZERS,
    .options = options,
    .init = init,
    .step = step,
    .restart = init,
};
