#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "attention.h"

// MARK: Plain C

void hk_attention_backward_reference(
    const hk_attention *a, const float *out_gradient, float *q_gradient, float *k_gradient,
    float *v_gradient) {
  int64_t group = a->heads / a->kv_heads, dim = a->head_dim, width = a->kv_heads * dim;
  for (const hk_span *span = a->spans; span < a->spans + a->span_count; span++)
    for (int64_t i = 0; i < span->query_count; i++)
      for (int64_t h = 0; h < a->heads; h++) {
        int64_t row = span->query + i, head = h / group;
        const float *q = a->q + row * a->q_stride + h * dim;
        const float *out = a->out + row * a->out_stride + h * dim;
        const float *gradient = out_gradient + row * a->out_stride + h * dim;
        float *dq = q_gradient ? q_gradient + row * a->q_stride + h * dim : NULL;
        double delta = 0;
        for (int64_t d = 0; d < dim; d++) delta += (double)out[d] * (double)gradient[d];
        for (int64_t d = 0; d < dim && dq; d++) dq[d] = 0;
        visible keys = seen(a, span, i);
        for (int64_t j = keys.low; j < keys.high; j++) {
          int64_t run, key = key_row(span, j, &run);
          const char *k = stored_row(a, a->k, key, head), *v = stored_row(a, a->v, key, head);
          double score = 0, slope = 1, along = 0;
          for (int64_t d = 0; d < dim; d++) {
            score += (double)q[d] * (double)stored_number(a->kv_format, k, d);
            along += (double)gradient[d] * (double)stored_number(a->kv_format, v, d);
          }
          score *= (double)a->scale;
          if (a->softcap > 0) {
            double ratio = tanh(score / (double)a->softcap);
            score = (double)a->softcap * ratio;
            slope = 1 - ratio * ratio;
          }
          double weight = exp(score - (double)a->lse[row * a->heads + h]);
          double change = weight * (along - delta) * slope * (double)a->scale;
          for (int64_t d = 0; d < dim; d++) {
            if (dq) dq[d] += (float)(change * (double)stored_number(a->kv_format, k, d));
            if (k_gradient) k_gradient[key * width + head * dim + d] += (float)(change * (double)q[d]);
            if (v_gradient)
              v_gradient[key * width + head * dim + d] += (float)(weight * (double)gradient[d]);
          }
        }
      }
}

// MARK: Blocked

typedef struct {
  hk_pool *pool;
  const hk_attention *a;
  const hk_attention_kernel *kernel;
  const hk_gemm_kernel *gemm;
  const float *out_gradient;
  float *q_gradient, *k_gradient, *v_gradient;
  int64_t group;
  const int64_t *first_span;  // of each group of spans that touch the same keys, and the total
} call;

// Memory of a piece: what belongs to all queries of a span, then to a block of keys, then to a block
// of queries with a block of keys.
typedef struct {
  uint32_t *query_rows, *gradient_rows;        // right operands of scores: [column panels][dim]
  uint32_t *query_columns, *gradient_columns;  // right operands over columns: [blocks][dim panels]
  float *query_sums;                           // [blocks][dim][width]: the queries' gradients
  float *delta, *lse;                          // [blocks][width]
  float *gathered;                             // [columns of a block][dim], or [keys][dim]
  uint32_t *keys, *key_columns, *values;       // left operands; key_columns transposed
  float *key_sums, *value_sums;                // [keys][dim, rounded up]
  float *scores, *changes;                     // [keys][width]
  uint32_t *left_scores;                       // packed, as left operands
  uint32_t *right_changes;                     // as right operands
  int32_t *low, *high;                         // [width]
} memory;

// Columns are taken in blocks of `width`.
typedef struct {
  int64_t width, blocks, dim_width;
  int64_t row_words, column_words;        // of a panel of query_rows and of query_columns
  int64_t key_words, key_column_words;    // of a panel of keys and of key_columns
  int64_t score_words, change_words;      // of a panel of left_scores and of right_changes
} sizes;

