#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "attention.h"
#include "isa.h"

#define HK_BODY "attention_body.h"
#include "each_isa.h"

const hk_attention_kernel *hk_attention_kernel_current(void) {
  hk_isa isa = hk_isa_current();
  if (isa == HK_ISA_REFERENCE) return NULL;
#if defined(__x86_64__)
  return isa == HK_ISA_AVX2   ? &attention_kernel_avx2
         : isa == HK_ISA_WIDE ? &attention_kernel_wide
                              : &attention_kernel_avx512;
#elif defined(__aarch64__)
  return &attention_kernel_neon;
#else
  return NULL;
#endif
}

// MARK: Plain C

void hk_attention_forward_reference(const hk_attention *a) {
  int64_t group = a->heads / a->kv_heads, dim = a->head_dim;
  double *values = malloc(sizeof(double) * (size_t)dim);
  if (!values) abort();
  for (const hk_span *span = a->spans; span < a->spans + a->span_count; span++)
    for (int64_t i = 0; i < span->query_count; i++)
      for (int64_t h = 0; h < a->heads; h++) {
        const float *q = a->q + (span->query + i) * a->q_stride + h * dim;
        visible keys = seen(a, span, i);
        double maximum = -INFINITY, sum = 0;
        for (int64_t d = 0; d < dim; d++) values[d] = 0;
        for (int64_t j = keys.low; j < keys.high; j++) {
          int64_t run, row = key_row(span, j, &run);
          const char *k = stored_row(a, a->k, row, h / group);
          const char *v = stored_row(a, a->v, row, h / group);
          double score = 0;
          for (int64_t d = 0; d < dim; d++)
            score += (double)q[d] * (double)stored_number(a->kv_format, k, d);
          score *= (double)a->scale;
          if (a->softcap > 0) score = (double)a->softcap * tanh(score / (double)a->softcap);
          double top = score > maximum ? score : maximum;
          double kept = exp(maximum - top), weight = exp(score - top);
          sum = sum * kept + weight;
          for (int64_t d = 0; d < dim; d++)
            values[d] = values[d] * kept + weight * (double)stored_number(a->kv_format, v, d);
          maximum = top;
        }
        float *out = a->out + (span->query + i) * a->out_stride + h * dim;
        for (int64_t d = 0; d < dim; d++) out[d] = (float)(values[d] / sum);
        if (a->lse) a->lse[(span->query + i) * a->heads + h] = (float)(maximum + log(sum));
      }
  free(values);
}

// MARK: Blocked

// Keys of a query that are read by one piece of work when single queries are decoded.
enum { CHUNK_KEYS = 128 };

typedef struct {
  hk_pool *pool;
  const hk_attention *a;
  const hk_attention_kernel *kernel;
  const hk_gemm_kernel *gemm;
  int64_t group;
  int64_t piece_queries;       // queries in a piece
  const int64_t *first_piece;  // of each span, and the total
  float *parts;                // decoding: [piece][group][head_dim + 2]
} call;

static int span_of(const call *c, int64_t piece) {
  int64_t low = 0, high = c->a->span_count;
  while (high - low > 1) {
    int64_t middle = (low + high) / 2;
    if (c->first_piece[middle] <= piece) low = middle; else high = middle;
  }
  return (int)low;
}

