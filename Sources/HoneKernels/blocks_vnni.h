#ifndef HK_BLOCKS_VNNI_H
#define HK_BLOCKS_VNNI_H

#if defined(__x86_64__)

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#include "include/hone_kernels.h"

// Stored blocks of sixteen neighbouring rows of a matrix, turned as they are read: a lane is a row, its
// four bytes consecutive numbers of the row, as VNNI multiplies them.

#define TARGET \
  __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma,f16c,bmi2")))
#define INLINE static inline __attribute__((always_inline)) TARGET

enum { LANES = 16 };

// Sixteen bytes of each of sixteen rows: lane r of turned[i] holds bytes 4i to 4i + 3 of row r.
INLINE void turn(const uint8_t *p, int64_t row_bytes, __m512i *turned) {
  __m512i z[4];
#pragma clang loop unroll(full)
  for (int i = 0; i < 4; i++) {
    const uint8_t *row = p + i * row_bytes;
    z[i] = _mm512_castsi128_si512(_mm_loadu_si128((const __m128i *)row));
    z[i] = _mm512_inserti32x4(z[i], _mm_loadu_si128((const __m128i *)(row + 4 * row_bytes)), 1);
    z[i] = _mm512_inserti32x4(z[i], _mm_loadu_si128((const __m128i *)(row + 8 * row_bytes)), 2);
    z[i] = _mm512_inserti32x4(z[i], _mm_loadu_si128((const __m128i *)(row + 12 * row_bytes)), 3);
  }
  __m512i low = _mm512_unpacklo_epi32(z[0], z[1]), other_low = _mm512_unpacklo_epi32(z[2], z[3]);
  __m512i high = _mm512_unpackhi_epi32(z[0], z[1]), other_high = _mm512_unpackhi_epi32(z[2], z[3]);
  turned[0] = _mm512_unpacklo_epi64(low, other_low);
  turned[1] = _mm512_unpackhi_epi64(low, other_low);
  turned[2] = _mm512_unpacklo_epi64(high, other_high);
  turned[3] = _mm512_unpackhi_epi64(high, other_high);
}

INLINE int32_t word_at(const uint8_t *p) {
  int32_t word;
  memcpy(&word, p, 4);
  return word;
}

// Four bytes of each of sixteen rows, a lane each; a gather of them takes longer than these loads.
INLINE __m512i words(const uint8_t *p, int64_t row_bytes) {
  __m128i four[4];
#pragma clang loop unroll(full)
  for (int i = 0; i < 4; i++) {
    const uint8_t *row = p + 4 * i * row_bytes;
    four[i] = _mm_cvtsi32_si128(word_at(row));
    four[i] = _mm_insert_epi32(four[i], word_at(row + row_bytes), 1);
    four[i] = _mm_insert_epi32(four[i], word_at(row + 2 * row_bytes), 2);
    four[i] = _mm_insert_epi32(four[i], word_at(row + 3 * row_bytes), 3);
  }
  return _mm512_inserti64x4(
      _mm512_castsi256_si512(_mm256_set_m128i(four[1], four[0])), _mm256_set_m128i(four[3], four[2]), 1);
}

// The lower four bits of each byte, then the upper ones.
INLINE void apart(const __m512i *both, __m512i *q) {
  const __m512i mask = _mm512_set1_epi8(15);
#pragma clang loop unroll(full)
  for (int i = 0; i < 4; i++) {
    q[i] = _mm512_and_si512(both[i], mask);
    q[4 + i] = _mm512_and_si512(_mm512_srli_epi32(both[i], 4), mask);
  }
}

