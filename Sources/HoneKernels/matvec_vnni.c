#include "blocks_vnni.h"
#include "isa.h"
#include "matvec.h"

#if defined(__x86_64__)

// Products of a few rows with blocks of small integers by VNNI, which multiplies four unsigned bytes by
// four signed ones: x goes to 16 bits with a scale for each 32, as two bytes, upper and lower, whose
// products are summed apart. Sixteen rows of the matrix at a time, a lane each: their blocks are turned
// as they are read, so nothing is summed across lanes and all sums of a block are whole numbers.

bool hk_dot_sixteen_available(void) {
  return __builtin_cpu_supports("avx512vnni") && hk_isa_available(HK_ISA_AVX512);
}

// What is asked for comes in the order in which it lies, not in that of its use. Memory's answers go to
// the second-level cache, since the first level has few places for what is on its way: half the rate of
// memory. From there the next sixteen rows go to the first level, where they fit.
typedef struct ahead {
  const char *far, *near;
} ahead;
enum { FAR = 10240, NEAR_BYTES = 16384 };

INLINE ahead what_follows(const uint8_t *matrix, int64_t row_bytes) {
  int64_t group = LANES * row_bytes;
  const char *start = (const char *)matrix;
  return (ahead){start + group + FAR, group <= NEAR_BYTES ? start + group : start};
}
INLINE void fetch(ahead *ahead, int bytes) {
  for (int i = 0; i < LANES * bytes; i += 64) {
    _mm_prefetch(ahead->far + i, _MM_HINT_T1);
    _mm_prefetch(ahead->near + i, _MM_HINT_T0);
  }
  ahead->far += LANES * bytes;
  ahead->near += LANES * bytes;
}

// A whole number kept among factors.
INLINE int32_t whole(const float *factor) {
  int32_t number;
  memcpy(&number, factor, 4);
  return number;
}

// `start` and the sums of the products of 4 `count` numbers with x, whose lower bytes stand 32 behind
// the upper ones: whole numbers, so exact.
INLINE __m512 products(const __m512i *q, int count, const int8_t *x, int32_t start) {
  __m512i high = _mm512_setzero_si512(), low = _mm512_set1_epi32(start);
#pragma clang loop unroll(full)
  for (int i = 0; i < count; i++) {
    int32_t four;
    memcpy(&four, x + 4 * i, 4);
    high = _mm512_dpbusd_epi32(high, q[i], _mm512_set1_epi32(four));
    memcpy(&four, x + 32 + 4 * i, 4);
    low = _mm512_dpbusd_epi32(low, q[i], _mm512_set1_epi32(four));
  }
  return _mm512_cvtepi32_ps(_mm512_add_epi32(_mm512_slli_epi32(high, 8), low));
}

// A function for each number of rows, so that the sums stay in registers.
#define EACH_ROWS(name)                                                                           \
  TARGET static void name(                                                                        \
      const uint8_t *matrix, int64_t row_bytes, const int8_t *x, const float *factors,            \
      int64_t rows, int64_t depth, float *out) {                                                  \
    switch (rows) {                                                                               \
    case 1: name##_rows(matrix, row_bytes, x, factors, 1, depth, out); return;                    \
    case 2: name##_rows(matrix, row_bytes, x, factors, 2, depth, out); return;                    \
    case 3: name##_rows(matrix, row_bytes, x, factors, 3, depth, out); return;                    \
    case 4: name##_rows(matrix, row_bytes, x, factors, 4, depth, out); return;                    \
    case 5: name##_rows(matrix, row_bytes, x, factors, 5, depth, out); return;                    \
    case 6: name##_rows(matrix, row_bytes, x, factors, 6, depth, out); return;                    \
    case 7: name##_rows(matrix, row_bytes, x, factors, 7, depth, out); return;                    \
    case 8: name##_rows(matrix, row_bytes, x, factors, 8, depth, out); return;                    \
    }                                                                                             \
  }

// MARK: Blocks of 32

