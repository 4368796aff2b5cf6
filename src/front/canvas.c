/* A page over cairo. */
#include "front/canvas.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool ends_with(const char *text, const char *end) {
  const size_t length = strlen(text), own = strlen(end);
  return length > own && strcmp(text + length - own, end) == 0;
}

#ifdef TALWEG_CAIRO

#include <cairo-svg.h>
#include <cairo.h>

struct tw_canvas {
  tw_file *file;
  const char *path; /* borrowed */
  bool png, failed;
  cairo_surface_t *surface;
  cairo_t *cairo;
};

static const double PNG_SCALE = 2; /* pixels per point */

tw_status tw_canvas_check(const char *path, tw_error *error) {
  if (ends_with(path, ".svg") || ends_with(path, ".png")) return TW_OK;
  return tw_fail(error, TW_ERR_ARGUMENT, "%s: expected a name that ends in .svg or .png", path);
}

static cairo_status_t write_bytes(void *closure, const unsigned char *data, unsigned int length) {
  tw_canvas *c = closure;
  if (fwrite(data, 1, length, tw_file_stream(c->file)) != length) c->failed = true;
  return c->failed ? CAIRO_STATUS_WRITE_ERROR : CAIRO_STATUS_SUCCESS;
}

void tw_canvas_free(tw_canvas *c) {
  if (c == NULL) return;
  cairo_destroy(c->cairo);
  if (c->surface != NULL) cairo_surface_destroy(c->surface);
  tw_file_discard(c->file);
  free(c);
}

tw_status tw_canvas_new(tw_canvas **canvas, const char *path, double w, double h, tw_error *error) {
  *canvas = NULL;
  tw_status status = tw_canvas_check(path, error);
  if (status != TW_OK) return status;
  tw_canvas *c = tw_alloc(1, sizeof *c);
  if (c == NULL) return tw_fail(error, TW_ERR_MEMORY, "out of memory for the plot %s", path);
  c->path = path;
  c->png = ends_with(path, ".png");
  status = tw_file_create(&c->file, path, error);
  if (status != TW_OK) {
    free(c);
    return status;
  }
  c->surface = c->png ? cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)lround(w * PNG_SCALE),
                                                   (int)lround(h * PNG_SCALE))
                      : cairo_svg_surface_create_for_stream(write_bytes, c, w, h);
  c->cairo = cairo_create(c->surface);
  if (c->png) cairo_scale(c->cairo, PNG_SCALE, PNG_SCALE);
  cairo_set_line_join(c->cairo, CAIRO_LINE_JOIN_ROUND);
  cairo_set_line_cap(c->cairo, CAIRO_LINE_CAP_ROUND);
  cairo_set_fill_rule(c->cairo, CAIRO_FILL_RULE_EVEN_ODD);
  tw_canvas_rect(c, (tw_rect){0, 0, w, h});
  tw_canvas_fill(c, tw_rgb(0xffffff));
  *canvas = c;
  return TW_OK;
}

tw_status tw_canvas_save(tw_canvas *c, tw_error *error) {
  cairo_status_t drawn = cairo_status(c->cairo);
  if (drawn == CAIRO_STATUS_SUCCESS && c->png) drawn = cairo_surface_write_to_png_stream(c->surface, write_bytes, c);
  cairo_surface_finish(c->surface); /* writes an SVG */
  if (drawn == CAIRO_STATUS_SUCCESS) drawn = cairo_surface_status(c->surface);
  tw_status status = TW_OK;
  if (drawn != CAIRO_STATUS_SUCCESS || c->failed) {
    status = tw_fail(error, drawn == CAIRO_STATUS_NO_MEMORY ? TW_ERR_MEMORY : TW_ERR_IO,
                     "plot %s could not be written: %s", c->path, cairo_status_to_string(drawn));
  } else {
    status = tw_file_commit(c->file, error);
    c->file = NULL;
  }
  tw_canvas_free(c);
  return status;
}

void tw_canvas_lines(tw_canvas *c, int n, const tw_point *point, bool closed) {
  for (int i = 0; i < n; i++) {
    if (i == 0)
      cairo_move_to(c->cairo, point[i].x, point[i].y);
    else
      cairo_line_to(c->cairo, point[i].x, point[i].y);
  }
  if (closed && n > 0) cairo_close_path(c->cairo);
}

void tw_canvas_circle(tw_canvas *c, tw_point center, double radius) {
  cairo_new_sub_path(c->cairo);
  cairo_arc(c->cairo, center.x, center.y, radius, 0, 6.283185307179586);
  cairo_close_path(c->cairo);
}

