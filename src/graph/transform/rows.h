/* Rows below other operations: see tw_row. */
#ifndef TALWEG_GRAPH_ROWS_H
#define TALWEG_GRAPH_ROWS_H

#include <talweg/graph.h>

/* e with every look-up of row k of something computed moved down to what it is computed of. */
tw_expr tw_rows_below(tw_expr e, tw_expr k);

#endif
