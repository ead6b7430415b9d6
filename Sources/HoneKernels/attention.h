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
  void (*absorb)(
      float *scores, int64_t keys, int64_t width, const int32_t *low, const int32_t *high,
      float softcap, float *maximum, float *sum, float *kept);
  void (*absorb_row)(
      float *scores, int64_t width, int64_t count, float softcap, float *maximum, float *sum);
  void (*scale_columns)(float *rows, int64_t count, int64_t width, const float *factors);
  void (*scale_row)(float *row, int64_t count, float factor);
  float (*dot)(const float *a, const float *b, int64_t count);
  void (*few_scores)(
      const float *q, int64_t queries, hk_format format, const void *keys, int64_t stride,
      int64_t count, int64_t head_dim, float *scores, int64_t scores_stride);
  void (*few_values)(
      const float *weights, int64_t weights_stride, int64_t queries, hk_format format,
      const void *values, int64_t stride, int64_t count, int64_t head_dim, float *out);
  void (*differentiate)(
      float *scores, float *weight_gradients, int64_t keys, int64_t width, const int32_t *low,
      const int32_t *high, const float *lse, const float *delta, float softcap);
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

// Scores stand transposed: a row for each key, a column for each query and head of those that share a
// key head. So everything that a softmax does goes on in all lanes, and no operand of a product needs
// transposing but those that are packed once for many blocks.
// Keys in a block; columns in a block of queries, about.
enum { HK_KEY_BLOCK = 64, HK_QUERY_COLUMNS = 96 };

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

// Keys first ..< first + count of a span as f32 rows, `*stride` apart: where they lie, or in `buffer`.
static inline const float *key_rows(
    const hk_attention_kernel *kernel, const hk_attention *a, const hk_span *span, const void *rows,
    int64_t head, int64_t first, int64_t count, float *buffer, int64_t *stride) {
  int64_t run, row = key_row(span, first, &run);
  if (a->kv_format == HK_F32 && run >= count) {
    *stride = a->kv_stride;
    return (const float *)stored_row(a, rows, row, head);
  }
  *stride = a->head_dim;
  for (float *out = buffer; count > 0; first += run, count -= run) {
    row = key_row(span, first, &run);
    run = least(run, count);
    kernel->load_rows(
        a->kv_format, stored_row(a, rows, row, head), a->kv_stride, run, a->head_dim, out);
    out += run * a->head_dim;
  }
  return buffer;
}

// Columns first ..< first + count of one span and key head, gathered from rows of all heads.
static inline void gather_columns(
    const hk_attention *a, const hk_span *span, int64_t head, int64_t first, int64_t count,
    const float *rows, int64_t stride, float *out) {
  int64_t group = a->heads / a->kv_heads, dim = a->head_dim;
  for (int64_t c = first; c < first + count; c++, out += dim)
    memcpy(
        out, rows + (span->query + c / group) * stride + (head * group + c % group) * dim,
        sizeof(float) * (size_t)dim);
}

// And back: column c of `columns`, [dim][width], times factors[c].
static inline void scatter_columns(
    const hk_attention *a, const hk_span *span, int64_t head, int64_t first, int64_t count,
    const float *columns, int64_t width, const float *factors, float *rows, int64_t stride) {
  int64_t group = a->heads / a->kv_heads, dim = a->head_dim;
  for (int64_t c = 0; c < count; c++) {
    float *row = rows + (span->query + (first + c) / group) * stride +
                 (head * group + (first + c) % group) * dim;
    float factor = factors[c];
    for (int64_t d = 0; d < dim; d++) row[d] = columns[d * width + c] * factor;
  }
}

// Which rows of a block of keys, first ..< first + keys, the columns of a block of queries see: [low,
// high) for each column. Returns whether all see all.
static inline bool visible_rows(
    const hk_attention *a, const hk_span *span, int64_t group, int64_t first_column, int64_t columns,
    int64_t width, int64_t first, int64_t keys, int32_t *low, int32_t *high) {
  bool whole = true;
  for (int64_t c = 0; c < width; c++) {
    visible see = seen(a, span, (first_column + least(c, columns - 1)) / group);
    low[c] = (int32_t)least(most(see.low - first, 0), keys);
    high[c] = (int32_t)least(most(see.high - first, 0), keys);
    whole &= low[c] == 0 && high[c] == keys;
  }
  return whole;
}

// Packs `depth` rows of columns, 32 at a time, since kernels take no more.
static inline void pack_by_columns(
    hk_pack_columns pack, const hk_gemm_kernel *kernel, int width, const float *rows, int64_t stride,
    int64_t depth, int64_t count, uint32_t *panel, int64_t panel_words) {
  for (int64_t k = 0; k < depth; k += 32)
    pack(
        rows + k * stride, stride, least(32, depth - k), count, 1, false, width,
        panel + k / kernel->unit * kernel->words * width, panel_words);
}

// Packs rows of all depth into consecutive panels.
static inline void pack_by_rows(
    hk_pack_rows pack, const hk_gemm_kernel *kernel, int width, const float *rows, int64_t stride,
    int64_t count, int64_t depth, float scale, uint32_t *panel) {
  for (int64_t i = 0; i < count; i += width, panel += hk_panel_words(kernel, width, depth))
    pack(rows + i * stride, stride, least(width, count - i), depth, scale, false, width, panel);
}

// out[rows][columns] = or += the product of consecutive panels over so many units. Panels of the left
// lie `left_words` apart, those of the right `right_words`. Whole panels of columns are written.
static inline void multiply_panels(
    const hk_gemm_kernel *kernel, int64_t units, const uint32_t *left, int64_t left_words,
    const uint32_t *right, int64_t right_words, float *out, int64_t stride, int64_t rows,
    int64_t columns, bool accumulate) {
  for (int64_t j = 0; j < columns; j += kernel->columns)
    for (int64_t i = 0; i < rows; i += kernel->rows) {
      hk_part part = {
          left + i / kernel->rows * left_words, right + j / kernel->columns * right_words, units};
      kernel->tile(
          &part, 1, out + i * stride + j, stride, least(kernel->rows, rows - i), kernel->columns,
          accumulate);
    }
}

static inline int64_t rounded_up(int64_t count, int64_t multiple) {
  return (count + multiple - 1) / multiple * multiple;
}

#endif
