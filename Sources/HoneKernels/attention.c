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

// Keys of a query that are read by one piece of work when single queries are decoded. Words of packed
// keys and values at a time.
enum { CHUNK_KEYS = 128, PACKED_WORDS = 8 << 20 };

typedef struct {
  hk_pool *pool;
  const hk_attention *a;
  const hk_attention_kernel *kernel;
  const hk_gemm_kernel *gemm;
  int64_t group;
  int64_t first_pair;          // a pair is a span and a key head
  int64_t pair_count;
  int64_t block_columns;       // columns in a piece
  int64_t key_words, value_words;  // of a block of keys
  const int64_t *first_piece;  // of each pair, and the total
  const int64_t *first_block;  // of keys, of each pair, and the total
  uint32_t *packed;            // of each block: keys as left operand, then values, transposed, as left
  float *parts;                // decoding: [piece][group][head_dim + 2]
} call;

static int64_t holder(const int64_t *firsts, int64_t count, int64_t piece) {
  int64_t low = 0, high = count;
  while (high - low > 1) {
    int64_t middle = (low + high) / 2;
    if (firsts[middle] <= piece) low = middle; else high = middle;
  }
  return low;
}

// The first key that any query of a span sees, and the end of those that the last one sees.
static visible seen_by_all(const hk_attention *a, const hk_span *span) {
  return (visible){seen(a, span, 0).low, seen(a, span, span->query_count - 1).high};
}

static void pack_keys(void *context, int64_t piece, int thread) {
  const call *c = context;
  const hk_attention *a = c->a;
  const hk_gemm_kernel *gemm = c->gemm;
  int64_t index = holder(c->first_block, c->pair_count, piece), pair = c->first_pair + index;
  const hk_span *span = &a->spans[pair / a->kv_heads];
  int64_t head = pair % a->kv_heads, dim = a->head_dim, stride;
  visible all = seen_by_all(a, span);
  int64_t first = all.low + (piece - c->first_block[index]) * HK_KEY_BLOCK;
  int64_t keys = least(HK_KEY_BLOCK, all.high - first);
  float *buffer = hk_pool_scratch(c->pool, thread, sizeof(float) * (size_t)(HK_KEY_BLOCK * dim));
  uint32_t *packed = c->packed + piece * (c->key_words + c->value_words);
  const float *rows = key_rows(c->kernel, a, span, a->k, head, first, keys, buffer, &stride);
  pack_by_rows(gemm->left_rows, gemm, gemm->rows, rows, stride, keys, dim, 1, packed);
  rows = key_rows(c->kernel, a, span, a->v, head, first, keys, buffer, &stride);
  pack_by_columns(
      gemm->left_columns, gemm, gemm->rows, rows, stride, keys, dim, packed + c->key_words,
      hk_panel_words(gemm, gemm->rows, HK_KEY_BLOCK));
}

