/* soft-spheres: soft spheres at rest and how they move with their size. */
#include "recipe.h"
#include "soft-spheres.h"

int main(int argc, char **argv) {
  return recipe_of_models("soft-spheres", "soft spheres at rest and how they move with their size", soft_spheres_acceptance, argc, argv);
}
