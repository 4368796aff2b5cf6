/* Arguments that are wrong: a message that names the argument and what was expected, exit code 1, nothing
 * left behind. */
#include "bad_case.h"

/* ------------------------------------------------------------------ arguments */

static const bad_case argument_cases[] = {
    {NULL, "", INPUT, {"usage: talweg COMMAND"}},
    {NULL, "slove @/m.tw", INPUT, {"there is no command 'slove', did you mean `solve`?"}},
    {NULL, "-x", INPUT, {"there is no command '-x'"}},
    {NULL, "help nothing", INPUT, {"there is no command 'nothing'"}},
    {NULL, "methods nonsense", INPUT, {"there is no method 'nonsense' (see talweg methods)"}},
    {NULL, "methods lbgs", INPUT, {"did you mean `lbfgs`?"}},
    {NULL, "check", INPUT, {"check needs a MODEL (see talweg check --help)"}},
    {NULL, "version now", INPUT, {"version does not know what to do with 'now'"}},
    {NULL, "solve", INPUT, {"solve needs a MODEL (see talweg solve --help)"}},
    {NULL, "solve --plot x.svg", INPUT, {"solve needs a MODEL"}},
    {NULL, "solve @/nothing.tw", INPUT, {"cannot read ", "nothing.tw: No such file"}},
    {NULL, "solve @", INPUT, {"cannot read ", "not a regular file"}},
    {NULL, "check @", INPUT, {"cannot read ", "not a regular file"}},
    {ROSENBROCK, "solve @/m.tw more", INPUT, {"does not know what to do with 'more'"}},
    {ROSENBROCK,
     "solve @/m.tw --max-itr 3",
     INPUT,
     {"solve has no option --max-itr, did you mean `--max-iter`?"}},
    {ROSENBROCK, "solve @/m.tw --max-iter", INPUT, {"--max-iter needs a value: --max-iter N"}},
    {ROSENBROCK,
     "solve @/m.tw --max-iter 0",
     INPUT,
     {"--max-iter is '0'; expected an integer in 1 .. 1e+15"}},
    {ROSENBROCK, "solve @/m.tw --max-iter 1.5", INPUT, {"--max-iter is '1.5'; expected an integer"}},
    {ROSENBROCK, "solve @/m.tw --time-limit -1", INPUT, {"--time-limit is '-1'; expected a number"}},
    {ROSENBROCK, "solve @/m.tw --time-limit soon", INPUT, {"--time-limit is 'soon'; expected a number"}},
    {ROSENBROCK, "solve @/m.tw --seed=-1", INPUT, {"--seed is '-1'; expected an integer in 0"}},
    {ROSENBROCK,
     "solve @/m.tw --threads 1e9",
     INPUT,
     {"--threads is '1e9'; expected an integer in 0 .. 4096"}},
    {ROSENBROCK, "solve @/m.tw --quiet=yes", INPUT, {"--quiet takes no value"}},
    {ROSENBROCK, "solve @/m.tw --seed 1 --seed 2", INPUT, {"--seed is given twice"}},
    {ROSENBROCK,
     "solve @/m.tw --method nothing",
     INPUT,
     {"--method: no method 'nothing'; the methods are: accelerated_gradient"}},
    {ROSENBROCK, "solve @/m.tw --method=", INPUT, {"--method is empty"}},
    {ROSENBROCK,
     "solve @/m.tw --method lbfgs:toll=1",
     INPUT,
     {"--method: ", "has no option 'toll'; its options are: tol"}},
    {ROSENBROCK,
     "solve @/m.tw --method lbfgs:tol=-1",
     INPUT,
     {"--method: option tol ", "expected a number in 0 .. 1"}},
    {ROSENBROCK, "solve @/m.tw --method lbfgs:tol", INPUT, {"--method: ", "expected option=value"}},
    {ROSENBROCK,
     "solve @/m.tw --method broyden",
     INPUT,
     {"--method: method broyden solves equations, expected one that minimizes"}},
    {ROSENBROCK, "solve @/m.tw --method projected_gradient", INPUT, {"projected_gradient needs projections"}},
    {ROSENBROCK, "check @/m.tw --method nothing", INPUT, {"--method: no method 'nothing'"}},
};

