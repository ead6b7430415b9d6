// The register tile: AVX2 6 x 16, AVX-512 14 x 32 (so that nothing spills), NEON 8 x 12.
#define TILE_ROWS HK(TILE_ROWS)
#define TILE_VECTORS HK(TILE_VECTORS)
#if HK_LANES == 4
enum { TILE_ROWS = 8, TILE_VECTORS = 3 };
#elif HK_LANES == 8
enum { TILE_ROWS = 6, TILE_VECTORS = 2 };
#else
enum { TILE_ROWS = 14, TILE_VECTORS = 2 };
#endif
#define TILE_COLUMNS (TILE_VECTORS * HK_LANES)

#define tile_rows_f32 HK(tile_rows_f32)
#define tile_rows_bf16 HK(tile_rows_bf16)
#define vpair_dot HK(vpair_dot)

// Sums of products over `rows` rows, a compile-time constant: the accumulators stay in registers.
HK_INLINE void tile_rows_f32(
    const hk_part *parts, int count, float *out, int64_t stride, int rows, bool accumulate) {
  vf sums[TILE_ROWS][TILE_VECTORS];
#pragma clang loop unroll(full)
  for (int i = 0; i < rows; i++)
#pragma clang loop unroll(full)
    for (int j = 0; j < TILE_VECTORS; j++) sums[i][j] = vzero();
#pragma clang loop unroll(disable)
  for (const hk_part *part = parts; part < parts + count; part++) {
    const float *left = part->left, *right = part->right;
#pragma clang loop unroll(disable)
    for (int64_t k = 0; k < part->units; k++) {
      vf r[TILE_VECTORS];
#pragma clang loop unroll(full)
      for (int j = 0; j < TILE_VECTORS; j++) r[j] = vload(right + j * HK_LANES);
#pragma clang loop unroll(full)
      for (int i = 0; i < rows; i++) {
        vf l = vset1(left[i]);
#pragma clang loop unroll(full)
        for (int j = 0; j < TILE_VECTORS; j++) sums[i][j] = vfma(l, r[j], sums[i][j]);
      }
      left += TILE_ROWS;
      right += TILE_COLUMNS;
    }
  }
#pragma clang loop unroll(full)
  for (int i = 0; i < rows; i++)
#pragma clang loop unroll(full)
    for (int j = 0; j < TILE_VECTORS; j++) {
      float *p = out + i * stride + j * HK_LANES;
      vstore(p, accumulate ? vload(p) + sums[i][j] : sums[i][j]);
    }
}

// sum + the two products of each lane's bf16 pairs.
#if HK_IS_AVX512
// The two macros' instructions: only machines that have them reach what uses them. Other functions have
// the target so that the packing of rows, which is one for all, may be a part of them.
#define HK_BF16_TARGET                                                                 \
  __attribute__((target(                                                               \
      "avx512bf16,avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c,bmi2")))
#define HK_PAIR_DOT(sum, a, b) \
  ((vf)__builtin_ia32_dpbf16ps_512((__m512)(sum), (__m512bh)(a), (__m512bh)(b)))
// The lanes of a and then of b in their order, two bf16 in a lane.
#define HK_BF16_PAIRS(a, b) ((vf)__builtin_ia32_cvtne2ps2bf16_512((__m512)(b), (__m512)(a)))
#else
#define HK_BF16_PAIRS(a, b) pairs_of(vround_bf16(a) >> 16, vround_bf16(b) >> 16)
#define HK_BF16_TARGET
HK_INLINE vf vpair_dot(vf sum, vu a, vu b) {
  sum = vfma((vf)(a << 16), (vf)(b << 16), sum);
  return vfma((vf)(a & 0xffff0000u), (vf)(b & 0xffff0000u), sum);
}
#define HK_PAIR_DOT(sum, a, b) vpair_dot(sum, a, b)
#endif

