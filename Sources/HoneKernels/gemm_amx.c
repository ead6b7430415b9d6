#include "gemm_amx.h"

#ifdef HK_HAS_AMX

#include <cpuid.h>
#include <immintrin.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "gemm_bf16.h"

#define AMX_TARGET \
  __attribute__((target("amx-tile,amx-bf16,avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,prfchw")))
#define AMX_INLINE AMX_TARGET static inline __attribute__((always_inline))

enum { TILE = 16, PANEL = 2 * TILE, UNIT = 32, TILE_WORDS = TILE * TILE, UNIT_WORDS = 2 * TILE_WORDS };

static bool ask_for_tiles(void) {
  unsigned a, b, c, d;
  if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
      !__builtin_cpu_supports("avx512dq") || !__builtin_cpu_supports("avx512vl") ||
      !__builtin_cpu_supports("avx512bf16"))
    return false;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return false;
  if (!(d & bit_AMXTILE) || !(d & bit_AMXBF16)) return false;
  // The kernel gives tile state to processes that ask: arch_prctl(ARCH_REQ_XCOMP_PERM, XTILEDATA).
  return syscall(SYS_arch_prctl, 0x1023, 18) == 0;
}

bool hk_amx_available(void) {
  // Written with the same value by any thread that comes first.
  static _Atomic int known = -1;
  int available = known;
  if (available < 0) known = available = ask_for_tiles();
  return available != 0;
}

AMX_TARGET static void begin(void) {
  struct {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
  } shape = {.palette = 1};
  for (int i = 0; i < 8; i++) shape.row_bytes[i] = 64, shape.rows[i] = TILE;
  _tile_loadconfig(&shape);
}

AMX_TARGET static void end(void) { _tile_release(); }

// Rows of 16 words become columns.
AMX_INLINE void transpose(__m512i *v) {
  __m512i a[16];
#pragma clang loop unroll(full)
  for (int i = 0; i < 16; i += 2) {
    a[i] = _mm512_unpacklo_epi32(v[i], v[i + 1]);
    a[i + 1] = _mm512_unpackhi_epi32(v[i], v[i + 1]);
  }
#pragma clang loop unroll(full)
  for (int i = 0; i < 16; i += 4) {
    v[i] = _mm512_unpacklo_epi64(a[i], a[i + 2]);
    v[i + 1] = _mm512_unpackhi_epi64(a[i], a[i + 2]);
    v[i + 2] = _mm512_unpacklo_epi64(a[i + 1], a[i + 3]);
    v[i + 3] = _mm512_unpackhi_epi64(a[i + 1], a[i + 3]);
  }
  // v[4 q + c] now holds the words c, 4 + c, 8 + c, 12 + c of rows 4 q ..< 4 q + 4.
#pragma clang loop unroll(full)
  for (int c = 0; c < 4; c++) {
    a[c] = _mm512_shuffle_i32x4(v[c], v[4 + c], 0x88);
    a[4 + c] = _mm512_shuffle_i32x4(v[c], v[4 + c], 0xdd);
    a[8 + c] = _mm512_shuffle_i32x4(v[8 + c], v[12 + c], 0x88);
    a[12 + c] = _mm512_shuffle_i32x4(v[8 + c], v[12 + c], 0xdd);
  }
#pragma clang loop unroll(full)
  for (int c = 0; c < 4; c++) {
    v[c] = _mm512_shuffle_i32x4(a[c], a[8 + c], 0x88);
    v[8 + c] = _mm512_shuffle_i32x4(a[c], a[8 + c], 0xdd);
    v[4 + c] = _mm512_shuffle_i32x4(a[4 + c], a[12 + c], 0x88);
    v[12 + c] = _mm512_shuffle_i32x4(a[4 + c], a[12 + c], 0xdd);
  }
}

// 32 consecutive numbers (fewer at the end, then zeros) as 16 words of two bf16.
AMX_INLINE __m512i pairs_at(const float *p, int64_t count, __m512 scale) {
  __m512 low, high;
  if (count >= UNIT) {
    low = _mm512_loadu_ps(p);
    high = _mm512_loadu_ps(p + 16);
  } else {
    uint32_t live = count <= 0 ? 0 : (1u << count) - 1;
    low = _mm512_maskz_loadu_ps((__mmask16)live, p);
    high = _mm512_maskz_loadu_ps((__mmask16)(live >> 16), p + 16);
  }
  return (__m512i)_mm512_cvtne2ps_pbh(_mm512_mul_ps(high, scale), _mm512_mul_ps(low, scale));
}

