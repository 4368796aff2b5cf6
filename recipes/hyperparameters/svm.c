/* One hypergradient, with what it costs. */
#include "svm.h"
#include "figures.h"

#include <math.h>

tw_status svm_run(const svm_options *o, bool difference, svm_gradient *g, tw_error *error) {
  char text[3][16];
  const tw_override set[] = {{"m", text[0]}, {"v", text[1]}, {"p", text[2]}};
  study s = {0};
  peak at;
  snprintf(text[0], sizeof text[0], "%d", o->m);
  snprintf(text[1], sizeof text[1], "%d", o->v);
  snprintf(text[2], sizeof text[2], "%d", o->p);
  g->difference = NAN;
  peak_begin(&at);
  tw_status status =
      study_open(&s, &(study_options){.path = "recipes/hyperparameters/svm.tw", .nested = o->method, .n = 3, .set = set}, error);
  const double began = tw_now();
  if (status == TW_OK) status = study_gradient(&s, &o->l, &g->loss, &g->gradient, error);
  g->seconds = tw_now() - began;
  g->bytes = peak_end(&at);
  if (status == TW_OK) tw_oracle_evidence(&s.oracle, &g->evidence);
  if (status == TW_OK && difference) status = study_check(&s, &o->l, 1, 1e-4, &g->difference, error);
  study_close(&s);
  return status;
}