HK_BF16_TARGET HK_INLINE void tile_rows_bf16(
    const hk_part *parts, int count, float *out, int64_t stride, int rows, bool accumulate) {
  vf sums[TILE_ROWS][TILE_VECTORS];
#pragma clang loop unroll(full)
  for (int i = 0; i < rows; i++)
#pragma clang loop unroll(full)
    for (int j = 0; j < TILE_VECTORS; j++) sums[i][j] = vzero();
#pragma clang loop unroll(disable)
  for (const hk_part *part = parts; part < parts + count; part++) {
    const float *left = part->left, *right = part->right;
#pragma clang loop unroll(disable)
    for (int64_t k = 0; k < part->units; k++) {
      vu r[TILE_VECTORS];
#pragma clang loop unroll(full)
      for (int j = 0; j < TILE_VECTORS; j++) r[j] = (vu)vload(right + j * HK_LANES);
#pragma clang loop unroll(full)
      for (int i = 0; i < rows; i++) {
        vu l = (vu)vset1(left[i]);
#pragma clang loop unroll(full)
        for (int j = 0; j < TILE_VECTORS; j++) sums[i][j] = HK_PAIR_DOT(sums[i][j], l, r[j]);
      }
      left += TILE_ROWS;
      right += TILE_COLUMNS;
    }
  }
#pragma clang loop unroll(full)
  for (int i = 0; i < rows; i++)
#pragma clang loop unroll(full)
    for (int j = 0; j < TILE_VECTORS; j++) {
      float *p = out + i * stride + j * HK_LANES;
      vstore(p, accumulate ? vload(p) + sums[i][j] : sums[i][j]);
    }
}

#define HK_TILE_CASE(n) \
  case n:               \
    HK_TILE(parts, count, p, s, n, accumulate && whole); \
    break;
#if HK_LANES == 16
#define HK_TILE_CASES                                                                      \
  HK_TILE_CASE(1) HK_TILE_CASE(2) HK_TILE_CASE(3) HK_TILE_CASE(4) HK_TILE_CASE(5)          \
  HK_TILE_CASE(6) HK_TILE_CASE(7) HK_TILE_CASE(8) HK_TILE_CASE(9) HK_TILE_CASE(10)         \
  HK_TILE_CASE(11) HK_TILE_CASE(12) HK_TILE_CASE(13) HK_TILE_CASE(14)
#elif HK_LANES == 8
#define HK_TILE_CASES                                                                      \
  HK_TILE_CASE(1) HK_TILE_CASE(2) HK_TILE_CASE(3) HK_TILE_CASE(4) HK_TILE_CASE(5)          \
  HK_TILE_CASE(6)
#else
#define HK_TILE_CASES                                                                      \
  HK_TILE_CASE(1) HK_TILE_CASE(2) HK_TILE_CASE(3) HK_TILE_CASE(4) HK_TILE_CASE(5)          \
  HK_TILE_CASE(6) HK_TILE_CASE(7) HK_TILE_CASE(8)
#endif

// A tile that lacks columns is computed aside and its valid part copied.
#define HK_TILE_FUNCTION(target, function)                                                 \
  target static void function(                                                             \
      const hk_part *parts, int count, float *out, int64_t stride, int64_t rows,           \
      int64_t columns, bool accumulate) {                                                  \
    float aside[TILE_ROWS * TILE_COLUMNS];                                                 \
    bool whole = columns == TILE_COLUMNS;                                                  \
    float *p = whole ? out : aside;                                                        \
    int64_t s = whole ? stride : TILE_COLUMNS;                                             \
    switch (rows) { HK_TILE_CASES }                                                        \
    if (whole) return;                                                                     \
    for (int64_t i = 0; i < rows; i++)                                                     \
      for (int64_t j = 0; j < columns; j++)                                                \
        out[i * stride + j] =                                                              \
            (accumulate ? out[i * stride + j] : 0) + aside[i * TILE_COLUMNS + j];          \
  }

