/* Arrays and tables for people: long ones are abbreviated. */
#ifndef TALWEG_FRONT_TABLE_H
#define TALWEG_FRONT_TABLE_H

#include <talweg/front.h>

enum { TW_CELL = 32, TW_TABLE_COLUMNS = 12, TW_TABLE_ROWS = 24 };

/* A small table of text, printed with aligned columns: the first to the left, the others to the right. */
typedef struct tw_table {
  int rows, columns;
  char cell[TW_TABLE_ROWS][TW_TABLE_COLUMNS][TW_CELL];
} tw_table;
void tw_table_put(tw_table *table, int row, int column, const char *text);
void tw_table_print(const tw_table *table, tw_text *text);

/* Which of `count` entries are shown when at most `limit` >= 4 are: the k-th shown one, -1 for the gap. Returns how many
 * are, the gap included. */
int tw_table_shown(int64_t count, int limit, int64_t *entry);

/* An index on one axis of what is called `name`, as the model writes it. */
const char *tw_table_label(const tw_model *model, const char *name, int axis, int64_t entry, char text[TW_CELL]);
/* "supply[seattle]": an entry in C order of an array of `shape`. */
const char *tw_table_entry(const tw_model *model, const char *name, tw_shape shape, int64_t entry, char text[TW_CELL]);
void tw_table_number(double value, tw_dtype dtype, char text[TW_CELL]);
/* "name = value", a list over some lines, or a table with labels. */
void tw_table_array(tw_text *text, const char *name, const tw_array *array, const tw_model *model);

#endif
