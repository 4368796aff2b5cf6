/* talweg compile: writes a model's functions as C that stands alone, and their header. */
#include "front/command.h"
#include "front/model_file.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct compile_fields {
  const char *model, *output, *name;
  tw_words sets;
} compile_fields;

typedef struct paths {
  char *c, *header;    /* malloc'd */
  const char *include; /* the header without its folder */
  char *prefix;        /* malloc'd */
} paths;

static tw_status out_of_memory(tw_error *error) {
  return tw_fail(error, TW_ERR_MEMORY, "out of memory writing C");
}

/* ------------------------------------------------------------------ names */

static const char *base_of(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash != NULL ? slash + 1 : path;
}

static bool ends_with(const char *text, const char *end) {
  const size_t length = strlen(text), tail = strlen(end);
  return length > tail && strcmp(text + length - tail, end) == 0;
}

/* `path` with `suffix` in the place of `old`, or behind it. */
static char *with_suffix(const char *path, const char *old, const char *suffix) {
  const size_t length = strlen(path) - (ends_with(path, old) ? strlen(old) : 0);
  char *out = malloc(length + strlen(suffix) + 1);
  if (out == NULL) return NULL;
  memcpy(out, path, length);
  strcpy(out + length, suffix);
  return out;
}

/* The file's name without ".c" as a C identifier. */
static char *prefix_of(const char *path) {
  char *stem = with_suffix(base_of(path), ".c", ""), *out = stem != NULL ? malloc(strlen(stem) + 7) : NULL;
  if (out != NULL) sprintf(out, "%s%s", isalpha((unsigned char)stem[0]) ? "" : "model_", stem);
  for (char *p = out; p != NULL && *p; p++)
    if (!isalnum((unsigned char)*p)) *p = '_';
  free(stem);
  return out;
}

static bool is_identifier(const char *name) {
  for (const char *p = name; *p; p++)
    if (!isalnum((unsigned char)*p) && *p != '_') return false;
  return isalpha((unsigned char)name[0]) != 0;
}