#define HK_TILE tile_rows_f32
HK_TILE_FUNCTION(, HK(tile_f32))
#undef HK_TILE
#define HK_TILE tile_rows_bf16
HK_TILE_FUNCTION(HK_BF16_TARGET, HK(tile_bf16))
#undef HK_TILE

#if HK_LANES == 16
// MARK: Packing rows, sixteen at a time

#define interleaved_low HK(interleaved_low)
#define interleaved_high HK(interleaved_high)
#define transpose HK(transpose)
#define largest_of_each HK(largest_of_each)
#define vstore_some HK(vstore_some)
#define pairs_of HK(pairs_of)
#define pack_rows_as HK(pack_rows_as)

HK_INLINE vf interleaved_low(vf a, vf b) {
  return __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}
HK_INLINE vf interleaved_high(vf a, vf b) {
  return __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
}
// Sixteen vectors, transposed: each round turns the bits of (vector, lane) by one.
HK_INLINE void transpose(vf *v) {
#pragma clang loop unroll(full)
  for (int round = 0; round < 4; round++) {
    vf next[16];
#pragma clang loop unroll(full)
    for (int i = 0; i < 8; i++) {
      next[2 * i] = interleaved_low(v[i], v[i + 8]);
      next[2 * i + 1] = interleaved_high(v[i], v[i + 8]);
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < 16; i++) v[i] = next[i];
  }
}
// Lane i: the largest lane of v[i]. The same rounds, of which only the larger of two is kept.
HK_INLINE vf largest_of_each(vf *v) {
#pragma clang loop unroll(full)
  for (int half = 8; half > 0; half /= 2)
#pragma clang loop unroll(full)
    for (int i = 0; i < half; i++)
      v[i] = vmax(interleaved_low(v[i], v[i + half]), interleaved_high(v[i], v[i + half]));
  return v[0];
}
// The first `count` lanes.
HK_INLINE void vstore_some(float *p, vf a, int count) {
#if HK_IS_AVX512
  _mm512_mask_storeu_ps(p, (__mmask16)((1u << count) - 1), (__m512)a);
#else
  float t[16];
  vstore(t, a);
  for (int i = 0; i < count; i++) p[i] = t[i];
#endif
}
// The low halves of the lanes of a and then of b, in their order, two in a lane.
HK_INLINE vf pairs_of(vu a, vu b) {
  typedef unsigned short half __attribute__((vector_size(32)));
  half low = __builtin_convertvector(a, half), high = __builtin_convertvector(b, half);
  return (vf)__builtin_shufflevector(
      low, high, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23,
      24, 25, 26, 27, 28, 29, 30, 31);
}

