#include "gemm_bf16.h"

#include "blocks_vnni.h"

#if defined(__x86_64__)

#define BF16_TARGET                                                                     \
  __attribute__((target(                                                                \
      "avx512bf16,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma,f16c,bmi2")))

// Both kernels have panels of two times sixteen columns, and a block of 32 is 16 words of two numbers.
enum { COLUMNS = 2 * LANES, WORDS = 16, BLOCK_WORDS = WORDS * COLUMNS };

// Two numbers of each lane in bf16, the first in the low half.
BF16_TARGET static inline __attribute__((always_inline)) __m512i pairs(__m512 first, __m512 second) {
  const __m512i interleaved = _mm512_set_epi16(
      31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6, 21, 5, 20, 4, 19, 3,
      18, 2, 17, 1, 16, 0);
  return _mm512_permutexvar_epi16(interleaved, (__m512i)_mm512_cvtne2ps_pbh(second, first));
}

// A block's 16 words of sixteen columns, so far apart.
BF16_TARGET static inline __attribute__((always_inline)) float *put(
    const __m512i *q, __m512 scale, __m512 offset, int apart, float *out) {
  const __m512i byte = _mm512_set1_epi32(255);
#pragma clang loop unroll(full)
  for (int i = 0; i < 8; i++) {
    __m512i four[4] = {
        _mm512_and_si512(q[i], byte), _mm512_and_si512(_mm512_srli_epi32(q[i], 8), byte),
        _mm512_and_si512(_mm512_srli_epi32(q[i], 16), byte), _mm512_srli_epi32(q[i], 24)};
    __m512 numbers[4];
#pragma clang loop unroll(full)
    for (int j = 0; j < 4; j++) numbers[j] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(four[j]), scale, offset);
    _mm512_storeu_si512(out + 2 * i * apart, pairs(numbers[0], numbers[1]));
    _mm512_storeu_si512(out + (2 * i + 1) * apart, pairs(numbers[2], numbers[3]));
  }
  return out + BLOCK_WORDS;
}
#define PUT_ROW(q, scale, offset, out) put(q, scale, offset, COLUMNS, out)
#define PUT_TILE(q, scale, offset, out) put(q, scale, offset, LANES, out)
PACK_STORED(BF16_TARGET, pack, PUT_ROW)
PACK_STORED(BF16_TARGET, pack_tiles, PUT_TILE)

bool hk_pack_blocks_bf16(
    hk_format format, const uint8_t *rows, int64_t row_bytes, int64_t count, int64_t depth,
    void *scratch, void *panel) {
  return pack_panel(pack_for(format), format, rows, row_bytes, count, depth, scratch, panel, LANES);
}

bool hk_pack_blocks_tiles(
    hk_format format, const uint8_t *rows, int64_t row_bytes, int64_t count, int64_t depth,
    void *scratch, void *panel) {
  return pack_panel(
      pack_tiles_for(format), format, rows, row_bytes, count, depth, scratch, panel, WORDS * LANES);
}

#endif
