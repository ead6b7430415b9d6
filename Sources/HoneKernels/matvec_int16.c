#include "matvec.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <string.h>

// Products of a few rows with blocks of small integers, in integers: x goes to 16 bits with a scale
// for each 32, which loses about as little as f32 sums do, and a block of 32 takes half the
// instructions that conversion to f32 takes. 256-bit vectors, also on machines with wider ones.

#define TARGET __attribute__((target("avx2,fma,f16c")))
#define INLINE static inline __attribute__((always_inline)) TARGET

// The f16 at p and the one after it as f32, in the lowest two lanes.
INLINE __m128 two_f16(const uint8_t *p) {
  __m128 four = _mm_cvtph_ps(_mm_loadl_epi64((const __m128i *)p));
  __asm__("" : "+x"(four));
  return four;
}

INLINE float sum_of_8(__m256 a) {
  __m128 four = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

// The hardware's prefetcher stops at each page of 4 KB, so what is needed in 3 KB is asked for now.
enum { AHEAD = 3072 };

// The 32 integers of a block as two vectors of 16 bits. The compiler must not widen each half by
// itself: widening costs two instructions.
INLINE void nibbles(const uint8_t *bytes, __m256i *q) {
  __m256i both = _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)bytes));
  __asm__("" : "+x"(both));
  q[0] = _mm256_and_si256(both, _mm256_set1_epi16(15));
  q[1] = _mm256_srli_epi16(both, 4);
}
INLINE void decode_q4_0(const uint8_t *block, __m256i *q) { nibbles(block + 2, q); }
INLINE void decode_q4_1(const uint8_t *block, __m256i *q) { nibbles(block + 4, q); }
INLINE void decode_q8_0(const uint8_t *block, __m256i *q) {
  q[0] = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(block + 2)));
  q[1] = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(block + 18)));
}

// As HK_DOT_BLOCKS in matvec_body.h, with x packed as [depth / 32][rows][32] of 16 bits and for each
// 32 its scales [8] and sums [8].
#define DOT_BLOCKS(name, bytes, decode, has_minimum, minus)                                   \
  INLINE void name##_rows(                                                                    \
      const uint8_t *block, const int16_t *x, const float *scales, const float *sums, int rows, \
      int64_t depth, float *out) {                                                            \
    __m256 total[8], minimums = _mm256_setzero_ps();                                          \
    _Pragma("clang loop unroll(full)") for (int r = 0; r < rows; r++)                         \
      total[r] = _mm256_setzero_ps();                                                         \
    for (int64_t k = 0; k < depth; k += 32, block += bytes, x += 32 * rows, scales += 8) {    \
      __m256i q[2];                                                                           \
      _mm_prefetch((const char *)block + AHEAD, _MM_HINT_T0);                                 \
      decode(block, q);                                                                       \
      __m128 stored = two_f16(block);                                                         \
      __m256 scale = _mm256_broadcastss_ps(stored);                                           \
      float shares[8];                                                                        \
      if (rows > 1) _mm256_storeu_ps(shares, _mm256_mul_ps(scale, _mm256_loadu_ps(scales)));  \
      _Pragma("clang loop unroll(full)") for (int r = 0; r < rows; r++) {                     \
        __m256i sum = _mm256_add_epi32(                                                       \
            _mm256_madd_epi16(q[0], _mm256_loadu_si256((const __m256i *)(x + 32 * r))),       \
            _mm256_madd_epi16(q[1], _mm256_loadu_si256((const __m256i *)(x + 32 * r + 16)))); \
        __m256 share = rows > 1 ? _mm256_broadcast_ss(shares + r)                             \
                                : _mm256_mul_ps(scale, _mm256_broadcast_ss(scales));          \
        total[r] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(sum), share, total[r]);                 \
      }                                                                                       \
      if (has_minimum) {                                                                      \
        __m256 minimum = _mm256_broadcastss_ps(_mm_movehdup_ps(stored));                      \
        minimums = _mm256_fmadd_ps(minimum, _mm256_loadu_ps(sums), minimums);                 \
        sums += 8;                                                                            \
      } else if (minus != 0) {                                                                \
        __m256 minimum = _mm256_mul_ps(scale, _mm256_set1_ps(minus));                         \
        minimums = _mm256_fmadd_ps(minimum, _mm256_loadu_ps(sums), minimums);                 \
        sums += 8;                                                                            \
      }                                                                                       \
    }                                                                                         \
    float offsets[8];                                                                         \
    _mm256_storeu_ps(offsets, minimums);                                                      \
    for (int r = 0; r < rows; r++) out[r] = sum_of_8(total[r]) + offsets[r];                  \
  }                                                                                           \
  TARGET static void name(                                                                    \
      const void *matrix_row, const int16_t *x, const float *scales, const float *sums,       \
      int64_t rows, int64_t depth, float *out) {                                              \
    switch (rows) {                                                                           \
    case 1: name##_rows(matrix_row, x, scales, sums, 1, depth, out); return;                  \
    case 2: name##_rows(matrix_row, x, scales, sums, 2, depth, out); return;                  \
    case 3: name##_rows(matrix_row, x, scales, sums, 3, depth, out); return;                  \
    case 4: name##_rows(matrix_row, x, scales, sums, 4, depth, out); return;                  \
    case 5: name##_rows(matrix_row, x, scales, sums, 5, depth, out); return;                  \
    case 6: name##_rows(matrix_row, x, scales, sums, 6, depth, out); return;                  \
    case 7: name##_rows(matrix_row, x, scales, sums, 7, depth, out); return;                  \
    case 8: name##_rows(matrix_row, x, scales, sums, 8, depth, out); return;                  \
    }                                                                                         \
  }

