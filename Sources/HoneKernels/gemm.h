#ifndef HK_GEMM_H
#define HK_GEMM_H

#include "include/hone_kernels.h"

// The parts of a product that depend on the instruction set.
//
// Packed operands are panels: `rows` rows of the left or `columns` columns of the right operand,
// side by side for each k: panel[k][rows]. With pairs = 2 an element is two consecutive k in bf16
// in 32 bits (the first in the low half), and a panel has half as many k. Missing rows, columns
// and the odd k are zeros.
typedef struct hk_gemm_kernel {
  int rows, columns;
  int pairs;  // k in a packed element: 1 (f32) or 2 (bf16)
  // One panel from up to `rows` rows of f32 data, all of depth.
  void (*pack_rows)(
      const float *rows, int64_t stride, int64_t count, int64_t depth, float scale, bool rounded,
      int width, void *panel);
  // k and k + 1 (null: zeros) of `count` columns into consecutive panels, `panel_elements` apart.
  void (*pack_columns)(
      const float *first, const float *second, int64_t count, float scale, bool rounded, int width,
      void *panel, int64_t panel_elements);
  // out[rows][columns] = or += the product of two panels over `depth` packed k.
  void (*tile)(
      int64_t depth, const void *left, const void *right, float *out, int64_t stride, int64_t rows,
      int64_t columns, bool accumulate);
} hk_gemm_kernel;

// The f32 parts for the instruction set in use; NULL for the plain C one.
const hk_gemm_kernel *hk_gemm_kernel_f32(void);

#endif
