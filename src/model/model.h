/* What a model is inside. */
#ifndef TALWEG_MODEL_MODEL_H
#define TALWEG_MODEL_MODEL_H

#include "model/builder.h"

struct tw_model {
  tw_arena *arena;
  tw_graph *graph;
  tw_problem *problem;
  tw_model_text source;
  tw_scope scope;
  const char *method;
  const char *title;
  tw_model_table *table; /* of a model that is no .tw file; NULL: it is one */
};

/* Arena, graph, problem and scope of an empty model. */
tw_status tw_model_open(tw_model *model, tw_error *error);
/* Which reader a file's name asks for. */
typedef enum tw_format { TW_FORMAT_TW, TW_FORMAT_NL, TW_FORMAT_MPS, TW_FORMAT_LP } tw_format;
tw_format tw_format_of(const char *path);
/* A model from the text of such a file. `path` is where files of names lie beside a .nl file; NULL: there are none. */
tw_status tw_model_fill_flat(tw_model *model, tw_format format, const char *text, size_t bytes, const char *name, const char *path,
                             const tw_model_options *options, tw_error *error);

#endif
