#include "gemm_int8.h"

#include "blocks_vnni.h"
#include "isa.h"
#include "matvec.h"

#if defined(__x86_64__)

// 8 x 32 sums of whole numbers, and as many floats that the blocks' products are added to: more rows
// would not stay in the registers.
enum { ROWS = 8, VECTORS = 2, COLUMNS = VECTORS * LANES, WORDS = 10 };

// MARK: The left operand

// Eight vectors of eight lanes, transposed: each round turns the bits of (vector, lane) by one.
INLINE void turn_eight(__m256i *v) {
#pragma clang loop unroll(full)
  for (int round = 0; round < 3; round++) {
    __m256i next[8];
#pragma clang loop unroll(full)
    for (int i = 0; i < 4; i++) {
      __m256i low = _mm256_unpacklo_epi32(v[i], v[i + 4]), high = _mm256_unpackhi_epi32(v[i], v[i + 4]);
      next[2 * i] = _mm256_permute2x128_si256(low, high, 0x20);
      next[2 * i + 1] = _mm256_permute2x128_si256(low, high, 0x31);
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < 8; i++) v[i] = next[i];
  }
}

TARGET static void pack_left(
    const float *rows, int64_t stride, int64_t count, int64_t depth, float scale, bool rounded,
    int width, void *panel) {
  (void)rounded, (void)width;
  float *out = panel;
  for (int64_t k = 0; k < depth; k += 32, out += WORDS * ROWS) {
    __m512 first[ROWS], second[ROWS];
    __m256i words[ROWS];
    unsigned bad = 0;
#pragma clang loop unroll(full)
    for (int r = 0; r < ROWS; r++) {
      first[r] = second[r] = _mm512_setzero_ps();
      if (r < count) {
        first[r] = _mm512_loadu_ps(rows + r * stride + k);
        second[r] = _mm512_loadu_ps(rows + r * stride + k + 16);
      }
      // NaNs and infinities.
      unsigned is_bad = _mm512_fpclass_ps_mask(first[r], 0x99) | _mm512_fpclass_ps_mask(second[r], 0x99);
      bad |= (unsigned)(is_bad != 0) << r;
      __m512 size = _mm512_max_ps(_mm512_abs_ps(first[r]), _mm512_abs_ps(second[r]));
      words[r] = (__m256i)_mm256_max_ps(_mm512_castps512_ps256(size), _mm512_extractf32x8_ps(size, 1));
    }
    turn_eight(words);
    __m256 largest = (__m256)words[0];
#pragma clang loop unroll(full)
    for (int i = 1; i < 8; i++) largest = _mm256_max_ps(largest, (__m256)words[i]);
    // Below this the inverse would not be finite: such numbers count as 0.
    __mmask8 some = _mm256_cmp_ps_mask(largest, _mm256_set1_ps(1e-30f), _CMP_GT_OQ) & (__mmask8)~bad;
    float inverses[ROWS];
    _mm256_storeu_ps(inverses, _mm256_maskz_div_ps(some, _mm256_set1_ps(127), largest));
    __m256 scales = _mm256_maskz_mul_ps(some, largest, _mm256_set1_ps(scale / 127));
    // Not a number where one of them is not finite, so that the product shows it.
    scales = _mm256_mask_mov_ps(scales, (__mmask8)bad, _mm256_set1_ps(__builtin_nanf("")));
#pragma clang loop unroll(full)
    for (int r = 0; r < ROWS; r++) {
      __m512 inverse = _mm512_set1_ps(inverses[r]);
      __m512i a = _mm512_cvtps_epi32(_mm512_mul_ps(first[r], inverse));
      __m512i b = _mm512_cvtps_epi32(_mm512_mul_ps(second[r], inverse));
      words[r] = _mm256_set_m128i(_mm512_cvtsepi32_epi8(b), _mm512_cvtsepi32_epi8(a));
    }
    turn_eight(words);
    __m256i sums = _mm256_setzero_si256();
#pragma clang loop unroll(full)
    for (int i = 0; i < 8; i++) {
      sums = _mm256_dpbusd_epi32(sums, _mm256_set1_epi8(1), words[i]);
      _mm256_storeu_si256((__m256i *)(out + i * ROWS), words[i]);
    }
    _mm256_storeu_ps(out + 8 * ROWS, scales);
    _mm256_storeu_ps(out + 9 * ROWS, _mm256_mul_ps(scales, _mm256_cvtepi32_ps(sums)));
  }
}

// MARK: The right operand

INLINE float *put(const __m512i *q, __m512 scale, __m512 offset, float *out) {
#pragma clang loop unroll(full)
  for (int i = 0; i < 8; i++) _mm512_storeu_si512(out + i * COLUMNS, q[i]);
  _mm512_storeu_ps(out + 8 * COLUMNS, scale);
  _mm512_storeu_ps(out + 9 * COLUMNS, offset);
  return out + WORDS * COLUMNS;
}

PACK_STORED(TARGET, pack, put)

static bool pack_right(
    hk_format format, const uint8_t *rows, int64_t row_bytes, int64_t count, int64_t depth,
    void *scratch, void *panel) {
  return pack_panel(pack_for(format), format, rows, row_bytes, count, depth, scratch, panel, LANES);
}

// MARK: The tile