// Adds a block's products with all rows of x.
INLINE void add_block(
    const __m512i *q, __m512 scale, __m512 minimum, bool has_minimum, int minus, const int8_t *x,
    const float *factors, int rows, __m512 *total) {
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++, x += 64, factors += 4) {
    total[r] = _mm512_fmadd_ps(
        products(q, 8, x, minus ? -minus * (whole(factors + 2) + whole(factors + 3)) : 0),
        _mm512_mul_ps(scale, _mm512_set1_ps(factors[0])), total[r]);
    if (has_minimum) total[r] = _mm512_fmadd_ps(minimum, _mm512_set1_ps(factors[1]), total[r]);
  }
}

#define DOT_SIXTEEN(name, bytes, decode, has_minimum, minus)                                      \
  INLINE void name##_rows(                                                                        \
      const uint8_t *matrix, int64_t row_bytes, const int8_t *x, const float *factors, int rows,  \
      int64_t depth, float *out) {                                                                \
    ahead next = what_follows(matrix, row_bytes);                                                 \
    __m512 total[HK_MATVEC_ROWS];                                                                 \
    _Pragma("clang loop unroll(full)") for (int r = 0; r < rows; r++)                             \
      total[r] = _mm512_setzero_ps();                                                             \
    for (int64_t k = 0; k < depth; k += 32, matrix += bytes, x += 64 * rows, factors += 4 * rows) { \
      fetch(&next, bytes);                                                                       \
      __m512i q[8];                                                                               \
      decode(matrix, row_bytes, q);                                                               \
      __m512 scale, minimum;                                                                      \
      halves(words(matrix, row_bytes), &scale, &minimum);                                         \
      add_block(q, scale, minimum, has_minimum, minus, x, factors, rows, total);                  \
    }                                                                                             \
    _Pragma("clang loop unroll(full)") for (int r = 0; r < rows; r++)                             \
      _mm512_storeu_ps(out + LANES * r, total[r]);                                                \
  }                                                                                               \
  EACH_ROWS(name)

DOT_SIXTEEN(dot_sixteen_q4_0, 18, decode_q4_0, false, 8)
DOT_SIXTEEN(dot_sixteen_q5_0, 22, decode_q5_0, false, 16)
DOT_SIXTEEN(dot_sixteen_q5_1, 24, decode_q5_1, true, 0)
DOT_SIXTEEN(dot_sixteen_q8_0, 34, decode_q8_0, false, 128)

// Four blocks of Q4_1 are 80 bytes: five turns give their scales with their numbers.
INLINE void dot_sixteen_q4_1_rows(
    const uint8_t *matrix, int64_t row_bytes, const int8_t *x, const float *factors, int rows,
    int64_t depth, float *out) {
  ahead next = what_follows(matrix, row_bytes);
  __m512 total[HK_MATVEC_ROWS];
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++) total[r] = _mm512_setzero_ps();
  int64_t k = 0;
  for (; k + 128 <= depth; k += 128, matrix += 80) {
    __m512i all[20];
#pragma clang loop unroll(full)
    for (int i = 0; i < 5; i++) {
      fetch(&next, 16);
      turn(matrix + 16 * i, row_bytes, all + 4 * i);
    }
#pragma clang loop unroll(full)
    for (int block = 0; block < 4; block++, x += 64 * rows, factors += 4 * rows) {
      __m512i q[8];
      apart(all + 5 * block + 1, q);
      __m512 scale, minimum;
      halves(all[5 * block], &scale, &minimum);
      add_block(q, scale, minimum, true, 0, x, factors, rows, total);
    }
  }
  for (; k < depth; k += 32, matrix += 20, x += 64 * rows, factors += 4 * rows) {
    fetch(&next, 20);
    __m512i q[8];
    nibbles(matrix + 4, row_bytes, q);
    __m512 scale, minimum;
    halves(words(matrix, row_bytes), &scale, &minimum);
    add_block(q, scale, minimum, true, 0, x, factors, rows, total);
  }
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++) _mm512_storeu_ps(out + LANES * r, total[r]);
}
EACH_ROWS(dot_sixteen_q4_1)