// A block's 32 numbers as unsigned bytes, four of each row in a vector, in the order of x.
INLINE void nibbles(const uint8_t *bytes, int64_t row_bytes, __m512i *q) {
  __m512i both[4];
  turn(bytes, row_bytes, both);
  apart(both, q);
}
INLINE void decode_q4_0(const uint8_t *block, int64_t row_bytes, __m512i *q) {
  nibbles(block + 2, row_bytes, q);
}
// A fifth bit of each number, in a word of each row: bit i belongs to number i.
INLINE void fifth_bits(const uint8_t *word, int64_t row_bytes, __m512i *q) {
  __m512i bits = words(word, row_bytes);
#pragma clang loop unroll(full)
  for (int i = 0; i < 8; i++) {
    // The byte with this vector's four bits, in all four bytes of a lane.
    __m512i same = _mm512_shuffle_epi8(
        bits, _mm512_add_epi8(
                  _mm512_set4_epi32(0x0c0c0c0c, 0x08080808, 0x04040404, 0), _mm512_set1_epi8(i / 2)));
    __mmask64 set = _mm512_test_epi8_mask(same, _mm512_set1_epi32(i % 2 ? (int)0x80402010 : 0x08040201));
    q[i] = _mm512_mask_add_epi8(q[i], set, q[i], _mm512_set1_epi8(16));
  }
}
INLINE void decode_q5_0(const uint8_t *block, int64_t row_bytes, __m512i *q) {
  nibbles(block + 6, row_bytes, q);
  fifth_bits(block + 2, row_bytes, q);
}
INLINE void decode_q5_1(const uint8_t *block, int64_t row_bytes, __m512i *q) {
  nibbles(block + 8, row_bytes, q);
  fifth_bits(block + 4, row_bytes, q);
}
INLINE void decode_q8_0(const uint8_t *block, int64_t row_bytes, __m512i *q) {
  turn(block + 2, row_bytes, q);
  turn(block + 18, row_bytes, q + 4);
#pragma clang loop unroll(full)
  for (int i = 0; i < 8; i++) q[i] = _mm512_xor_si512(q[i], _mm512_set1_epi8((char)0x80));
}

// Two f16 in each lane, as f32.
INLINE void halves(__m512i both, __m512 *first, __m512 *second) {
  const __m512i apart = _mm512_set_epi16(
      31, 29, 27, 25, 23, 21, 19, 17, 15, 13, 11, 9, 7, 5, 3, 1, 30, 28, 26, 24, 22, 20, 18, 16, 14, 12,
      10, 8, 6, 4, 2, 0);
  both = _mm512_permutexvar_epi16(apart, both);
  *first = _mm512_cvtph_ps(_mm512_castsi512_si256(both));
  *second = _mm512_cvtph_ps(_mm512_extracti64x4_epi64(both, 1));
}

// A byte of each lane, from the `byte`th on, as f32.
INLINE __m512 byte_as_float(__m512i four, int byte) {
  __m512i one = _mm512_srl_epi32(four, _mm_cvtsi32_si128(8 * byte));
  return _mm512_cvtepi32_ps(_mm512_and_si512(one, _mm512_set1_epi32(255)));
}

// The scales and minimums of the eight blocks of 32 of a Q4_K block: 6 bits times one f16 of all.
INLINE void scales_q4_k(
    const uint8_t *block, int64_t row_bytes, __m512 *block_scales, __m512 *block_minimums) {
  const __m512i low = _mm512_set1_epi8(15), six = _mm512_set1_epi8(63), top = _mm512_set1_epi8(48);
  __m512i start[4];
  turn(block, row_bytes, start);
  __m512 unit, minimum_unit;
  halves(start[0], &unit, &minimum_unit);
  __m512i scales[2], minimums[2];
  scales[0] = _mm512_and_si512(start[1], six);
  minimums[0] = _mm512_and_si512(start[2], six);
  scales[1] = _mm512_or_si512(
      _mm512_and_si512(start[3], low), _mm512_and_si512(_mm512_srli_epi32(start[1], 2), top));
  minimums[1] = _mm512_or_si512(
      _mm512_and_si512(_mm512_srli_epi32(start[3], 4), low),
      _mm512_and_si512(_mm512_srli_epi32(start[2], 2), top));
#pragma clang loop unroll(full)
  for (int i = 0; i < 8; i++) {
    block_scales[i] = _mm512_mul_ps(unit, byte_as_float(scales[i / 4], i % 4));
    block_minimums[i] = _mm512_mul_ps(minimum_unit, byte_as_float(minimums[i / 4], i % 4));
  }
}
// Two of its blocks, which share their bytes.
INLINE void nibbles_q4_k(const uint8_t *bytes, int64_t row_bytes, __m512i *q) {
  const __m512i low = _mm512_set1_epi8(15);
  __m512i both[8];
  turn(bytes, row_bytes, both);
  turn(bytes + 16, row_bytes, both + 4);
#pragma clang loop unroll(full)
  for (int i = 0; i < 8; i++) {
    q[i] = _mm512_and_si512(both[i], low);
    q[8 + i] = _mm512_and_si512(_mm512_srli_epi32(both[i], 4), low);
  }
}

// MARK: Packing

