/* A plot: title, the panel of level sets when there is one, the panel of convergence. */
#include "base/given.h"
#include "front/plot.h"

static const double LEFT = 62, TOP = 66, BOTTOM = 54, RIGHT = 26, GAP = 112, HEIGHT = 400, PANEL = 520, SQUARE = 330;

tw_status tw_plot_check(const char *path, tw_error *error) {
  TW_GIVEN(path);
  tw_status status = tw_canvas_check(path, error);
  tw_file *file = NULL;
  if (status == TW_OK) status = tw_file_create(&file, path, error);
  if (status == TW_OK) tw_file_discard(file);
  return status;
}

static void draw_title(tw_canvas *canvas, const tw_plot *plot) {
  const tw_font title = {.size = 14, .color = TW_INK, .bold = true}, subtitle = {.size = 10.5, .color = TW_MUTED};
  double x = 20;
  if (plot->title != NULL) x += tw_canvas_text(canvas, &title, (tw_point){x, 27}, plot->title) + 12;
  if (plot->subtitle != NULL) tw_canvas_text(canvas, &subtitle, (tw_point){x, 27}, plot->subtitle);
}

tw_status tw_plot_write(const tw_plot *plot, const char *path, tw_error *error) {
  TW_GIVEN(plot);
  TW_GIVEN(path);
  TW_GIVEN(plot->history);
  if (plot->history->count == 0) return tw_fail(error, TW_ERR_ARGUMENT, "plot %s: the history is empty", path);
  tw_landscape landscape = {0};
  tw_error absent = {0};
  tw_status status = TW_OK;
  /* Without level sets (no objective, or not finite around the path) the convergence alone is worth a plot. */
  const bool wide = plot->oracle != NULL && plot->history->coordinates > 0 &&
                    (status = tw_landscape_sample(&landscape, plot, &absent)) == TW_OK;
  if (status == TW_ERR_MEMORY) return tw_fail(error, status, "%s", absent.message);
  const double width = LEFT + PANEL + RIGHT + (wide ? SQUARE + GAP : 0), h = HEIGHT - TOP - BOTTOM;
  tw_canvas *canvas = NULL;
  status = tw_canvas_new(&canvas, path, width, HEIGHT, error);
  if (status == TW_OK) {
    draw_title(canvas, plot);
    if (wide) status = tw_plot_landscape(canvas, plot, &landscape, (tw_rect){LEFT, TOP, SQUARE, h}, error);
    const tw_rect right = {wide ? LEFT + SQUARE + GAP : LEFT, TOP, PANEL, h};
    if (status == TW_OK) status = tw_plot_convergence(canvas, plot->history, right, error);
    if (status == TW_OK)
      status = tw_canvas_save(canvas, error);
    else
      tw_canvas_free(canvas);
  }
  tw_landscape_free(&landscape);
  return status;
}
