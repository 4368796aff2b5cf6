/* nmf: non-negative factorizations and derivatives through them. */
#include "nmf.h"
#include "recipe.h"

int main(int argc, char **argv) {
  return recipe_of_models("nmf", "non-negative factorizations and derivatives through them", nmf_acceptance, argc, argv);
}
