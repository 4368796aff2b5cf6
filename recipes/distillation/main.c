/* distillation: images to train a classifier of digits on. */
#include "distillation.h"
#include "recipe.h"

int main(int argc, char **argv) {
  return recipe_of_models("distillation", "images to train a classifier of digits on", distillation_acceptance, argc, argv);
}
