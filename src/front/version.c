/* talweg version: what this build is made of and runs on. */
#include "front/command.h"

#include <zlib.h> /* before SuiteSparse, which asks for another file interface */

#include <cholmod.h>
#include <dmumps_c.h>
#include <umfpack.h>
#ifdef TALWEG_CAIRO
#include <cairo.h>
#endif
#ifdef TALWEG_CBC
#include <Cbc_C_Interface.h>
#endif
#ifdef TALWEG_GLPK
#include <glpk.h>
#endif
#ifdef TALWEG_DNNL
#include <dnnl.h>
#endif
#ifdef TALWEG_SLEEF
#include <sleef.h>
#endif

char *openblas_get_config(void); /* of the library that was loaded */

static void print_libraries(FILE *out) {
  int cholmod[3] = {0};
  cholmod_version(cholmod);
  fprintf(out, "  OpenBLAS     %s\n", openblas_get_config());
  fprintf(out, "  SuiteSparse  CHOLMOD %d.%d.%d, UMFPACK %d.%d.%d\n", cholmod[0], cholmod[1], cholmod[2],
          UMFPACK_MAIN_VERSION, UMFPACK_SUB_VERSION, UMFPACK_SUBSUB_VERSION);
  fprintf(out, "  MUMPS        %s\n", MUMPS_VERSION);
#ifdef TALWEG_IPOPT
  fprintf(out, "  Ipopt        found: method ipopt\n");
#else
  fprintf(out, "  Ipopt        not found: no method ipopt\n");
#endif
#ifdef TALWEG_CBC
  fprintf(out, "  CBC          %s: method cbc\n", Cbc_getVersion());
#else
  fprintf(out, "  CBC          not found: no method cbc\n");
#endif
#ifdef TALWEG_GLPK
  fprintf(out, "  GLPK         %s\n", glp_version());
#else
  fprintf(out, "  GLPK         not found: no ranging\n");
#endif
  fprintf(out, "  zlib         %s\n", zlibVersion());
#ifdef TALWEG_SLEEF
  fprintf(out, "  SLEEF        %d.%d.%d\n", SLEEF_VERSION_MAJOR, SLEEF_VERSION_MINOR, SLEEF_VERSION_PATCHLEVEL);
#else
  fprintf(out, "  SLEEF        not found: the C library's functions are used\n");
#endif
#ifdef TALWEG_DNNL
  const dnnl_version_t *dnnl = dnnl_version();
  fprintf(out, "  oneDNN       %d.%d.%d\n", dnnl->major, dnnl->minor, dnnl->patch);
#else
  fprintf(out, "  oneDNN       not found: convolution in f32 is by matrix products\n");
#endif
#ifdef TALWEG_CAIRO
  fprintf(out, "  cairo        %s\n", cairo_version_string());
#else
  fprintf(out, "  cairo        not found: no plots\n");
#endif
}

static void print_processor(FILE *out) {
  const tw_cpu cpu = tw_cpu_features();
  fprintf(out, "  %d cores%s%s\n", tw_cores(), cpu.avx2 ? ", avx2 with fma" : "",
          cpu.avx512 ? ", avx512 (f, dq, vl, bw)" : "");
}

static int run(const void *fields, const tw_console *console) {
  (void)fields;
  fprintf(console->out, "talweg %s\n\nLibraries\n", TALWEG_VERSION);
  print_libraries(console->out);
  fputs("\nProcessor\n", console->out);
  print_processor(console->out);
  return TW_EXIT_SOLVED;
}

static const tw_argument arguments[] = {{.name = NULL}};

const tw_verb tw_verb_version = {.name = "version",
                                 .summary = "The version, the optional libraries found, the processor's features.",
                                 .arguments = arguments,
                                 .run = run};
