/* Two dictionaries. */
#include "sparse-coding.h"

#include <math.h>
#include <stdlib.h>

static tw_status open_model(study *s, const char *name, const sparse_coding_options *o, const char *slot, const char *value,
                            tw_error *error) {
  char path[96], text[2][16];
  const tw_override set[3] = {{"seed", text[0]}, {"atoms", text[1]}, {slot, value}};
  snprintf(path, sizeof path, "recipes/sparse-coding/%s.tw", name);
  snprintf(text[0], sizeof text[0], "%d", o->seed);
  snprintf(text[1], sizeof text[1], "%d", o->atoms);
  return study_open(s, &(study_options){.path = path, .n = slot ? 3 : 2, .set = set}, error);
}

static sparse_coding measured(const study *s) {
  return (sparse_coding){s->solution.objective, study_report(s, "trained"), study_report(s, "tested")};
}

/* The dictionary of the solution as text. */
static tw_status put_dictionary(const study *s, tw_text *text, tw_error *error) {
  tw_json_array(text, study_array(s, "D"));
  return text->failed ? tw_fail(error, TW_ERR_MEMORY, "out of memory for a dictionary") : TW_OK;
}

static tw_status learn_unsupervised(const sparse_coding_options *o, sparse_coding *r, tw_text *dictionary, tw_error *error) {
  study learn = {0}, classify = {0};
  tw_status status = open_model(&learn, "unsupervised", o, NULL, NULL, error);
  if (status == TW_OK) status = study_solve(&learn, &(tw_solve_options){.max_iter = o->iterations}, error);
  if (status == TW_OK) status = put_dictionary(&learn, dictionary, error);
  if (status == TW_OK) status = open_model(&classify, "classify", o, "D", dictionary->data, error);
  if (status == TW_OK) status = study_solve(&classify, NULL, error);
  if (status == TW_OK) *r = measured(&classify);
  study_close(&learn);
  study_close(&classify);
  return status;
}

/* At the start with w = 1, -1, .. so that the dictionary matters. */
static tw_status check(sparse_coding_result *r, int atoms, tw_error *error) {
  study *s = &r->model;
  double *x = tw_alloc((size_t)s->oracle.n, sizeof *x);
  if (!x) return tw_fail(error, TW_ERR_MEMORY, "out of memory for %lld unknowns", (long long)s->oracle.n);
  tw_status status = s->oracle.start(s->oracle.context, x, error);
  for (int i = 0; i < atoms; i++) x[s->oracle.n - 1 - atoms + i] = i % 2 ? -1 : 1;
  if (status == TW_OK) status = study_check(s, x, 3, 1e-4, &r->gradient_error, error);
  free(x);
  return status;
}

tw_status sparse_coding_run(sparse_coding_result *r, const sparse_coding_options *o, tw_error *error) {
  tw_text dictionary = {0};
  tw_status status = learn_unsupervised(o, &r->unsupervised, &dictionary, error);
  if (status == TW_OK) status = open_model(&r->model, "task-driven", o, "start", dictionary.data, error);
  if (status == TW_OK) status = check(r, o->atoms, error);
  if (status == TW_OK) status = study_solve(&r->model, &(tw_solve_options){.max_iter = o->iterations}, error);
  if (status == TW_OK) {
    tw_oracle_evidence(&r->model.oracle, &r->evidence);
    r->driven = measured(&r->model);
    r->nonzero = study_report(&r->model, "nonzero");
  }
  tw_text_free(&dictionary);
  return status;
}

void sparse_coding_free(sparse_coding_result *r) {
  study_close(&r->model);
}