// Sixteen words of each of sixteen rows at a time, which are transposed. `unit` is how many k they
// hold: 16 f32, 32 bf16 or, with a scale, 32 integers.
HK_BF16_TARGET HK_INLINE void pack_rows_as(
    bool in_f32, bool in_integers, const float *rows, int64_t stride, int64_t count, int64_t depth,
    float scale, bool rounded, int width, float *panel) {
  const int64_t unit = in_f32 ? 16 : 32;
  for (int i = 0; i < width; i += 16) {
    int room = width - i < 16 ? width - i : 16;
    int live = count - i < room ? (int)(count - i) : room;
    float *out = panel + i;
    for (int64_t k = 0; k < depth; k += unit) {
      int64_t here = depth - k < unit ? depth - k : unit;
      vf v[16], second[16];
#pragma clang loop unroll(full)
      for (int r = 0; r < 16; r++) {
        v[r] = second[r] = vzero();
        if (r >= live) continue;
        const float *p = rows + (i + r) * stride + k;
        float padded[32];
        if (here < unit) {
          for (int64_t n = 0; n < unit; n++) padded[n] = n < here ? p[n] : 0;
          p = padded;
        }
        v[r] = vload(p);
        if (!in_f32) second[r] = vload(p + 16);
      }
      vf units = vzero();
      if (in_integers) {
        vf sizes[16];
#pragma clang loop unroll(full)
        for (int r = 0; r < 16; r++) {
          vi finite = (v[r] - v[r] == vzero()) & (second[r] - second[r] == vzero());
          vf size = vmax(vmax(v[r], -v[r]), vmax(second[r], -second[r]));
          sizes[r] = vselect(finite, size, vset1(__builtin_inff()));
        }
        units = largest_of_each(sizes) * __builtin_fabsf(scale);
        vf none = vset1(__builtin_nanf(""));
        units = vselect(units < vset1(__builtin_inff()), units * (1.0f / 8191), none);
        float inverses[16];
        vstore(inverses, vselect(units > vzero(), scale / units, vzero()));
#pragma clang loop unroll(full)
        for (int r = 0; r < 16; r++)
          v[r] = pairs_of(
              (vu)(v[r] * inverses[r] + 12582912.0f), (vu)(second[r] * inverses[r] + 12582912.0f));
      } else {
#pragma clang loop unroll(full)
        for (int r = 0; r < 16; r++) {
          v[r] = v[r] * scale;
          if (!in_f32)
            v[r] = HK_BF16_PAIRS(v[r], second[r] * scale);
          else if (rounded)
            v[r] = (vf)vround_bf16(v[r]);
        }
      }
      transpose(v);
      int64_t words = in_f32 ? here : in_integers ? 16 : (here + 1) / 2;
#pragma clang loop unroll(full)
      for (int w = 0; w < 16; w++)
        if (w < words) vstore_some(out + w * width, v[w], room);
      out += words * width;
      if (!in_integers) continue;
      vstore_some(out, units, room);
      out += width;
    }
  }
}

HK_BF16_TARGET static void HK(pack_rows_f32)(
    const float *rows, int64_t stride, int64_t count, int64_t depth, float scale, bool rounded,
    int width, void *panel) {
  if (rounded)
    pack_rows_as(true, false, rows, stride, count, depth, scale, true, width, panel);
  else
    pack_rows_as(true, false, rows, stride, count, depth, scale, false, width, panel);
}
HK_BF16_TARGET static void HK(pack_rows_bf16)(
    const float *rows, int64_t stride, int64_t count, int64_t depth, float scale, bool rounded,
    int width, void *panel) {
  pack_rows_as(false, false, rows, stride, count, depth, scale, rounded, width, panel);
}
HK_BF16_TARGET static void HK(pack_rows_i16)(
    const float *rows, int64_t stride, int64_t count, int64_t depth, float scale, bool rounded,
    int width, void *panel) {
  pack_rows_as(false, true, rows, stride, count, depth, scale, rounded, width, panel);
}

#undef interleaved_low
#undef interleaved_high
#undef transpose
#undef largest_of_each
#undef vstore_some
#undef pairs_of
#undef pack_rows_as
#else
#define quantized HK(quantized)
#define unit_scale HK(unit_scale)
// Four rows by four k, transposed.
#define put_4x4 HK(put_4x4)
#define vf4 HK(vf4)
typedef float vf4 __attribute__((vector_size(16), aligned(4), may_alias));
HK_INLINE void put_4x4(vf4 a, vf4 b, vf4 c, vf4 d, float *out, int width) {
  vf4 ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5);
  vf4 ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
  vf4 cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5);
  vf4 cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
  *(vf4 *)out = __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5);
  *(vf4 *)(out + width) = __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7);
  *(vf4 *)(out + 2 * width) = __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5);
  *(vf4 *)(out + 3 * width) = __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7);
}

#define round_4 HK(round_4)
#define bf16_pairs_4 HK(bf16_pairs_4)
#define vu4 HK(vu4)
typedef uint32_t vu4 __attribute__((vector_size(16)));
HK_INLINE vu4 round_4(vf4 a) {
  vu4 u = (vu4)a;
  vu4 isNumber = (vu4)(a == a);
  return ((u + 0x7fff + ((u >> 16) & 1)) & isNumber) | ((u | 0x400000) & ~isNumber);
}
// Eight consecutive numbers as four bf16 pairs.
HK_INLINE vf4 bf16_pairs_4(vf4 a, vf4 b) {
  vu4 even = (vu4)__builtin_shufflevector((vf4)round_4(a), (vf4)round_4(b), 0, 2, 4, 6);
  vu4 odd = (vu4)__builtin_shufflevector((vf4)round_4(a), (vf4)round_4(b), 1, 3, 5, 7);
  return (vf4)((even >> 16) | (odd & 0xffff0000u));
}

