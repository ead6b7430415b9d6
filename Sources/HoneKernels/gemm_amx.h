#ifndef HK_GEMM_AMX_H
#define HK_GEMM_AMX_H

#include "gemm.h"

// Products in the tiles of AMX (Intel, from Sapphire Rapids on): bf16 pairs, f32 sums.
//
// A tile is 16 rows of 64 bytes, and one instruction multiplies 16 x 32 by 32 x 16 numbers. A panel's
// unit is 32 k of two tiles: of the left operand [2][16 rows][16 pairs of k], of the right one
// [2][16 pairs of k][16 columns].
#if defined(__x86_64__) && defined(__linux__)
#define HK_HAS_AMX 1
extern const hk_gemm_kernel hk_gemm_kernel_amx;
// Whether the processor has the tiles and the system lets this process use them.
bool hk_amx_available(void);
// Operations of that many turns of the fastest loop there is.
double hk_multiply_add_amx(int64_t turns);
#endif

#endif
