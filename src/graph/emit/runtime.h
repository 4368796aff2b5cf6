/* The C functions that written files may call: the texts of runtime/, embedded by cmake/embed.cmake. */
#ifndef TALWEG_GRAPH_EMIT_RUNTIME_H
#define TALWEG_GRAPH_EMIT_RUNTIME_H

typedef struct tw_runtime_file {
  const char *name, *text;
} tw_runtime_file;

extern const tw_runtime_file tw_runtime_files[]; /* ends with name 0 */

#endif