// 16 columns (the live ones) of two rows as 16 words of two bf16.
AMX_INLINE __m512i pairs_across(
    const float *first, const float *second, __mmask16 live, __m512 scale) {
  __m512 low = _mm512_mul_ps(_mm512_maskz_loadu_ps(live, first), scale);
  __m512 high = second ? _mm512_mul_ps(_mm512_maskz_loadu_ps(live, second), scale) : _mm512_setzero_ps();
  const __m512i interleaved = _mm512_set_epi16(
      31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6, 21, 5, 20, 4, 19, 3,
      18, 2, 17, 1, 16, 0);
  return _mm512_permutexvar_epi16(interleaved, (__m512i)_mm512_cvtne2ps_pbh(high, low));
}

static int64_t clamp(int64_t count) { return count < 0 ? 0 : count < TILE ? count : TILE; }

AMX_TARGET static void left_rows(
    const float *rows, int64_t stride, int64_t count, int64_t depth, float scale, bool rounded,
    int width, void *panel) {
  (void)rounded, (void)width;
  __m512 factor = _mm512_set1_ps(scale);
  for (int64_t i = 0; i < PANEL; i++) {
    __m512i *out = (__m512i *)panel + i;
    const float *p = rows + i * stride;
    for (int64_t k = 0; k < depth; k += UNIT, out += PANEL)
      *out = i < count ? pairs_at(p + k, depth - k, factor) : _mm512_setzero_si512();
  }
}

AMX_TARGET static void right_rows(
    const float *rows, int64_t stride, int64_t count, int64_t depth, float scale, bool rounded,
    int width, void *panel) {
  (void)rounded, (void)width;
  __m512 factor = _mm512_set1_ps(scale);
  for (int64_t k = 0; k < depth; k += UNIT)
    for (int64_t tile = 0; tile < 2; tile++) {
      __m512i v[TILE], *out = (__m512i *)panel + k / UNIT * PANEL + tile * TILE;
      int64_t live = clamp(count - tile * TILE);
      const float *p = rows + tile * TILE * stride + k;
      if (live == TILE) {
#pragma clang loop unroll(full)
        for (int64_t i = 0; i < TILE; i++) v[i] = pairs_at(p + i * stride, depth - k, factor);
      } else {
#pragma clang loop unroll(full)
        for (int64_t i = 0; i < TILE; i++)
          v[i] = i < live ? pairs_at(p + i * stride, depth - k, factor) : _mm512_setzero_si512();
      }
      transpose(v);
#pragma clang loop unroll(full)
      for (int64_t i = 0; i < TILE; i++) out[i] = v[i];
    }
}

// One unit of consecutive panels from rows of k.
AMX_INLINE void columns(
    const float *rows, int64_t stride, int64_t depth, int64_t count, float scale, void *panel,
    int64_t panel_words, bool is_left) {
  __m512 factor = _mm512_set1_ps(scale);
  for (int64_t j = 0; j < count; j += PANEL)
    for (int64_t tile = 0; tile < 2; tile++) {
      int64_t first = j + tile * TILE, live = clamp(count - first);
      __mmask16 mask = (__mmask16)((1u << live) - 1);
      __m512i v[TILE];
      __m512i *out = (__m512i *)((uint32_t *)panel + j / PANEL * panel_words) + tile * TILE;
#pragma clang loop unroll(full)
      for (int64_t i = 0; i < TILE; i++) {
        const float *p = rows + 2 * i * stride + first;
        v[i] = 2 * i < depth ? pairs_across(p, 2 * i + 1 < depth ? p + stride : NULL, mask, factor)
                             : _mm512_setzero_si512();
      }
      if (is_left) transpose(v);
#pragma clang loop unroll(full)
      for (int64_t i = 0; i < TILE; i++) out[i] = v[i];
    }
}

AMX_TARGET static void left_columns(
    const float *rows, int64_t stride, int64_t depth, int64_t count, float scale, bool rounded,
    int width, void *panel, int64_t panel_words) {
  (void)rounded, (void)width;
  columns(rows, stride, depth, count, scale, panel, panel_words, true);
}

AMX_TARGET static void right_columns(
    const float *rows, int64_t stride, int64_t depth, int64_t count, float scale, bool rounded,
    int width, void *panel, int64_t panel_words) {
  (void)rounded, (void)width;
  columns(rows, stride, depth, count, scale, panel, panel_words, false);
}

// Rows first ..< end of results of two tiles' width, soon to be written.
AMX_INLINE void call_in(float *out, int64_t stride, int64_t first, int64_t end) {
  for (int64_t i = first; i < end; i++) {
    __builtin_prefetch(out + i * stride, 1, 3);
    __builtin_prefetch(out + i * stride + TILE, 1, 3);
  }
}