static void arguments(void **state) {
  (void)state;
  RUN_CASES(argument_cases);
}

static void overrides_and_sensitivities(void **state) {
  (void)state;
#define MODEL "set S = 1..2\nparam n = 2\nparam lam = 1\nvar x[n]\nminimize lam * sum(x^2)\n"
  static const bad_case cases[] = {
      {MODEL, "solve @/m.tw --set lam", INPUT, {"--set lam: expected NAME=VALUE"}},
      {MODEL, "solve @/m.tw --set lam=", INPUT, {"--set lam=: expected NAME=VALUE"}},
      {MODEL, "solve @/m.tw --set =3", INPUT, {"--set =3: expected NAME=VALUE"}},
      {MODEL,
       "solve @/m.tw --set lma=3",
       INPUT,
       {"--set lma: the model has no param of this name, did you mean `lam`?"}},
      {MODEL, "solve @/m.tw --set x=3", INPUT, {"--set x: this is a var of the model, expected a param"}},
      {MODEL, "solve @/m.tw --set S=3", INPUT, {"--set S: this is a set of the model, expected a param"}},
      {MODEL, "solve @/m.tw --set lam=1 --set lam=2", INPUT, {"--set lam is given twice"}},
      {MODEL, "solve @/m.tw --set lam=1+", INPUT, {"--set lam:1:3: the text ends, expected an expression"}},
      {MODEL, "solve @/m.tw --set lam=foo", INPUT, {"--set lam:1:1: unknown name `foo`"}},
      {MODEL, "solve @/m.tw --set n=0.5", INPUT, {"m.tw:4:7: an extent is 0.5, expected an integer"}},
      {MODEL, "solve @/m.tw --set n=1e15", INPUT, {"m.tw:4:5: ", "expected at most 268435456 elements"}},
      {MODEL, "solve @/m.tw --set lam=[1,2,3]", INPUT, {"m.tw:5:10: an objective of shape [3]"}},
      {MODEL, "solve @/m.tw --set lam=csv(\"nothing.csv\")", INPUT, {"--set lam:1:1: cannot read"}},
      {MODEL, "check @/m.tw --set lma=3", INPUT, {"--set lma: "}},
      {MODEL,
       "solve @/m.tw --sensitivity lma",
       INPUT,
       {"--sensitivity lma: expected a param", "did you mean `lam`?"}},
      {MODEL,
       "solve @/m.tw --sensitivity n",
       INPUT,
       {"--sensitivity n: expected a param of the model that no set, size or index depends on"}},
      {MODEL, "solve @/m.tw --sensitivity lam,", INPUT, {"--sensitivity 'lam,': an empty name"}},
  };
  RUN_CASES(cases);
}

