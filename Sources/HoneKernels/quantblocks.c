#include <stdlib.h>
#include <string.h>

#include "isa.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define HK_QUANT_INLINE static inline __attribute__((always_inline))

static const int8_t iq4_values[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                      1,    13,   25,  38,  53,  69,  89,  113};

// Dettmers et al. 2023, appendix E: the quantiles of a normal distribution, evenly spaced, zero among
// them; and the sixteen numbers of one sign, two exponent and one fraction bit.
static const float nf4_values[16] = {
    -0x1.0p+0f,       -0x1.647362p-1f, -0x1.0cd66p-1f,  -0x1.94654p-2f,
    -0x1.23449ap-2f,  -0x1.7a6a7ep-3f, -0x1.74f0e2p-4f, 0,
    0x1.45f5fep-4f,   0x1.4995c6p-3f,  0x1.f809bap-3f,  0x1.5a0674p-2f,
    0x1.c3497p-2f,    0x1.200f56p-1f,  0x1.722766p-1f,  0x1.0p+0f};
static const float fp4_values[16] = {
    0,  0x1.555556p-8f,  0x1.555556p-1f,  0x1.0p+0f,  0x1.555556p-2f,  0x1.0p-1f,  0x1.555556p-3f,
    0x1.0p-2f,
    0, -0x1.555556p-8f, -0x1.555556p-1f, -0x1.0p+0f, -0x1.555556p-2f, -0x1.0p-1f, -0x1.555556p-3f,
    -0x1.0p-2f};

int64_t hk_format_block_elements(hk_format format) {
  switch (format) {
  case HK_F32: case HK_F16: case HK_BF16: return 1;
  case HK_Q2_K: case HK_Q3_K: case HK_Q4_K: case HK_Q5_K: case HK_Q6_K: return 256;
  case HK_NF4: case HK_FP4: return 64;
  default: return 32;
  }
}

int64_t hk_format_block_bytes(hk_format format) {
  switch (format) {
  case HK_F32: return 4;
  case HK_F16: case HK_BF16: return 2;
  case HK_Q4_0: case HK_IQ4_NL: return 18;
  case HK_Q4_1: return 20;
  case HK_Q5_0: return 22;
  case HK_Q5_1: return 24;
  case HK_Q8_0: return 34;
  case HK_Q2_K: return 84;
  case HK_Q3_K: return 110;
  case HK_Q4_K: return 144;
  case HK_Q5_K: return 176;
  case HK_Q6_K: return 210;
  case HK_NF4: case HK_FP4: return 36;
  }
  return 0;
}

// The plain form is the same source, compiled for the machine's baseline.
#define HK(name) name##_reference
#include "quantblocks_body.h"
#undef HK

#define HK_BODY "quantblocks_body.h"
#include "each_isa.h"

void hk_dequantize_row(hk_format format, const void *blocks, int64_t count, float *out) {
  HK_SELECT(hk_dequantize_row)(format, blocks, count, out);
}

// The numbers in rising order, and the code of each; the two zeros of FP4 stand as bitsandbytes
// sorts them.
static const uint8_t nf4_order[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
static const uint8_t fp4_order[16] = {11, 10, 13, 12, 15, 14, 9, 0, 8, 1, 6, 7, 4, 5, 2, 3};

static void four_bits(
    const float *values, const uint8_t *order, const float *numbers, int64_t blocks, uint8_t *out) {
  float bounds[15];
  for (int i = 0; i < 15; i++) bounds[i] = (values[order[i]] + values[order[i + 1]]) / 2;
  for (int64_t b = 0; b < blocks; b++, numbers += 64, out += 36) {
    float largest = 0;
    for (int i = 0; i < 64; i++) {
      float size = __builtin_fabsf(numbers[i]);
      largest = size > largest ? size : largest;
    }
    memcpy(out, &largest, 4);
    float inverse = 1.0f / (largest > 1e-38f ? largest : 1e-38f);
    uint8_t codes[64];
    for (int i = 0; i < 64; i++) {
      float scaled = numbers[i] * inverse;
      int place = 0;
      for (int n = 0; n < 15; n++) place += bounds[n] < scaled;
      codes[i] = order[place];
    }
    for (int i = 0; i < 32; i++) out[4 + i] = (uint8_t)(codes[2 * i] << 4 | codes[2 * i + 1]);
  }
}

// As ggml's quantize_row_q8_0_ref does.
static void eight_bits(const float *numbers, int64_t blocks, uint8_t *out) {
  for (int64_t b = 0; b < blocks; b++, numbers += 32, out += 34) {
    float largest = 0;
    for (int i = 0; i < 32; i++) {
      float size = __builtin_fabsf(numbers[i]);
      largest = size > largest ? size : largest;
    }
    float scale = largest / 127, inverse = scale > 0 ? 1 / scale : 0;
    _Float16 stored = (_Float16)scale;
    memcpy(out, &stored, 2);
    for (int i = 0; i < 32; i++)
      out[2 + i] = (uint8_t)(int8_t)__builtin_roundf(numbers[i] * inverse);
  }
}

void hk_quantize(hk_format format, const float *numbers, int64_t count, void *blocks) {
  switch (format) {
  case HK_NF4: four_bits(nf4_values, nf4_order, numbers, count / 64, blocks); return;
  case HK_FP4: four_bits(fp4_values, fp4_order, numbers, count / 64, blocks); return;
  case HK_Q8_0: eight_bits(numbers, count / 32, blocks); return;
  default: abort();
  }
}
