#ifndef HONE_CATALOG_H
#define HONE_CATALOG_H

#include <stddef.h>

// The files that are part of the program: recipes, and the example that `hone quickstart` runs.
typedef struct hone_catalog_file {
  const char *path;  // from the folder of this target: "Catalog/lora.yaml"
  const unsigned char *bytes;
  size_t count;
} hone_catalog_file;

// The file of that path; NULL where there is none.
const hone_catalog_file *hone_catalog_find(const char *path);

#endif
