#ifndef HK_GEMM_BF16_H
#define HK_GEMM_BF16_H

#include "gemm.h"

// Right operands of bf16 products packed straight from stored blocks, the same bits as of the numbers in
// f32: hk_gemm_kernel's right_blocks, for the panels of AVX-512's bf16 products and for those of tiles.
#if defined(__x86_64__)
bool hk_pack_blocks_bf16(
    hk_format format, const uint8_t *rows, int64_t row_bytes, int64_t count, int64_t depth,
    void *scratch, void *panel);
bool hk_pack_blocks_tiles(
    hk_format format, const uint8_t *rows, int64_t row_bytes, int64_t count, int64_t depth,
    void *scratch, void *panel);
#endif

#endif