// MARK: Blocks of 256

// Eight blocks of 32 of 4 bits; the scale and minimum of each are 6 bits times one f16 of all.
INLINE void dot_sixteen_q4_k_rows(
    const uint8_t *matrix, int64_t row_bytes, const int8_t *x, const float *factors, int rows,
    int64_t depth, float *out) {
  ahead next = what_follows(matrix, row_bytes);
  __m512 total[HK_MATVEC_ROWS];
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++) total[r] = _mm512_setzero_ps();
  for (int64_t k = 0; k < depth; k += 256, matrix += 144) {
    fetch(&next, 144);
    __m512 scales[8], minimums[8];
    scales_q4_k(matrix, row_bytes, scales, minimums);
#pragma clang loop unroll(disable)
    for (int pair = 0; pair < 4; pair++) {
      __m512i q[16];
      nibbles_q4_k(matrix + 16 + 32 * pair, row_bytes, q);
#pragma clang loop unroll(full)
      for (int half = 0; half < 2; half++) {
        __m512 scale = scales[2 * pair + half], minimum = minimums[2 * pair + half];
#pragma clang loop unroll(full)
        for (int r = 0; r < rows; r++, x += 64, factors += 4) {
          total[r] = _mm512_fmadd_ps(
              products(q + 8 * half, 8, x, 0), _mm512_mul_ps(scale, _mm512_set1_ps(factors[0])),
              total[r]);
          total[r] = _mm512_fnmadd_ps(minimum, _mm512_set1_ps(factors[1]), total[r]);
        }
      }
    }
  }
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++) _mm512_storeu_ps(out + LANES * r, total[r]);
}
EACH_ROWS(dot_sixteen_q4_k)

// Sixteen blocks of 16 of 6 bits, from 0 to 63 for -32 to 31; each scale is a signed byte times one f16
// of all. Of 128 numbers the lower four bits are in 64 bytes, the upper two in 32.
INLINE void dot_sixteen_q6_k_rows(
    const uint8_t *matrix, int64_t row_bytes, const int8_t *x, const float *factors, int rows,
    int64_t depth, float *out) {
  const __m512i low = _mm512_set1_epi8(15), top = _mm512_set1_epi8(48);
  ahead next = what_follows(matrix, row_bytes);
  __m512 total[HK_MATVEC_ROWS];
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++) total[r] = _mm512_setzero_ps();
  for (int64_t k = 0; k < depth; k += 256, matrix += 210) {
    fetch(&next, 210);
    __m512 unit, scale_bytes;
    // The block ends with its f16: read as the second of two.
    halves(words(matrix + 206, row_bytes), &scale_bytes, &unit);
    __m512i scales[4];
    turn(matrix + 192, row_bytes, scales);
#pragma clang loop unroll(disable)
    for (int part = 0; part < 2; part++) {
      const uint8_t *lower = matrix + 64 * part, *upper = matrix + 128 + 32 * part;
      __m512i lowers[16], uppers[8], q[8];
#pragma clang loop unroll(full)
      for (int i = 0; i < 4; i++) turn(lower + 16 * i, row_bytes, lowers + 4 * i);
      turn(upper, row_bytes, uppers);
      turn(upper + 16, row_bytes, uppers + 4);
#pragma clang loop unroll(full)
      for (int block = 0; block < 4; block++) {
#pragma clang loop unroll(full)
        for (int i = 0; i < 8; i++) {
          __m512i four = lowers[8 * (block % 2) + i], two = uppers[i];
          if (block >= 2) four = _mm512_srli_epi32(four, 4);
          two = block == 0   ? _mm512_slli_epi32(two, 4)
                : block == 1 ? _mm512_slli_epi32(two, 2)
                : block == 2 ? two
                             : _mm512_srli_epi32(two, 2);
          q[i] = _mm512_or_si512(_mm512_and_si512(four, low), _mm512_and_si512(two, top));
        }
        __m512i stored = scales[2 * part + block / 2];
        __m512 scale[2];
#pragma clang loop unroll(full)
        for (int i = 0; i < 2; i++)
          scale[i] = _mm512_mul_ps(
              unit, _mm512_cvtepi32_ps(_mm512_srai_epi32(
                        _mm512_slli_epi32(stored, 24 - 8 * (2 * (block % 2) + i)), 24)));
#pragma clang loop unroll(full)
        for (int r = 0; r < rows; r++, x += 64, factors += 4) {
          __m512 x_scale = _mm512_set1_ps(factors[0]);
          total[r] = _mm512_fmadd_ps(
              products(q, 4, x, -32 * whole(factors + 2)), _mm512_mul_ps(scale[0], x_scale), total[r]);
          total[r] = _mm512_fmadd_ps(
              products(q + 4, 4, x + 16, -32 * whole(factors + 3)),
              _mm512_mul_ps(scale[1], x_scale), total[r]);
        }
      }
    }
  }
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++) _mm512_storeu_ps(out + LANES * r, total[r]);
}
EACH_ROWS(dot_sixteen_q6_k)