static void files_to_write(void **state) {
  (void)state;
  static const bad_case cases[] = {
      {ROSENBROCK,
       "solve @/m.tw --plot @/x.bmp",
       INPUT,
       {"--plot: ", "x.bmp: expected a name that ends in .svg or .png"}},
      {ROSENBROCK,
       "solve @/m.tw --plot @/x",
       INPUT,
       {"--plot: ", "expected a name that ends in .svg or .png"}},
      {ROSENBROCK,
       "solve @/m.tw --plot @/no/x.svg",
       INPUT,
       {"--plot: cannot write ", "no/x.svg: No such file or directory"}},
      {ROSENBROCK, "solve @/m.tw --plot @/m.tw/x.png", INPUT, {"--plot: cannot write ", "Not a directory"}},
      {ROSENBROCK,
       "solve @/m.tw --trace @/no/x.csv",
       INPUT,
       {"--trace: cannot write ", "No such file or directory"}},
      {ROSENBROCK, "solve @/m.tw --trace @", INPUT, {"--trace: cannot write ", "Is a directory"}},
      {ROSENBROCK,
       "solve @/m.tw --checkpoint @/no/x",
       INPUT,
       {"checkpoint: cannot write ", "No such file or directory"}},
      {ROSENBROCK, "solve @/m.tw --checkpoint @", INPUT, {"checkpoint: cannot write ", "Is a directory"}},
      {ROSENBROCK,
       "solve @/m.tw --trace /dev/full",
       INPUT,
       {"cannot write /dev/full: No space left on device"}},
      {ROSENBROCK, "solve @/m.tw --checkpoint /dev/full", INPUT, {"checkpoint"}},
      {"var x\nminimize y\n",
       "solve @/m.tw --trace @/x.csv --plot @/x.svg --checkpoint @/x.ck",
       INPUT,
       {"unknown name `y`"}},
      {ROSENBROCK,
       "solve @/m.tw --trace @/x.csv --plot @/x.svg --checkpoint @/x.ck --method nothing",
       INPUT,
       {"no method 'nothing'"}},
      {ROSENBROCK,
       "solve @/m.tw --trace @/x.csv --plot @/x.svg --checkpoint @/x.ck --resume @/no.ck",
       INPUT,
       {"resume: cannot read"}},
  };
  RUN_CASES(cases);
}

/* ------------------------------------------------------------------ checkpoints */

static char *read_file(const char *folder, const char *name, size_t *bytes) {
  char path[128], *data = NULL;
  tw_error error = {0};
  assert_ok(tw_file_read(test_path(folder, name, path), 1 << 24, &data, bytes, &error));
  return data;
}

static void resume(scene *s, int code, const char *part, const char *method) {
  watch(s);
  outcome o = command("solve %s/m.tw --resume %s/cut.ck --method %s", s->folder, s->folder, method);
  expect_code(&o, code);
  if (part != NULL) expect_text(o.err, part);
  outcome_free(&o);
  unwatch(s, "--resume");
}

/* Cut short or changed anywhere, of another model, method or data. */
static void checkpoints(void **state) {
  (void)state;
  scene s;
  open_scene(&s);
  write_text(s.folder, "m.tw", ROSENBROCK);
  outcome o =
      command("solve %s/m.tw --method lbfgs --max-iter 5 --checkpoint %s/whole.ck", s.folder, s.folder);
  expect_code(&o, STOPPED);
  outcome_free(&o);
  size_t bytes;
  char *data = read_file(s.folder, "whole.ck", &bytes);
  for (size_t length = 0; length < bytes; length += length < 64 ? 1 : bytes / 23) {
    write_bytes(s.folder, "cut.ck", data, length);
    resume(&s, INPUT, "resume: ", "lbfgs");
  }
  for (size_t at = 0; at < bytes; at += at < 64 ? 1 : bytes / 23) {
    if (at >= 20 && at < 24) continue; /* a reserved word */
    data[at] ^= 0x10;
    write_bytes(s.folder, "cut.ck", data, bytes);
    resume(&s, INPUT, "resume: ", "lbfgs");
    data[at] ^= 0x10;
  }
  write_bytes(s.folder, "cut.ck", data, bytes);
  resume(&s, 0, NULL, "lbfgs");
  resume(&s, INPUT, "option memory of method lbfgs is 3 here and 10 in the checkpoint", "lbfgs:memory=3");
  free(data);
  static const struct {
    const char *model, *part;
  } others[] = {
      {"var x\nminimize x^2 + exp(x)\n", "of another problem: 2 variables and 0 constraints, here 1 and 0"},
      {"var x[2] init 3\nminimize sum(exp(x) - x)\n", "of another problem"},
      {"var x[2] init 3\nminimize (1 - x[0])^2 + 50 * (x[1] - x[0]^2)^2\n",
       "of another problem or other data"}};
  for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
    write_text(s.folder, "m.tw", others[i].model);
    resume(&s, INPUT, others[i].part, "lbfgs");
  }
  close_scene(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(arguments),
                                     cmocka_unit_test(overrides_and_sensitivities),
                                     cmocka_unit_test(files_to_write), cmocka_unit_test(checkpoints)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