void tw_canvas_rect(tw_canvas *c, tw_rect r) { cairo_rectangle(c->cairo, r.x, r.y, r.w, r.h); }

void tw_canvas_fill(tw_canvas *c, tw_color color) {
  cairo_set_source_rgba(c->cairo, color.r, color.g, color.b, color.a);
  cairo_fill(c->cairo);
}

void tw_canvas_stroke(tw_canvas *c, tw_color color, double width) {
  cairo_set_source_rgba(c->cairo, color.r, color.g, color.b, color.a);
  cairo_set_line_width(c->cairo, width);
  cairo_stroke(c->cairo);
}

void tw_canvas_segment(tw_canvas *c, tw_point a, tw_point b, tw_color color, double width) {
  tw_canvas_lines(c, 2, (tw_point[]){a, b}, false);
  tw_canvas_stroke(c, color, width);
}

void tw_canvas_clip(tw_canvas *c, tw_rect rect) {
  cairo_save(c->cairo);
  tw_canvas_rect(c, rect);
  cairo_clip(c->cairo);
}

void tw_canvas_unclip(tw_canvas *c) { cairo_restore(c->cairo); }

static void choose_font(tw_canvas *c, const tw_font *font) {
  cairo_select_font_face(c->cairo, "sans-serif", CAIRO_FONT_SLANT_NORMAL,
                         font->bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
  cairo_set_font_size(c->cairo, font->size);
}

double tw_canvas_text_width(tw_canvas *c, const tw_font *font, const char *text) {
  cairo_text_extents_t extents = {0};
  choose_font(c, font);
  cairo_text_extents(c->cairo, text, &extents);
  return extents.x_advance;
}

double tw_canvas_text(tw_canvas *c, const tw_font *font, tw_point at, const char *text) {
  const double width = tw_canvas_text_width(c, font, text);
  const double shift = font->align == TW_ALIGN_LEFT ? 0 : font->align == TW_ALIGN_CENTER ? width / 2 : width;
  cairo_save(c->cairo);
  cairo_translate(c->cairo, at.x, at.y);
  if (font->upward) cairo_rotate(c->cairo, -1.5707963267948966);
  cairo_move_to(c->cairo, -shift, 0);
  cairo_set_source_rgba(c->cairo, font->color.r, font->color.g, font->color.b, font->color.a);
  cairo_show_text(c->cairo, text);
  cairo_new_path(c->cairo);
  cairo_restore(c->cairo);
  return width;
}

#else

tw_status tw_canvas_check(const char *path, tw_error *error) {
  if (!ends_with(path, ".svg") && !ends_with(path, ".png"))
    return tw_fail(error, TW_ERR_ARGUMENT, "%s: expected a name that ends in .svg or .png", path);
  return tw_fail(error, TW_ERR_UNSUPPORTED, "%s: this build has no cairo to draw with", path);
}

tw_status tw_canvas_new(tw_canvas **canvas, const char *path, double w, double h, tw_error *error) {
  (void)w, (void)h;
  *canvas = NULL;
  return tw_canvas_check(path, error);
}

/* There is no canvas, so none of these is ever called. */
tw_status tw_canvas_save(tw_canvas *c, tw_error *error) {
  (void)c;
  return tw_fail(error, TW_ERR_UNSUPPORTED, "this build has no cairo");
}
void tw_canvas_free(tw_canvas *c) { (void)c; }
void tw_canvas_lines(tw_canvas *c, int n, const tw_point *point, bool closed) {
  (void)c, (void)n, (void)point, (void)closed;
}
void tw_canvas_circle(tw_canvas *c, tw_point center, double radius) { (void)c, (void)center, (void)radius; }
void tw_canvas_rect(tw_canvas *c, tw_rect rect) { (void)c, (void)rect; }
void tw_canvas_fill(tw_canvas *c, tw_color color) { (void)c, (void)color; }
void tw_canvas_stroke(tw_canvas *c, tw_color color, double width) { (void)c, (void)color, (void)width; }
void tw_canvas_segment(tw_canvas *c, tw_point a, tw_point b, tw_color color, double width) {
  (void)c, (void)a, (void)b, (void)color, (void)width;
}
void tw_canvas_clip(tw_canvas *c, tw_rect rect) { (void)c, (void)rect; }
void tw_canvas_unclip(tw_canvas *c) { (void)c; }
double tw_canvas_text(tw_canvas *c, const tw_font *font, tw_point at, const char *text) {
  (void)c, (void)font, (void)at, (void)text;
  return 0;
}
double tw_canvas_text_width(tw_canvas *c, const tw_font *font, const char *text) {
  (void)c, (void)font, (void)text;
  return 0;
}

#endif
