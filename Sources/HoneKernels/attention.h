#ifndef HK_ATTENTION_H
#define HK_ATTENTION_H

#include <string.h>

#include "gemm.h"

// The widest head (DeepSeek's and Gemma's are 256).
enum { HK_MAXIMUM_HEAD = 1024 };

// The parts of attention that depend on the instruction set; the products are those of gemm.h.
typedef struct {
  void (*load_rows)(
      hk_format format, const void *stored, int64_t stride, int64_t rows, int64_t count,
      float *out);
  float (*absorb)(
      float *scores, int64_t width, int64_t low, int64_t high, float softcap, float *maximum,
      float *sum);
  void (*scale_row)(float *row, int64_t count, float factor);
  void (*few_scores)(
      const float *q, int64_t queries, hk_format format, const void *keys, int64_t stride,
      int64_t count, int64_t head_dim, float *scores, int64_t scores_stride);
  void (*few_values)(
      const float *weights, int64_t weights_stride, int64_t queries, hk_format format,
      const void *values, int64_t stride, int64_t count, int64_t head_dim, float *out);
  void (*differentiate)(
      float *scores, float *weight_gradients, int64_t width, int64_t low, int64_t high, float lse,
      float delta, float softcap);
} hk_attention_kernel;

// The one for the instruction set in use; NULL for the plain C one.
const hk_attention_kernel *hk_attention_kernel_current(void);

static inline float stored_number(hk_format format, const void *stored, int64_t i) {
  float a;
  if (format == HK_F32) {
    memcpy(&a, (const char *)stored + 4 * i, 4);
  } else if (format == HK_F16) {
    _Float16 half;
    memcpy(&half, (const char *)stored + 2 * i, 2);
    a = (float)half;
  } else {
    uint16_t upper;
    memcpy(&upper, (const char *)stored + 2 * i, 2);
    uint32_t bits = (uint32_t)upper << 16;
    memcpy(&a, &bits, 4);
  }
  return a;
}

// Keys in a block; rows (queries x the heads that share a key head) in a block of queries, about.
enum { HK_KEY_BLOCK = 64, HK_QUERY_ROWS = 96 };

static inline int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }

// The keys that query i of a span sees: [low, high) of prefix and own keys counted together.
typedef struct {
  int64_t low, high;
} visible;

static inline visible seen(const hk_attention *a, const hk_span *span, int64_t i) {
  int64_t high = span->prefix_count + span->key_count - span->query_count + i + 1;
  return (visible){a->window > 0 ? most(0, high - a->window) : 0, high};
}

// Key j of a span, counted with the prefix; *run: how many from there lie in consecutive rows.
static inline int64_t key_row(const hk_span *span, int64_t j, int64_t *run) {
  if (j < span->prefix_count) {
    *run = span->prefix_count - j;
    return span->prefix + j;
  }
  *run = span->prefix_count + span->key_count - j;
  return span->key + j - span->prefix_count;
}

static inline const char *stored_row(const hk_attention *a, const void *rows, int64_t row, int64_t head) {
  int64_t size = a->kv_format == HK_F32 ? 4 : 2;
  return (const char *)rows + (row * a->kv_stride + head * a->head_dim) * size;
}

// Keys first ..< first + count of a span, as f32 rows.
static inline void load_keys(
    const hk_attention_kernel *kernel, const hk_attention *a, const hk_span *span, const void *rows, int64_t head, int64_t first,
    int64_t count, float *out) {
  while (count > 0) {
    int64_t run, row = key_row(span, first, &run);
    run = least(run, count);
    kernel->load_rows(
        a->kv_format, stored_row(a, rows, row, head), a->kv_stride, run, a->head_dim,
        out);
    out += run * a->head_dim;
    first += run;
    count -= run;
  }
}

#endif