// Four tiles of sums, two of each operand; fewer where rows or columns fill no more than one. The tiles'
// shape never changes: what lacks rows or columns is computed aside.
// The right panel is read for every left one and stays in the first-level cache; the left ones stream past it.
// The lines that the sums go to are called in a few at a time, so that they do not hold the operands up (`coming`,
// of rows `stride` apart; NULL where they are not to be).
AMX_INLINE void multiply(
    const hk_part *parts, int count, bool tall, bool wide, float *coming, int64_t stride) {
  int64_t called = PANEL;
  if (coming) {
    called = parts->units < TILE ? PANEL - 2 * parts->units : 0;
    call_in(coming, stride, 0, called);
  }
#pragma clang loop unroll(disable)
  for (const hk_part *part = parts; part < parts + count; part++) {
    const uint32_t *l = part->left, *r = part->right;
#pragma clang loop unroll(disable)
    for (int64_t unit = 0; unit < part->units; unit++, l += UNIT_WORDS, r += UNIT_WORDS) {
      if (called < PANEL) {
        call_in(coming, stride, called, called + 2);
        called += 2;
      }
      _tile_loadd(6, r, 64);
      _tile_stream_loadd(4, l, 64);
      _tile_dpbf16ps(0, 4, 6);
      if (wide) {
        _tile_loadd(7, r + TILE_WORDS, 64);
        _tile_dpbf16ps(1, 4, 7);
      }
      if (tall) {
        _tile_stream_loadd(5, l + TILE_WORDS, 64);
        _tile_dpbf16ps(2, 5, 6);
      }
      if (tall && wide) _tile_dpbf16ps(3, 5, 7);
    }
  }
}

AMX_TARGET static void tile(
    const hk_part *parts, int count, float *out, int64_t stride, int64_t rows, int64_t columns,
    bool accumulate) {
  _Alignas(64) float aside[PANEL * PANEL];
  bool tall = rows > TILE, wide = columns > TILE;
  bool whole = (rows == TILE || rows == PANEL) && (columns == TILE || columns == PANEL);
  float *p = whole ? out : aside;
  int64_t s = whole ? stride : PANEL;
  if (!whole && accumulate)
    for (int64_t i = 0; i < rows; i++)
      for (int64_t j = 0; j < columns; j += TILE) {
        __mmask16 live = (__mmask16)((1u << clamp(columns - j)) - 1);
        _mm512_store_ps(aside + i * PANEL + j, _mm512_maskz_loadu_ps(live, out + i * stride + j));
      }
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  if (accumulate) {
    _tile_loadd(0, p, s * 4);
    if (wide) _tile_loadd(1, p + TILE, s * 4);
    if (tall) _tile_loadd(2, p + TILE * s, s * 4);
    if (tall && wide) _tile_loadd(3, p + TILE * s + TILE, s * 4);
  }
  if (tall && wide) multiply(parts, count, true, true, whole && !accumulate ? out : NULL, stride);
  else if (tall) multiply(parts, count, true, false, NULL, 0);
  else if (wide) multiply(parts, count, false, true, NULL, 0);
  else multiply(parts, count, false, false, NULL, 0);
  _tile_stored(0, p, s * 4);
  if (wide) _tile_stored(1, p + TILE, s * 4);
  if (tall) _tile_stored(2, p + TILE * s, s * 4);
  if (tall && wide) _tile_stored(3, p + TILE * s + TILE, s * 4);
  if (whole) return;
  for (int64_t i = 0; i < rows; i++)
    for (int64_t j = 0; j < columns; j += TILE) {
      __mmask16 live = (__mmask16)((1u << clamp(columns - j)) - 1);
      _mm512_mask_storeu_ps(out + i * stride + j, live, _mm512_load_ps(aside + i * PANEL + j));
    }
}

const hk_gemm_kernel hk_gemm_kernel_amx = {
    .rows = PANEL,
    .columns = PANEL,
    .unit = UNIT,
    .words = TILE,
    .block_units = 64,
    .left_rows = left_rows,
    .right_rows = right_rows,
    .left_columns = left_columns,
    .right_columns = right_columns,
    .tile = tile,
    .begin = begin,
    .end = end,
    .right_blocks = hk_pack_blocks_tiles};

AMX_TARGET double hk_multiply_add_amx(int64_t turns) {
  _Alignas(64) uint16_t ones[TILE * UNIT];
  for (int i = 0; i < TILE * UNIT; i++) ones[i] = 0x3f80;
  begin();
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  _tile_loadd(4, ones, 64);
  _tile_loadd(5, ones, 64);
  for (int64_t turn = 0; turn < turns; turn++) {
    _tile_dpbf16ps(0, 4, 5);
    _tile_dpbf16ps(1, 4, 5);
    _tile_dpbf16ps(2, 4, 5);
    _tile_dpbf16ps(3, 4, 5);
  }
  end();
  return (double)turns * 4 * 2 * TILE * TILE * UNIT;
}

#endif