// A block of queries of one span and one key head.
static void attend(void *context, int64_t piece, int thread) {
  const call *c = context;
  const hk_attention *a = c->a;
  const hk_gemm_kernel *gemm = c->gemm;
  int index = span_of(c, piece);
  const hk_span *span = &a->spans[index];
  piece -= c->first_piece[index];
  int64_t head = piece % a->kv_heads, group = c->group, dim = a->head_dim;
  int64_t first = piece / a->kv_heads * c->piece_queries;
  int64_t queries = least(c->piece_queries, span->query_count - first), rows = queries * group;

  int64_t row_panels = (rows + gemm->rows - 1) / gemm->rows, padded = row_panels * gemm->rows;
  int64_t dim_panels = (dim + gemm->columns - 1) / gemm->columns;
  int64_t key_panels = (HK_KEY_BLOCK + gemm->columns - 1) / gemm->columns;
  int64_t width = key_panels * gemm->columns;
  int64_t sizes[] = {
      rows * dim,                           // out
      padded * dim,                         // packed queries
      padded * width,                       // packed weights
      rows * width,                         // scores, then weights
      width * most(dim, 1) + gemm->columns, // keys or values as f32
      dim_panels * gemm->columns * width + width * dim,  // packed keys or values
      2 * rows};                            // maximum and sum of each row
  float *buffers[7];
  int64_t total = 0;
  for (int i = 0; i < 7; i++) total += (sizes[i] + 15) / 16 * 16;
  buffers[0] = hk_pool_scratch(c->pool, thread, sizeof(float) * (size_t)total);
  for (int i = 1; i < 7; i++) buffers[i] = buffers[i - 1] + (sizes[i - 1] + 15) / 16 * 16;
  float *out = buffers[0], *packed_q = buffers[1], *packed_w = buffers[2], *scores = buffers[3];
  float *stored = buffers[4], *packed = buffers[5], *maximum = buffers[6], *sum = maximum + rows;

  // Rows are (query, head of the group); `scores` first holds them side by side.
  for (int64_t p = 0; p < row_panels; p++) {
    int64_t live = least(gemm->rows, rows - p * gemm->rows);
    float *side = stored;
    for (int64_t r = 0; r < live; r++) {
      int64_t row = p * gemm->rows + r;
      memcpy(
          side + r * dim,
          a->q + (span->query + first + row / group) * a->q_stride +
              (head * group + row % group) * dim,
          sizeof(float) * (size_t)dim);
    }
    gemm->pack_rows(
        side, dim, live, dim, a->scale, false, gemm->rows, packed_q + p * gemm->rows * dim);
  }
  memset(out, 0, sizeof(float) * (size_t)(rows * dim));
  for (int64_t r = 0; r < rows; r++) maximum[r] = -INFINITY, sum[r] = 0;

  int64_t end = seen(a, span, first + queries - 1).high;
  for (int64_t j = seen(a, span, first).low; j < end; j += HK_KEY_BLOCK) {
    int64_t keys = least(HK_KEY_BLOCK, end - j);
    load_keys(c->kernel, a, span, a->k, head, j, keys, stored);
    for (int64_t n = 0; n < keys; n += gemm->columns)
      gemm->pack_rows(
          stored + n * dim, dim, least(gemm->columns, keys - n), dim, 1, false, gemm->columns,
          packed + n * dim);
    for (int64_t n = 0; n < keys; n += gemm->columns)
      for (int64_t r = 0; r < rows; r += gemm->rows)
        gemm->tile(
            dim, packed_q + r * dim, packed + n * dim, scores + r * width + n, width,
            least(gemm->rows, rows - r), gemm->columns, false);
    int64_t filled = (keys + gemm->columns - 1) / gemm->columns * gemm->columns;
    for (int64_t r = 0; r < rows; r++) {
      visible see = seen(a, span, first + r / group);
      int64_t low = least(most(see.low - j, 0), filled), high = least(most(see.high - j, low), keys);
      float kept = c->kernel->absorb(
          scores + r * width, filled, low, high, a->softcap, &maximum[r], &sum[r]);
      if (kept != 1) c->kernel->scale_row(out + r * dim, dim, kept);
    }
    load_keys(c->kernel, a, span, a->v, head, j, keys, stored);
    gemm->pack_columns(
        stored, dim, keys, dim, 1, false, gemm->columns, packed, HK_KEY_BLOCK * gemm->columns);
    for (int64_t r = 0; r < rows; r += gemm->rows)
      gemm->pack_rows(
          scores + r * width, width, least(gemm->rows, rows - r), keys, 1, false, gemm->rows,
          packed_w + r * HK_KEY_BLOCK);
    for (int64_t n = 0; n < dim; n += gemm->columns)
      for (int64_t r = 0; r < rows; r += gemm->rows)
        gemm->tile(
            keys, packed_w + r * HK_KEY_BLOCK, packed + n * HK_KEY_BLOCK, out + r * dim + n, dim,
            least(gemm->rows, rows - r), least(gemm->columns, dim - n), true);
  }
  for (int64_t r = 0; r < rows; r++) {
    int64_t row = span->query + first + r / group, h = head * group + r % group;
    c->kernel->scale_row(out + r * dim, dim, 1 / sum[r]);
    memcpy(a->out + row * a->out_stride + h * dim, out + r * dim, sizeof(float) * (size_t)dim);
    if (a->lse) a->lse[row * a->heads + h] = maximum[r] + logf(sum[r]);
  }
}

