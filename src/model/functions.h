/* The built-in functions: one table says name, arguments, how each argument is read, and what to build. */
#ifndef TALWEG_MODEL_FUNCTIONS_H
#define TALWEG_MODEL_FUNCTIONS_H

#include "model/ast.h"
#include "model/value.h"

typedef struct tw_builder tw_builder;
typedef struct tw_site tw_site;

/* How an argument is read: one letter of tw_function.roles each. */
enum {
  TW_ROLE_VALUE = 'v',   /* an array */
  TW_ROLE_PARTS = 'p',   /* arrays; one [..] of them */
  TW_ROLE_EXTENT = 'q',  /* an array of which only the shape matters, or a set */
  TW_ROLE_INTEGER = 'i', /* an integer known when the model is read */
  TW_ROLE_INDICES = 'n', /* an integer array known when the model is read */
  TW_ROLE_SHAPE = 's',   /* extents or sets; one [..] of them */
  TW_ROLE_NAMED = 'd',   /* a set or regularizer by its name: read by the function */
  TW_ROLE_TEXT = 't'     /* a string */
};

typedef struct tw_function {
  const char *name;
  /* "x, axis=all": with `=` optional; ending in `..` takes all arguments without a keyword from there on. */
  const char *parameters;
  const char *roles;
  bool (*build)(tw_builder *b, const tw_site *site, tw_value *out);
  tw_expr (*unary)(tw_expr x);                            /* of an element-wise function of one array */
  tw_expr (*reduce)(tw_expr x, unsigned axes, bool keep); /* of a reduction */
  const char *doc;
} tw_function;

enum { TW_MAX_PARAMETERS = 5 };

/* A call, its arguments read. */
struct tw_site {
  const tw_ast *node;
  const tw_function *function;
  const tw_ast *argument[TW_MAX_PARAMETERS]; /* NULL: left out */
  tw_value value[TW_MAX_PARAMETERS];         /* VALUE, EXTENT, INDICES */
  int64_t integer[TW_MAX_PARAMETERS];        /* INTEGER */
  tw_shape shape;                            /* SHAPE; one extent may be -1 */
  const tw_index_set *axis[TW_MAX_RANK];
  int n_rest; /* of a `..` parameter of values: all of them, the first included */
  const tw_ast **rest;
  tw_value *rest_value;
};

const tw_function *tw_function_table(void); /* sorted by family; terminated by name NULL */
const tw_function *tw_function_find(const char *name);
/* Which parameter an argument goes to, by its keyword or, when that is NULL, by how many came before without
 * one: -1 when there is none for it. */
int tw_function_parameter(const tw_function *function, const char *keyword, int positional);
/* The k-th parameter's name, its length in *length; NULL beyond the last. */
const char *tw_function_parameter_name(const tw_function *function, int k, size_t *length);
bool tw_function_optional(const tw_function *function, int k);
bool tw_function_variadic(const tw_function *function, int k);

/* Families, each in a file of its own, gathered by the table. */
bool tw_function_elementwise(tw_builder *b, const tw_site *site, tw_value *out);
bool tw_function_extreme(tw_builder *b, const tw_site *site, tw_value *out); /* min, max */
bool tw_function_where(tw_builder *b, const tw_site *site, tw_value *out);
bool tw_function_reduction(tw_builder *b, const tw_site *site, tw_value *out);
bool tw_function_dot(tw_builder *b, const tw_site *site, tw_value *out);
bool tw_function_position(tw_builder *b, const tw_site *site, tw_value *out); /* argmax, argmin */
bool tw_function_along(tw_builder *b, const tw_site *site,
                       tw_value *out); /* cumsum, cumprod, sort, argsort, softmax */
bool tw_function_filled(tw_builder *b, const tw_site *site, tw_value *out); /* zeros, ones */
bool tw_function_random(tw_builder *b, const tw_site *site, tw_value *out); /* normal, uniform */
bool tw_function_eye(tw_builder *b, const tw_site *site, tw_value *out);
bool tw_function_reshape(tw_builder *b, const tw_site *site, tw_value *out);
bool tw_function_join(tw_builder *b, const tw_site *site, tw_value *out); /* concat, stack */
bool tw_function_transpose(tw_builder *b, const tw_site *site, tw_value *out);
bool tw_function_matrix(tw_builder *b, const tw_site *site,
                        tw_value *out); /* diag, trace, inv, det, logdet, cholesky */
bool tw_function_extent(tw_builder *b, const tw_site *site, tw_value *out); /* size, rows, cols */
bool tw_function_solve(tw_builder *b, const tw_site *site, tw_value *out);
bool tw_function_multiclass(tw_builder *b, const tw_site *site, tw_value *out); /* cross_entropy, multiclass_.. */
bool tw_function_huber(tw_builder *b, const tw_site *site, tw_value *out);
bool tw_function_regularizer(tw_builder *b, const tw_site *site, tw_value *out);
bool tw_function_project(tw_builder *b, const tw_site *site, tw_value *out); /* project, kl_project */
bool tw_function_prox(tw_builder *b, const tw_site *site, tw_value *out);
bool tw_function_ordered(tw_builder *b, const tw_site *site, tw_value *out); /* isotonic, soft_rank, soft_sort */
bool tw_function_derivative(tw_builder *b, const tw_site *site, tw_value *out); /* grad, jacobian, hessian */
bool tw_function_perturbed(tw_builder *b, const tw_site *site, tw_value *out);
bool tw_function_file(tw_builder *b, const tw_site *site, tw_value *out);       /* csv, npy */

#endif
