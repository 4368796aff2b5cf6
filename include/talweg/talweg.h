/* talweg: everything. Each room has a header of its own; this includes them all. */
#ifndef TALWEG_TALWEG_H
#define TALWEG_TALWEG_H

#include <talweg/loss.h>
#include <talweg/model.h>

#endif
