// Plain loops, which the compiler makes vectors of for each instruction set; only codes that stand for
// other numbers are looked up by hand. Layouts are those of ggml's ggml-common.h and the order of
// operations that of ggml-quants.c; each product of a scale, a sub-scale and a quant fits f32 exactly, so
// contraction to FMA changes no bit.

#define half_at HK(half_at)
HK_QUANT_INLINE float half_at(const uint8_t *p) {
  _Float16 a;
  memcpy(&a, p, 2);
  return (float)a;
}

#if HK_IS_AVX512
// Sixteen of sixteen numbers, by the lower four bits of each byte.
HK_QUANT_INLINE void looked_up(const float *table, __m128i codes, float *out) {
  __m512i places = _mm512_cvtepu8_epi32(codes);
  _mm512_storeu_ps(out, _mm512_permutexvar_ps(places, _mm512_loadu_ps(table)));
}
#endif

static void HK(q4_0)(const uint8_t *p, int64_t blocks, float *out) {
  for (int64_t b = 0; b < blocks; b++, p += 18, out += 32) {
    float d = half_at(p);
    for (int j = 0; j < 16; j++) {
      out[j] = (float)((p[2 + j] & 15) - 8) * d;
      out[j + 16] = (float)((p[2 + j] >> 4) - 8) * d;
    }
  }
}

static void HK(q4_1)(const uint8_t *p, int64_t blocks, float *out) {
  for (int64_t b = 0; b < blocks; b++, p += 20, out += 32) {
    float d = half_at(p), m = half_at(p + 2);
    for (int j = 0; j < 16; j++) {
      out[j] = (float)(p[4 + j] & 15) * d + m;
      out[j + 16] = (float)(p[4 + j] >> 4) * d + m;
    }
  }
}

static void HK(q5_0)(const uint8_t *p, int64_t blocks, float *out) {
  for (int64_t b = 0; b < blocks; b++, p += 22, out += 32) {
    float d = half_at(p);
    uint32_t high;
    memcpy(&high, p + 2, 4);
    for (int j = 0; j < 16; j++) {
      int32_t low_bit = (int32_t)(high >> j & 1) << 4, high_bit = (int32_t)(high >> (j + 16) & 1) << 4;
      out[j] = (float)(((p[6 + j] & 15) | low_bit) - 16) * d;
      out[j + 16] = (float)(((p[6 + j] >> 4) | high_bit) - 16) * d;
    }
  }
}

static void HK(q5_1)(const uint8_t *p, int64_t blocks, float *out) {
  for (int64_t b = 0; b < blocks; b++, p += 24, out += 32) {
    float d = half_at(p), m = half_at(p + 2);
    uint32_t high;
    memcpy(&high, p + 4, 4);
    for (int j = 0; j < 16; j++) {
      int32_t low_bit = (int32_t)(high >> j & 1) << 4, high_bit = (int32_t)(high >> (j + 16) & 1) << 4;
      out[j] = (float)((p[8 + j] & 15) | low_bit) * d + m;
      out[j + 16] = (float)((p[8 + j] >> 4) | high_bit) * d + m;
    }
  }
}

static void HK(q8_0)(const uint8_t *p, int64_t blocks, float *out) {
  for (int64_t b = 0; b < blocks; b++, p += 34, out += 32) {
    float d = half_at(p);
    const int8_t *q = (const int8_t *)p + 2;
    for (int j = 0; j < 32; j++) out[j] = (float)q[j] * d;
  }
}

// scales[16] (scale and minimum in a byte), quants[64] of two bits, d, minimum.
static void HK(q2_k)(const uint8_t *p, int64_t blocks, float *out) {
  for (int64_t b = 0; b < blocks; b++, p += 84) {
    const uint8_t *scales = p, *q = p + 16;
    float d = half_at(p + 80), minimum = half_at(p + 82);
    for (int half = 0; half < 2; half++, q += 32)
      for (int shift = 0; shift < 8; shift += 2)
        for (int part = 0; part < 2; part++, scales++, out += 16) {
          float scale = d * (float)(*scales & 15), offset = minimum * (float)(*scales >> 4);
          for (int j = 0; j < 16; j++)
            out[j] = scale * (float)(q[16 * part + j] >> shift & 3) - offset;
        }
  }
}

