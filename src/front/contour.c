/* Marching squares (the plane case of Lorensen & Cline, 1987), walked along the curve so that loops come out whole.
 *
 * A frame of nodes outside the set is imagined around the grid: with it every boundary is closed. A curve crosses edges
 * between an inside and an outside node, always with the inside node on its left; that fixes the direction of every
 * crossing, so each crossing has one next and the walk needs no search. */
#include "front/contour.h"

#include <math.h>
#include <stdlib.h>

/* The edge from node (i, j) to (i+1, j), or to (i, j+1) when `vertical`; -1 <= i <= nx, -1 <= j <= ny. */
typedef struct edge {
  int i, j;
  bool vertical;
} edge;

typedef struct walk {
  const tw_grid *grid;
  double level;
  unsigned char *seen; /* crossings already on a loop, by edge */
  tw_point *point;
  size_t count, capacity;
} walk;

static bool on_grid(const tw_grid *g, int i, int j) { return i >= 0 && i < g->nx && j >= 0 && j < g->ny; }

static double value_at(const tw_grid *g, int i, int j) { return g->value[(size_t)j * (size_t)g->nx + (size_t)i]; }

static bool inside(const walk *w, int i, int j) {
  return on_grid(w->grid, i, j) && value_at(w->grid, i, j) >= w->level;
}

static bool crosses(const walk *w, edge e) {
  return inside(w, e.i, e.j) != inside(w, e.i + !e.vertical, e.j + e.vertical);
}

static unsigned char *seen_at(const walk *w, edge e) {
  const size_t columns = (size_t)w->grid->nx + 2;
  return &w->seen[2 * ((size_t)(e.j + 1) * columns + (size_t)(e.i + 1)) + e.vertical];
}

/* Where the linear interpolant meets the level; the frame's nodes pull nothing, so there the grid's node itself. */
static tw_point crossing(const walk *w, edge e) {
  const tw_grid *g = w->grid;
  const int i2 = e.i + !e.vertical, j2 = e.j + e.vertical;
  double t;
  if (!on_grid(g, e.i, e.j)) {
    t = 1;
  } else if (!on_grid(g, i2, j2)) {
    t = 0;
  } else {
    const double a = value_at(g, e.i, e.j), b = value_at(g, i2, j2);
    t = fmin(fmax((w->level - a) / (b - a), 0), 1);
  }
  return (tw_point){g->x0 + g->dx * (e.i + (e.vertical ? 0 : t)), g->y0 + g->dy * (e.j + (e.vertical ? t : 0))};
}

/* Whether the curve crosses e towards larger i or j: the inside node is on its left. */
static bool forward(const walk *w, edge e) {
  return e.vertical ? inside(w, e.i, e.j + 1) : inside(w, e.i, e.j);
}

/* The mean of a cell's corners decides which corners of a saddle are joined. */
static bool center_inside(const walk *w, int i, int j) {
  double sum = 0;
  for (int k = 0; k < 4; k++) {
    if (!on_grid(w->grid, i + (k & 1), j + (k >> 1))) return false;
    sum += value_at(w->grid, i + (k & 1), j + (k >> 1));
  }
  return sum / 4 >= w->level;
}

/* The crossing by which the curve leaves the cell that it enters through e. */
static edge next(const walk *w, edge e) {
  const bool ahead = forward(w, e);
  const int i = e.vertical && !ahead ? e.i - 1 : e.i, j = !e.vertical && !ahead ? e.j - 1 : e.j;
  /* The other three sides as left turn, straight on, right turn. */
  const edge south = {i, j, false}, north = {i, j + 1, false}, west = {i, j, true}, east = {i + 1, j, true};
  edge left, straight, right;
  if (e.vertical) {
    left = ahead ? north : south;
    straight = ahead ? east : west;
    right = ahead ? south : north;
  } else {
    left = ahead ? west : east;
    straight = ahead ? north : south;
    right = ahead ? east : west;
  }
  if (crosses(w, straight) && crosses(w, left) && crosses(w, right)) return center_inside(w, i, j) ? right : left;
  return crosses(w, straight) ? straight : crosses(w, left) ? left : right;
}

static bool add_point(walk *w, tw_point p) {
  tw_point *grown = tw_grow(w->point, &w->capacity, w->count + 1, sizeof *grown);
  if (grown == NULL) return false;
  w->point = grown;
  w->point[w->count++] = p;
  return true;
}

static bool follow(walk *w, edge start, tw_loop_sink *sink, void *context) {
  w->count = 0;
  for (edge e = start; !*seen_at(w, e); e = next(w, e)) {
    *seen_at(w, e) = 1;
    if (!add_point(w, crossing(w, e))) return false;
  }
  sink(context, (int)w->count, w->point);
  return true;
}

tw_status tw_contour(const tw_grid *grid, double level, tw_loop_sink *sink, void *context, tw_error *error) {
  walk w = {.grid = grid, .level = level};
  w.seen = calloc(2 * ((size_t)grid->nx + 2), (size_t)grid->ny + 2);
  bool enough = w.seen != NULL;
  for (int j = -1; j <= grid->ny && enough; j++)
    for (int i = -1; i <= grid->nx && enough; i++)
      for (int vertical = 0; vertical < 2 && enough; vertical++) {
        const edge e = {i, j, vertical != 0};
        if ((vertical ? j : i) < (vertical ? grid->ny : grid->nx) && crosses(&w, e) && !*seen_at(&w, e))
          enough = follow(&w, e, sink, context);
      }
  free(w.seen);
  free(w.point);
  return enough ? TW_OK : tw_fail(error, TW_ERR_MEMORY, "out of memory for level sets");
}