// Sixteen rows' blocks of 32, one after another: put(q, scale, offset, out) takes what is stored of them,
// whole numbers as q is above, and what makes the numbers of it: scale * q + offset. It returns where the
// next ones go.
#define PACK_SIXTEEN(target, name, put, bytes, decode, has_minimum, minus)                        \
  target static void name(const uint8_t *matrix, int64_t row_bytes, int64_t depth, float *out) {  \
    for (int64_t k = 0; k < depth; k += 32, matrix += bytes) {                                    \
      __m512i q[8];                                                                               \
      decode(matrix, row_bytes, q);                                                               \
      __m512 scale, minimum;                                                                      \
      halves(words(matrix, row_bytes), &scale, &minimum);                                         \
      if (!has_minimum) minimum = _mm512_mul_ps(scale, _mm512_set1_ps(-minus));                   \
      out = put(q, scale, minimum, out);                                                          \
    }                                                                                             \
  }
#define PACK_SIXTEEN_Q4_K(target, name, put)                                                      \
  target static void name(const uint8_t *matrix, int64_t row_bytes, int64_t depth, float *out) {  \
    for (int64_t k = 0; k < depth; k += 256, matrix += 144) {                                     \
      __m512 scales[8], minimums[8];                                                              \
      scales_q4_k(matrix, row_bytes, scales, minimums);                                           \
      _Pragma("clang loop unroll(disable)") for (int pair = 0; pair < 4; pair++) {                \
        __m512i q[16];                                                                            \
        nibbles_q4_k(matrix + 16 + 32 * pair, row_bytes, q);                                      \
        for (int half = 0; half < 2; half++)                                                      \
          out = put(                                                                              \
              q + 8 * half, scales[2 * pair + half],                                              \
              _mm512_sub_ps(_mm512_setzero_ps(), minimums[2 * pair + half]), out);                \
      }                                                                                           \
    }                                                                                             \
  }

INLINE void decode_q4_1(const uint8_t *block, int64_t row_bytes, __m512i *q) {
  nibbles(block + 4, row_bytes, q);
}

// Sixteen rows of so much depth.
typedef void (*stored_packer)(const uint8_t *matrix, int64_t row_bytes, int64_t depth, float *out);

// Every format that can be packed so, and name_for(format): the function for one, NULL for others.
#define PACK_STORED(target, name, put)                                   \
  PACK_SIXTEEN(target, name##_q4_0, put, 18, decode_q4_0, false, 8)      \
  PACK_SIXTEEN(target, name##_q4_1, put, 20, decode_q4_1, true, 0)       \
  PACK_SIXTEEN(target, name##_q5_0, put, 22, decode_q5_0, false, 16)     \
  PACK_SIXTEEN(target, name##_q5_1, put, 24, decode_q5_1, true, 0)       \
  PACK_SIXTEEN(target, name##_q8_0, put, 34, decode_q8_0, false, 128)    \
  PACK_SIXTEEN_Q4_K(target, name##_q4_k, put)                            \
  static stored_packer name##_for(hk_format format) {                    \
    switch (format) {                                                    \
    case HK_Q4_0: return name##_q4_0;                                    \
    case HK_Q4_1: return name##_q4_1;                                    \
    case HK_Q5_0: return name##_q5_0;                                    \
    case HK_Q5_1: return name##_q5_1;                                    \
    case HK_Q8_0: return name##_q8_0;                                    \
    case HK_Q4_K: return name##_q4_k;                                    \
    default: return NULL;                                                \
    }                                                                    \
  }

// A panel of `count` rows, twice sixteen or fewer, whose second sixteen stand `apart` words after the first;
// false where they are not stored in whole blocks that can be packed so.
static inline bool pack_panel(
    stored_packer pack, hk_format format, const uint8_t *rows, int64_t row_bytes, int64_t count,
    int64_t depth, void *scratch, float *out, int64_t apart) {
  if (!pack || depth % hk_format_block_elements(format) != 0) return false;
  int64_t used = depth / hk_format_block_elements(format) * hk_format_block_bytes(format);
  for (int64_t i = 0; i < 2 * LANES; i += LANES, out += apart) {
    const uint8_t *from = rows + i * row_bytes;
    int64_t bytes = row_bytes, live = count - i;
    if (live < LANES) {
      // Sixteen rows are read at once, so missing ones have to be there.
      memset(scratch, 0, (size_t)(LANES * used));
      for (int64_t row = 0; row < live; row++)
        memcpy((uint8_t *)scratch + row * used, from + row * row_bytes, (size_t)used);
      from = scratch;
      bytes = used;
    }
    pack(from, bytes, depth, out);
  }
  return true;
}

#endif

#endif
