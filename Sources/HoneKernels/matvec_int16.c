#include "matvec.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <string.h>

// Products of a few rows with blocks of small integers, in integers: x goes to 16 bits with a scale
// for each 32, which loses about as little as f32 sums do, and a block of 32 takes half the
// instructions that conversion to f32 takes. 256-bit vectors, also on machines with wider ones.

#define TARGET __attribute__((target("avx2,fma,f16c")))
#define INLINE static inline __attribute__((always_inline)) TARGET

INLINE float sum_of_8(__m256 a) {
  __m128 four = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

// The hardware's prefetcher stops at each page of 4 KB, so what is needed in 6 KB is asked for now.
enum { AHEAD = 6144 };

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

// What two blocks start with, each two f16: scale and minimum in q4_1, in others scale and numbers.
INLINE __m128 stored_scales(const uint8_t *first, const uint8_t *second) {
  int32_t stored[2];
  memcpy(&stored[0], first, 4);
  memcpy(&stored[1], second, 4);
  return _mm_cvtph_ps(_mm_insert_epi32(_mm_cvtsi32_si128(stored[0]), stored[1], 1));
}

// One row of x with two rows of the matrix, which share its loads and go through the conversion of
// their scales together. `factors` holds for each 32 its scale and its sum. A block is summed as a
// whole before it is scaled, as where eight rows of x meet, so that a row's bits do not depend on what
// is decoded beside it; two blocks go together through that sum.
INLINE __m256i block_sum(const __m256i *q, __m256i x0, __m256i x1) {
  return _mm256_add_epi32(_mm256_madd_epi16(q[0], x0), _mm256_madd_epi16(q[1], x1));
}

#define DOT_TWO(name, bytes, decode, has_minimum, factor)                                     \
  TARGET static void name(                                                                    \
      const uint8_t *first, const uint8_t *second, const int16_t *x, const float *factors,    \
      int64_t depth, float *out) {                                                            \
    __m128 total = _mm_setzero_ps(), minimums = _mm_setzero_ps();                             \
    for (int64_t k = 0; k < depth; k += 64, first += 2 * bytes, second += 2 * bytes, factors += 4) { \
      bool both = k + 32 < depth;                                                             \
      __m256i q[2], sum[4];                                                                   \
      _mm_prefetch((const char *)first + AHEAD, _MM_HINT_T0);                                 \
      _mm_prefetch((const char *)second + AHEAD, _MM_HINT_T0);                                \
      __m256i x0 = _mm256_loadu_si256((const __m256i *)(x + k));                              \
      __m256i x1 = _mm256_loadu_si256((const __m256i *)(x + k + 16));                         \
      decode(first, q);                                                                       \
      sum[0] = block_sum(q, x0, x1);                                                          \
      decode(second, q);                                                                      \
      sum[1] = block_sum(q, x0, x1);                                                          \
      sum[2] = sum[3] = _mm256_setzero_si256();                                               \
      if (both) {                                                                             \
        x0 = _mm256_loadu_si256((const __m256i *)(x + k + 32));                               \
        x1 = _mm256_loadu_si256((const __m256i *)(x + k + 48));                               \
        decode(first + bytes, q);                                                             \
        sum[2] = block_sum(q, x0, x1);                                                        \
        decode(second + bytes, q);                                                            \
        sum[3] = block_sum(q, x0, x1);                                                        \
      }                                                                                       \
      __m256i four = _mm256_hadd_epi32(                                                       \
          _mm256_hadd_epi32(sum[0], sum[1]), _mm256_hadd_epi32(sum[2], sum[3]));              \
      __m128 sums = _mm_cvtepi32_ps(                                                          \
          _mm_add_epi32(_mm256_castsi256_si128(four), _mm256_extracti128_si256(four, 1)));    \
      for (int b = 0; b < 1 + both; b++) {                                                    \
        __m128 stored = stored_scales(first + b * bytes, second + b * bytes);                 \
        __m128 scales = _mm_mul_ps(stored, _mm_broadcast_ss(factors + 2 * b));                \
        total = _mm_fmadd_ps(sums, _mm_shuffle_ps(scales, scales, 0x88), total);              \
        sums = _mm_movehl_ps(sums, sums);                                                     \
        if (has_minimum || factor != 0) {                                                     \
          __m128 minimum = has_minimum                                                        \
                               ? _mm_shuffle_ps(stored, stored, 0xdd)                         \
                               : _mm_mul_ps(_mm_shuffle_ps(stored, stored, 0x88), _mm_set1_ps(factor)); \
          minimums = _mm_fmadd_ps(minimum, _mm_broadcast_ss(factors + 2 * b + 1), minimums);  \
        }                                                                                     \
      }                                                                                       \
    }                                                                                         \
    _mm_storel_pi((__m64 *)(void *)out, _mm_add_ps(total, minimums));                                            \
  }

DOT_TWO(dot_two_q4_0, 18, decode_q4_0, false, -8.0f)
DOT_TWO(dot_two_q4_1, 20, decode_q4_1, true, 1.0f)
DOT_TWO(dot_two_q8_0, 34, decode_q8_0, false, 0.0f)

// Two rows of the matrix with eight rows of x, which lie beside each other: a lane of a sum belongs to
// a row of x, so nothing is summed across lanes, and two neighbours of the matrix, broadcast, meet
// eight pairs of x in one instruction. A piece of the matrix is decoded into memory first, from where
// a broadcast costs a load alone.
enum { CHUNK = 512 };

#define DOT_LANES(name, bytes, decode, has_minimum, factor)                                   \
  TARGET static void name(                                                                    \
      const uint8_t *first, const uint8_t *second, const int16_t *x, const float *factors,    \
      int64_t depth, float *out) {                                                            \
    __m256 total[2] = {_mm256_setzero_ps(), _mm256_setzero_ps()};                             \
    __m256 minimums[2] = {_mm256_setzero_ps(), _mm256_setzero_ps()};                          \
    _Alignas(32) int16_t numbers[2][CHUNK];                                                   \
    _Alignas(16) float stored[CHUNK / 32][4];                                                 \
    for (int64_t start = 0; start < depth; start += CHUNK) {                                  \
      int64_t count = depth - start < CHUNK ? depth - start : CHUNK;                          \
      for (int64_t k = 0; k < count; k += 32, first += bytes, second += bytes) {              \
        __m256i q[2];                                                                         \
        _mm_prefetch((const char *)first + AHEAD, _MM_HINT_T0);                               \
        _mm_prefetch((const char *)second + AHEAD, _MM_HINT_T0);                              \
        decode(first, q);                                                                     \
        _mm256_store_si256((__m256i *)(numbers[0] + k), q[0]);                                \
        _mm256_store_si256((__m256i *)(numbers[0] + k + 16), q[1]);                           \
        decode(second, q);                                                                    \
        _mm256_store_si256((__m256i *)(numbers[1] + k), q[0]);                                \
        _mm256_store_si256((__m256i *)(numbers[1] + k + 16), q[1]);                           \
        __m128 four = stored_scales(first, second);                                           \
        if (!has_minimum)                                                                     \
          four = _mm_mul_ps(_mm_moveldup_ps(four), _mm_setr_ps(1, factor, 1, factor));        \
        _mm_store_ps(stored[k / 32], four);                                                   \
      }                                                                                       \
      for (int64_t k = 0; k < count; k += 32, x += 32 * 8, factors += 16) {                   \
        __m256i sum[2] = {_mm256_setzero_si256(), _mm256_setzero_si256()};                    \
        _Pragma("clang loop unroll(full)") for (int i = 0; i < 16; i++) {                     \
          __m256i pairs = _mm256_loadu_si256((const __m256i *)(x + 16 * i));                  \
          for (int n = 0; n < 2; n++) {                                                       \
            int32_t pair;                                                                     \
            memcpy(&pair, numbers[n] + k + 2 * i, 4);                                         \
            sum[n] = _mm256_add_epi32(                                                        \
                sum[n], _mm256_madd_epi16(_mm256_set1_epi32(pair), pairs));                   \
          }                                                                                   \
        }                                                                                     \
        __m256 scale = _mm256_loadu_ps(factors);                                              \
        for (int n = 0; n < 2; n++) {                                                         \
          const float *two = stored[k / 32] + 2 * n;                                          \
          total[n] = _mm256_fmadd_ps(                                                         \
              _mm256_cvtepi32_ps(sum[n]), _mm256_mul_ps(scale, _mm256_broadcast_ss(two)),     \
              total[n]);                                                                      \
          if (has_minimum || factor != 0)                                                     \
            minimums[n] = _mm256_fmadd_ps(                                                    \
                _mm256_broadcast_ss(two + 1), _mm256_loadu_ps(factors + 8), minimums[n]);     \
        }                                                                                     \
      }                                                                                       \
    }                                                                                         \
    _mm256_storeu_ps(out, _mm256_add_ps(total[0], minimums[0]));                              \
    _mm256_storeu_ps(out + 8, _mm256_add_ps(total[1], minimums[1]));                          \
  }

DOT_LANES(dot_lanes_q4_0, 18, decode_q4_0, false, -8.0f)
DOT_LANES(dot_lanes_q4_1, 20, decode_q4_1, true, 1.0f)
DOT_LANES(dot_lanes_q8_0, 34, decode_q8_0, false, 0.0f)

hk_dot_int16 hk_dot_two_int16_for(hk_format format) {
  switch (format) {
  case HK_Q4_0: return dot_two_q4_0;
  case HK_Q4_1: return dot_two_q4_1;
  case HK_Q8_0: return dot_two_q8_0;
  default: return NULL;
  }
}

hk_dot_int16 hk_dot_lanes_int16_for(hk_format format) {
  switch (format) {
  case HK_Q4_0: return dot_lanes_q4_0;
  case HK_Q4_1: return dot_lanes_q4_1;
  case HK_Q8_0: return dot_lanes_q8_0;
  default: return NULL;
  }
}

INLINE float largest_of_8(__m256 a) {
  __m128 four = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}

TARGET void hk_pack_int16(
    const float *x, int64_t stride, int64_t rows, int64_t depth, int16_t *words, float *factors) {
  const __m256 magnitude = _mm256_castsi256_ps(_mm256_set1_epi32(0x7fffffff));
  int64_t lanes = rows == 1 ? 1 : 8;
  // Lanes without a row hold zeros, and so do their scales.
  if (rows > 1 && rows < 8) memset(words, 0, (size_t)(depth * lanes) * sizeof(int16_t));
  for (int64_t k = 0; k < depth; k += 32, factors += 2 * lanes, words += 32 * lanes) {
    float *scales = factors, *sums = factors + lanes;
    for (int64_t r = rows; r < lanes; r++) scales[r] = sums[r] = 0;
    for (int64_t r = 0; r < rows; r++) {
      const float *p = x + r * stride + k;
      __m256 a[4], largest = _mm256_setzero_ps(), sum = _mm256_setzero_ps();
#pragma clang loop unroll(full)
      for (int i = 0; i < 4; i++) {
        a[i] = _mm256_loadu_ps(p + 8 * i);
        largest = _mm256_max_ps(_mm256_and_ps(a[i], magnitude), largest);
        sum = _mm256_add_ps(sum, a[i]);
      }
      sums[r] = sum_of_8(sum);
      // Not a number where one of them is not finite, so that the product shows it; so is their sum
      // then, or it is infinite.
      bool finite = sums[r] - sums[r] == 0;
      scales[r] = finite ? largest_of_8(largest) * (1.0f / 32767) : __builtin_nanf("");
      __m256 inverse = _mm256_set1_ps(finite && scales[r] > 0 ? 1 / scales[r] : 0);
      __m256i whole[4];
#pragma clang loop unroll(full)
      for (int i = 0; i < 4; i++)
        whole[i] = _mm256_cvtps_epi32(_mm256_mul_ps(a[i], inverse));
      __m256i packed[2];
      packed[0] = _mm256_permute4x64_epi64(_mm256_packs_epi32(whole[0], whole[1]), 0xd8);
      packed[1] = _mm256_permute4x64_epi64(_mm256_packs_epi32(whole[2], whole[3]), 0xd8);
      if (lanes == 1) {
        _mm256_storeu_si256((__m256i *)words, packed[0]);
        _mm256_storeu_si256((__m256i *)(words + 16), packed[1]);
      } else {
        int32_t pairs[16];
        memcpy(pairs, packed, sizeof pairs);
        for (int i = 0; i < 16; i++) memcpy(words + 16 * i + 2 * r, &pairs[i], 4);
      }
    }
  }
}

#else

hk_dot_int16 hk_dot_lanes_int16_for(hk_format format) {
  (void)format;
  return NULL;
}

hk_dot_int16 hk_dot_two_int16_for(hk_format format) {
  (void)format;
  return NULL;
}

void hk_pack_int16(
    const float *x, int64_t stride, int64_t rows, int64_t depth, int16_t *words, float *factors) {
  (void)x, (void)stride, (void)rows, (void)depth, (void)words, (void)factors;
}

#endif