hk_dot_sixteen hk_dot_sixteen_for(hk_format format) {
  switch (format) {
  case HK_Q4_0: return dot_sixteen_q4_0;
  case HK_Q4_1: return dot_sixteen_q4_1;
  case HK_Q5_0: return dot_sixteen_q5_0;
  case HK_Q5_1: return dot_sixteen_q5_1;
  case HK_Q8_0: return dot_sixteen_q8_0;
  case HK_Q4_K: return dot_sixteen_q4_k;
  case HK_Q6_K: return dot_sixteen_q6_k;
  default: return NULL;
  }
}

// The largest number whose upper byte is not beyond 127 once the lower one is signed.
enum { LARGEST = 127 * 256 + 127 };

TARGET void hk_pack_bytes(
    const float *x, int64_t stride, int64_t rows, int64_t depth, int8_t *bytes, float *factors) {
  for (int64_t k = 0; k < depth; k += 32)
    for (int64_t r = 0; r < rows; r++, bytes += 64, factors += 4) {
      const float *p = x + r * stride + k;
      __m512 a = _mm512_loadu_ps(p), b = _mm512_loadu_ps(p + 16);
      float sum = _mm512_reduce_add_ps(_mm512_add_ps(a, b));
      float largest = _mm512_reduce_max_ps(_mm512_max_ps(_mm512_abs_ps(a), _mm512_abs_ps(b)));
      // Not a number where one of them is not finite, so that the product shows it; so is their sum
      // then, or it is infinite.
      bool finite = sum - sum == 0;
      float scale = finite ? largest * (1.0f / LARGEST) : __builtin_nanf("");
      __m512 inverse = _mm512_set1_ps(finite && scale > 0 ? 1 / scale : 0);
      __m512i integers[2] = {
          _mm512_cvtps_epi32(_mm512_mul_ps(a, inverse)), _mm512_cvtps_epi32(_mm512_mul_ps(b, inverse))};
      for (int i = 0; i < 2; i++) {
        int32_t total = finite ? _mm512_reduce_add_epi32(integers[i]) : 0;
        memcpy(factors + 2 + i, &total, 4);
        __m512i high = _mm512_srai_epi32(_mm512_add_epi32(integers[i], _mm512_set1_epi32(128)), 8);
        _mm_storeu_si128((__m128i *)(bytes + 16 * i), _mm512_cvtepi32_epi8(high));
        _mm_storeu_si128((__m128i *)(bytes + 32 + 16 * i), _mm512_cvtepi32_epi8(integers[i]));
      }
      factors[0] = scale;
      factors[1] = sum;
    }
}

#else

bool hk_dot_sixteen_available(void) { return false; }

hk_dot_sixteen hk_dot_sixteen_for(hk_format format) {
  (void)format;
  return NULL;
}

void hk_pack_bytes(
    const float *x, int64_t stride, int64_t rows, int64_t depth, int8_t *bytes, float *factors) {
  (void)x, (void)stride, (void)rows, (void)depth, (void)bytes, (void)factors;
}

#endif