static sizes sizes_for(const hk_gemm_kernel *g, int64_t columns, int64_t dim) {
  sizes s = {.width = rounded_up(least(HK_QUERY_COLUMNS, columns), g->columns)};
  s.blocks = (columns + s.width - 1) / s.width;
  s.dim_width = rounded_up(dim, g->columns);
  s.row_words = hk_panel_words(g, g->columns, dim);
  s.column_words = hk_panel_words(g, g->columns, s.width);
  s.key_words = hk_panel_words(g, g->rows, dim);
  s.key_column_words = hk_panel_words(g, g->rows, HK_KEY_BLOCK);
  s.score_words = hk_panel_words(g, g->rows, s.width);
  s.change_words = hk_panel_words(g, g->columns, HK_KEY_BLOCK);
  return s;
}

static size_t arrange(memory *m, float *start, const sizes *s, int64_t dim, const hk_gemm_kernel *g) {
  int64_t key_panels = (HK_KEY_BLOCK + g->rows - 1) / g->rows;
  int64_t dim_left_panels = (dim + g->rows - 1) / g->rows;
  int64_t column_panels = s->width / g->columns, dim_panels = s->dim_width / g->columns;
  int64_t counts[] = {
      s->blocks * column_panels * s->row_words, s->blocks * column_panels * s->row_words,
      s->blocks * dim_panels * s->column_words, s->blocks * dim_panels * s->column_words,
      s->blocks * dim * s->width,
      s->blocks * s->width, s->blocks * s->width,
      most(s->width, HK_KEY_BLOCK) * dim,
      key_panels * s->key_words, dim_left_panels * s->key_column_words, key_panels * s->key_words,
      HK_KEY_BLOCK * s->dim_width, HK_KEY_BLOCK * s->dim_width,
      HK_KEY_BLOCK * s->width, HK_KEY_BLOCK * s->width,
      key_panels * s->score_words,
      column_panels * s->change_words,
      s->width, s->width};
  float **fields = (float **)m;
  size_t total = 0;
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
    fields[i] = start ? start + total : NULL;
    total += (size_t)rounded_up(counts[i], 16);
  }
  return total;
}

// One block of a span's columns: queries and gradients as right operands, delta and lse.
static void pack_block(
    const call *c, const hk_span *span, int64_t head, const sizes *s, const memory *m, int64_t block) {
  const hk_attention *a = c->a;
  const hk_gemm_kernel *g = c->gemm;
  int64_t dim = a->head_dim, group = c->group, first = block * s->width;
  int64_t columns = least(s->width, span->query_count * group - first);
  int64_t column_panels = s->width / g->columns, dim_panels = s->dim_width / g->columns;
  float *delta = m->delta + first, *lse = m->lse + first;
  for (int64_t i = 0; i < s->width; i++) delta[i] = lse[i] = 0;
  uint32_t *right = m->gradient_rows + block * column_panels * s->row_words;
  gather_columns(a, span, head, first, columns, c->out_gradient, a->out_stride, m->gathered);
  pack_by_rows(g->right_rows, g, g->columns, m->gathered, dim, columns, dim, 1, right);
  right = m->gradient_columns + block * dim_panels * s->column_words;
  pack_by_columns(
      g->right_columns, g, g->columns, m->gathered, dim, columns, dim, right, s->column_words);
  for (int64_t i = 0; i < columns; i++) {
    int64_t row = span->query + (first + i) / group, h = head * group + (first + i) % group;
    delta[i] = c->kernel->dot(a->out + row * a->out_stride + h * dim, m->gathered + i * dim, dim);
    lse[i] = a->lse[row * a->heads + h];
  }
  right = m->query_rows + block * column_panels * s->row_words;
  gather_columns(a, span, head, first, columns, a->q, a->q_stride, m->gathered);
  c->kernel->scale_row(m->gathered, columns * dim, a->scale);
  pack_by_rows(g->right_rows, g, g->columns, m->gathered, dim, columns, dim, 1, right);
  right = m->query_columns + block * dim_panels * s->column_words;
  pack_by_columns(
      g->right_columns, g, g->columns, m->gathered, dim, columns, dim, right, s->column_words);
}

