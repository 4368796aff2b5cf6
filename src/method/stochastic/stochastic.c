#include "method/stochastic/stochastic.h"

enum { CONSTANT, COSINE, SQRT };
static const double PI = 3.14159265358979323846;

typedef struct order { /* of one epoch */
  int64_t epoch, rows;
  int64_t *permutation, *row;
  double *weight;
} order;

/* The run's order, with room for all rows; NULL when out of memory. */
static order *order_of(tw_run *run, int64_t rows, int64_t batch) {
  order *o = run->local;
  if (o && o->rows == rows) return o;
  tw_stochastic_finish(run);
  run->local = o = tw_alloc(1, sizeof *o);
  if (!o) return NULL;
  *o = (order){.epoch = -1, .rows = rows};
  o->permutation = tw_alloc((size_t)rows, sizeof *o->permutation);
  o->row = tw_alloc((size_t)batch, sizeof *o->row);
  o->weight = tw_alloc((size_t)batch, sizeof *o->weight);
  return o->permutation && o->row && o->weight ? o : NULL;
}

void tw_stochastic_finish(tw_run *run) {
  order *o = run->local;
  if (!o) return;
  free(o->permutation);
  free(o->row);
  free(o->weight);
  free(o);
  run->local = NULL;
}

static tw_status open(tw_stochastic *s, tw_run *run) {
  const int64_t n = run->n;
  const tw_oracle *o = run->oracle;
  *s = (tw_stochastic){.run = run, .n = n, .batch = tw_run_integer(run, "batch"), .per_epoch = 1};
  const tw_slot slots[] = {{"stochastic.full", n, &s->full},         {"stochastic.g", n, &s->g},
                           {"stochastic.next", n, &s->next},         {"stochastic.velocity", n, &s->velocity},
                           {"stochastic.state", TW_STOCHASTIC_STATE, &s->state}, {NULL, 0, NULL}};
  TW_TRY(tw_fetch(run, slots));
  if (s->batch > 0 && o->samples && o->sample) TW_TRY(o->samples(o->context, &s->rows, run->error));
  if (s->batch == 0 || s->batch >= s->rows) s->rows = 0;
  if (s->rows == 0) return TW_OK;
  order *local = order_of(run, s->rows, s->batch);
  if (!local) return tw_fail(run->error, TW_ERR_MEMORY, "out of memory for the order of %lld rows", (long long)s->rows);
  s->row = local->row;
  s->weight = local->weight;
  s->per_epoch = (s->rows + s->batch - 1) / s->batch;
  return TW_OK;
}

/* The minibatch of step t: its part of the epoch's permutation; the last one of an epoch may be short. */
static void draw(tw_stochastic *s) {
  if (s->rows == 0) return;
  order *o = s->run->local;
  const int64_t t = (int64_t)s->state[TW_STOCHASTIC_STEPS], epoch = t / s->per_epoch, first = t % s->per_epoch * s->batch;
  if (o->epoch != epoch) tw_random_permutation(tw_key_split(s->run->seed, (uint64_t)epoch), (size_t)s->rows, o->permutation);
  o->epoch = epoch;
  s->count = s->rows - first < s->batch ? s->rows - first : s->batch;
  for (int64_t i = 0; i < s->batch; i++) {
    s->row[i] = i < s->count ? o->permutation[first + i] : 0;
    s->weight[i] = i < s->count ? (double)s->rows / (double)s->count : 0;
  }
}

tw_status tw_stochastic_ask(tw_stochastic *s, const double *x, double *f, double *g) {
  tw_run *run = s->run;
  if (s->rows > 0) return tw_run_sample(run, x, s->batch, s->row, s->weight, f, g);
  if (!g) return tw_run_value(run, x, f);
  const bool known = x == run->x && (int64_t)s->state[TW_STOCHASTIC_STEPS] % tw_run_integer(run, "epochs") == 0;
  if (!known) return tw_run_gradient(run, x, f, g);
  *f = run->f; /* the iteration before ended with it */
  vec_copy(s->n, s->full, g);
  return TW_OK;
}

void tw_stochastic_move(tw_stochastic *s, double rate) {
  const double momentum = tw_run_real(s->run, "momentum");
  for (int64_t i = 0; i < s->n; i++) {
    s->velocity[i] = momentum * s->velocity[i] - rate * s->g[i];
    s->run->x[i] += s->velocity[i];
  }
}

double tw_stochastic_schedule(const tw_stochastic *s) {
  const double t = s->state[TW_STOCHASTIC_STEPS], horizon = (double)tw_run_integer(s->run, "horizon") * (double)s->per_epoch;
  switch (tw_run_choice(s->run, "schedule")) {
  case COSINE: return 0.5 * (1 + cos(PI * fmin(1, t / horizon)));
  case SQRT: return 1 / sqrt(t + 1);
  default: return 1;
  }
}

static tw_status measure(tw_stochastic *s) {
  tw_run *run = s->run;
  TW_TRY(tw_run_gradient(run, run->x, &run->f, s->full));
  run->optimality.stationarity = run->gradient_norm;
  return TW_OK;
}

tw_status tw_stochastic_init(tw_run *run) {
  tw_stochastic s;
  TW_TRY(open(&s, run));
  TW_TRY(measure(&s));
  run->scale = run->optimality.stationarity;
  return TW_OK;
}

tw_status tw_stochastic_step(tw_run *run, tw_stochastic_rule *rule) {
  tw_stochastic s;
  TW_TRY(open(&s, run));
  const int64_t steps = s.per_epoch * tw_run_integer(run, "epochs");
  for (int64_t i = 0; i < steps; i++) {
    draw(&s);
    TW_TRY(rule(&s));
    s.state[TW_STOCHASTIC_STEPS] += 1;
  }
  return measure(&s);
}