// high bits[32], quants[64] of two bits, scales[12] of six bits, d.
static void HK(q3_k)(const uint8_t *p, int64_t blocks, float *out) {
  for (int64_t b = 0; b < blocks; b++, p += 110) {
    const uint8_t *high = p, *q = p + 32, *packed = p + 96;
    float d = half_at(p + 108);
    int8_t scales[16];
    for (int j = 0; j < 16; j++) {
      int low = j < 8 ? packed[j] & 15 : packed[j - 8] >> 4;
      scales[j] = (int8_t)((low | (packed[8 + j % 4] >> (2 * (j / 4)) & 3) << 4) - 32);
    }
    const int8_t *scale = scales;
    int bit = 0;
    for (int half = 0; half < 2; half++, q += 32)
      for (int shift = 0; shift < 8; shift += 2, bit++)
        for (int part = 0; part < 2; part++, scale++, out += 16) {
          float s = d * (float)*scale;
          for (int j = 0; j < 16; j++) {
            int less = (high[16 * part + j] >> bit & 1) ? 0 : 4;
            out[j] = s * (float)((q[16 * part + j] >> shift & 3) - less);
          }
        }
  }
}

#define six_bits HK(six_bits)
// Scale and minimum j of the eight pairs of six bits in twelve bytes.
HK_QUANT_INLINE void six_bits(const uint8_t *packed, int j, int *scale, int *minimum) {
  if (j < 4) {
    *scale = packed[j] & 63;
    *minimum = packed[j + 4] & 63;
  } else {
    *scale = (packed[j + 4] & 15) | (packed[j - 4] >> 6) << 4;
    *minimum = packed[j + 4] >> 4 | (packed[j] >> 6) << 4;
  }
}

// d, minimum, scales[12], quants[128] of four bits.
static void HK(q4_k)(const uint8_t *p, int64_t blocks, float *out) {
  for (int64_t b = 0; b < blocks; b++, p += 144) {
    float d = half_at(p), least = half_at(p + 2);
    const uint8_t *q = p + 16;
    for (int j = 0; j < 8; j += 2, q += 32, out += 64) {
      int scale, minimum;
      six_bits(p + 4, j, &scale, &minimum);
      float s = d * (float)scale, m = least * (float)minimum;
      for (int i = 0; i < 32; i++) out[i] = s * (float)(q[i] & 15) - m;
      six_bits(p + 4, j + 1, &scale, &minimum);
      s = d * (float)scale, m = least * (float)minimum;
      for (int i = 0; i < 32; i++) out[32 + i] = s * (float)(q[i] >> 4) - m;
    }
  }
}

// d, minimum, scales[12], high bits[32], quants[128] of four bits.
static void HK(q5_k)(const uint8_t *p, int64_t blocks, float *out) {
  for (int64_t b = 0; b < blocks; b++, p += 176) {
    float d = half_at(p), least = half_at(p + 2);
    const uint8_t *high = p + 16, *q = p + 48;
    for (int j = 0; j < 8; j += 2, q += 32, out += 64) {
      int scale, minimum;
      six_bits(p + 4, j, &scale, &minimum);
      float s = d * (float)scale, m = least * (float)minimum;
      for (int i = 0; i < 32; i++)
        out[i] = s * (float)((q[i] & 15) | (high[i] >> j & 1) << 4) - m;
      six_bits(p + 4, j + 1, &scale, &minimum);
      s = d * (float)scale, m = least * (float)minimum;
      for (int i = 0; i < 32; i++)
        out[32 + i] = s * (float)(q[i] >> 4 | (high[i] >> (j + 1) & 1) << 4) - m;
    }
  }
}

// low quants[128] of four bits, high ones[64] of two, scales[16], d.
static void HK(q6_k)(const uint8_t *p, int64_t blocks, float *out) {
  for (int64_t b = 0; b < blocks; b++, p += 210) {
    const uint8_t *low = p, *high = p + 128;
    const int8_t *scales = (const int8_t *)p + 192;
    float d = half_at(p + 208);
    for (int half = 0; half < 2; half++, low += 64, high += 32, scales += 8)
      for (int quarter = 0; quarter < 4; quarter++)
        for (int part = 0; part < 2; part++, out += 16) {
          const uint8_t *q = low + 32 * (quarter & 1) + 16 * part, *h = high + 16 * part;
          int shift = quarter < 2 ? 0 : 4;
          float s = d * (float)scales[2 * quarter + part];
          for (int j = 0; j < 16; j++)
            out[j] = s * (float)(((q[j] >> shift & 15) | (h[j] >> (2 * quarter) & 3) << 4) - 32);
        }
  }
}