// One query (each head of a group) and one chunk of its keys: softmax within the chunk.
static void attend_chunk(void *context, int64_t piece, int thread) {
  const call *c = context;
  const hk_attention *a = c->a;
  int index = span_of(c, piece);
  const hk_span *span = &a->spans[index];
  int64_t group = c->group, dim = a->head_dim, local = piece - c->first_piece[index];
  int64_t head = local % a->kv_heads;
  visible see = seen(a, span, 0);
  int64_t start = see.low + local / a->kv_heads * CHUNK_KEYS;
  int64_t count = least(CHUNK_KEYS, see.high - start);
  float *scaled = hk_pool_scratch(
      c->pool, thread, sizeof(float) * (size_t)(group * (dim + CHUNK_KEYS)));
  float *scores = scaled + group * dim;
  memcpy(
      scaled, a->q + span->query * a->q_stride + head * group * dim,
      sizeof(float) * (size_t)(group * dim));
  c->kernel->scale_row(scaled, group * dim, a->scale);
  for (int64_t done = 0; done < count;) {
    int64_t run, row = key_row(span, start + done, &run);
    run = least(run, count - done);
    c->kernel->few_scores(
        scaled, group, a->kv_format, stored_row(a, a->k, row, head), a->kv_stride, run, dim,
        scores + done, CHUNK_KEYS);
    done += run;
  }
  float *part = c->parts + piece * group * (dim + 2);
  memset(part, 0, sizeof(float) * (size_t)(group * (dim + 2)));
  for (int64_t g = 0; g < group; g++) {
    for (int64_t j = count; j < CHUNK_KEYS; j++) scores[g * CHUNK_KEYS + j] = 0;
    float *state = part + group * dim + 2 * g;
    state[0] = -INFINITY;
    c->kernel->absorb(
        scores + g * CHUNK_KEYS, CHUNK_KEYS, 0, count, a->softcap, &state[0], &state[1]);
  }
  for (int64_t done = 0; done < count;) {
    int64_t run, row = key_row(span, start + done, &run);
    run = least(run, count - done);
    c->kernel->few_values(
        scores + done, CHUNK_KEYS, group, a->kv_format, stored_row(a, a->v, row, head),
        a->kv_stride, run, dim, part);
    done += run;
  }
}

// Joins the chunks of each query, in their order.
static void join_chunks(const call *c) {
  const hk_attention *a = c->a;
  int64_t group = c->group, dim = a->head_dim, size = group * (dim + 2);
  for (int64_t s = 0; s < a->span_count; s++)
    for (int64_t head = 0; head < a->kv_heads; head++)
      for (int64_t g = 0; g < group; g++) {
        int64_t h = head * group + g, row = a->spans[s].query;
        float *out = a->out + row * a->out_stride + h * dim, top = -INFINITY, sum = 0;
        for (int64_t p = c->first_piece[s] + head; p < c->first_piece[s + 1]; p += a->kv_heads)
          top = fmaxf(top, c->parts[p * size + group * dim + 2 * g]);
        memset(out, 0, sizeof(float) * (size_t)dim);
        for (int64_t p = c->first_piece[s] + head; p < c->first_piece[s + 1]; p += a->kv_heads) {
          const float *part = c->parts + p * size, *state = part + group * dim + 2 * g;
          float share = expf(state[0] - top);
          sum += share * state[1];
          for (int64_t d = 0; d < dim; d++) out[d] += share * part[g * dim + d];
        }
        for (int64_t d = 0; d < dim; d++) out[d] /= sum;
        if (a->lse) a->lse[row * a->heads + h] = top + logf(sum);
      }
}

void hk_attention_forward(hk_pool *pool, const hk_attention *a) {
  call c = {.pool = pool, .a = a, .group = a->heads / a->kv_heads, .gemm = hk_gemm_kernel_f32()};
  if (!c.gemm || a->head_dim > HK_MAXIMUM_HEAD) {
    hk_attention_forward_reference(a);
    return;
  }
  c.kernel = hk_attention_kernel_current();
  c.piece_queries = most(1, HK_QUERY_ROWS / c.group);
  bool single = true;
  for (int64_t s = 0; s < a->span_count; s++) single &= a->spans[s].query_count == 1;

  int64_t few[65], *first = few;
  if (a->span_count > 64) {
    first = malloc(sizeof(int64_t) * (size_t)(a->span_count + 1));
    if (!first) abort();
  }
  first[0] = 0;
  for (int64_t s = 0; s < a->span_count; s++) {
    visible see = seen(a, &a->spans[s], 0);
    int64_t pieces = single ? (see.high - see.low + CHUNK_KEYS - 1) / CHUNK_KEYS
                            : (a->spans[s].query_count + c.piece_queries - 1) / c.piece_queries;
    first[s + 1] = first[s] + pieces * a->kv_heads;
  }
  c.first_piece = first;
  int64_t pieces = first[a->span_count];
  if (single) {
    c.parts = hk_pool_shared(
        pool, sizeof(float) * (size_t)(pieces * c.group * (a->head_dim + 2)));
    hk_pool_run(pool, pieces, attend_chunk, &c);
    join_chunks(&c);
  } else {
    hk_pool_run(pool, pieces, attend, &c);
  }
  if (first != few) free(first);
}
