/* equilibrium: a deep equilibrium model of digits. */
#include "equilibrium.h"
#include "recipe.h"

int main(int argc, char **argv) {
  return recipe_of_models("equilibrium", "a deep equilibrium model of digits", equilibrium_acceptance, argc, argv);
}
