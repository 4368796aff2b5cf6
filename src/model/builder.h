/* From the tree to the graph: what the parts of the builder share. Functions that return bool return false
 * after a failure, with the builder's error filled in; whoever sees false returns at once. */
#ifndef TALWEG_MODEL_BUILDER_H
#define TALWEG_MODEL_BUILDER_H

#include "model/ast.h"
#include "model/functions.h"
#include "model/scope.h"

#include <talweg/model.h>

/* Which nodes of the graph depend on the variables of a problem: looked at once each, as the graph grows
 * (reach.c). */
typedef struct tw_reach {
  int32_t first, known, capacity; /* nodes first .. known-1 are known; none before `first` does */
  bool *on;                       /* of node first + i */
} tw_reach;

/* A nested problem, or the model itself, being stated. */
typedef struct tw_body_site {
  const tw_ast *block; /* NULL: the model */
  tw_problem *problem;
  tw_place objective; /* source NULL: none yet */
  const char *method; /* spec from `solve with`; NULL: none */
  tw_place method_place;
  int unnamed; /* constraints named by their number so far */
  tw_reach reach;
  struct tw_body_site *outer;
} tw_body_site;

typedef struct tw_override_value {
  const char *name;
  tw_model_text source;
  tw_ast *value;
  bool used;
} tw_override_value;

struct tw_builder {
  tw_arena *arena;
  tw_graph *graph;
  tw_scope *scope;
  tw_body_site *site;
  tw_error *error;
  bool failed;
  const char *folder;   /* of relative file names */
  int64_t max_elements; /* of one array */
  const volatile int *stop;
  tw_map *fixed; /* names of params and lets that sizes and indices come from */
  int n_overrides;
  tw_override_value *overrides;
  tw_expr guard; /* inside a filter or a branch: where it is false, values do not matter. NONE: no guard */
  int n_loops, loops_capacity;
  tw_expr *loops;                        /* iteration numbers of the comprehensions around */
  const struct tw_index_loop *innermost; /* of them; NULL: none */
};

/* ------------------------------------------------------------------ messages */

bool tw_build_fail(tw_builder *b, tw_place place, tw_status status, const char *format, ...) TW_PRINTF(4, 5);
/* Turns a sticky error of the graph into a message here. True when there is none. */
bool tw_build_check(tw_builder *b, tw_place place);
bool tw_build_memory(tw_builder *b, tw_place place); /* fails */
bool tw_build_unknown(tw_builder *b, tw_place place, const char *name);
/* Why a value that must be known when the model is read is not: the first name in it that varies. */
bool tw_build_not_constant(tw_builder *b, const tw_ast *node, const char *what);
void *tw_build_alloc(tw_builder *b, size_t count, size_t size); /* arena; NULL after a failure */

/* ------------------------------------------------------------------ expressions */

bool tw_build(tw_builder *b, const tw_ast *node, tw_value *out);
/* As above, and it is an array (a number, vector, ..), not a label or a record. */
bool tw_build_array(tw_builder *b, const tw_ast *node, tw_value *out);
bool tw_build_index(tw_builder *b, const tw_ast *node, tw_value *out); /* x[..] */
bool tw_build_comprehension(tw_builder *b, const tw_ast *node, tw_value *out);
bool tw_build_call(tw_builder *b, const tw_ast *node, tw_value *out);
bool tw_build_block(tw_builder *b, const tw_ast *node, tw_value *out);
bool tw_build_literal(tw_builder *b, const tw_ast *node, tw_value *out); /* [..] */
/* The operators, on built operands. */
bool tw_build_operator(tw_builder *b, tw_token_kind op, tw_place place, const tw_value *x, const tw_value *y,
                       tw_value *out);
bool tw_build_comparison(tw_builder *b, const tw_ast *node, int link, tw_value *out);
tw_expr tw_build_truth(tw_expr e); /* as bool */
/* `condition` and the guard around become the guard; returns the one before. */
tw_expr tw_build_push_guard(tw_builder *b, tw_expr condition);
tw_place tw_build_begin(const tw_ast *node); /* where the expression starts */

/* A floating-point copy of integers and truth values. */
tw_expr tw_build_real(tw_expr e);
/* An axis given as argument p of a call, from the end when negative. */
bool tw_build_axis_number(tw_builder *b, const tw_site *site, int p, int rank, int *axis);
/* "name: shape [..], expected .." at the call. */
bool tw_build_fail_shape(tw_builder *b, const tw_site *site, const tw_value *x, const char *expected);

/* ------------------------------------------------------------------ values known when the model is read */

