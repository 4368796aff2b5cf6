/* Arrays and tables for people. */
#include "front/table.h"

#include <string.h>

enum { LINE = 100, LIST_SHOWN = 36, ROWS_SHOWN = 20, COLUMNS_SHOWN = 9, SLICES_SHOWN = 4 };

void tw_table_put(tw_table *table, int row, int column, const char *text) {
  if (row >= TW_TABLE_ROWS || column >= TW_TABLE_COLUMNS) return;
  snprintf(table->cell[row][column], TW_CELL, "%s", text);
  if (row >= table->rows) table->rows = row + 1;
  if (column >= table->columns) table->columns = column + 1;
}

/* Characters of UTF-8 text, each counted as one column of the screen. */
static int width_of(const char *text) {
  int width = 0;
  for (; *text != '\0'; text++) width += ((unsigned char)*text & 0xC0) != 0x80;
  return width;
}

void tw_table_print(const tw_table *table, tw_text *text) {
  int width[TW_TABLE_COLUMNS] = {0};
  for (int row = 0; row < table->rows; row++)
    for (int column = 0; column < table->columns; column++) {
      const int own = width_of(table->cell[row][column]);
      if (own > width[column]) width[column] = own;
    }
  for (int row = 0; row < table->rows; row++) {
    int blanks = 2; /* before the next cell that is not empty */
    for (int column = 0; column < table->columns; column++) {
      const char *cell = table->cell[row][column];
      const int gap = width[column] - width_of(cell) + (column > 0 ? 2 : 0);
      if (column > 0) blanks += gap;
      if (*cell != '\0') {
        tw_text_printf(text, "%*s%s", blanks, "", cell);
        blanks = 0;
      }
      if (column == 0) blanks += gap;
    }
    tw_text_puts(text, "\n");
  }
}

int tw_table_shown(int64_t count, int limit, int64_t *entry) {
  const int last = limit / 4, first = limit - 1 - last;
  int shown = 0;
  if (count <= limit) {
    for (int64_t i = 0; i < count; i++) entry[shown++] = i;
    return shown;
  }
  for (int i = 0; i < first; i++) entry[shown++] = i;
  entry[shown++] = -1;
  for (int i = 0; i < last; i++) entry[shown++] = count - last + i;
  return shown;
}

/* ------------------------------------------------------------------ labels and numbers */

const char *tw_table_label(const tw_model *model, const char *name, int axis, int64_t entry, char text[TW_CELL]) {
  char element[64];
  if (entry < 0) return "...";
  if (model != NULL)
    snprintf(text, TW_CELL, "%.*s", TW_CELL - 1, tw_model_element(model, name, axis, entry, element));
  else
    snprintf(text, TW_CELL, "%lld", (long long)entry);
  return text;
}

const char *tw_table_entry(const tw_model *model, const char *name, tw_shape shape, int64_t entry, char text[TW_CELL]) {
  int64_t index[TW_MAX_RANK];
  char own[64];
  if (model != NULL && tw_model_entry(model, name, entry, own) != NULL) {
    snprintf(text, TW_CELL, "%.*s", TW_CELL - 1, own);
    return text;
  }
  for (int axis = shape.rank - 1; axis >= 0; axis--) {
    index[axis] = entry % shape.dim[axis];
    entry /= shape.dim[axis];
  }
  size_t used = (size_t)snprintf(text, TW_CELL, "%s", name);
  for (int axis = 0; axis < shape.rank && used < TW_CELL; axis++) {
    char label[TW_CELL];
    used += (size_t)snprintf(text + used, TW_CELL - used, "%s%s%s", axis == 0 ? "[" : ", ",
                             tw_table_label(model, name, axis, index[axis], label), axis + 1 == shape.rank ? "]" : "");
  }
  return text;
}

void tw_table_number(double value, tw_dtype dtype, char text[TW_CELL]) {
  if (dtype == TW_BOOL)
    snprintf(text, TW_CELL, "%s", value != 0 ? "true" : "false");
  else
    snprintf(text, TW_CELL, "%.8g", value + 0.0); /* no -0 */
}

/* ------------------------------------------------------------------ arrays */

