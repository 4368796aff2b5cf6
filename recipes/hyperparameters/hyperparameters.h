/* hyperparameters: penalties of ridge, lasso, logistic regression and support vector machines by gradients through the fit. */
#ifndef HYPERPARAMETERS_H
#define HYPERPARAMETERS_H

#include "precision.h"
#include "svm.h"
#include "tuning.h"

tw_status hyperparameters_acceptance(FILE *out, const char *plot, tw_error *error);

#endif