/* The value of an expression that is constant; `out` is owned by the caller. */
bool tw_build_evaluate(tw_builder *b, const tw_ast *node, const tw_value *value, tw_array *out);
/* A number or minus a number as it is written; *whole: an integer. */
bool tw_build_plain_number(const tw_ast *node, double *value, bool *whole);
bool tw_build_number(tw_builder *b, const tw_ast *node, const char *what, double *out);
bool tw_build_integer(tw_builder *b, const tw_ast *node, const char *what, int64_t *out);
/* A set, or the extent that an expression gives: then *set is NULL. */
bool tw_build_set(tw_builder *b, const tw_ast *node, const tw_index_set **set);
bool tw_build_axis(tw_builder *b, const tw_ast *node, const tw_index_set **set, int64_t *extent);
/* The shape of a declaration; refuses more than max_elements. */
bool tw_build_shape(tw_builder *b, const tw_statement *s, tw_shape *shape, const tw_index_set **axis);
/* {key: value, ..} over the axes of a declaration; f64 or i64, owned by the caller. */
bool tw_build_table(tw_builder *b, const tw_ast *node, const char *name, const tw_shape *shape,
                    const tw_index_set *const *axis, tw_array *out);
/* Arrays of more than max_elements are refused. */
bool tw_build_size(tw_builder *b, tw_place place, const tw_shape *shape);
/* Reads the arguments of a call. */
bool tw_build_site(tw_builder *b, const tw_ast *node, tw_site *site);
/* Data without NaN. */
bool tw_build_numbers(tw_builder *b, tw_place place, const char *name, const tw_array *array);
/* The array of a csv(..) or npy(..) call; owned by the caller. */
bool tw_build_file(tw_builder *b, const tw_site *site, tw_array *out);

/* ------------------------------------------------------------------ loops over index sets */

typedef struct tw_index_loop {
  tw_scope scope;
  int n; /* indices */
  const tw_index_set **set;
  tw_symbol *symbol;
  tw_expr k;                          /* iteration number */
  int64_t count;                      /* iterations */
  bool filtered;                      /* some combinations of indices are left out */
  tw_expr condition;                  /* what could not be decided when the model is read; NONE: nothing */
  bool varies;                        /* the condition does */
  tw_expr guard;                      /* to restore */
  const struct tw_index_loop *around; /* NULL: none */
  int64_t iterations;                 /* of this loop and those around together */
} tw_index_loop;

/* Opens the scope of `name[i] in set[i], .. if filter`. Close it, whether it opened or not. */
bool tw_index_loop_open(tw_builder *b, int n, const char *const *name, tw_ast *const *set,
                        const tw_ast *filter, tw_place place, tw_index_loop *loop);
void tw_index_loop_close(tw_builder *b, tw_index_loop *loop);
/* Stacks `body`, built inside, over all iterations: [sets' extents.., body's shape..], or [count, ..] when
 * filtered. */
bool tw_index_loop_array(tw_builder *b, const tw_index_loop *loop, tw_place place, const tw_value *body,
                         tw_value *out);

/* ------------------------------------------------------------------ sets and regularizers by name */

/* How an argument of simplex(s) or elastic_net(r) is read, as an f64 expression. */
typedef struct tw_parameter_reader {
  bool (*read)(void *context, const tw_ast *node, tw_expr *out);
  void *context;
} tw_parameter_reader;
/* simplex, ball(2), .. of arrays of this shape. */
bool tw_build_domain(tw_builder *b, const tw_ast *node, const tw_shape *shape, const tw_parameter_reader *reader, tw_domain *out);
/* l1, elastic_net(0.5), ..: its kind and the n parameters given. */
bool tw_build_regularizer(tw_builder *b, const tw_ast *node, const tw_parameter_reader *reader, const tw_regularizer_kind **kind, int *n,
                          tw_expr params[TW_REGULARIZER_PARAMS]);

/* ------------------------------------------------------------------ statements */

bool tw_build_statements(tw_builder *b, const tw_statement *statements);
bool tw_build_declare(tw_builder *b, const tw_statement *s, tw_symbol_kind kind, tw_symbol **symbol);
/* What a value or attribute of `name[i in S, T]`, of `shape`, says: over the sets that have an index, the
 * array of the expression, which broadcasts to the others. Without an index, the expression as it is. */
bool tw_build_indexed(tw_builder *b, const tw_statement *s, const tw_shape *shape, const tw_ast *node,
                      tw_value *value);
bool tw_build_param(tw_builder *b, const tw_statement *s);
bool tw_build_var(tw_builder *b, const tw_statement *s);
bool tw_build_objective(tw_builder *b, const tw_statement *s);
bool tw_build_constraint(tw_builder *b, const tw_statement *s);
bool tw_build_method(tw_builder *b, const tw_statement *s);
bool tw_build_report(tw_builder *b, const tw_statement *s);
bool tw_build_map(tw_builder *b, const tw_statement *s); /* fixpoint: name = expression */
/* What is missing once all is stated: an objective, a variable, .. */
bool tw_build_finish(tw_builder *b, tw_place place);
/* Whether an expression depends on the variables of the problem being stated. O(1) over all nodes of the
 * graph. */
bool tw_build_on_variables(tw_builder *b, tw_expr e);
/* `x` is one of them from now on: before any expression of it is built. */
bool tw_build_reach(tw_builder *b, tw_expr x);
/* `value` as an array of exactly `shape`. */
bool tw_build_broadcast(tw_builder *b, tw_place place, const char *what, tw_value *value,
                        const tw_shape *shape);

/* Names that sizes, sets and indices come from (see fixed.c). */
tw_map *tw_fixed_names(tw_statement *statements, int n_overrides, const tw_override_value *overrides);

#endif
