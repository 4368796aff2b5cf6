/* Command lines, read by the table that their help is printed from. */
#ifndef TALWEG_FRONT_ARGUMENTS_H
#define TALWEG_FRONT_ARGUMENTS_H

#include <talweg/front.h>

typedef enum tw_argument_kind { /* and the type of the field that it sets */
  TW_ARGUMENT_FLAG,    /* bool */
  TW_ARGUMENT_TEXT,    /* const char * */
  TW_ARGUMENT_FILE,    /* the same, of an option: no name that begins with "--" unless it is joined by "=" */
  TW_ARGUMENT_TEXTS,   /* tw_words: may be given again */
  TW_ARGUMENT_INTEGER, /* int64_t */
  TW_ARGUMENT_REAL     /* double */
} tw_argument_kind;

typedef struct tw_words {
  const char **word; /* borrowed from argv; the list is owned */
  int count;
} tw_words;

typedef struct tw_argument {
  const char *name;        /* "--max-iter"; of a positional argument "MODEL" */
  const char *placeholder; /* "N"; NULL for flags and positional arguments */
  tw_argument_kind kind;
  size_t offset;           /* of the field */
  double low, high;        /* inclusive range of numbers */
  bool required;
  const char *doc;
} tw_argument;

/* A command of `talweg`. */
typedef struct tw_verb {
  const char *name, *summary;
  const tw_argument *arguments; /* terminated by name NULL; "--help" is added to all */
  size_t bytes;                 /* of the struct with the fields */
  int (*run)(const void *fields, const tw_console *console);
} tw_verb;

extern const tw_verb tw_verb_solve, tw_verb_check, tw_verb_compile, tw_verb_explain, tw_verb_methods, tw_verb_version;

/* Reads argv[0..argc-1] into `fields` (zeroed, verb->bytes of it). *help: --help was among them, the rest is not read. */
tw_status tw_arguments_read(const tw_verb *verb, int argc, char *const *argv, void *fields, bool *help, tw_error *error);
void tw_arguments_free(const tw_verb *verb, void *fields);
void tw_arguments_help(const tw_verb *verb, FILE *out);

#endif
