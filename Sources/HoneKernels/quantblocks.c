#include <string.h>

#include "isa.h"

#define HK_QUANT_INLINE static inline __attribute__((always_inline))

static const int8_t iq4_values[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                      1,    13,   25,  38,  53,  69,  89,  113};

int64_t hk_format_block_elements(hk_format format) {
  switch (format) {
  case HK_F32: case HK_F16: case HK_BF16: return 1;
  case HK_Q2_K: case HK_Q3_K: case HK_Q4_K: case HK_Q5_K: case HK_Q6_K: return 256;
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
