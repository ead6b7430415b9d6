#include <stdlib.h>
#include <string.h>
#include <time.h>

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

static double once(const call *c, int64_t piece) {
  const int64_t turns = 1 << 21;
#if defined(__x86_64__)
  if (c->limit == HK_LIMIT_BF16) return multiply_add_bf16(turns);
#endif
  if (c->limit == HK_LIMIT_F32) {
#if defined(__x86_64__)
    return c->isa == HK_ISA_AVX512 || c->isa == HK_ISA_AVX512BF16 ? multiply_add_f32_avx512(turns)
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
  if (limit == HK_LIMIT_BF16 && !hk_isa_available(HK_ISA_AVX512BF16)) return 0;
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
