// Includes the file HK_BODY once for each vector instruction set of this architecture, with
//   HK_LANES   floats in a vector
//   HK(name)   name with the set's suffix: HK(hk_rmsnorm) is hk_rmsnorm_avx2
//   HK_IS_...  1 for the set being compiled
// and the vector types and functions of simd.h for it. No include guard: used once an op file.

#if defined(__x86_64__)

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c,bmi2"))), apply_to = function)
#define HK(name) name##_avx2
#define HK_LANES 8
#define HK_IS_AVX2 1
#include "simd.h"
#include HK_BODY
#include "simd_end.h"
#pragma clang attribute pop

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c,bmi2"))), apply_to = function)
#define HK(name) name##_wide
#define HK_LANES 16
#define HK_IS_WIDE 1
#include "simd.h"
#include HK_BODY
#include "simd_end.h"
#pragma clang attribute pop

#pragma clang attribute push(                                                             \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c,bmi2"))), \
    apply_to = function)
#define HK(name) name##_avx512
#define HK_LANES 16
#define HK_IS_AVX512 1
#include "simd.h"
#include HK_BODY
#include "simd_end.h"
#pragma clang attribute pop

#elif defined(__aarch64__)

#define HK(name) name##_neon
#define HK_LANES 4
#define HK_IS_NEON 1
#include "simd.h"
#include HK_BODY
#include "simd_end.h"

#endif
