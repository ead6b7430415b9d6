// Sums are kept as vectors and folded at the end. VECTORS is how many vectors hold 32 numbers.
#define VECTORS (32 / HK_LANES)
#define decoded_block HK(decoded_block)
#define block_scale HK(block_scale)

// The f16 at p as f32. Four are read, which every block allows: the compiler's own conversion of one
// merges into a register that is in use and waits for it, 12 cycles a block instead of 6.
#define scale_f16 HK(scale_f16)
HK_INLINE float scale_f16(const void *p) {
#if defined(__x86_64__)
  __m128 four = _mm_cvtph_ps(_mm_loadl_epi64(p));
  __asm__("" : "+x"(four));
  return _mm_cvtss_f32(four);
#else
  return one_f16(p);
#endif
}

// A function for each number of rows, so that the sums stay in registers.
#define HK_ROWS_CASE(function, n) \
  case n: function(matrix_row, x, sums, n, depth, out); return;
#define HK_DOT_ROWS(name, function)                                                        \
  static void HK(name)(                                                                    \
      const void *matrix_row, const float *x, const float *sums, int64_t rows,             \
      int64_t depth, float *out) {                                                         \
    switch (rows) {                                                                        \
      HK_ROWS_CASE(function, 1)                                                            \
      HK_ROWS_CASE(function, 2)                                                            \
      HK_ROWS_CASE(function, 3)                                                            \
      HK_ROWS_CASE(function, 4)                                                            \
      HK_ROWS_CASE(function, 5)                                                            \
      HK_ROWS_CASE(function, 6)                                                            \
      HK_ROWS_CASE(function, 7)                                                            \
      HK_ROWS_CASE(function, 8)                                                            \
    }                                                                                      \
  }

