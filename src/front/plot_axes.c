/* Axes: scales, ticks, labels. */
#include "front/plot_axes.h"

#include <math.h>
#include <string.h>

static const double TICK = 4, LABEL_SIZE = 10, NAME_SIZE = 10.5, EXPONENT_SIZE = 7.5, HAIR = 0.8;

double tw_axis_at(const tw_axis *axis, double value) {
  const double a = axis->log ? log10(axis->low) : axis->low, b = axis->log ? log10(axis->high) : axis->high;
  const double v = axis->log ? log10(value) : value;
  return axis->from + (v - a) / (b - a) * (axis->to - axis->from);
}

/* ------------------------------------------------------------------ ticks */

/* The step among 1, 2, 5 times a power of ten that is nearest to `rough`. */
static double nice_step(double rough) {
  const double power = pow(10, floor(log10(rough))), fraction = rough / power;
  return power * (fraction < 1.5 ? 1 : fraction < 3.5 ? 2 : fraction < 7.5 ? 5 : 10);
}

/* As many decimals as the step has; a minus sign, not a hyphen. */
static void print_label(char label[TW_TICK_LABEL], double value, double step) {
  const int decimals = (int)fmax(0, -floor(log10(step) + 1e-9));
  char digits[TW_TICK_LABEL];
  if (fabs(value) < step * 1e-6) value = 0;
  if (fabs(value) >= 1e6 || decimals > 5)
    snprintf(digits, sizeof digits, "%.3g", fabs(value));
  else
    snprintf(digits, sizeof digits, "%.*f", decimals, fabs(value));
  snprintf(label, TW_TICK_LABEL, "%s%.16s", value < 0 ? "\xE2\x88\x92" : "", digits);
}

void tw_ticks_linear(tw_ticks *ticks, double low, double high, int wanted, bool integers) {
  ticks->n = 0;
  ticks->log = false;
  if (!(high > low)) return;
  double step = nice_step((high - low) / wanted);
  if (integers) step = fmax(step, 1);
  const double slack = step * 1e-6, first = ceil((low - slack) / step);
  for (int i = 0; i < TW_TICKS; i++) {
    const double value = (first + i) * step;
    if (value > high + slack) break;
    ticks->value[ticks->n] = value;
    print_label(ticks->label[ticks->n++], value, step);
  }
}

void tw_axis_round_log(double *low, double *high) {
  *low = pow(10, floor(log10(*low) + 1e-9));
  *high = pow(10, ceil(log10(*high) - 1e-9));
  if (!(*high > *low)) *high = *low * 10;
}

void tw_ticks_log(tw_ticks *ticks, double low, double high, int wanted) {
  ticks->n = 0;
  ticks->log = true;
  const int first = (int)ceil(log10(low) - 1e-6), last = (int)floor(log10(high) + 1e-6);
  int every = 1;
  while ((last - first) / every > wanted) every = every == 1 ? 2 : every == 2 ? 3 : every == 3 ? 5 : 2 * every;
  for (int e = first; e <= last && ticks->n < TW_TICKS; e++) {
    if (e % every != 0) continue;
    ticks->value[ticks->n] = pow(10, e);
    snprintf(ticks->label[ticks->n++], TW_TICK_LABEL, "%s%d", e < 0 ? "\xE2\x88\x92" : "", e < 0 ? -e : e);
  }
}

/* ------------------------------------------------------------------ drawing */

/* "label", or 10 with the label as its exponent, ending at `at.x` (right) or centred there. */
static double put_tick_label(tw_canvas *c, const tw_ticks *ticks, int k, tw_point at, tw_align align) {
  tw_font font = {.size = LABEL_SIZE, .color = TW_MUTED, .align = align};
  if (!ticks->log) return tw_canvas_text(c, &font, at, ticks->label[k]);
  tw_font raised = {.size = EXPONENT_SIZE, .color = TW_MUTED};
  const double exponent = tw_canvas_text_width(c, &raised, ticks->label[k]);
  const double base = tw_canvas_text_width(c, &font, "10"), width = base + exponent;
  const double start = align == TW_ALIGN_RIGHT ? at.x - width : at.x - width / 2;
  font.align = TW_ALIGN_LEFT;
  tw_canvas_text(c, &font, (tw_point){start, at.y}, "10");
  tw_canvas_text(c, &raised, (tw_point){start + base + 0.5, at.y - 4}, ticks->label[k]);
  return width;
}

void tw_axis_bottom(tw_canvas *c, const tw_axis *axis, const tw_ticks *ticks, tw_rect frame, const char *name,
                    bool grid) {
  const double bottom = frame.y + frame.h;
  for (int k = 0; k < ticks->n; k++) {
    const double x = tw_axis_at(axis, ticks->value[k]);
    if (grid) tw_canvas_segment(c, (tw_point){x, frame.y}, (tw_point){x, bottom}, TW_GRID, HAIR);
    tw_canvas_segment(c, (tw_point){x, bottom}, (tw_point){x, bottom + TICK}, TW_RULE, HAIR);
    put_tick_label(c, ticks, k, (tw_point){x, bottom + TICK + 12}, TW_ALIGN_CENTER);
  }
  const tw_font font = {.size = NAME_SIZE, .color = TW_INK, .align = TW_ALIGN_CENTER};
  tw_canvas_text(c, &font, (tw_point){frame.x + frame.w / 2, bottom + TICK + 30}, name);
}

void tw_axis_left(tw_canvas *c, const tw_axis *axis, const tw_ticks *ticks, tw_rect frame, const char *name,
                  bool grid) {
  double widest = 0;
  for (int k = 0; k < ticks->n; k++) {
    const double y = tw_axis_at(axis, ticks->value[k]);
    if (grid) tw_canvas_segment(c, (tw_point){frame.x, y}, (tw_point){frame.x + frame.w, y}, TW_GRID, HAIR);
    tw_canvas_segment(c, (tw_point){frame.x - TICK, y}, (tw_point){frame.x, y}, TW_RULE, HAIR);
    widest = fmax(widest,
                  put_tick_label(c, ticks, k, (tw_point){frame.x - TICK - 4, y + 3.5}, TW_ALIGN_RIGHT));
  }
  const tw_font font = {.size = NAME_SIZE, .color = TW_INK, .align = TW_ALIGN_CENTER, .upward = true};
  tw_canvas_text(c, &font, (tw_point){frame.x - TICK - 4 - widest - 10, frame.y + frame.h / 2}, name);
}

void tw_axis_left_minor(tw_canvas *c, const tw_axis *axis, tw_rect frame) {
  const int first = (int)floor(log10(axis->low)), last = (int)ceil(log10(axis->high));
  if (last - first > 6) return;
  for (int e = first; e < last; e++)
    for (int digit = 2; digit < 10; digit++) {
      const double value = digit * pow(10, e);
      if (value < axis->low || value > axis->high) continue;
      const double y = tw_axis_at(axis, value);
      tw_canvas_segment(c, (tw_point){frame.x - TICK / 2, y}, (tw_point){frame.x, y}, TW_RULE, HAIR * 0.75);
    }
}
