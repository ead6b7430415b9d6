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

static int64_t up(int64_t count, int64_t multiple) {
  return (count + multiple - 1) / multiple * multiple;
}

// Memory of a piece: what belongs to all queries of a span, then to a block of keys, then to a block
// of queries with a block of keys.
typedef struct {
  float *queries, *gradients;                // [rows][dim], the queries scaled
  float *left_queries, *left_gradients;      // packed as left operands
  float *right_queries, *right_gradients;    // packed by columns, a block of rows at a time
  float *query_sums;                         // [rows][dim]: the queries' gradients
  float *delta, *lse;                        // [rows]
  float *stored;                             // [keys][dim]
  float *keys, *key_columns, *values;        // packed as right operands
  float *key_sums, *value_sums;              // [keys][dim]
  float *scores, *changes;                   // [rows of a block][keys]
  float *packed_scores;                      // transposed, as left operands
  float *packed_changes, *packed_change_rows;
} memory;

static size_t arrange(memory *m, float *start, int64_t rows, int64_t dim, const hk_gemm_kernel *g) {
  int64_t dim_wide = up(dim, g->columns), key_wide = up(HK_KEY_BLOCK, g->columns);
  int64_t block = up(HK_QUERY_ROWS + 1, 2), blocks = (rows + HK_QUERY_ROWS - 1) / HK_QUERY_ROWS + 1;
  int64_t sizes[] = {
      rows * dim, rows * dim,
      (rows + blocks * g->rows) * dim, (rows + blocks * g->rows) * dim,
      blocks * block * dim_wide, blocks * block * dim_wide,
      rows * dim, rows, rows,
      key_wide * dim,
      key_wide * dim, HK_KEY_BLOCK * dim_wide, key_wide * dim,
      HK_KEY_BLOCK * dim, HK_KEY_BLOCK * dim,
      block * key_wide, block * key_wide,
      up(key_wide, g->rows) * block, up(key_wide, g->rows) * block,
      up(HK_QUERY_ROWS, g->rows) * HK_KEY_BLOCK};
  float **fields = (float **)m;
  size_t total = 0;
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    fields[i] = start ? start + total : NULL;
    total += (size_t)up(sizes[i], 16);
  }
  return total;
}

