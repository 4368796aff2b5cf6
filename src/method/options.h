/* options: method specs "name:option=value,.." as rooms above read them too. */
#ifndef TALWEG_METHOD_OPTIONS_H
#define TALWEG_METHOD_OPTIONS_H

#include <talweg/method.h>

tw_status tw_options_parse(const tw_method *method, const char *spec, double *value, bool *given,
                           tw_error *error);
int tw_options_count(const tw_method *method);
int tw_options_index(const tw_method *method, const char *name); /* -1 */
/* The name before ':' into `name`, cut and NUL-terminated; the method, or TW_ERR_NAME with the names there
 * are. */
tw_status tw_spec_method(const char *spec, const tw_method **method, tw_error *error);
/* A known method with options of its table, that answers what is asked: equations (root, fixed point) are solved by other
 * methods than minima. */
tw_status tw_spec_check(const char *spec, tw_goal goal, tw_error *error);

/* Does the oracle offer what the method needs, does the method respect what the oracle demands? */
tw_status tw_method_match(const tw_method *method, const tw_oracle *oracle, tw_error *error);

/* held.c: the matrices of derivatives that a method asks such an oracle for, with the defaults of its options, and how it holds them; the
 * count. */
tw_status tw_method_held(const tw_method *method, const tw_oracle *oracle, tw_held_matrix held[TW_MATRICES], int *count, tw_error *error);

#endif