static void walk_span(const call *c, const hk_span *span, int64_t head, int thread) {
  const hk_attention *a = c->a;
  const hk_gemm_kernel *g = c->gemm;
  int64_t group = c->group, dim = a->head_dim, columns = span->query_count * group;
  int64_t kv_width = a->kv_heads * dim, stride;
  sizes s = sizes_for(g, columns, dim);
  memory m;
  size_t numbers = arrange(&m, NULL, &s, dim, g);
  arrange(&m, hk_pool_scratch(c->pool, thread, sizeof(float) * numbers), &s, dim, g);
  int64_t column_panels = s.width / g->columns, dim_panels = s.dim_width / g->columns;
  for (int64_t block = 0; block < s.blocks; block++) pack_block(c, span, head, &s, &m, block);
  memset(m.query_sums, 0, sizeof(float) * (size_t)(s.blocks * dim * s.width));
  if (g->begin) g->begin();

  int64_t end = seen(a, span, span->query_count - 1).high;
  for (int64_t j = seen(a, span, 0).low; j < end; j += HK_KEY_BLOCK) {
    int64_t keys = least(HK_KEY_BLOCK, end - j);
    const float *rows = key_rows(c->kernel, a, span, a->v, head, j, keys, m.gathered, &stride);
    pack_by_rows(g->left_rows, g, g->rows, rows, stride, keys, dim, 1, m.values);
    rows = key_rows(c->kernel, a, span, a->k, head, j, keys, m.gathered, &stride);
    pack_by_rows(g->left_rows, g, g->rows, rows, stride, keys, dim, 1, m.keys);
    pack_by_columns(
        g->left_columns, g, g->rows, rows, stride, keys, dim, m.key_columns, s.key_column_words);
    memset(m.key_sums, 0, sizeof(float) * (size_t)(keys * s.dim_width));
    memset(m.value_sums, 0, sizeof(float) * (size_t)(keys * s.dim_width));

    for (int64_t block = 0; block < s.blocks; block++) {
      int64_t first = block * s.width, count = least(s.width, columns - first);
      visible latest = seen(a, span, (first + count - 1) / group);
      visible earliest = seen(a, span, first / group);
      if (latest.high <= j || earliest.low >= j + keys) continue;
      multiply_panels(
          g, hk_units(g, dim), m.keys, s.key_words, m.query_rows + block * column_panels * s.row_words,
          s.row_words, m.scores, s.width, keys, s.width, false);
      multiply_panels(
          g, hk_units(g, dim), m.values, s.key_words,
          m.gradient_rows + block * column_panels * s.row_words, s.row_words, m.changes, s.width, keys,
          s.width, false);
      bool whole = visible_rows(a, span, group, first, count, s.width, j, keys, m.low, m.high);
      c->kernel->differentiate(
          m.scores, m.changes, keys, s.width, whole ? NULL : m.low, whole ? NULL : m.high,
          m.lse + first, m.delta + first, a->softcap);
      pack_by_rows(g->left_rows, g, g->rows, m.scores, s.width, keys, count, 1, m.left_scores);
      multiply_panels(
          g, hk_units(g, count), m.left_scores, hk_panel_words(g, g->rows, count),
          m.gradient_columns + block * dim_panels * s.column_words, s.column_words, m.value_sums,
          s.dim_width, keys, s.dim_width, true);
      pack_by_rows(g->left_rows, g, g->rows, m.changes, s.width, keys, count, 1, m.left_scores);
      multiply_panels(
          g, hk_units(g, count), m.left_scores, hk_panel_words(g, g->rows, count),
          m.query_columns + block * dim_panels * s.column_words, s.column_words, m.key_sums,
          s.dim_width, keys, s.dim_width, true);
      if (!c->q_gradient) continue;
      pack_by_columns(
          g->right_columns, g, g->columns, m.changes, s.width, keys, s.width, m.right_changes,
          s.change_words);
      multiply_panels(
          g, hk_units(g, keys), m.key_columns, s.key_column_words, m.right_changes, s.change_words,
          m.query_sums + block * dim * s.width, s.width, dim, s.width, true);
    }
    for (int64_t k = 0; k < keys; k++) {
      int64_t run, row = key_row(span, j + k, &run);
      float *key = c->k_gradient ? c->k_gradient + row * kv_width + head * dim : NULL;
      float *value = c->v_gradient ? c->v_gradient + row * kv_width + head * dim : NULL;
      for (int64_t d = 0; d < dim && key; d++) key[d] += m.key_sums[k * s.dim_width + d];
      for (int64_t d = 0; d < dim && value; d++) value[d] += m.value_sums[k * s.dim_width + d];
    }
  }
  if (g->end) g->end();
  if (!c->q_gradient) return;
  for (int64_t i = 0; i < s.width; i++) m.lse[i] = a->scale;
  for (int64_t block = 0; block < s.blocks; block++)
    scatter_columns(
        a, span, head, block * s.width, least(s.width, columns - block * s.width),
        m.query_sums + block * dim * s.width, s.width, m.lse, c->q_gradient, a->q_stride);
}