static void HK(pack_rows_f32)(
    const float *rows, int64_t stride, int64_t count, int64_t depth, float scale, bool rounded,
    int width, void *panel) {
  float *out = panel;
  vf4 zero = {0};
  for (int i = 0; i < width; i += 4) {
    const float *p = rows + i * stride;
    int live = count - i < 4 ? (int)(count - i) : 4, room = width - i < 4 ? width - i : 4;
    int64_t k = 0;
    if (room == 4)
      for (; k + 4 <= depth; k += 4) {
        vf4 a = live > 0 ? *(const vf4 *)(p + k) * scale : zero;
        vf4 b = live > 1 ? *(const vf4 *)(p + stride + k) * scale : zero;
        vf4 c = live > 2 ? *(const vf4 *)(p + 2 * stride + k) * scale : zero;
        vf4 d = live > 3 ? *(const vf4 *)(p + 3 * stride + k) * scale : zero;
        if (rounded) {
          a = (vf4)(round_4(a) & 0xffff0000u), b = (vf4)(round_4(b) & 0xffff0000u);
          c = (vf4)(round_4(c) & 0xffff0000u), d = (vf4)(round_4(d) & 0xffff0000u);
        }
        put_4x4(a, b, c, d, out + k * width + i, width);
      }
    for (; k < depth; k++)
      for (int r = 0; r < room; r++) {
        vf4 a = {r < live ? p[r * stride + k] * scale : 0};
        if (rounded) a = (vf4)(round_4(a) & 0xffff0000u);
        out[k * width + i + r] = a[0];
      }
  }
}

static void HK(pack_rows_bf16)(
    const float *rows, int64_t stride, int64_t count, int64_t depth, float scale, bool rounded,
    int width, void *panel) {
  (void)rounded;
  float *out = panel;
  vf4 zero = {0};
  for (int i = 0; i < width; i += 4) {
    const float *p = rows + i * stride;
    int live = count - i < 4 ? (int)(count - i) : 4, room = width - i < 4 ? width - i : 4;
    int64_t k = 0;
    if (room == 4)
      for (; k + 8 <= depth; k += 8) {
        vf4 v[4];
#pragma clang loop unroll(full)
        for (int r = 0; r < 4; r++)
          v[r] = r < live ? bf16_pairs_4(
                                *(const vf4 *)(p + r * stride + k) * scale,
                                *(const vf4 *)(p + r * stride + k + 4) * scale)
                          : zero;
        put_4x4(v[0], v[1], v[2], v[3], out + k / 2 * width + i, width);
      }
    for (; k < depth; k += 2)
      for (int r = 0; r < room; r++) {
        vf4 a = {
            r < live ? p[r * stride + k] * scale : 0,
            r < live && k + 1 < depth ? p[r * stride + k + 1] * scale : 0};
        out[k / 2 * width + i + r] = bf16_pairs_4(a, zero)[0];
      }
  }
}

// What is left of dividing by the largest of 32 numbers: their scale. Not a number where one of them
// is not finite, so that the product shows it.
HK_INLINE float unit_scale(float largest) {
  return largest < __builtin_inff() ? largest * (1.0f / 8191) : __builtin_nanf("");
}

// Eight consecutive numbers, times the inverse of their scale, as four pairs of integers: adding
// 1.5 * 2^23 rounds to nearest and leaves the integer in the low bits.
HK_INLINE vf4 quantized(vf4 a, vf4 b, float inverse) {
  a = a * inverse + 12582912.0f;
  b = b * inverse + 12582912.0f;
  vu4 even = (vu4)__builtin_shufflevector(a, b, 0, 2, 4, 6);
  vu4 odd = (vu4)__builtin_shufflevector(a, b, 1, 3, 5, 7);
  return (vf4)((even & 0xffff) | odd << 16);
}