// The numbers of one code are products of the same two factors, so sixteen serve a block.
static void HK(iq4_nl)(const uint8_t *p, int64_t blocks, float *out) {
  for (int64_t b = 0; b < blocks; b++, p += 18, out += 32) {
    float d = half_at(p), products[16];
    for (int i = 0; i < 16; i++) products[i] = d * (float)iq4_values[i];
#if HK_IS_AVX512
    __m128i both = _mm_loadu_si128((const __m128i *)(p + 2));
    looked_up(products, both, out);
    looked_up(products, _mm_srli_epi16(both, 4), out + 16);
#else
    for (int j = 0; j < 16; j++) {
      out[j] = products[p[2 + j] & 15];
      out[j + 16] = products[p[2 + j] >> 4];
    }
#endif
  }
}

static void HK(four_bits)(const float *values, const uint8_t *p, int64_t blocks, float *out) {
  for (int64_t b = 0; b < blocks; b++, p += 36, out += 64) {
    float largest, products[16];
    memcpy(&largest, p, 4);
    for (int i = 0; i < 16; i++) products[i] = values[i] * largest;
#if HK_IS_AVX512
    for (int j = 0; j < 32; j += 16) {
      __m128i both = _mm_loadu_si128((const __m128i *)(p + 4 + j)), upper = _mm_srli_epi16(both, 4);
      looked_up(products, _mm_unpacklo_epi8(upper, both), out + 2 * j);
      looked_up(products, _mm_unpackhi_epi8(upper, both), out + 2 * j + 16);
    }
#else
    for (int j = 0; j < 32; j++) {
      out[2 * j] = products[p[4 + j] >> 4];
      out[2 * j + 1] = products[p[4 + j] & 15];
    }
#endif
  }
}

static void HK(f16)(const uint8_t *p, int64_t count, float *out) {
  for (int64_t i = 0; i < count; i++) out[i] = half_at(p + 2 * i);
}

static void HK(bf16)(const uint8_t *p, int64_t count, float *out) {
  for (int64_t i = 0; i < count; i++) {
    uint16_t upper;
    memcpy(&upper, p + 2 * i, 2);
    uint32_t bits = (uint32_t)upper << 16;
    memcpy(out + i, &bits, 4);
  }
}

void HK(hk_dequantize_row)(hk_format format, const void *blocks, int64_t count, float *out) {
  switch (format) {
  case HK_F32: memcpy(out, blocks, sizeof(float) * (size_t)count); return;
  case HK_F16: HK(f16)(blocks, count, out); return;
  case HK_BF16: HK(bf16)(blocks, count, out); return;
  case HK_Q4_0: HK(q4_0)(blocks, count / 32, out); return;
  case HK_Q4_1: HK(q4_1)(blocks, count / 32, out); return;
  case HK_Q5_0: HK(q5_0)(blocks, count / 32, out); return;
  case HK_Q5_1: HK(q5_1)(blocks, count / 32, out); return;
  case HK_Q8_0: HK(q8_0)(blocks, count / 32, out); return;
  case HK_Q2_K: HK(q2_k)(blocks, count / 256, out); return;
  case HK_Q3_K: HK(q3_k)(blocks, count / 256, out); return;
  case HK_Q4_K: HK(q4_k)(blocks, count / 256, out); return;
  case HK_Q5_K: HK(q5_k)(blocks, count / 256, out); return;
  case HK_Q6_K: HK(q6_k)(blocks, count / 256, out); return;
  case HK_IQ4_NL: HK(iq4_nl)(blocks, count / 32, out); return;
  case HK_NF4: HK(four_bits)(nf4_values, blocks, count / 64, out); return;
  case HK_FP4: HK(four_bits)(fp4_values, blocks, count / 64, out); return;
  }
}