// A block of queries of one span and one key head.
static void attend(void *context, int64_t piece, int thread) {
  const call *c = context;
  const hk_attention *a = c->a;
  const hk_gemm_kernel *gemm = c->gemm;
  int64_t index = holder(c->first_piece, c->pair_count, piece), pair = c->first_pair + index;
  const hk_span *span = &a->spans[pair / a->kv_heads];
  int64_t head = pair % a->kv_heads, group = c->group, dim = a->head_dim;
  int64_t first = (piece - c->first_piece[index]) * c->block_columns;
  int64_t columns = least(c->block_columns, span->query_count * group - first);

  int64_t width = rounded_up(columns, gemm->columns), column_panels = width / gemm->columns;
  int64_t query_words = hk_panel_words(gemm, gemm->columns, dim);
  int64_t weight_words = hk_panel_words(gemm, gemm->columns, HK_KEY_BLOCK);
  int64_t sizes[] = {
      dim * width,                   // out, transposed
      column_panels * query_words,   // packed queries
      column_panels * weight_words,  // packed weights
      most(HK_KEY_BLOCK * width, columns * dim),  // gathered queries, scores, weights
      width, width, width,           // maximum and sum of each column, share that is kept
      width, width};                 // what each column sees
  enum { BUFFERS = sizeof sizes / sizeof *sizes };
  float *buffers[BUFFERS];
  int64_t total = 0;
  for (int i = 0; i < BUFFERS; i++) total += rounded_up(sizes[i], 16);
  buffers[0] = hk_pool_scratch(c->pool, thread, sizeof(float) * (size_t)total);
  for (int i = 1; i < BUFFERS; i++) buffers[i] = buffers[i - 1] + rounded_up(sizes[i - 1], 16);
  float *out = buffers[0], *scores = buffers[3], *maximum = buffers[4], *sum = buffers[5];
  float *kept = buffers[6];
  uint32_t *queries = (uint32_t *)buffers[1], *weights = (uint32_t *)buffers[2];
  int32_t *low = (int32_t *)buffers[7], *high = (int32_t *)buffers[8];

  gather_columns(a, span, head, first, columns, a->q, a->q_stride, scores);
  pack_by_rows(
      gemm->right_rows, gemm, gemm->columns, scores, dim, columns, dim, a->scale, queries);
  memset(out, 0, sizeof(float) * (size_t)(dim * width));
  for (int64_t i = 0; i < width; i++) maximum[i] = -INFINITY, sum[i] = 0;

  if (gemm->begin) gemm->begin();
  visible all = seen_by_all(a, span);
  int64_t end = seen(a, span, (first + columns - 1) / group).high;
  int64_t start = (seen(a, span, first / group).low - all.low) / HK_KEY_BLOCK * HK_KEY_BLOCK;
  for (int64_t j = all.low + start; j < end; j += HK_KEY_BLOCK) {
    int64_t keys = least(HK_KEY_BLOCK, end - j), block = (j - all.low) / HK_KEY_BLOCK;
    const uint32_t *packed =
        c->packed + (c->first_block[index] + block) * (c->key_words + c->value_words);
    multiply_panels(
        gemm, hk_units(gemm, dim), packed, hk_panel_words(gemm, gemm->rows, dim), queries,
        query_words, scores, width, keys, width, false);
    bool whole = visible_rows(a, span, group, first, columns, width, j, keys, low, high);
    c->kernel->absorb(
        scores, keys, width, whole ? NULL : low, whole ? NULL : high, a->softcap, maximum, sum, kept);
    c->kernel->scale_columns(out, dim, width, kept);
    pack_by_columns(
        gemm->right_columns, gemm, gemm->columns, scores, width, keys, width, weights, weight_words);
    multiply_panels(
        gemm, hk_units(gemm, keys), packed + c->key_words,
        hk_panel_words(gemm, gemm->rows, HK_KEY_BLOCK), weights, weight_words, out, width, dim, width,
        true);
  }
  if (gemm->end) gemm->end();
  for (int64_t i = 0; i < columns; i++) {
    if (a->lse)
      a->lse[(span->query + (first + i) / group) * a->heads + head * group + (first + i) % group] =
          maximum[i] + logf(sum[i]);
    sum[i] = 1 / sum[i];
  }
  scatter_columns(a, span, head, first, columns, out, width, sum, a->out, a->out_stride);
}

// One query (each head of a group) and one chunk of its keys: softmax within the chunk.
static void attend_chunk(void *context, int64_t piece, int thread) {
  const call *c = context;
  const hk_attention *a = c->a;
  int64_t pair = holder(c->first_piece, c->pair_count, piece), head = pair % a->kv_heads;
  const hk_span *span = &a->spans[pair / a->kv_heads];
  int64_t group = c->group, dim = a->head_dim;
  visible see = seen(a, span, 0);
  int64_t start = see.low + (piece - c->first_piece[pair]) * CHUNK_KEYS;
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
    c->kernel->absorb_row(
        scores + g * CHUNK_KEYS, CHUNK_KEYS, count, a->softcap, &state[0], &state[1]);
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
        int64_t pair = s * a->kv_heads + head;
        for (int64_t p = c->first_piece[pair]; p < c->first_piece[pair + 1]; p++)
          top = fmaxf(top, c->parts[p * size + group * dim + 2 * g]);
        memset(out, 0, sizeof(float) * (size_t)dim);
        for (int64_t p = c->first_piece[pair]; p < c->first_piece[pair + 1]; p++) {
          const float *part = c->parts + p * size, *state = part + group * dim + 2 * g;
          float share = expf(state[0] - top);
          sum += share * state[1];
          for (int64_t d = 0; d < dim; d++) out[d] += share * part[g * dim + d];
        }
        for (int64_t d = 0; d < dim; d++) out[d] /= sum;
        if (a->lse) a->lse[row * a->heads + h] = top + logf(sum);
      }
}

