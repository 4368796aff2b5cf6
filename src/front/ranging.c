/* Ranges of a linear program's basis. */
#include "front/ranging.h"

#include "front/names.h"

#include <math.h>
#include <string.h>

/* ------------------------------------------------------------------ sense */

static void swap_negated(double *a, double *b) {
  const double low = 0 - *b;
  *b = 0 - *a;
  *a = low;
}

void tw_ranging_state(tw_basis_ranges *r, bool maximize) {
  if (!maximize) return;
  r->objective = 0 - r->objective;
  for (int64_t k = 0; k < r->n + r->m; k++) {
    tw_range *x = k < r->n ? &r->column[k] : &r->row[k - r->n];
    x->rate = 0 - x->rate;
    if (k < r->n) { /* the range of -c, with the objectives at its ends */
      x->now = 0 - x->now;
      swap_negated(&x->low, &x->high);
      swap_negated(&x->at_low, &x->at_high);
    } else {
      x->at_low = 0 - x->at_low;
      x->at_high = 0 - x->at_high;
    }
  }
}

/* ------------------------------------------------------------------ text */

static void put_name(tw_text *text, const tw_model *model, bool row, int64_t k) {
  tw_text name = {0};
  tw_entry_name(model, row, k, &name);
  tw_text_printf(text, "  %-26s", name.data != NULL ? name.data : "");
  text->failed |= name.failed;
  tw_text_free(&name);
}

static void put_range(tw_text *text, const tw_range *r) {
  const double cell[] = {r->value, r->rate, r->now, r->low, r->high, r->now - r->low, r->high - r->now, r->at_low, r->at_high};
  for (size_t k = 0; k < sizeof cell / sizeof *cell; k++) {
    if (isnan(cell[k]))
      tw_text_printf(text, " %12s", "-");
    else
      tw_text_printf(text, " %12.7g", cell[k] + 0.0);
  }
  tw_text_puts(text, r->basic ? "   basic\n" : "\n");
}

static void put_table(tw_text *text, const tw_basis_ranges *r, const tw_model *model, bool row) {
  static const char *const head[2][9] = {{"value", "reduced cost", "cost", "from", "to", "decrease", "increase", "f from", "f to"},
                                         {"value", "price", "limit", "from", "to", "decrease", "increase", "f from", "f to"}};
  tw_text_printf(text, "\n%s\n  %-26s", row ? "Ranges of limits" : "Ranges of costs", "");
  for (int k = 0; k < 9; k++) tw_text_printf(text, " %12s", head[row][k]);
  tw_text_puts(text, "\n");
  for (int64_t k = 0; k < (row ? r->m : r->n); k++) {
    put_name(text, model, row, k);
    put_range(text, row ? &r->row[k] : &r->column[k]);
  }
}

void tw_ranging_text(tw_text *text, const tw_basis_ranges *r, const tw_model *model) {
  put_table(text, r, model, false);
  put_table(text, r, model, true);
  if (r->primal_degenerate)
    tw_text_puts(text, "The basis is degenerate: a basic variable is at its limit. The vertex has other bases, under which prices and "
                       "ranges differ.\n");
  if (r->dual_degenerate) tw_text_puts(text, "A rate is zero: there may be other optimal vertices.\n");
  if (r->moved > 1e-6)
    tw_text_printf(text, "The solution above is no vertex: the ranges are those of one that is %.2g away.\n", r->moved);
}

/* ------------------------------------------------------------------ JSON */

static void put_pair(tw_text *text, const char *name, double a, double b) {
  tw_text_printf(text, ",\"%s\":[", name);
  tw_text_json_number(text, a);
  tw_text_puts(text, ",");
  tw_text_json_number(text, b);
  tw_text_puts(text, "]");
}

static void put_value(tw_text *text, const char *name, double value) {
  tw_text_printf(text, ",\"%s\":", name);
  tw_text_json_number(text, value);
}

static void put_entries(tw_text *text, const tw_basis_ranges *r, const tw_model *model, bool row) {
  tw_text_puts(text, "{");
  for (int64_t k = 0; k < (row ? r->m : r->n); k++) {
    const tw_range *x = row ? &r->row[k] : &r->column[k];
    tw_text name = {0};
    tw_entry_name(model, row, k, &name);
    if (k > 0) tw_text_puts(text, ",");
    tw_text_json_string(text, name.data != NULL ? name.data : "");
    text->failed |= name.failed;
    tw_text_free(&name);
    tw_text_printf(text, ":{\"basic\":%s", x->basic ? "true" : "false");
    put_value(text, "value", x->value);
    put_value(text, row ? "price" : "reduced_cost", x->rate);
    put_value(text, row ? "limit" : "cost", x->now);
    put_pair(text, "range", x->low, x->high);
    put_value(text, "decrease", x->now - x->low);
    put_value(text, "increase", x->high - x->now);
    put_pair(text, "objective", x->at_low, x->at_high);
    tw_text_puts(text, "}");
  }
  tw_text_puts(text, "}");
}

void tw_ranging_json(tw_text *text, const tw_basis_ranges *r, const tw_model *model) {
  tw_text_printf(text, "{\"degenerate\":%s,\"unique\":%s", r->primal_degenerate ? "true" : "false",
                 r->dual_degenerate ? "false" : "true");
  put_value(text, "moved", r->moved);
  tw_text_puts(text, ",\"variables\":");
  put_entries(text, r, model, false);
  tw_text_puts(text, ",\"constraints\":");
  put_entries(text, r, model, true);
  tw_text_puts(text, "}");
}
