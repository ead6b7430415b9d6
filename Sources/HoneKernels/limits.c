#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gemm_amx.h"
#include "gemm_int8.h"
#include "isa.h"

#define HK_BODY "limits_body.h"
#include "each_isa.h"

#if defined(__x86_64__)
#include <immintrin.h>
__attribute__((target("avx512bf16,avx512f"))) static double multiply_add_bf16(int64_t turns) {
  __m512 sums[12];
  for (int i = 0; i < 12; i++) sums[i] = _mm512_set1_ps((float)i);
  __m512i a = _mm512_set1_epi16(0x3f80), b = _mm512_set1_epi16(0x3f00);
  __asm__ volatile("" : "+m"(a), "+m"(b));
  for (int64_t turn = 0; turn < turns; turn++)
#pragma clang loop unroll(full)
    for (int i = 0; i < 12; i++)
      sums[i] = _mm512_dpbf16_ps(sums[i], (__m512bh)a, (__m512bh)b);
  __m512 total = sums[0];
  for (int i = 1; i < 12; i++) total = _mm512_add_ps(total, sums[i]);
  volatile float kept = _mm512_reduce_add_ps(total);
  (void)kept;
  return (double)turns * 12 * 64;
}
#endif

#if defined(__x86_64__)
// In assembly, since the compiler would choose between one instruction and two by itself.
#define HK_MULTIPLY_ADD_I16(name, features, vector, set, lanes, instructions)        \
  __attribute__((target(features))) static double name(int64_t turns) {              \
    vector a = set(3), b = set(2), sums[12], product;                                \
    for (int i = 0; i < 12; i++) sums[i] = set(0);                                   \
    for (int64_t turn = 0; turn < turns; turn++)                                     \
      _Pragma("clang loop unroll(full)") for (int i = 0; i < 12; i++)                \
        __asm__ volatile(instructions : "+v"(sums[i]), "=&v"(product) : "v"(a), "v"(b)); \
    return (double)turns * 12 * 4 * lanes;                                           \
  }
HK_MULTIPLY_ADD_I16(
    multiply_add_i16_avx2, "avx2", __m256i, _mm256_set1_epi16, 8,
    "vpmaddwd %2, %3, %1\n\tvpaddd %1, %0, %0")
HK_MULTIPLY_ADD_I16(
    multiply_add_i16_avx512, "avx512f,avx512bw,avx512vl", __m512i, _mm512_set1_epi16, 16,
    "vpmaddwd %2, %3, %1\n\tvpaddd %1, %0, %0")
HK_MULTIPLY_ADD_I16(
    multiply_add_i16_vnni, "avx512f,avx512bw,avx512vl,avx512vnni", __m512i, _mm512_set1_epi16, 16,
    "vpdpwssd %2, %3, %0")
#undef HK_MULTIPLY_ADD_I16
#endif

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

typedef struct {
  hk_limit limit;
  hk_isa isa;
  int threads;
  const float *numbers;  // memory to read, a share a thread
  int64_t count;
  double rates[256];
} call;

enum { ROUNDS = 5 };

#if defined(__x86_64__)
static bool has_avx512(hk_isa isa) {
  return isa == HK_ISA_AVX512 || isa == HK_ISA_AVX512BF16 || isa == HK_ISA_AMX;
}
#endif

static double once(const call *c, int64_t piece) {
  const int64_t turns = 1 << 21;
#if defined(__x86_64__)
  if (c->limit == HK_LIMIT_BF16) return multiply_add_bf16(turns);
  if (c->limit == HK_LIMIT_INT8) return hk_multiply_add_int8(turns);
  if (c->limit == HK_LIMIT_INT16)
    return !has_avx512(c->isa)                     ? multiply_add_i16_avx2(turns)
           : __builtin_cpu_supports("avx512vnni") ? multiply_add_i16_vnni(turns)
                                                  : multiply_add_i16_avx512(turns);
#endif
#ifdef HK_HAS_AMX
  if (c->limit == HK_LIMIT_TILES) return hk_multiply_add_amx(turns / 8);
#endif
  if (c->limit == HK_LIMIT_F32) {
#if defined(__x86_64__)
    return has_avx512(c->isa)
               ? multiply_add_f32_avx512(turns)
               : multiply_add_f32_avx2(turns);
#elif defined(__aarch64__)
    return multiply_add_f32_neon(turns);
#endif
  }
  const float *start = c->numbers + piece * c->count;
#if defined(__x86_64__)
  return read_memory_avx2(start, c->count);
#elif defined(__aarch64__)
  return read_memory_neon(start, c->count);
#else
  double sum = 0;
  for (int64_t i = 0; i < c->count; i++) sum += start[i];
  volatile double kept = sum;
  (void)kept;
  return (double)c->count * 4;
#endif
}

static void measure(void *context, int64_t piece, int thread) {
  call *c = context;
  (void)thread;
  for (int i = 0; i < ROUNDS; i++) {
    double start = now(), done = once(c, piece), rate = done / (now() - start);
    if (rate > c->rates[piece]) c->rates[piece] = rate;
  }
}

double hk_measure_limit(hk_pool *pool, hk_limit limit) {
  call c = {.limit = limit, .isa = hk_isa_current(), .threads = hk_pool_threads(pool)};
  if (limit == HK_LIMIT_TILES && !hk_isa_available(HK_ISA_AMX)) return 0;
  if (limit == HK_LIMIT_BF16 && !hk_isa_available(HK_ISA_AVX512BF16)) return 0;
  if (limit == HK_LIMIT_INT8 && !hk_gemm_int8_available()) return 0;
  if (limit == HK_LIMIT_INT16 && !hk_isa_available(HK_ISA_AVX2)) return 0;
  if (limit == HK_LIMIT_F32 && !hk_isa_available(HK_ISA_AVX2) && !hk_isa_available(HK_ISA_NEON))
    return 0;
  float *numbers = NULL;
  if (limit == HK_LIMIT_MEMORY) {
    c.count = 1 << 26;
    size_t bytes = sizeof(float) * (size_t)c.count * (size_t)c.threads;
    numbers = aligned_alloc(64, bytes);
    if (!numbers) return 0;
    memset(numbers, 0, bytes);
    c.numbers = numbers;
  }
  hk_pool_run(pool, c.threads, measure, &c);
  free(numbers);
  double total = 0;
  for (int i = 0; i < c.threads; i++) total += c.rates[i];
  return total;
}
