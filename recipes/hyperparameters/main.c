/* hyperparameters: penalties chosen on held-out rows, by gradients through the fit. */
#include "hyperparameters.h"
#include "recipe.h"

int main(int argc, char **argv) {
  return recipe_of_models("hyperparameters", "penalties chosen on held-out rows, by gradients through the fit", hyperparameters_acceptance,
                          argc, argv);
}
