#ifndef HK_MATVEC_H
#define HK_MATVEC_H

#include "include/hone_kernels.h"

// The most rows that are multiplied without packing, and the most products at a time.
enum { HK_MATVEC_ROWS = 8, HK_MATVEC_PRODUCTS = 8 };

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

// Neighbouring rows of a matrix with x in 16 bits, which has a scale and a sum for each 32 of a row of
// x. NULL where the format or the machine has no such kernel. Depth is a multiple of 32. A row of x
// gets the same bits from both kernels.
typedef void (*hk_dot_int16)(
    const uint8_t *matrix, int64_t row_bytes, const int16_t *words, const float *factors,
    int64_t depth, float *out);
// Eight rows of the matrix, one of x: words [depth], factors [depth / 32][scale, sum], out [8].
hk_dot_int16 hk_dot_eight_int16_for(hk_format format);
// Two rows of the matrix, two to eight of x: words [depth / 2][8][2], factors [depth / 32][scale,
// sum][8], out [2][8].
hk_dot_int16 hk_dot_lanes_int16_for(hk_format format);
// Writes words and factors of that many rows.
void hk_pack_int16(
    const float *x, int64_t stride, int64_t rows, int64_t depth, int16_t *words, float *factors);

// Sixteen neighbouring rows of a matrix with one to eight of x, which is in bytes and has four factors
// for each 32 of a row. NULL where the format has no such kernel. Depth is a multiple of 32. A row of
// x gets the same bits whatever is beside it. bytes [depth / 32][rows][upper 32, lower 32], factors
// [depth / 32][rows][scale, sum, sums of the whole numbers of both halves as int32], out [rows][16].
typedef void (*hk_dot_sixteen)(
    const uint8_t *matrix, int64_t row_bytes, const int8_t *bytes, const float *factors, int64_t rows,
    int64_t depth, float *out);
hk_dot_sixteen hk_dot_sixteen_for(hk_format format);
bool hk_dot_sixteen_available(void);
// Writes bytes and factors of that many rows.
void hk_pack_bytes(
    const float *x, int64_t stride, int64_t rows, int64_t depth, int8_t *bytes, float *factors);

// The products of a few rows (at most HK_MATVEC_ROWS) with matrices stored by rows: each stored row
// is decoded once, in registers, and meets all rows of x.
void hk_matvec(
    hk_pool *pool, hk_compute compute, const float *x, int64_t stride, int64_t rows, int64_t depth,
    const hk_product *products, const hk_term *terms, int count);

#endif
