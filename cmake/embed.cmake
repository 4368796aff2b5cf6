# embed.cmake: writes OUT, a C file with the texts of FILES as byte arrays, for tw_runtime_files (src/graph/emit/runtime.c).
set(arrays "")
set(table "")
foreach(file ${FILES})
  get_filename_component(name ${file} NAME_WE)
  file(READ ${file} hex HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  string(REGEX REPLACE "((0x..,){32})" "\\1\n" bytes "${bytes}")
  string(APPEND arrays "static const char ${name}[] = {\n${bytes}0};\n")
  string(APPEND table "  {\"${name}\", ${name}},\n")
endforeach()
file(CONFIGURE OUTPUT ${OUT} CONTENT
"/* Made by cmake/embed.cmake. */
#include \"graph/emit/runtime.h\"
${arrays}
const tw_runtime_file tw_runtime_files[] = {
${table}  {0, 0}};
" @ONLY)
