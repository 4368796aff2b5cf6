/* One run: patterns, a convex program, the net it gives, and how well that does. */
#ifndef CONVEX_RELU_FIT_H
#define CONVEX_RELU_FIT_H

#include "admm.h"
#include "sampled.h"
#include "table.h"
#include "training.h"

/* exact: all patterns, squared loss; admm: sampled patterns; hinge: admm with that loss; adv: the robust program; scp: sampled neurons. */
typedef enum fit_mode { FIT_EXACT, FIT_ADMM, FIT_SCP, FIT_HINGE, FIT_ADV, FIT_MODES } fit_mode;
extern const char *const fit_mode_names[FIT_MODES];

typedef struct fit_options {
  fit_mode mode;
  loss_kind loss;
  double beta;
  sampling patterns; /* reach, p and features are filled in */
  admm_options admm;
  sampled_options sampled;
  double eps, p; /* of an adversary, in the units of the data as they were standardised; 0: none */
  int64_t attack_steps;
} fit_options;

/* Of the net on some rows; accuracies are NAN for targets that are no classes, those under attack too where there is none. */
typedef struct fit_score {
  int64_t n;
  double loss;      /* mean of the program's loss */
  double deviation; /* root of the mean of (f(x) - y)^2 */
  double accuracy, attacked, certified;
  int64_t contradictions;                /* rows whose margin under attack is below its certificate */
  double worst_hinge, worst_certificate; /* largest hinge under attack, and largest that the certificate leaves possible */
} fit_score;

typedef struct fit {
  patterns set;
  admm_result admm;
  sampled_result sampled;
  net net;
  double objective, bound; /* of the convex program */
  double nonconvex;        /* standard objective of the net */
  double eps;              /* in the units of the table */
  /* Robust program: rows trained on whose loss under attack is above what the program has for them by more than its violated constraints
   * allow, and the sum of the losses under attack, which the program's loss bounds. */
  int64_t exceeded;
  double attacked_loss;
  fit_score train, test;
} fit;

tw_status fit_run(const table *t, const fit_options *options, fit *result, tw_error *error);
void fit_free(fit *f);
tw_status fit_score_of(const net *f, const design *rows, bool classes, loss_kind loss, double eps, double p, int64_t attack_steps,
                       uint64_t seed, fit_score *score, tw_error *error);

#endif