#define pack_unit HK(pack_unit)
// The 32 numbers at p (fewer at the end of a row) as 16 words; returns their scale.
HK_INLINE float pack_unit(const float *p, int64_t depth, float scale, vf4 *words) {
  float padded[32];
  if (depth < 32) {
    for (int64_t k = 0; k < 32; k++) padded[k] = k < depth ? p[k] : 0;
    p = padded;
  }
  vf largest = vzero();
  vi finite = (vi)largest == 0;
#pragma clang loop unroll(full)
  for (int k = 0; k < 32; k += HK_LANES) {
    vf a = vload(p + k);
    finite &= a - a == vzero();
    largest = vmax(vmax(a, -a), largest);
  }
  float unit = vmaximum(vselect(finite, largest, vset1(__builtin_inff()))) * __builtin_fabsf(scale);
  unit = unit_scale(unit);
  float inverse = unit > 0 ? scale / unit : 0;
#pragma clang loop unroll(full)
  for (int k = 0; k < 32; k += 8)
    words[k / 8] = inverse == 0 ? (vf4){0}
                                : quantized(*(const vf4 *)(p + k), *(const vf4 *)(p + k + 4), inverse);
  return unit;
}

static void HK(pack_rows_i16)(
    const float *rows, int64_t stride, int64_t count, int64_t depth, float scale, bool rounded,
    int width, void *panel) {
  (void)rounded;
  for (int i = 0; i < width; i += 4) {
    int room = width - i < 4 ? width - i : 4;
    float *out = (float *)panel + i;
    for (int64_t k = 0; k < depth; k += 32, out += 17 * width) {
      vf4 words[4][4];
      float scales[4];
      for (int r = 0; r < room; r++) {
        scales[r] = 0;
        for (int g = 0; g < 4; g++) words[r][g] = (vf4){0};
        if (i + r < count)
          scales[r] = pack_unit(
              rows + (i + r) * stride + k, depth - k < 32 ? depth - k : 32, scale, words[r]);
      }
      for (int r = 0; r < room; r++) out[16 * width + r] = scales[r];
      if (room == 4) {
        for (int g = 0; g < 4; g++)
          put_4x4(words[0][g], words[1][g], words[2][g], words[3][g], out + 4 * g * width, width);
      } else {
        for (int r = 0; r < room; r++)
          for (int word = 0; word < 16; word++) out[word * width + r] = words[r][word / 4][word % 4];
      }
    }
  }
}

#endif

static void HK(pack_columns_f32)(
    const float *rows, int64_t stride, int64_t depth, int64_t count, float scale, bool rounded,
    int width, void *panel, int64_t panel_words) {
  for (int64_t j = 0; j < count; j += width) {
    int64_t live = count - j < width ? count - j : width;
    float *row = (float *)panel + j / width * panel_words;
    for (int64_t k = 0; k < depth; k++, row += width) {
      const float *p = rows + k * stride + j;
      int64_t i = 0;
      for (; i + HK_LANES <= live; i += HK_LANES) {
        vf a = vload(p + i) * scale;
        vstore(row + i, rounded ? (vf)vround_bf16(a) : a);
      }
      for (; i < live; i++) {
        vf a = vset1(p[i] * scale);
        row[i] = (rounded ? (vf)vround_bf16(a) : a)[0];
      }
      for (; i < width; i++) row[i] = 0;
    }
  }
}

