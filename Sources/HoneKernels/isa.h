#ifndef HK_ISA_H
#define HK_ISA_H

#include "include/hone_kernels.h"

// The variant of an op for the instruction set in use: HK_SELECT(hk_rmsnorm)(x, ...).
// Machines with bf16 products or AMX use the AVX-512 bodies, except where an op has one of its own.
#if defined(__x86_64__)
#define HK_SELECT(name) HK_SELECT_AS(name, hk_isa_current())
#define HK_SELECT_AS(name, isa)            \
  ((isa) == HK_ISA_REFERENCE ? name##_reference \
   : (isa) == HK_ISA_AVX2    ? name##_avx2 \
   : (isa) == HK_ISA_WIDE    ? name##_wide \
                             : name##_avx512)
#elif defined(__aarch64__)
#define HK_SELECT(name) (hk_isa_current() == HK_ISA_REFERENCE ? name##_reference : name##_neon)
#else
#define HK_SELECT(name) name##_reference
#endif

#endif
