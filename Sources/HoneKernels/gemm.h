#ifndef HK_GEMM_H
#define HK_GEMM_H

#include "include/hone_kernels.h"

// The parts of a product that depend on the instruction set and on how operands are rounded.
//
// Packed operands are panels: `rows` rows of the left or `columns` columns of the right operand, side
// by side: panel[unit][word][row or column], where a unit is so many consecutive k:
//   f32    a unit is one k, its word the number
//   bf16   a unit is two k, its word both in bf16, the first in the low half
//   int16  a unit is 32 k of one row or column with a scale of their own: 16 words of two integers
//          each, then the scale as f32. The integers go to 8191, so that the sum of 32 products
//          fits 32 bits: ten times as exact as bf16.
// Missing rows, columns and k are zeros.
typedef struct hk_gemm_kernel {
  int rows, columns;
  int unit, words;
  // One panel of up to `width` rows of f32 data, all of depth.
  void (*pack_rows)(
      const float *rows, int64_t stride, int64_t count, int64_t depth, float scale, bool rounded,
      int width, void *panel);
  // `depth` rows of data (for int16 at most 32), each with one number for each of `count` columns, into
  // consecutive panels, `panel_words` apart, from a unit's start.
  void (*pack_columns)(
      const float *rows, int64_t stride, int64_t depth, int64_t count, float scale, bool rounded,
      int width, void *panel, int64_t panel_words);
  // out[rows][columns] = or += the product of two panels over so many units.
  void (*tile)(
      int64_t units, const void *left, const void *right, float *out, int64_t stride, int64_t rows,
      int64_t columns, bool accumulate);
} hk_gemm_kernel;

// The f32 parts for the instruction set in use; NULL for the plain C one.
const hk_gemm_kernel *hk_gemm_kernel_f32(void);

#endif