static void decode(call *c, int64_t *first) {
  const hk_attention *a = c->a;
  for (int64_t pair = 0; pair < c->pair_count; pair++) {
    visible see = seen(a, &a->spans[pair / a->kv_heads], 0);
    first[pair + 1] = first[pair] + (see.high - see.low + CHUNK_KEYS - 1) / CHUNK_KEYS;
  }
  int64_t pieces = first[c->pair_count];
  c->parts = hk_pool_shared(
      c->pool, sizeof(float) * (size_t)(pieces * c->group * (a->head_dim + 2)));
  hk_pool_run(c->pool, pieces, attend_chunk, c);
  join_chunks(c);
}

// So many pairs at a time that their packed keys and values are of reasonable size.
static void attend_in_turns(call *c, int64_t *first_piece, int64_t *first_block, int64_t pairs) {
  const hk_attention *a = c->a;
  const hk_gemm_kernel *gemm = c->gemm;
  int64_t block_panels = (HK_KEY_BLOCK + gemm->rows - 1) / gemm->rows;
  int64_t dim_panels = (a->head_dim + gemm->rows - 1) / gemm->rows;
  c->key_words = rounded_up(block_panels * hk_panel_words(gemm, gemm->rows, a->head_dim), 16);
  c->value_words = rounded_up(dim_panels * hk_panel_words(gemm, gemm->rows, HK_KEY_BLOCK), 16);
  c->block_columns = most(1, HK_QUERY_COLUMNS / c->group) * c->group;
  int64_t limit = most(1, PACKED_WORDS / (c->key_words + c->value_words));
  for (c->first_pair = 0; c->first_pair < pairs; c->first_pair += c->pair_count) {
    for (c->pair_count = 0; c->first_pair + c->pair_count < pairs; c->pair_count++) {
      int64_t n = c->pair_count;
      const hk_span *span = &a->spans[(c->first_pair + n) / a->kv_heads];
      visible all = seen_by_all(a, span);
      int64_t blocks = (all.high - all.low + HK_KEY_BLOCK - 1) / HK_KEY_BLOCK;
      if (n > 0 && first_block[n] + blocks > limit) break;
      first_block[n + 1] = first_block[n] + blocks;
      first_piece[n + 1] =
          first_piece[n] + (span->query_count * c->group + c->block_columns - 1) / c->block_columns;
    }
    int64_t blocks = first_block[c->pair_count];
    c->packed = hk_pool_shared(
        c->pool, sizeof(uint32_t) * (size_t)(blocks * (c->key_words + c->value_words)));
    hk_pool_run(c->pool, blocks, pack_keys, c);
    hk_pool_run(c->pool, first_piece[c->pair_count], attend, c);
  }
}

void hk_attention_forward(hk_pool *pool, const hk_attention *a) {
  call c = {.pool = pool, .a = a, .group = a->heads / a->kv_heads};
  c.gemm = hk_gemm_kernel_for_attention(a->compute);
  if (!c.gemm || a->head_dim > HK_MAXIMUM_HEAD) {
    hk_attention_forward_reference(a);
    return;
  }
  c.kernel = hk_attention_kernel_current();
  bool single = true;
  for (int64_t s = 0; s < a->span_count; s++) single &= a->spans[s].query_count == 1;

  int64_t pairs = a->span_count * a->kv_heads, few[2 * 65], *first = few;
  if (pairs > 64) {
    first = malloc(sizeof(int64_t) * 2 * (size_t)(pairs + 1));
    if (!first) abort();
  }
  int64_t *first_block = first + pairs + 1;
  first[0] = first_block[0] = 0;
  c.first_piece = first;
  c.first_block = first_block;
  c.pair_count = pairs;
  if (single)
    decode(&c, first);
  else
    attend_in_turns(&c, first, first_block, pairs);
  if (first != few) free(first);
}
