#include <stdlib.h>
#include <string.h>

#include "gemm_amx.h"
#include "isa.h"

static const char *const names[] = {"reference", "avx2", "avx512", "avx512bf16", "neon", "wide", "amx"};

bool hk_isa_available(hk_isa isa) {
  switch (isa) {
  case HK_ISA_REFERENCE:
    return true;
#if defined(__x86_64__)
  case HK_ISA_AVX2:
  case HK_ISA_WIDE:
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
           __builtin_cpu_supports("f16c");
  case HK_ISA_AVX512:
    return hk_isa_available(HK_ISA_AVX2) && __builtin_cpu_supports("avx512f") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl");
  case HK_ISA_AVX512BF16:
    return hk_isa_available(HK_ISA_AVX512) && __builtin_cpu_supports("avx512bf16");
#ifdef HK_HAS_AMX
  case HK_ISA_AMX:
    return hk_isa_available(HK_ISA_AVX512BF16) && hk_amx_available();
#endif
#elif defined(__aarch64__)
  case HK_ISA_NEON:
    return true;
#endif
  default:
    return false;
  }
}

const char *hk_isa_name(hk_isa isa) { return names[isa]; }

int hk_isa_named(const char *name) {
  for (int i = 0; i < (int)(sizeof names / sizeof *names); i++)
    if (strcmp(name, names[i]) == 0) return i;
  return -1;
}

static hk_isa chosen(void) {
  const char *name = getenv("HONE_ISA");
  if (name) {
    int isa = hk_isa_named(name);
    if (isa >= 0 && hk_isa_available((hk_isa)isa)) return (hk_isa)isa;
  }
  static const hk_isa best_first[] = {
      HK_ISA_AMX, HK_ISA_AVX512BF16, HK_ISA_AVX512, HK_ISA_AVX2, HK_ISA_NEON};
  for (int i = 0; i < (int)(sizeof best_first / sizeof *best_first); i++)
    if (hk_isa_available(best_first[i])) return best_first[i];
  return HK_ISA_REFERENCE;
}

// Written once with the same value by any thread that comes first.
static _Atomic int process_choice = -1;
static _Thread_local int thread_choice = -1;

hk_isa hk_isa_current(void) {
  if (thread_choice >= 0) return (hk_isa)thread_choice;
  int isa = process_choice;
  if (isa < 0) process_choice = isa = (int)chosen();
  return (hk_isa)isa;
}

void hk_isa_override(int isa) { thread_choice = isa; }
