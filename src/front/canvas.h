/* A page to draw on, as SVG or PNG: a thin layer over cairo, the only place that knows it. Lengths are points, y grows
 * downwards. */
#ifndef TALWEG_FRONT_CANVAS_H
#define TALWEG_FRONT_CANVAS_H

#include <talweg/base.h>

typedef struct tw_canvas tw_canvas;

typedef struct tw_point {
  double x, y;
} tw_point;

typedef struct tw_rect {
  double x, y, w, h;
} tw_rect;

typedef struct tw_color {
  double r, g, b, a;
} tw_color;
/* 0xRRGGBB */
static inline tw_color tw_rgb(unsigned hex) {
  return (tw_color){(hex >> 16 & 255) / 255.0, (hex >> 8 & 255) / 255.0, (hex & 255) / 255.0, 1};
}

typedef enum tw_align { TW_ALIGN_LEFT, TW_ALIGN_CENTER, TW_ALIGN_RIGHT } tw_align;

typedef struct tw_font {
  double size;
  tw_color color;
  tw_align align;
  bool bold;
  bool upward; /* turned to read from bottom to top */
} tw_font;

/* Whether this build draws, and the suffix is .svg or .png. */
tw_status tw_canvas_check(const char *path, tw_error *error);
/* A white page; the file appears at save. */
tw_status tw_canvas_new(tw_canvas **canvas, const char *path, double w, double h, tw_error *error);
/* Writes the file atomically and releases the canvas, also on failure. */
tw_status tw_canvas_save(tw_canvas *canvas, tw_error *error);
void tw_canvas_free(tw_canvas *canvas); /* without a file */

/* Build a path of pieces, then fill or stroke it. */
void tw_canvas_lines(tw_canvas *canvas, int n, const tw_point *point, bool closed);
void tw_canvas_circle(tw_canvas *canvas, tw_point center, double radius);
void tw_canvas_rect(tw_canvas *canvas, tw_rect rect);
void tw_canvas_fill(tw_canvas *canvas, tw_color color); /* holes where loops overlap (even-odd) */
void tw_canvas_stroke(tw_canvas *canvas, tw_color color, double width);
void tw_canvas_segment(tw_canvas *canvas, tw_point a, tw_point b, tw_color color, double width);

void tw_canvas_clip(tw_canvas *canvas, tw_rect rect); /* until unclip */
void tw_canvas_unclip(tw_canvas *canvas);

/* Text with its baseline at `at`; returns how far it goes. */
double tw_canvas_text(tw_canvas *canvas, const tw_font *font, tw_point at, const char *text);
double tw_canvas_text_width(tw_canvas *canvas, const tw_font *font, const char *text);

#endif