DOT_BLOCKS(dot_q4_0, 18, decode_q4_0, false, -8.0f)
DOT_BLOCKS(dot_q4_1, 20, decode_q4_1, true, 0.0f)
DOT_BLOCKS(dot_q8_0, 34, decode_q8_0, false, 0.0f)

// One row of x with two rows of the matrix, which share its loads and go through the conversion of
// their scales together. `pairs` holds for each 32 its scale and its sum. Offsets are summed with one
// rounding, as above, so that a row's numbers do not depend on how many there are.
#define DOT_TWO(name, bytes, decode, has_minimum, factor)                                     \
  TARGET static void name(                                                                    \
      const uint8_t *first, const uint8_t *second, const int16_t *x, const float *pairs,      \
      int64_t depth, float *out) {                                                            \
    __m256 total[2] = {_mm256_setzero_ps(), _mm256_setzero_ps()};                             \
    __m128 minimums = _mm_setzero_ps();                                                       \
    for (int64_t k = 0; k < depth; k += 32, first += bytes, second += bytes, pairs += 2) {    \
      int32_t stored[2];                                                                      \
      _mm_prefetch((const char *)first + AHEAD, _MM_HINT_T0);                                 \
      memcpy(&stored[0], first, 4);                                                           \
      memcpy(&stored[1], second, 4);                                                          \
      __m128 scales = _mm_cvtph_ps(_mm_insert_epi32(_mm_cvtsi32_si128(stored[0]), stored[1], 1)); \
      __m128 pair = _mm_castpd_ps(_mm_loaddup_pd((const double *)(const void *)pairs));       \
      if (!has_minimum) {                                                                     \
        scales = _mm_moveldup_ps(scales);                                                     \
        pair = _mm_mul_ps(pair, _mm_setr_ps(1, factor, 1, factor));                           \
      }                                                                                       \
      __m128 shares = _mm_mul_ps(scales, pair);                                               \
      if (has_minimum || factor != 0) minimums = _mm_fmadd_ps(scales, pair, minimums);        \
      __m256i x0 = _mm256_loadu_si256((const __m256i *)(x + k));                              \
      __m256i x1 = _mm256_loadu_si256((const __m256i *)(x + k + 16));                         \
      __m256i q[2];                                                                           \
      decode(first, q);                                                                       \
      __m256i sum = _mm256_add_epi32(_mm256_madd_epi16(q[0], x0), _mm256_madd_epi16(q[1], x1)); \
      total[0] = _mm256_fmadd_ps(                                                             \
          _mm256_cvtepi32_ps(sum), _mm256_broadcastss_ps(shares), total[0]);                  \
      decode(second, q);                                                                      \
      sum = _mm256_add_epi32(_mm256_madd_epi16(q[0], x0), _mm256_madd_epi16(q[1], x1));       \
      total[1] = _mm256_fmadd_ps(                                                             \
          _mm256_cvtepi32_ps(sum), _mm256_broadcastss_ps(_mm_movehl_ps(shares, shares)),      \
          total[1]);                                                                          \
    }                                                                                         \
    float offsets[4];                                                                         \
    _mm_storeu_ps(offsets, minimums);                                                         \
    out[0] = sum_of_8(total[0]) + offsets[1];                                                 \
    out[1] = sum_of_8(total[1]) + offsets[3];                                                 \
  }

DOT_TWO(dot_two_q4_0, 18, decode_q4_0, false, -8.0f)
DOT_TWO(dot_two_q4_1, 20, decode_q4_1, true, 1.0f)
DOT_TWO(dot_two_q8_0, 34, decode_q8_0, false, 0.0f)

hk_dot_two_int16 hk_dot_two_int16_for(hk_format format) {
  switch (format) {
  case HK_Q4_0: return dot_two_q4_0;
  case HK_Q4_1: return dot_two_q4_1;
  case HK_Q8_0: return dot_two_q8_0;
  default: return NULL;
  }
}

hk_dot_int16 hk_dot_int16_for(hk_format format) {
  switch (format) {
  case HK_Q4_0: return dot_q4_0;
  case HK_Q4_1: return dot_q4_1;
  case HK_Q8_0: return dot_q8_0;
  default: return NULL;
  }
}

TARGET void hk_pack_int16(
    const float *x, int64_t stride, int64_t rows, int64_t depth, int16_t *words, float *scales) {
  for (int64_t k = 0; k < depth; k += 32, scales += 8)
    for (int64_t r = 0; r < 8; r++) {
      scales[r] = 0;
      if (r >= rows) continue;
      const float *p = x + r * stride + k;
      float largest = 0;
      bool finite = true;
      for (int i = 0; i < 32; i++) {
        float size = __builtin_fabsf(p[i]);
        largest = size > largest ? size : largest;
        finite &= size < __builtin_inff();
      }
      // Not a number where one of them is not finite, so that the product shows it.
      scales[r] = finite ? largest * (1.0f / 32767) : __builtin_nanf("");
      float inverse = finite && scales[r] > 0 ? 1 / scales[r] : 0;
      for (int i = 0; i < 32; i++)
        words[i] = (int16_t)(int32_t)__builtin_rintf(finite ? p[i] * inverse : 0);
      words += 32;
    }
}

#else

hk_dot_int16 hk_dot_int16_for(hk_format format) {
  (void)format;
  return NULL;
}

hk_dot_two_int16 hk_dot_two_int16_for(hk_format format) {
  (void)format;
  return NULL;
}

void hk_pack_int16(
    const float *x, int64_t stride, int64_t rows, int64_t depth, int16_t *words, float *scales) {
  (void)x, (void)stride, (void)rows, (void)depth, (void)words, (void)scales;
}

#endif
