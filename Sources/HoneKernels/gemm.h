#ifndef HK_GEMM_H
#define HK_GEMM_H

#include "include/hone_kernels.h"

// The parts of a product that depend on the instruction set and on how operands are rounded.
//
// Packed operands are panels: `rows` rows of the left or `columns` columns of the right operand, side
// by side: panel[unit][word][row or column], where a unit is so many consecutive k (gemm_amx.h and
// gemm_int8.h have orders of their own):
//   f32    a unit is one k, its word the number
//   bf16   a unit is two k, its word both in bf16, the first in the low half
//   int16  a unit is 32 k of one row or column with a scale of their own: 16 words of two integers
//          each, then the scale as f32. The integers go to 8191, so that the sum of 32 products
//          fits 32 bits: ten times as exact as bf16.
// Missing rows, columns and k are zeros.
typedef void (*hk_pack_rows)(
    const float *rows, int64_t stride, int64_t count, int64_t depth, float scale, bool rounded,
    int width, void *panel);
typedef void (*hk_pack_columns)(
    const float *rows, int64_t stride, int64_t depth, int64_t count, float scale, bool rounded,
    int width, void *panel, int64_t panel_words);

// A stretch of two panels over so many units.
typedef struct hk_part {
  const void *left, *right;
  int64_t units;
} hk_part;

typedef struct hk_gemm_kernel {
  int rows, columns;
  int unit, words;
  // Units in a block of the inner product: what a tile reads of one block stays in the first-level
  // cache, or is read so quickly from the second that writing sums more often costs more.
  int block_units;
  // One panel of up to `width` rows of f32 data, all of depth.
  hk_pack_rows left_rows, right_rows;
  // `depth` rows of data (for int16 and tiles at most 32), each with one number for each of `count`
  // columns, into consecutive panels, `panel_words` apart, from a unit's start.
  hk_pack_columns left_columns, right_columns;
  // out[rows][columns] = or += the products of two panels, summed over the parts.
  void (*tile)(
      const hk_part *parts, int count, float *out, int64_t stride, int64_t rows, int64_t columns,
      bool accumulate);
  // Around the tiles of a piece of work; may be null.
  void (*begin)(void);
  void (*end)(void);
  // Where it is set, it is asked first for a right operand's panel of `count` stored rows, all of depth:
  // it packs what is stored, with no numbers in f32 between. False where it cannot, and nothing is
  // written. The scratch holds a panel's numbers in f32.
  bool (*right_blocks)(
      hk_format format, const uint8_t *rows, int64_t row_bytes, int64_t count, int64_t depth,
      void *scratch, void *panel);
} hk_gemm_kernel;

// The parts for the instruction set in use whose operands are not integers; NULL for the plain C one.
// Where the machine has no fast bf16 products, nothing is rounded.
const hk_gemm_kernel *hk_gemm_kernel_for_attention(hk_compute compute);

static inline int64_t hk_units(const hk_gemm_kernel *kernel, int64_t depth) {
  return (depth + kernel->unit - 1) / kernel->unit;
}
// Words of a panel of so many rows or columns.
static inline int64_t hk_panel_words(const hk_gemm_kernel *kernel, int width, int64_t depth) {
  return hk_units(kernel, depth) * kernel->words * width;
}

#endif
