/* Flat problems of linear and quadratic terms written as free MPS files. */
#ifndef TALWEG_MODEL_MPS_WRITE_H
#define TALWEG_MODEL_MPS_WRITE_H

#include "model/flat.h"

/* Appends the file. Rows without limits are left out; names with blanks, or given twice, become x1, c1 and so on. */
tw_status tw_mps_write(const tw_flat *flat, tw_text *out, tw_error *error);

#endif