static void HK(pack_columns_bf16)(
    const float *rows, int64_t stride, int64_t depth, int64_t count, float scale, bool rounded,
    int width, void *panel, int64_t panel_words) {
  (void)rounded;
  for (int64_t j = 0; j < count; j += width) {
    int64_t live = count - j < width ? count - j : width;
    float *row = (float *)panel + j / width * panel_words;
    for (int64_t k = 0; k < depth; k += 2, row += width) {
      const float *first = rows + k * stride + j;
      const float *second = k + 1 < depth ? first + stride : NULL;
      int64_t i = 0;
      for (; i + HK_LANES <= live; i += HK_LANES) {
        vu low = vround_bf16(vload(first + i) * scale) >> 16;
        vu high = second ? vround_bf16(vload(second + i) * scale) : (vu)vzero();
        vstore(row + i, (vf)(low | high));
      }
      for (; i < live; i++) {
        vu low = vround_bf16(vset1(first[i] * scale)) >> 16;
        vu high = second ? vround_bf16(vset1(second[i] * scale)) : (vu)vzero();
        row[i] = ((vf)(low | high))[0];
      }
      for (; i < width; i++) row[i] = 0;
    }
  }
}

// MARK: int16

#define vpair_sum HK(vpair_sum)
#define tile_rows_i16 HK(tile_rows_i16)

// sum + the two products of each lane's pairs of integers.
HK_INLINE vi vpair_sum(vi sum, vi a, vi b) {
#if HK_IS_AVX512
  typedef short words __attribute__((vector_size(64)));
  return sum + (vi)__builtin_ia32_pmaddwd512((words)a, (words)b);
#elif HK_IS_AVX2
  typedef short words __attribute__((vector_size(32)));
  return sum + (vi)__builtin_ia32_pmaddwd256((words)a, (words)b);
#else
  return sum + (a << 16 >> 16) * (b << 16 >> 16) + (a >> 16) * (b >> 16);
#endif
}

HK_INLINE void tile_rows_i16(
    const hk_part *parts, int count, float *out, int64_t stride, int rows, bool accumulate) {
  vf totals[TILE_ROWS][TILE_VECTORS];
#pragma clang loop unroll(full)
  for (int i = 0; i < rows; i++)
#pragma clang loop unroll(full)
    for (int j = 0; j < TILE_VECTORS; j++)
      totals[i][j] = accumulate ? vload(out + i * stride + j * HK_LANES) : vzero();
#pragma clang loop unroll(disable)
  for (const hk_part *part = parts; part < parts + count; part++) {
    const float *left = part->left, *right = part->right;
#pragma clang loop unroll(disable)
    for (int64_t unit = 0; unit < part->units; unit++) {
      vi sums[TILE_ROWS][TILE_VECTORS];
#pragma clang loop unroll(full)
      for (int i = 0; i < rows; i++)
#pragma clang loop unroll(full)
        for (int j = 0; j < TILE_VECTORS; j++) sums[i][j] = (vi){0};
#pragma clang loop unroll(disable)
      for (int k = 0; k < 16; k++) {
        vi r[TILE_VECTORS];
#pragma clang loop unroll(full)
        for (int j = 0; j < TILE_VECTORS; j++) r[j] = (vi)vload(right + j * HK_LANES);
#pragma clang loop unroll(full)
        for (int i = 0; i < rows; i++) {
          vi l = (vi)vset1(left[i]);
#pragma clang loop unroll(full)
          for (int j = 0; j < TILE_VECTORS; j++) sums[i][j] = vpair_sum(sums[i][j], l, r[j]);
        }
        left += TILE_ROWS;
        right += TILE_COLUMNS;
      }
#pragma clang loop unroll(full)
      for (int i = 0; i < rows; i++)
#pragma clang loop unroll(full)
        for (int j = 0; j < TILE_VECTORS; j++)
          totals[i][j] = vfma(
              __builtin_convertvector(sums[i][j], vf),
              vset1(left[i]) * vload(right + j * HK_LANES), totals[i][j]);
      left += TILE_ROWS;
      right += TILE_COLUMNS;
    }
  }
#pragma clang loop unroll(full)
  for (int i = 0; i < rows; i++)
#pragma clang loop unroll(full)
    for (int j = 0; j < TILE_VECTORS; j++)
      vstore(out + i * stride + j * HK_LANES, totals[i][j]);
}

