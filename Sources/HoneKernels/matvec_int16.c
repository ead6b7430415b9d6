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

// One row of x with eight rows of the matrix, which share its loads. A block's sum is taken across
// lanes while it is whole numbers, so the sums of eight rows are one vector from there on, and are
// the same bits as in a lane of DOT_LANES.
INLINE __m256i sum_of_pairs(__m256i a, __m256i b) {
  return _mm256_add_epi32(_mm256_unpacklo_epi32(a, b), _mm256_unpackhi_epi32(a, b));
}
INLINE __m256i sum_of_quads(__m256i a, __m256i b) {
  return _mm256_add_epi32(_mm256_unpacklo_epi64(a, b), _mm256_unpackhi_epi64(a, b));
}

// What four blocks start with, each two f16.
INLINE __m256 stored_starts(const uint8_t *p, int64_t row_bytes) {
  int32_t start[4];
  for (int i = 0; i < 4; i++) memcpy(&start[i], p + i * row_bytes, 4);
  return _mm256_cvtph_ps(_mm_setr_epi32(start[0], start[1], start[2], start[3]));
}

#define DOT_EIGHT(name, bytes, decode, has_minimum, factor)                                   \
  TARGET static void name(                                                                    \
      const uint8_t *matrix, int64_t row_bytes, const int16_t *x, const float *factors,       \
      int64_t depth, float *out) {                                                            \
    __m256 total = _mm256_setzero_ps();                                                       \
    /* What is asked for comes in the order in which it lies, not in that of its use. */      \
    const char *ahead = (const char *)matrix + AHEAD;                                         \
    for (int64_t k = 0; k < depth; k += 32, matrix += bytes, factors += 2) {                  \
      for (int i = 0; i < 8 * bytes; i += 64) _mm_prefetch(ahead + i, _MM_HINT_T0);           \
      ahead += 8 * bytes;                                                                     \
      __m256i x0 = _mm256_loadu_si256((const __m256i *)(x + k));                              \
      __m256i x1 = _mm256_loadu_si256((const __m256i *)(x + k + 16));                         \
      __m256i sum[8];                                                                         \
      _Pragma("clang loop unroll(full)") for (int i = 0; i < 8; i++) {                        \
        __m256i q[2];                                                                         \
        decode(matrix + i * row_bytes, q);                                                    \
        sum[i] = _mm256_add_epi32(_mm256_madd_epi16(q[0], x0), _mm256_madd_epi16(q[1], x1));  \
      }                                                                                       \
      __m256i first = sum_of_quads(sum_of_pairs(sum[0], sum[1]), sum_of_pairs(sum[4], sum[5]));   \
      __m256i second = sum_of_quads(sum_of_pairs(sum[2], sum[3]), sum_of_pairs(sum[6], sum[7]));  \
      /* Rows 0 1 4 5 2 3 6 7, as the starts come. */                                         \
      __m256i whole = _mm256_add_epi32(                                                       \
          _mm256_permute2x128_si256(first, second, 0x20),                                     \
          _mm256_permute2x128_si256(first, second, 0x31));                                    \
      __m256 low = stored_starts(matrix, row_bytes);                                          \
      __m256 high = stored_starts(matrix + 4 * row_bytes, row_bytes);                         \
      __m256 scale = _mm256_shuffle_ps(low, high, 0x88);                                      \
      __m256 minimum = has_minimum ? _mm256_shuffle_ps(low, high, 0xdd)                       \
                                   : _mm256_mul_ps(scale, _mm256_set1_ps(factor));            \
      total = _mm256_fmadd_ps(                                                                \
          _mm256_cvtepi32_ps(whole), _mm256_mul_ps(scale, _mm256_broadcast_ss(factors)), total); \
      if (has_minimum || factor != 0)                                                         \
        total = _mm256_fmadd_ps(minimum, _mm256_broadcast_ss(factors + 1), total);            \
    }                                                                                         \
    _mm256_storeu_ps(                                                                         \
        out, _mm256_permutevar8x32_ps(total, _mm256_setr_epi32(0, 1, 4, 5, 2, 3, 6, 7)));     \
  }

DOT_EIGHT(dot_eight_q4_0, 18, decode_q4_0, false, -8.0f)
DOT_EIGHT(dot_eight_q4_1, 20, decode_q4_1, true, 1.0f)
DOT_EIGHT(dot_eight_q8_0, 34, decode_q8_0, false, 0.0f)

// What two blocks start with, each two f16: scale and minimum in q4_1, in others scale and numbers.
INLINE __m128 stored_scales(const uint8_t *first, const uint8_t *second) {
  int32_t stored[2];
  memcpy(&stored[0], first, 4);
  memcpy(&stored[1], second, 4);
  return _mm_cvtph_ps(_mm_insert_epi32(_mm_cvtsi32_si128(stored[0]), stored[1], 1));
}

// Two rows of the matrix with eight rows of x, which lie beside each other: a lane of a sum belongs to
// a row of x, so nothing is summed across lanes, and two neighbours of the matrix, broadcast, meet
// eight pairs of x in one instruction. A piece of the matrix is decoded into memory first, from where
// a broadcast costs a load alone.
enum { CHUNK = 512 };

#define DOT_LANES(name, bytes, decode, has_minimum, factor)                                   \
  TARGET static void name(                                                                    \
      const uint8_t *first, int64_t row_bytes, const int16_t *x, const float *factors,        \
      int64_t depth, float *out) {                                                            \
    const uint8_t *second = first + row_bytes;                                                \
    const char *ahead = (const char *)first + AHEAD;                                          \
    __m256 total[2] = {_mm256_setzero_ps(), _mm256_setzero_ps()};                             \
    _Alignas(32) int16_t numbers[2][CHUNK];                                                   \
    _Alignas(16) float stored[CHUNK / 32][4];                                                 \
    for (int64_t start = 0; start < depth; start += CHUNK) {                                  \
      int64_t count = depth - start < CHUNK ? depth - start : CHUNK;                          \
      for (int64_t k = 0; k < count; k += 32, first += bytes, second += bytes) {              \
        __m256i q[2];                                                                         \
        for (int i = 0; i < 2 * bytes; i += 64) _mm_prefetch(ahead + i, _MM_HINT_T0);         \
        ahead += 2 * bytes;                                                                   \
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
            total[n] = _mm256_fmadd_ps(                                                       \
                _mm256_broadcast_ss(two + 1), _mm256_loadu_ps(factors + 8), total[n]);        \
        }                                                                                     \
      }                                                                                       \
    }                                                                                         \
    _mm256_storeu_ps(out, total[0]);                                                          \
    _mm256_storeu_ps(out + 8, total[1]);                                                      \
  }

DOT_LANES(dot_lanes_q4_0, 18, decode_q4_0, false, -8.0f)
DOT_LANES(dot_lanes_q4_1, 20, decode_q4_1, true, 1.0f)
DOT_LANES(dot_lanes_q8_0, 34, decode_q8_0, false, 0.0f)

hk_dot_int16 hk_dot_eight_int16_for(hk_format format) {
  switch (format) {
  case HK_Q4_0: return dot_eight_q4_0;
  case HK_Q4_1: return dot_eight_q4_1;
  case HK_Q8_0: return dot_eight_q8_0;
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

hk_dot_int16 hk_dot_eight_int16_for(hk_format format) {
  (void)format;
  return NULL;
}

void hk_pack_int16(
    const float *x, int64_t stride, int64_t rows, int64_t depth, int16_t *words, float *factors) {
  (void)x, (void)stride, (void)rows, (void)depth, (void)words, (void)factors;
}

#endif