/* name = [1, 2, ..], wrapped. */
static void put_list(tw_text *text, const char *name, const tw_array *array) {
  int64_t entry[LIST_SHOWN];
  const int shown = tw_table_shown(array->shape.dim[0], LIST_SHOWN, entry);
  size_t line = text->length;
  const int indent = width_of(name) + 6;
  tw_text_printf(text, "  %s = [", name);
  for (int i = 0; i < shown; i++) {
    char number[TW_CELL] = "...";
    if (entry[i] >= 0) tw_table_number(tw_array_get(array, &entry[i]), array->dtype, number);
    const bool wrap = text->length - line + strlen(number) > LINE;
    if (i > 0) tw_text_puts(text, wrap ? "," : ", ");
    if (wrap) {
      tw_text_puts(text, "\n");
      line = text->length;
      tw_text_printf(text, "%*s", indent, "");
    }
    tw_text_puts(text, number);
  }
  tw_text_puts(text, "]");
  if (array->shape.dim[0] > LIST_SHOWN) tw_text_printf(text, "   %lld entries", (long long)array->shape.dim[0]);
  tw_text_puts(text, "\n");
}

/* The last one or two axes as a table, the axes before them fixed in `index`. */
static void put_table(tw_text *text, const char *name, const tw_array *array, const tw_model *model, int64_t *index) {
  const int rank = array->shape.rank, row_axis = rank > 1 ? rank - 2 : 0;
  int64_t row_entry[ROWS_SHOWN], column_entry[COLUMNS_SHOWN] = {0};
  const int rows = tw_table_shown(array->shape.dim[row_axis], ROWS_SHOWN, row_entry);
  const int columns = rank > 1 ? tw_table_shown(array->shape.dim[rank - 1], COLUMNS_SHOWN, column_entry) : 1;
  tw_table table = {0};
  char label[TW_CELL];
  if (rank > 1)
    for (int c = 0; c < columns; c++)
      tw_table_put(&table, 0, c + 1, tw_table_label(model, name, rank - 1, column_entry[c], label));
  for (int r = 0; r < rows; r++) {
    const int line = table.rows;
    tw_table_put(&table, line, 0, tw_table_label(model, name, row_axis, row_entry[r], label));
    for (int c = 0; c < columns; c++) {
      char number[TW_CELL] = "...";
      index[row_axis] = row_entry[r];
      if (rank > 1) index[rank - 1] = column_entry[c];
      if (row_entry[r] >= 0 && column_entry[c] >= 0) tw_table_number(tw_array_get(array, index), array->dtype, number);
      tw_table_put(&table, line, c + 1, number);
    }
  }
  tw_table_print(&table, text);
}

/* "  name[0, 1, :, :]" for the slice at index[0..rank-3]. */
static void put_slice_title(tw_text *text, const char *name, int rank, const tw_model *model, const int64_t *index) {
  char label[TW_CELL];
  tw_text_printf(text, "  %s[", name);
  for (int axis = 0; axis < rank - 2; axis++)
    tw_text_printf(text, "%s, ", tw_table_label(model, name, axis, index[axis], label));
  tw_text_puts(text, ":, :]\n");
}

static void put_slices(tw_text *text, const char *name, const tw_array *array, const tw_model *model) {
  const int rank = array->shape.rank;
  int64_t slices = 1, index[TW_MAX_RANK] = {0};
  for (int axis = 0; axis < rank - 2; axis++) slices *= array->shape.dim[axis];
  for (int64_t s = 0; s < slices && s < SLICES_SHOWN; s++) {
    int64_t left = s;
    for (int axis = rank - 3; axis >= 0; axis--) {
      index[axis] = left % array->shape.dim[axis];
      left /= array->shape.dim[axis];
    }
    put_slice_title(text, name, rank, model, index);
    put_table(text, name, array, model, index);
  }
  if (slices > SLICES_SHOWN)
    tw_text_printf(text, "  ... %lld more tables of %s\n", (long long)(slices - SLICES_SHOWN), name);
}

void tw_table_array(tw_text *text, const char *name, const tw_array *array, const tw_model *model) {
  const int rank = array->shape.rank;
  int64_t index[TW_MAX_RANK] = {0};
  char number[TW_CELL], shape[TW_SHAPE_TEXT];
  if (rank == 0) {
    tw_table_number(tw_array_get(array, index), array->dtype, number);
    tw_text_printf(text, "  %s = %s\n", name, number);
  } else if (tw_shape_size(&array->shape) == 0) {
    tw_text_printf(text, "  %s = empty, shape %s\n", name, tw_shape_text(&array->shape, shape));
  } else if (rank == 1 && (model == NULL || tw_model_labels(model, name, 0) == NULL)) {
    put_list(text, name, array);
  } else if (rank <= 2) {
    tw_text_printf(text, "  %s\n", name);
    put_table(text, name, array, model, index);
  } else {
    put_slices(text, name, array, model);
  }
}
