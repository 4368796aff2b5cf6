/* sparse-coding: dictionaries learned for the task behind their sparse codes. */
#include "sparse-coding.h"
#include "recipe.h"

int main(int argc, char **argv) {
  return recipe_of_models("sparse-coding", "dictionaries learned for the task behind their sparse codes", sparse_coding_acceptance, argc, argv);
}