static bool is_same_file(const char *a, const char *b) {
  struct stat x, y;
  if (strcmp(a, b) == 0) return true;
  return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* Whether it stands among devices or open files: /dev/stdout may be a regular file by then, but none has a place beside it. */
static bool is_among_devices(const char *path) {
  const char *slash = strrchr(path, '/');
  char *folder = slash == NULL ? strdup(".") : slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
  char *resolved = folder != NULL ? realpath(folder, NULL) : NULL;
  const bool among = resolved != NULL && (strcmp(resolved, "/dev") == 0 || strncmp(resolved, "/proc/", 6) == 0);
  free(folder);
  free(resolved);
  return among;
}

/* Devices and pipes take no second file beside them, and nothing that can be renamed. */
static tw_status check_output(const char *path, const char *model, tw_error *error) {
  struct stat info;
  if (is_same_file(path, model)) return tw_fail(error, TW_ERR_ARGUMENT, "%s would be written over the model", path);
  const bool exists = stat(path, &info) == 0;
  if (!is_among_devices(path) && (!exists || S_ISREG(info.st_mode))) return TW_OK;
  return tw_fail(error, TW_ERR_ARGUMENT, "cannot write %s: it is %s, expected a file or a new name", path,
                 exists && S_ISDIR(info.st_mode) ? "a folder" : "no regular file");
}

static tw_status choose_names(const compile_fields *f, paths *out, tw_error *error) {
  if (f->name != NULL && !is_identifier(f->name))
    return tw_fail(error, TW_ERR_ARGUMENT,
                   "--name '%.100s': expected a C identifier that begins with a letter", f->name);
  out->c = f->output != NULL ? strdup(f->output) : with_suffix(f->model, ".tw", ".c");
  out->header = out->c != NULL ? with_suffix(out->c, ".c", ".h") : NULL;
  out->prefix = f->name != NULL ? strdup(f->name) : out->c != NULL ? prefix_of(out->c) : NULL;
  if (out->c == NULL || out->header == NULL || out->prefix == NULL) return out_of_memory(error);
  out->include = base_of(out->header);
  if (ends_with(out->c, ".h"))
    return tw_fail(error, TW_ERR_ARGUMENT, "-o %s: the header ends in .h, expected a name that ends in .c",
                   out->c);
  if (strpbrk(out->include, "\"\\\n") != NULL || *out->include == '\0' || *base_of(out->c) == '\0')
    return tw_fail(error, TW_ERR_ARGUMENT, "-o %s: no name that C can include, expected one that ends in .c",
                   out->c);
  const tw_status status = check_output(out->c, f->model, error);
  return status == TW_OK ? check_output(out->header, f->model, error) : status;
}

static void free_names(paths *p) {
  free(p->c);
  free(p->header);
  free(p->prefix);
}

/* ------------------------------------------------------------------ writing */

/* Both or none. */
static tw_status write_files(const paths *p, const tw_text *c, const tw_text *header, tw_error *error) {
  const char *const path[2] = {p->c, p->header};
  const tw_text *const text[2] = {c, header};
  tw_file *file[2] = {NULL, NULL};
  tw_status status = TW_OK;
  for (int k = 0; k < 2 && status == TW_OK; k++) {
    status = tw_file_create(&file[k], path[k], error);
    if (status == TW_OK)
      fwrite(text[k]->data, 1, text[k]->length,
             tw_file_stream(file[k])); /* errors show when it is committed */
  }
  if (status == TW_OK) return tw_files_commit(2, file, error);
  for (int k = 0; k < 2; k++) tw_file_discard(file[k]);
  return status;
}

static bool has_integers(const tw_problem *p) {
  for (int i = 0; i < tw_problem_variables(p); i++)
    if (tw_problem_variable_at(p, i)->kind != TW_CONTINUOUS) return true;
  return false;
}

static tw_status compile(const compile_fields *f, const paths *p, tw_model *model, FILE *out,
                         tw_error *error) {
  tw_source *source = tw_source_new();
  tw_text c = {0}, header = {0};
  if (source == NULL) return out_of_memory(error);
  tw_status status = tw_problem_source(tw_model_problem(model), p->prefix, source, error);
  if (status != TW_OK)
    status = tw_error_prefix(error, status == TW_ERR_UNSUPPORTED ? "%s: cannot be compiled" : "%s", f->model);
  else
    status = tw_source_write(source, tw_model_file_title(model, f->model), p->include, &c, &header, error);
  if (status == TW_OK) status = write_files(p, &c, &header, error);
  if (status == TW_OK) {
    fprintf(out, "%s and %s written: functions %s_..\n", p->c, p->header, p->prefix);
    if (has_integers(tw_model_problem(model)))
      fputs("integer variables are continuous in them: the relaxation is written\n", out);
  }
  tw_text_free(&c);
  tw_text_free(&header);
  tw_source_free(source);
  return status;
}

/* ------------------------------------------------------------------ the command */

/* For other solvers, by the suffix of -o. */
static bool is_format(const compile_fields *f) {
  return f->output != NULL && (ends_with(f->output, ".nl") || ends_with(f->output, ".mps"));
}

static tw_status convert(const compile_fields *f, tw_model *model, FILE *out, tw_error *error) {
  tw_status status = check_output(f->output, f->model, error);
  if (status != TW_OK) return status;
  status = tw_model_write(model, f->output, error);
  if (status != TW_OK)
    tw_error_prefix(error, "%s: cannot be written as %s", f->model, base_of(f->output));
  else
    fprintf(out, "%s written: %lld variables, %lld constraint rows\n", f->output, (long long)tw_problem_size(tw_model_problem(model)),
            (long long)tw_problem_rows(tw_model_problem(model)));
  return status;
}

static int run(const void *fields, const tw_console *console) {
  const compile_fields *f = fields;
  tw_model *model = NULL;
  tw_error error = {0};
  paths names = {0};
  tw_status status = is_format(f) ? TW_OK : choose_names(f, &names, &error);
  if (status == TW_OK) status = tw_model_file_open(&model, f->model, &f->sets, console, &error);
  if (status == TW_OK) status = is_format(f) ? convert(f, model, console->out, &error) : compile(f, &names, model, console->out, &error);
  tw_model_free(model);
  free_names(&names);
  if (status == TW_OK) return TW_EXIT_SOLVED;
  tw_print_error(console, false, &error);
  return TW_EXIT_INPUT;
}

static const tw_argument arguments[] = {
    {.name = "MODEL",
     .kind = TW_ARGUMENT_TEXT,
     .offset = offsetof(compile_fields, model),
     .required = true,
     .doc = "the model, a .tw, .nl, .mps or .lp file"},
    {.name = "-o",
     .placeholder = "FILE.c",
     .kind = TW_ARGUMENT_FILE,
     .offset = offsetof(compile_fields, output),
     .doc = "the C file, beside it the header FILE.h, or FILE.nl or FILE.mps for other solvers; default: MODEL with .c"},
    {.name = "--set",
     .placeholder = "NAME=VALUE",
     .kind = TW_ARGUMENT_TEXTS,
     .offset = offsetof(compile_fields, sets),
     .doc = "another value for a param that sizes come from"},
    {.name = "--name",
     .placeholder = "PREFIX",
     .kind = TW_ARGUMENT_TEXT,
     .offset = offsetof(compile_fields, name),
     .doc = "functions are PREFIX_objective, ..; default: FILE"},
    {.name = NULL}};

const tw_verb tw_verb_compile = {
    .name = "compile",
    .summary = "Writes a model as C that stands alone (objective, constraints, dense and sparse derivatives), or as .nl or .mps.",
    .arguments = arguments,
    .bytes = sizeof(compile_fields),
    .run = run};