static void walk_span(const call *c, const hk_span *span, int64_t head, int thread) {
  const hk_attention *a = c->a;
  const hk_gemm_kernel *g = c->gemm;
  int64_t group = c->group, dim = a->head_dim, rows = span->query_count * group;
  int64_t kv_width = a->kv_heads * dim;
  memory m;
  size_t numbers = arrange(&m, NULL, rows, dim, g);
  arrange(&m, hk_pool_scratch(c->pool, thread, sizeof(float) * numbers), rows, dim, g);

  for (int64_t r = 0; r < rows; r++) {
    int64_t row = span->query + r / group, h = head * group + r % group;
    const float *out = a->out + row * a->out_stride + h * dim;
    memcpy(m.queries + r * dim, a->q + row * a->q_stride + h * dim, sizeof(float) * (size_t)dim);
    memcpy(
        m.gradients + r * dim, c->out_gradient + row * a->out_stride + h * dim,
        sizeof(float) * (size_t)dim);
    double delta = 0;
    for (int64_t d = 0; d < dim; d++) delta += (double)(out[d] * m.gradients[r * dim + d]);
    m.delta[r] = (float)delta;
    m.lse[r] = a->lse[row * a->heads + h];
  }
  c->kernel->scale_row(m.queries, rows * dim, a->scale);
  memset(m.query_sums, 0, sizeof(float) * (size_t)(rows * dim));

  // Queries are taken in blocks of whole panels.
  int64_t block = HK_QUERY_ROWS / g->rows * g->rows, column_block = block * up(dim, g->columns);
  for (int64_t first = 0; first < rows; first += block) {
    int64_t count = least(block, rows - first);
    for (int64_t r = first; r < first + count; r += g->rows) {
      int64_t live = least(g->rows, first + count - r);
      g->pack_rows(m.queries + r * dim, dim, live, dim, 1, false, g->rows, m.left_queries + r * dim);
      g->pack_rows(
          m.gradients + r * dim, dim, live, dim, 1, false, g->rows, m.left_gradients + r * dim);
    }
    float *queries = m.right_queries + first / block * column_block;
    float *gradients = m.right_gradients + first / block * column_block;
    g->pack_columns(
        m.queries + first * dim, dim, count, dim, 1, false, g->columns, queries,
        block * g->columns);
    g->pack_columns(
        m.gradients + first * dim, dim, count, dim, 1, false, g->columns, gradients,
        block * g->columns);
  }

  int64_t end = seen(a, span, span->query_count - 1).high;
  for (int64_t j = seen(a, span, 0).low; j < end; j += HK_KEY_BLOCK) {
    int64_t keys = least(HK_KEY_BLOCK, end - j), width = up(keys, g->columns);
    load_keys(c->kernel, a, span, a->v, head, j, keys, m.stored);
    for (int64_t n = 0; n < keys; n += g->columns)
      g->pack_rows(
          m.stored + n * dim, dim, least(g->columns, keys - n), dim, 1, false, g->columns,
          m.values + n * dim);
    load_keys(c->kernel, a, span, a->k, head, j, keys, m.stored);
    for (int64_t n = 0; n < keys; n += g->columns)
      g->pack_rows(
          m.stored + n * dim, dim, least(g->columns, keys - n), dim, 1, false, g->columns,
          m.keys + n * dim);
    g->pack_columns(
        m.stored, dim, keys, dim, 1, false, g->columns, m.key_columns, HK_KEY_BLOCK * g->columns);
    memset(m.key_sums, 0, sizeof(float) * (size_t)(keys * dim));
    memset(m.value_sums, 0, sizeof(float) * (size_t)(keys * dim));

    for (int64_t first = 0; first < rows; first += block) {
      int64_t count = least(block, rows - first);
      visible latest = seen(a, span, (first + count - 1) / group);
      visible earliest = seen(a, span, first / group);
      if (latest.high <= j || earliest.low >= j + keys) continue;
      for (int64_t n = 0; n < keys; n += g->columns)
        for (int64_t r = 0; r < count; r += g->rows) {
          int64_t live = least(g->rows, count - r);
          g->tile(
              dim, m.left_queries + (first + r) * dim, m.keys + n * dim, m.scores + r * width + n,
              width, live, g->columns, false);
          g->tile(
              dim, m.left_gradients + (first + r) * dim, m.values + n * dim,
              m.changes + r * width + n, width, live, g->columns, false);
        }
      for (int64_t r = 0; r < count; r++) {
        visible see = seen(a, span, (first + r) / group);
        int64_t low = least(most(see.low - j, 0), width), high = least(most(see.high - j, low), keys);
        c->kernel->differentiate(
            m.scores + r * width, m.changes + r * width, width, low, high, m.lse[first + r],
            m.delta[first + r], a->softcap);
      }
      for (int64_t r = 0; r < count; r += g->rows)
        g->pack_rows(
            m.changes + r * width, width, least(g->rows, count - r), keys, 1, false, g->rows,
            m.packed_change_rows + r * HK_KEY_BLOCK);
      for (int64_t n = 0; n < dim; n += g->columns)
        for (int64_t r = 0; r < count; r += g->rows)
          g->tile(
              keys, m.packed_change_rows + r * HK_KEY_BLOCK, m.key_columns + n * HK_KEY_BLOCK,
              m.query_sums + (first + r) * dim + n, dim, least(g->rows, count - r),
              least(g->columns, dim - n), true);
      int64_t panel = block * g->rows;
      g->pack_columns(
          m.scores, width, count, keys, 1, false, g->rows, m.packed_scores, panel);
      g->pack_columns(
          m.changes, width, count, keys, 1, false, g->rows, m.packed_changes, panel);
      const float *queries = m.right_queries + first / block * column_block;
      const float *gradients = m.right_gradients + first / block * column_block;
      for (int64_t n = 0; n < dim; n += g->columns)
        for (int64_t k = 0; k < keys; k += g->rows) {
          int64_t live = least(g->rows, keys - k), columns = least(g->columns, dim - n);
          int64_t right = n / g->columns * block * g->columns;
          g->tile(
              count, m.packed_scores + k / g->rows * panel, gradients + right,
              m.value_sums + k * dim + n, dim, live, columns, true);
          g->tile(
              count, m.packed_changes + k / g->rows * panel, queries + right,
              m.key_sums + k * dim + n, dim, live, columns, true);
        }
    }
    for (int64_t k = 0; k < keys; k++) {
      int64_t run, row = key_row(span, j + k, &run);
      for (int64_t d = 0; d < dim; d++) {
        int64_t to = row * kv_width + head * dim + d;
        if (c->k_gradient) c->k_gradient[to] += m.key_sums[k * dim + d];
        if (c->v_gradient) c->v_gradient[to] += m.value_sums[k * dim + d];
      }
    }
  }
  if (!c->q_gradient) return;
  c->kernel->scale_row(m.query_sums, rows * dim, a->scale);
  for (int64_t r = 0; r < rows; r++)
    memcpy(
        c->q_gradient + (span->query + r / group) * a->q_stride + (head * group + r % group) * dim,
        m.query_sums + r * dim, sizeof(float) * (size_t)dim);
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
  c.gemm = hk_gemm_kernel_f32();
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