// A group of spans and one key head: nobody else adds to these keys' gradients.
static void walk(void *context, int64_t piece, int thread) {
  const call *c = context;
  int64_t head = piece % c->a->kv_heads, index = piece / c->a->kv_heads;
  for (int64_t s = c->first_span[index]; s < c->first_span[index + 1]; s++)
    walk_span(c, &c->a->spans[s], head, thread);
}

// Cuts the spans, which lie in order, into groups that share no keys. Returns how many there are.
static int64_t group_spans(const hk_attention *a, int64_t *first_span) {
  int64_t count = a->span_count, groups = 0, lowest = INT64_MAX;
  // first_span[s] is first the lowest key of span s and all after it.
  for (int64_t s = count; s-- > 0;) {
    const hk_span *span = &a->spans[s];
    lowest = least(lowest, span->prefix_count > 0 ? least(span->prefix, span->key) : span->key);
    first_span[s] = lowest;
  }
  int64_t end = INT64_MIN;
  for (int64_t s = 0; s < count; s++) {
    const hk_span *span = &a->spans[s];
    if (first_span[s] >= end) first_span[groups++] = s;
    end = most(end, span->key + span->key_count);
    if (span->prefix_count > 0) end = most(end, span->prefix + span->prefix_count);
  }
  first_span[groups] = count;
  return groups;
}

void hk_attention_backward(
    hk_pool *pool, const hk_attention *a, const float *out_gradient, float *q_gradient,
    float *k_gradient, float *v_gradient) {
  call c = {.pool = pool, .a = a, .out_gradient = out_gradient, .q_gradient = q_gradient};
  c.k_gradient = k_gradient;
  c.v_gradient = v_gradient;
  c.group = a->heads / a->kv_heads;
  c.gemm = hk_gemm_kernel_for_attention(a->compute);
  c.kernel = hk_attention_kernel_current();
  if (!c.gemm || !c.kernel || a->head_dim > HK_MAXIMUM_HEAD) {
    hk_attention_backward_reference(a, out_gradient, q_gradient, k_gradient, v_gradient);
    return;
  }
  int64_t *first_span = malloc(sizeof(int64_t) * (size_t)(a->span_count + 1));
  if (!first_span) abort();
  int64_t groups = group_spans(a, first_span);
  c.first_span = first_span;
  hk_pool_run(pool, groups * a->kv_heads, walk, &c);
  free(first_span);
}
