#ifndef HK_MATVEC_H
#define HK_MATVEC_H

#include "include/hone_kernels.h"

// The most rows that are multiplied without packing.
enum { HK_MATVEC_ROWS = 8 };

// out[r] = matrix row . x[r] for `rows` rows of x. x is packed: [depth / 32][rows][32], zeros at the
// end. `sums` holds the sums of each 32: [depth / 32][8] (used by the formats that store a minimum).
typedef void (*hk_dot_rows)(
    const void *matrix_row, const float *x, const float *sums, int64_t rows, int64_t depth,
    float *out);

typedef struct hk_matvec_kernel {
  hk_dot_rows f32, f16, bf16, q4_0, q4_1, q8_0;
  void (*pack_blocks)(
      const float *x, int64_t stride, int64_t rows, int64_t depth, float *blocks, float *sums);
} hk_matvec_kernel;

// The same with x in 16 bits: [depth / 32][rows][32], and for each 32 its scales, [depth / 32][8].
typedef void (*hk_dot_int16)(
    const void *matrix_row, const int16_t *x, const float *scales, const float *sums, int64_t rows,
    int64_t depth, float *out);
// NULL where there is none for the format or the machine.
hk_dot_int16 hk_dot_int16_for(hk_format format);
// One row of x with two rows of the matrix; for each 32 of x its scale and its sum. out[2].
typedef void (*hk_dot_two_int16)(
    const uint8_t *first, const uint8_t *second, const int16_t *x, const float *pairs,
    int64_t depth, float *out);
hk_dot_two_int16 hk_dot_two_int16_for(hk_format format);
// Depth is a multiple of 32.
void hk_pack_int16(
    const float *x, int64_t stride, int64_t rows, int64_t depth, int16_t *words, float *scales);

// The products of a few rows (at most HK_MATVEC_ROWS) with matrices stored by rows: each stored row
// is decoded once, in registers, and meets all rows of x.
void hk_matvec(
    hk_pool *pool, hk_compute compute, const float *x, int64_t stride, int64_t rows, int64_t depth,
    const hk_product *products, int count);

#endif