// Blocks of 32 numbers q with one scale, and for q4_1 a minimum: number = scale * q (+ minimum), so
// sum(number * x) = scale * sum(q * x) + minimum * sum(x).
#define HK_DOT_BLOCKS(name, bytes, decode, scale_offset, has_minimum, minus)               \
  HK_INLINE void HK(name##_rows)(                                                          \
      const void *matrix_row, const float *x, const float *sums, int rows, int64_t depth,  \
      float *out) {                                                                        \
    vf total[8];                                                                           \
    _Pragma("clang loop unroll(full)") for (int r = 0; r < rows; r++) total[r] = vzero();  \
    float minimums[8] = {0};                                                               \
    const uint8_t *block = matrix_row;                                                     \
    for (int64_t k = 0; k < depth; k += 32, block += bytes, x += 32 * rows) {              \
      vf q[VECTORS];                                                                       \
      decode(block, q);                                                                    \
      float scale = scale_f16(block + scale_offset);                                       \
      vf scales = vset1(scale);                                                            \
      _Pragma("clang loop unroll(full)") for (int r = 0; r < rows; r++) {                  \
        vf part = q[0] * vload(x + r * 32);                                            \
        _Pragma("clang loop unroll(full)") for (int v = 1; v < VECTORS; v++)               \
          part = vfma(q[v], vload(x + r * 32 + v * HK_LANES), part);                   \
        total[r] = vfma(scales, part, total[r]);                                           \
      }                                                                                    \
      if (has_minimum || minus != 0) {                                                     \
        float minimum = has_minimum ? scale_f16(block + 2) : minus * scale;                \
        _Pragma("clang loop unroll(full)") for (int r = 0; r < rows; r++)                  \
          minimums[r] += minimum * sums[r];                                                \
        sums += 8;                                                                         \
      }                                                                                    \
    }                                                                                      \
    for (int r = 0; r < rows; r++) out[r] = vsum(total[r]) + minimums[r];                  \
  }                                                                                        \
  HK_DOT_ROWS(name, HK(name##_rows))

#define decode_nibbles HK(decode_nibbles)
HK_INLINE void decode_nibbles(const uint8_t *bytes, vf *q) {
#pragma clang loop unroll(full)
  for (int v = 0; v < VECTORS / 2; v++) {
    vi both = __builtin_convertvector(*(const v_u8 *)(bytes + v * HK_LANES), vi);
    q[v] = __builtin_convertvector(both & 15, vf);
    q[v + VECTORS / 2] = __builtin_convertvector(both >> 4, vf);
  }
}
#define decode_q4_0 HK(decode_q4_0)
#define decode_q4_1 HK(decode_q4_1)
#define decode_q8_0 HK(decode_q8_0)
HK_INLINE void decode_q4_0(const uint8_t *block, vf *q) { decode_nibbles(block + 2, q); }
HK_INLINE void decode_q4_1(const uint8_t *block, vf *q) { decode_nibbles(block + 4, q); }
HK_INLINE void decode_q8_0(const uint8_t *block, vf *q) {
#pragma clang loop unroll(full)
  for (int v = 0; v < VECTORS; v++) q[v] = vload_i8(block + 2 + v * HK_LANES);
}

HK_DOT_BLOCKS(dot_q4_0, 18, decode_q4_0, 0, false, -8.0f)
HK_DOT_BLOCKS(dot_q4_1, 20, decode_q4_1, 0, true, 0.0f)
HK_DOT_BLOCKS(dot_q8_0, 34, decode_q8_0, 0, false, 0.0f)

// Dense rows: what is left after the last whole 32 is added vector by vector (an adapter's matrix may
// have no more), and what is left of that number by number.
#define HK_DOT_DENSE(name, bytes, load, one)                                               \
  HK_INLINE void HK(name##_rows)(                                                          \
      const void *matrix_row, const float *x, const float *sums, int rows, int64_t depth,  \
      float *out) {                                                                        \
    (void)sums;                                                                            \
    const uint8_t *w = matrix_row;                                                         \
    vf total[8], other[8];                                                                 \
    _Pragma("clang loop unroll(full)") for (int r = 0; r < rows; r++)                      \
      total[r] = other[r] = vzero();                                                       \
    int64_t k = 0;                                                                         \
    for (; k + 32 <= depth; k += 32, w += 32 * bytes, x += 32 * rows) {                    \
      _Pragma("clang loop unroll(full)") for (int v = 0; v < VECTORS; v += 2) {            \
        vf a = load(w + v * HK_LANES * bytes), b = load(w + (v + 1) * HK_LANES * bytes);   \
        _Pragma("clang loop unroll(full)") for (int r = 0; r < rows; r++) {                \
          total[r] = vfma(a, vload(x + r * 32 + v * HK_LANES), total[r]);                  \
          other[r] = vfma(b, vload(x + r * 32 + (v + 1) * HK_LANES), other[r]);            \
        }                                                                                  \
      }                                                                                    \
    }                                                                                      \
    int64_t i = 0;                                                                         \
    for (; k + i + HK_LANES <= depth; i += HK_LANES) {                                     \
      vf a = load(w + i * bytes);                                                          \
      _Pragma("clang loop unroll(full)") for (int r = 0; r < rows; r++)                    \
        total[r] = vfma(a, vload(x + r * 32 + i), total[r]);                               \
    }                                                                                      \
    for (int r = 0; r < rows; r++) {                                                       \
      float sum = vsum(total[r] + other[r]);                                               \
      for (int64_t j = i; j < depth - k; j++) sum += one(w + j * bytes) * x[r * 32 + j];   \
      out[r] = sum;                                                                        \
    }                                                                                      \
  }                                                                                        \
  HK_DOT_ROWS(name, HK(name##_rows))

#define vload_bytes HK(vload_bytes)
HK_INLINE vf vload_bytes(const void *p) { return vload(p); }
HK_DOT_DENSE(dot_f32, 4, vload_bytes, one_f32)
HK_DOT_DENSE(dot_f16, 2, vload_f16, one_f16)
HK_DOT_DENSE(dot_bf16, 2, vload_bf16, one_bf16)

static void HK(pack_blocks)(
    const float *x, int64_t stride, int64_t rows, int64_t depth, float *blocks, float *sums) {
  for (int64_t k = 0; k < depth; k += 32, sums += 8)
    for (int64_t r = 0; r < 8; r++) {
      sums[r] = 0;
      if (r >= rows) continue;
      vf sum = vzero();
      if (k + 32 <= depth) {
        for (int v = 0; v < VECTORS; v++) {
          vf a = vload(x + r * stride + k + v * HK_LANES);
          vstore(blocks + v * HK_LANES, a);
          sum += a;
        }
      } else {
        for (int64_t i = 0; i < 32; i++) blocks[i] = k + i < depth ? x[r * stride + k + i] : 0;
      }
      sums[r] = vsum(sum);
      blocks += 32;
    }
}

static const hk_matvec_kernel HK(matvec_kernel) = {
    HK(dot_f32),  HK(dot_f16),  HK(dot_bf16),  HK(dot_q4_0),
    HK(dot_q4_1), HK(dot_q8_0), HK(pack_blocks)};

#undef VECTORS
#undef HK_ROWS_CASE
#undef HK_DOT_ROWS
#undef HK_DOT_BLOCKS
#undef HK_DOT_DENSE
