/* sparse-coding: dictionaries learned for the task behind their sparse codes. */
#include "recipe.h"
#include "sparse-coding.h"

int main(int argc, char **argv) {
  return recipe_of_models("sparse-coding", "dictionaries learned for the task behind their sparse codes", sparse_coding_acceptance, argc,
                          argv);
}