INLINE void tile_rows(
    const hk_part *parts, int count, float *out, int64_t stride, int rows, bool accumulate) {
  __m512 totals[ROWS][VECTORS];
#pragma clang loop unroll(full)
  for (int i = 0; i < rows; i++)
#pragma clang loop unroll(full)
    for (int j = 0; j < VECTORS; j++)
      totals[i][j] =
          accumulate ? _mm512_loadu_ps(out + i * stride + j * LANES) : _mm512_setzero_ps();
#pragma clang loop unroll(disable)
  for (const hk_part *part = parts; part < parts + count; part++) {
    const float *left = part->left, *right = part->right;
#pragma clang loop unroll(disable)
    for (int64_t unit = 0; unit < part->units; unit++) {
      __m512i sums[ROWS][VECTORS];
#pragma clang loop unroll(full)
      for (int i = 0; i < rows; i++)
#pragma clang loop unroll(full)
        for (int j = 0; j < VECTORS; j++) sums[i][j] = _mm512_setzero_si512();
#pragma clang loop unroll(disable)
      for (int k = 0; k < 8; k++) {
        __m512i r[VECTORS];
#pragma clang loop unroll(full)
        for (int j = 0; j < VECTORS; j++) r[j] = _mm512_loadu_si512(right + j * LANES);
#pragma clang loop unroll(full)
        for (int i = 0; i < rows; i++) {
          __m512i l = (__m512i)_mm512_set1_ps(left[i]);
#pragma clang loop unroll(full)
          for (int j = 0; j < VECTORS; j++) sums[i][j] = _mm512_dpbusd_epi32(sums[i][j], r[j], l);
        }
        left += ROWS;
        right += COLUMNS;
      }
#pragma clang loop unroll(full)
      for (int i = 0; i < rows; i++) {
        __m512 scale = _mm512_set1_ps(left[i]), sum = _mm512_set1_ps(left[ROWS + i]);
#pragma clang loop unroll(full)
        for (int j = 0; j < VECTORS; j++) {
          __m512 unit_scale = _mm512_mul_ps(scale, _mm512_loadu_ps(right + j * LANES));
          __m512 offset = _mm512_loadu_ps(right + COLUMNS + j * LANES);
          totals[i][j] = _mm512_fmadd_ps(
              _mm512_cvtepi32_ps(sums[i][j]), unit_scale, _mm512_fmadd_ps(sum, offset, totals[i][j]));
        }
      }
      left += 2 * ROWS;
      right += 2 * COLUMNS;
    }
  }
#pragma clang loop unroll(full)
  for (int i = 0; i < rows; i++)
#pragma clang loop unroll(full)
    for (int j = 0; j < VECTORS; j++) _mm512_storeu_ps(out + i * stride + j * LANES, totals[i][j]);
}

// A tile that lacks columns is computed aside and its valid part copied.
TARGET static void tile(
    const hk_part *parts, int count, float *out, int64_t stride, int64_t rows, int64_t columns,
    bool accumulate) {
  float aside[ROWS * COLUMNS];
  bool whole = columns == COLUMNS;
  float *p = whole ? out : aside;
  int64_t s = whole ? stride : COLUMNS;
  bool adds = accumulate && whole;
  switch (rows) {
  case 1: tile_rows(parts, count, p, s, 1, adds); break;
  case 2: tile_rows(parts, count, p, s, 2, adds); break;
  case 3: tile_rows(parts, count, p, s, 3, adds); break;
  case 4: tile_rows(parts, count, p, s, 4, adds); break;
  case 5: tile_rows(parts, count, p, s, 5, adds); break;
  case 6: tile_rows(parts, count, p, s, 6, adds); break;
  case 7: tile_rows(parts, count, p, s, 7, adds); break;
  case 8: tile_rows(parts, count, p, s, 8, adds); break;
  }
  if (whole) return;
  for (int64_t i = 0; i < rows; i++)
    for (int64_t j = 0; j < columns; j++)
      out[i * stride + j] = (accumulate ? out[i * stride + j] : 0) + aside[i * COLUMNS + j];
}

const hk_gemm_kernel hk_gemm_kernel_int8 = {
    .rows = ROWS,
    .columns = COLUMNS,
    .unit = 32,
    .words = WORDS,
    .block_units = 24,
    .left_rows = pack_left,
    .right_blocks = pack_right,
    .tile = tile,
};

// The bf16 products of AMX's tiles are faster.
bool hk_gemm_int8_available(void) {
  hk_isa isa = hk_isa_current();
  return (isa == HK_ISA_AVX512 || isa == HK_ISA_AVX512BF16) && hk_dot_sixteen_available();
}

bool hk_gemm_int8_takes(const hk_products *products) {
  if (!hk_gemm_int8_available()) return false;
  for (int32_t t = 0; t < products->term_count; t++) {
    const hk_term *term = &products->terms[t];
    const hk_left *left = &products->lefts[term->left];
    if (term->by_columns || left->transposed || !pack_for(term->format) ||
        left->depth % hk_format_block_elements(term->format) != 0)
      return false;
  }
  return products->term_count > 0;
}

TARGET double hk_multiply_add_int8(int64_t turns) {
  __m512i a = _mm512_set1_epi8(3), b = _mm512_set1_epi8(2), sums[12];
  for (int i = 0; i < 12; i++) sums[i] = _mm512_setzero_si512();
  for (int64_t turn = 0; turn < turns; turn++)
#pragma clang loop unroll(full)
    for (int i = 0; i < 12; i++) __asm__ volatile("vpdpbusd %2, %1, %0" : "+v"(sums[i]) : "v"(a), "v"(b));
  return (double)turns * 12 * 128;
}

#else

const hk_gemm_kernel hk_gemm_kernel_int8 = {0};
bool hk_gemm_int8_available(void) { return false; }
bool hk_gemm_int8_takes(const hk_products *products) {
  (void)products;
  return false;
}
double hk_multiply_add_int8(int64_t turns) {
  (void)turns;
  return 0;
}

#endif