#define HK_TILE tile_rows_i16
HK_TILE_FUNCTION(, HK(tile_i16))
#if HK_IS_AVX512
// Here the compiler makes one instruction of the product and the sum.
HK_TILE_FUNCTION(
    __attribute__((target(
        "avx512vnni,avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c,bmi2"))), tile_i16_vnni)
#endif
#undef HK_TILE

static void HK(pack_columns_i16)(
    const float *rows, int64_t stride, int64_t depth, int64_t count, float scale, bool rounded,
    int width, void *panel, int64_t panel_words) {
  (void)rounded;
  for (int64_t j = 0; j < count; j += width)
    for (int64_t i = 0; i < width; i += HK_LANES) {
      float *out = (float *)panel + j / width * panel_words + i;
      int64_t room = width - i < HK_LANES ? width - i : HK_LANES;
      int64_t live = count - j - i < room ? count - j - i : room;
      vf column[32];
      vf largest = vzero();
      vi finite = (vi)largest == 0;
      for (int64_t k = 0; k < 32; k++) {
        vf a = vzero();
        const float *p = rows + k * stride + j + i;
        if (k < depth && live == HK_LANES) {
          a = vload(p);
        } else if (k < depth) {
          float t[HK_LANES] = {0};
          for (int64_t lane = 0; lane < live; lane++) t[lane] = p[lane];
          a = vload(t);
        }
        finite &= a - a == vzero();
        column[k] = a;
        largest = vmax(vmax(a, -a), largest);
      }
      vf unit = largest * (__builtin_fabsf(scale) * (1.0f / 8191));
      vf inverse = vselect(unit > vzero(), scale / unit, vzero());
      unit = vselect(finite, unit, vset1(__builtin_nanf("")));
      inverse = vselect(finite, inverse, vzero());
      for (int k = 0; k <= 16; k++) {
        vf word = unit;
        if (k < 16) {
          vf a = vselect(finite, column[2 * k], vzero());
          vf b = vselect(finite, column[2 * k + 1], vzero());
          vi low = (vi)(a * inverse + 12582912.0f) & 0xffff;
          word = (vf)(low | (vi)(b * inverse + 12582912.0f) << 16);
        }
        if (room == HK_LANES) {
          vstore(out + k * width, word);
        } else {
          float t[HK_LANES];
          vstore(t, word);
          for (int64_t lane = 0; lane < room; lane++) out[k * width + lane] = t[lane];
        }
      }
    }
}

#define HK_KERNEL(unit, words, block, number, tile, blocks)                                   \
  {TILE_ROWS, TILE_COLUMNS, unit, words, block, HK(pack_rows_##number), HK(pack_rows_##number), \
   HK(pack_columns_##number), HK(pack_columns_##number), tile, NULL, NULL, blocks}
static const hk_gemm_kernel HK(kernel_f32) = HK_KERNEL(1, 1, 256, f32, HK(tile_f32), NULL);
#if HK_IS_AVX512
static const hk_gemm_kernel HK(kernel_bf16) =
    HK_KERNEL(2, 1, 256, bf16, HK(tile_bf16), hk_pack_blocks_bf16);
static const hk_gemm_kernel kernel_i16_vnni = HK_KERNEL(32, 17, 15, i16, tile_i16_vnni, NULL);
#else
static const hk_gemm_kernel HK(kernel_bf16) = HK_KERNEL(2, 1, 256, bf16, HK(tile_bf16), NULL);
#endif
static const hk_gemm_kernel HK(kernel_i16) = HK_KERNEL(32, 17, 15, i16, HK(tile_i16), NULL);
#undef HK_KERNEL

#undef HK_BF16_TARGET
#undef HK_PAIR_DOT
#undef HK_BF16_PAIRS
#undef HK_TILE_CASE
#undef HK_TILE_CASES
#undef HK_TILE_FUNCTION
