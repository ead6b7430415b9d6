// Compares each kernel's vector form with its plain one, over sizes around every vector and tile,
// and prints the largest error of each. Scripts/test-neon builds it for Arm.
//
//   compare write FILE   keeps the plain forms' numbers
//   compare read FILE    also compares this machine's plain forms with those of the machine that
//                        kept them, since a fault of both forms would not show otherwise
//
// Every array ends where its memory ends, so that a read or write behind it stops the program.

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hone_kernels.h"

// MARK: Memory that is guarded at its end

typedef struct region {
  struct region *next;
  void *pages;
  size_t size;
} region;
static region *regions;

static void *take(size_t bytes) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  size_t size = (bytes + page - 1) / page * page + page;
  char *pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  region *r = malloc(sizeof *r);
  if (pages == MAP_FAILED || !r || mprotect(pages + size - page, page, PROT_NONE)) abort();
  *r = (region){regions, pages, size};
  regions = r;
  return pages + size - page - bytes;
}

static void release(void) {
  while (regions) {
    region *r = regions;
    regions = r->next;
    munmap(r->pages, r->size);
    free(r);
  }
}

// MARK: Numbers, the same in every run

static uint64_t state = 0x9E3779B97F4A7C15u;
static uint64_t next(void) {
  state ^= state << 13, state ^= state >> 7, state ^= state << 17;
  return state;
}
static int64_t below(int64_t bound) { return (int64_t)(next() >> 33) % bound; }
static int64_t one_of(const int64_t *choices, int64_t count) { return choices[below(count)]; }
#define ONE_OF(...)                                                          \
  one_of((const int64_t[]){__VA_ARGS__},                                     \
         sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t))

// Roughly normal, with this standard deviation.
static float number(float deviation) {
  float sum = 0;
  for (int i = 0; i < 4; i++) sum += (float)(next() >> 40) / 0x1p24f;
  return (sum - 2) * 1.7f * deviation;
}
static float *numbers(int64_t count, float deviation) {
  float *p = take(sizeof(float) * (size_t)count);
  for (int64_t i = 0; i < count; i++) p[i] = number(deviation);
  return p;
}
static float *copy(const float *from, int64_t count) {
  float *p = take(sizeof(float) * (size_t)count);
  memcpy(p, from, sizeof(float) * (size_t)count);
  return p;
}

typedef struct {
  hk_format format;
  const char *name;
  int scales[2];  // where a block's f16 scales stand; -1 for none
} format_info;
static const format_info formats[] = {
    {HK_F32, "f32", {-1, -1}},    {HK_F16, "f16", {-1, -1}},    {HK_BF16, "bf16", {-1, -1}},
    {HK_Q4_0, "q4_0", {0, -1}},   {HK_Q4_1, "q4_1", {0, 2}},    {HK_Q5_0, "q5_0", {0, -1}},
    {HK_Q5_1, "q5_1", {0, 2}},    {HK_Q8_0, "q8_0", {0, -1}},   {HK_Q2_K, "q2_k", {80, 82}},
    {HK_Q3_K, "q3_k", {108, -1}}, {HK_Q4_K, "q4_k", {0, 2}},    {HK_Q5_K, "q5_k", {0, 2}},
    {HK_Q6_K, "q6_k", {208, -1}}, {HK_IQ4_NL, "iq4_nl", {0, -1}},
};
enum { FORMATS = sizeof formats / sizeof *formats };

// Random blocks whose scales are of sensible size.
static void *blocks(const format_info *info, int64_t elements) {
  int64_t size = hk_format_block_bytes(info->format);
  int64_t count = elements / hk_format_block_elements(info->format);
  uint8_t *bytes = take((size_t)(size * count));
  for (int64_t b = 0; b < count; b++) {
    uint8_t *block = bytes + b * size;
    float a = number(1);
    for (int64_t i = 0; i < size; i++) block[i] = (uint8_t)(next() >> 24);
    if (info->format == HK_F32) memcpy(block, &a, 4);
    if (info->format == HK_BF16) memcpy(block, (char *)&a + 2, 2);
    if (info->format == HK_F16) block[1] = (block[1] & 0x83) | 0x34;
    for (int s = 0; s < 2; s++)
      if (info->scales[s] >= 0)
        block[info->scales[s] + 1] = (block[info->scales[s] + 1] & 0x83) | 0x24;
  }
  return bytes;
}

// MARK: Results

typedef struct {
  char name[40];
  int64_t cases, wrong;
  double worst, limit, worst_plain;
} result;
static result results[200];
static int result_count;
static FILE *kept;
static bool writing;

static result *result_of(const char *name, double limit) {
  for (int i = 0; i < result_count; i++)
    if (strcmp(results[i].name, name) == 0) return &results[i];
  if (result_count == sizeof results / sizeof *results) abort();
  result *r = &results[result_count++];
  snprintf(r->name, sizeof r->name, "%s", name);
  r->limit = limit;
  return r;
}

// The largest difference, as a share of the largest expected number (or of 1).
static double difference(const float *found, const float *expected, int64_t count) {
  double size = 1, worst = 0;
  for (int64_t i = 0; i < count; i++)
    if (isfinite(expected[i])) size = fmax(size, fabs((double)expected[i]));
  for (int64_t i = 0; i < count; i++) {
    if (found[i] == expected[i] || (isnan(found[i]) && isnan(expected[i]))) continue;
    double d = fabs((double)found[i] - (double)expected[i]) / size;
    worst = isfinite(d) ? fmax(worst, d) : (double)INFINITY;
  }
  return worst;
}

static void check(
    const char *name, const float *found, const float *expected, int64_t count, double limit) {
  result *r = result_of(name, limit);
  double d = difference(found, expected, count);
  r->cases++;
  if (!(d <= limit)) r->wrong++;
  r->worst = fmax(r->worst, d);
  if (!kept) return;
  if (writing) {
    if (fwrite(expected, sizeof(float), (size_t)count, kept) != (size_t)count) abort();
    return;
  }
  float *other = malloc(sizeof(float) * (size_t)count);
  if (!other) abort();
  d = fread(other, sizeof(float), (size_t)count, kept) == (size_t)count
          ? difference(expected, other, count)
          : (double)INFINITY;
  free(other);
  if (!(d <= fmax(limit, 1e-6))) r->wrong++;
  r->worst_plain = fmax(r->worst_plain, d);
}

static void check_words(const char *name, const uint16_t *found, const uint16_t *expected, int64_t n) {
  float *a = take(sizeof(float) * (size_t)n), *b = take(sizeof(float) * (size_t)n);
  for (int64_t i = 0; i < n; i++) a[i] = found[i], b[i] = expected[i];
  check(name, a, b, n, 0);
}

static const int64_t sizes[] = {1,  2,  3,  4,  5,  7,  8,  9,  12,  13,  15, 16,
                                17, 31, 32, 33, 64, 65, 100, 576, 1001, 5000};
enum { SIZES = sizeof sizes / sizeof *sizes, SMALL_SIZES = 19 };

// MARK: Stored formats and products

static void compare_formats(void) {
  for (int f = 0; f < FORMATS; f++) {
    char name[40];
    snprintf(name, sizeof name, "dequantize %s", formats[f].name);
    int64_t block = hk_format_block_elements(formats[f].format);
    for (int s = 0; s < SMALL_SIZES; s++, release()) {
      int64_t count = block == 1 ? sizes[s] : block * (1 + s % 5);
      void *stored = blocks(&formats[f], count);
      float *found = numbers(count, 1), *expected = copy(found, count);
      hk_dequantize_row(formats[f].format, stored, count, found);
      hk_dequantize_row_reference(formats[f].format, stored, count, expected);
      check(name, found, expected, count, 1e-6);
    }
  }
}

typedef struct {
  hk_compute compute;
  const char *name;
  double limit;
} compute_info;

static void compare_product(
    hk_pool *pool, const char *name, const compute_info *how, const format_info *info, bool few,
    int64_t rows, int64_t depth_wanted, bool by_columns, bool transposed, int count) {
  int64_t block = hk_format_block_elements(info->format), scaled = few || rows % 2;
  int64_t depth = by_columns ? depth_wanted : (depth_wanted + block - 1) / block * block;
  hk_left left = {
      numbers(rows * depth, 1), transposed ? rows : depth, depth, transposed, scaled ? 1 : 0.5f};
  hk_product found[3], expected[3];
  hk_term terms[3];
  int64_t taken[3];
  for (int p = 0; p < count; p++) {
    int64_t columns = sizes[below(SMALL_SIZES)];
    if (by_columns) columns = (columns + block - 1) / block * block;
    int64_t stored = by_columns ? columns : depth;
    int64_t row_bytes = stored / block * hk_format_block_bytes(info->format);
    int64_t wide = columns + below(2) * 3;
    // The last row's end is the end of the memory.
    taken[p] = (rows - 1) * wide + columns;
    float *out = numbers(taken[p], 1);
    found[p] = (hk_product){out, wide, columns, below(2), false};
    expected[p] = found[p];
    expected[p].out = copy(out, taken[p]);
    terms[p] =
        (hk_term){p, 0, blocks(info, columns * depth), info->format, row_bytes, by_columns};
  }
  hk_products some = {rows, &left, 1, found, count, terms, count}, plain = some;
  plain.products = expected;
  if (few)
    hk_gemm_few(pool, how->compute, &some);
  else
    hk_gemm(pool, how->compute, &some);
  hk_gemm_reference(how->compute, &plain);
  for (int p = 0; p < count; p++)
    check(name, found[p].out, expected[p].out, taken[p], how->limit);
  release();
}

static void compare_products(void) {
  hk_pool *pool = hk_pool_create(2);
  // What is fastest may be in bf16 or integers.
  hk_limit fastest = hk_gemm_limit(HK_COMPUTE_AUTO);
  double automatic = hk_isa_current() == HK_ISA_NEON ? 3e-6
                     : fastest == HK_LIMIT_INT16     ? 1e-3
                                                     : 2e-2;
  const compute_info ways[] = {
      {HK_COMPUTE_F32, "f32", 3e-6},
      {HK_COMPUTE_BF16, "bf16", 3e-6},
      {HK_COMPUTE_AUTO, "auto", automatic},
      {HK_COMPUTE_INT16, "int16", 1e-3},
  };
  for (int w = 0; w < 4; w++)
    for (int f = 0; f < FORMATS; f++)
      for (int by_columns = 0; by_columns < 2; by_columns++)
        for (int round = 0; round < 16; round++) {
          char name[40];
          snprintf(
              name, sizeof name, "gemm %s %s by %s", ways[w].name, formats[f].name,
              by_columns ? "columns" : "rows");
          int64_t rows = round == 0 ? 200 : sizes[below(SMALL_SIZES)];
          int64_t depth = round == 1 ? 700 : sizes[below(SMALL_SIZES)];
          compare_product(
              pool, name, &ways[w], &formats[f], false, rows, depth, by_columns, round % 3 == 0,
              1 + round % 3);
        }
  const compute_info few[] = {
      {HK_COMPUTE_F32, "f32", 3e-6},
      {HK_COMPUTE_AUTO, "auto", hk_isa_current() == HK_ISA_NEON ? 3e-6 : 2e-4},
  };
  for (int w = 0; w < 2; w++)
    for (int f = 0; f < FORMATS; f++)
      for (int rows = 1; rows < 20; rows++) {
        char name[40];
        snprintf(name, sizeof name, "gemm_few %s %s", few[w].name, formats[f].name);
        compare_product(
            pool, name, &few[w], &formats[f], true, rows, 1 + below(600), false, false,
            1 + rows % 3);
      }
  hk_pool_destroy(pool);
}

// MARK: Attention

static void compare_attention(void) {
  hk_pool *pool = hk_pool_create(2);
  for (int round = 0; round < 72; round++, release()) {
    const format_info *info = &formats[round % 3];
    int64_t kv_heads = ONE_OF(1, 2, 3), heads = kv_heads * ONE_OF(1, 2, 3);
    int64_t dim = ONE_OF(4, 5, 16, 33, 64, 80, 128), prefix = ONE_OF(0, 0, 17);
    bool decoding = round % 4 == 0;
    hk_span spans[3];
    int64_t queries = 0, keys = 20, span_count = 1 + below(3);
    for (int64_t s = 0; s < span_count; s++) {
      int64_t query_count = decoding ? 1 : ONE_OF(1, 2, 40, 70, 130);
      int64_t key_count = query_count + ONE_OF(0, 0, 1, 65, 150);
      spans[s] = (hk_span){queries, query_count, keys, key_count, 0, prefix};
      queries += query_count, keys += key_count;
    }
    int64_t q_count = queries * heads * dim, k_count = keys * kv_heads * dim;
    hk_attention found = {
        .q = numbers(q_count, 1), .k = blocks(info, k_count), .v = blocks(info, k_count),
        .kv_format = info->format, .q_stride = heads * dim, .kv_stride = kv_heads * dim,
        .out_stride = heads * dim, .heads = heads, .kv_heads = kv_heads, .head_dim = dim,
        .scale = 0.3f, .softcap = (float)ONE_OF(0, 0, 4), .window = ONE_OF(0, 0, 3, 90),
        .spans = spans, .span_count = span_count, .out = numbers(q_count, 1),
        .lse = numbers(queries * heads, 1)};
    hk_attention expected = found;
    expected.out = copy(found.out, q_count), expected.lse = copy(found.lse, queries * heads);
    char name[40];
    hk_attention_forward(pool, &found);
    hk_attention_forward_reference(&expected);
    snprintf(name, sizeof name, "attention %s", info->name);
    check(name, found.out, expected.out, q_count, 1e-5);
    check(name, found.lse, expected.lse, queries * heads, 1e-5);

    float *dout = numbers(q_count, 1), *dq[2], *dk[2], *dv[2];
    dq[0] = numbers(q_count, 1), dk[0] = numbers(k_count, 1), dv[0] = numbers(k_count, 1);
    dq[1] = copy(dq[0], q_count), dk[1] = copy(dk[0], k_count), dv[1] = copy(dv[0], k_count);
    hk_attention_backward(pool, &found, dout, dq[0], dk[0], dv[0]);
    hk_attention_backward_reference(&expected, dout, dq[1], dk[1], dv[1]);
    snprintf(name, sizeof name, "attention_backward %s", info->name);
    check(name, dq[0], dq[1], q_count, 2e-5);
    check(name, dk[0], dk[1], k_count, 2e-5);
    check(name, dv[0], dv[1], k_count, 2e-5);
  }
  hk_pool_destroy(pool);
}

// MARK: Rows of numbers

static void compare_norms(int64_t rows, int64_t n) {
  float *x = numbers(rows * n, 1), *w = numbers(n, 1), *b = numbers(n, 1), *dy = numbers(rows * n, 1);
  float *y[2] = {numbers(rows * n, 1), numbers(rows * n, 1)};
  float *mean[2] = {numbers(rows, 1), numbers(rows, 1)};
  float *inverse[2] = {numbers(rows, 1), numbers(rows, 1)};
  float *dw[2] = {numbers(n, 1)}, *db[2] = {numbers(n, 1)};
  dw[1] = copy(dw[0], n), db[1] = copy(db[0], n);

  hk_rmsnorm(x, w, 1, 1e-5f, rows, n, y[0], inverse[0]);
  hk_rmsnorm_reference(x, w, 1, 1e-5f, rows, n, y[1], inverse[1]);
  check("rmsnorm", y[0], y[1], rows * n, 2e-6);
  check("rmsnorm", inverse[0], inverse[1], rows, 2e-6);
  hk_rmsnorm_backward(x, w, 1, inverse[1], dy, rows, n, y[0], dw[0]);
  hk_rmsnorm_backward_reference(x, w, 1, inverse[1], dy, rows, n, y[1], dw[1]);
  check("rmsnorm_backward", y[0], y[1], rows * n, 5e-6);
  check("rmsnorm_backward", dw[0], dw[1], n, 5e-6);
  hk_rmsnorm_backward(x, w, 1, inverse[1], dy, rows, n, y[0], NULL);
  check("rmsnorm_backward", y[0], y[1], rows * n, 5e-6);

  for (int biased = 0; biased < 2; biased++) {
    hk_layernorm(x, w, biased ? b : NULL, 1e-5f, rows, n, y[0], mean[0], inverse[0]);
    hk_layernorm_reference(x, w, biased ? b : NULL, 1e-5f, rows, n, y[1], mean[1], inverse[1]);
    check("layernorm", y[0], y[1], rows * n, 1e-5);
    check("layernorm", mean[0], mean[1], rows, 2e-6);
    check("layernorm", inverse[0], inverse[1], rows, 5e-6);
  }
  hk_layernorm_backward(x, w, mean[1], inverse[1], dy, rows, n, y[0], dw[0], db[0]);
  hk_layernorm_backward_reference(x, w, mean[1], inverse[1], dy, rows, n, y[1], dw[1], db[1]);
  check("layernorm_backward", y[0], y[1], rows * n, 5e-6);
  check("layernorm_backward", dw[0], dw[1], n, 5e-6);
  check("layernorm_backward", db[0], db[1], n, 5e-6);
  hk_layernorm_backward(x, w, mean[1], inverse[1], dy, rows, n, y[0], NULL, NULL);
  check("layernorm_backward", y[0], y[1], rows * n, 5e-6);
}

static void compare_rope(void) {
  const int64_t shapes[][2] = {{8, 4}, {64, 32}, {10, 5}, {80, 16}, {6, 1}, {66, 33}};
  int32_t positions[] = {0, 5, 2};
  for (int s = 0; s < 6; s++)
    for (int kind = 0; kind < 4; kind++, release()) {
      int64_t dim = shapes[s][0], pairs = shapes[s][1], count = 3 * 2 * dim;
      float *x = numbers(count, 1), *c = numbers(6 * pairs, 1), *sine = numbers(6 * pairs, 1);
      float *y[2] = {numbers(count, 1), numbers(count, 1)};
      bool interleaved = kind % 2, inverse = kind / 2;
      hk_rope(x, positions, c, sine, interleaved, inverse, 3, 2, dim, pairs, y[0]);
      hk_rope_reference(x, positions, c, sine, interleaved, inverse, 3, 2, dim, pairs, y[1]);
      check("rope", y[0], y[1], count, 1e-6);
      hk_rope(x, positions, c, sine, interleaved, inverse, 3, 2, dim, pairs, x);
      check("rope in place", x, y[1], count, 1e-6);
    }
}

static void compare_activations(int64_t n) {
  static const char *const names[] = {"silu", "gelu_tanh", "gelu_erf", "relu"};
  for (int kind = 0; kind < 4; kind++)
    for (int gated = 0; gated < 2; gated++) {
      char name[40];
      // Numbers beyond where the exponential ends, too.
      float *x = numbers(n, n % 3 == 0 ? 60 : 3), *up = gated ? numbers(n, 1) : NULL;
      float *dy = numbers(n, 1), *y[2] = {numbers(n, 1), numbers(n, 1)};
      float *du[2] = {gated ? numbers(n, 1) : NULL, gated ? numbers(n, 1) : NULL};
      snprintf(name, sizeof name, "activate %s", names[kind]);
      hk_activate((hk_activation)kind, x, up, n, y[0]);
      hk_activate_reference((hk_activation)kind, x, up, n, y[1]);
      check(name, y[0], y[1], n, 1e-6);
      snprintf(name, sizeof name, "activate_backward %s", names[kind]);
      hk_activate_backward((hk_activation)kind, x, up, dy, n, y[0], du[0]);
      hk_activate_backward_reference((hk_activation)kind, x, up, dy, n, y[1], du[1]);
      check(name, y[0], y[1], n, 2e-6);
      if (gated) check(name, du[0], du[1], n, 1e-6);
    }
}

static void compare_sums(int64_t n) {
  float *a = numbers(n, 4), *b = numbers(n, 1), *y[2] = {numbers(n, 1), numbers(n, 1)};
  hk_add(a, b, n, y[0]), hk_add_reference(a, b, n, y[1]);
  check("add", y[0], y[1], n, 0);
  hk_axpy(n, 0.3f, b, y[0]), hk_axpy_reference(n, 0.3f, b, y[1]);
  check("axpy", y[0], y[1], n, 0);
  hk_scale(n, 1.7f, y[0]), hk_scale_reference(n, 1.7f, y[1]);
  check("scale", y[0], y[1], n, 0);
  double expected_sum = hk_square_sum_reference(a, n);
  float share = (float)(hk_square_sum(a, n) / expected_sum), one = 1;
  check("square_sum", &share, &one, 1, 1e-6);
}

static void compare_softmaxes(int64_t rows, int64_t n) {
  float *logits = numbers(rows * n, 8), *losses[2] = {numbers(rows, 1), numbers(rows, 1)}, *y[2];
  if (n > 3) logits[1] = -INFINITY, logits[n - 1] = 90;
  y[0] = copy(logits, rows * n), y[1] = copy(logits, rows * n);
  hk_softmax(y[0], rows, n), hk_softmax_reference(y[1], rows, n);
  check("softmax", y[0], y[1], rows * n, 1e-6);
  int32_t *targets = take(sizeof(int32_t) * (size_t)rows);
  for (int64_t r = 0; r < rows; r++) targets[r] = (int32_t)(n > 3 && r == 0 ? 2 : below(n));
  for (int scaled = 0; scaled < 2; scaled++) {
    y[0] = copy(logits, rows * n), y[1] = copy(logits, rows * n);
    hk_cross_entropy(y[0], targets, scaled ? 0.25f : 0, rows, n, losses[0]);
    hk_cross_entropy_reference(y[1], targets, scaled ? 0.25f : 0, rows, n, losses[1]);
    check("cross_entropy", y[0], y[1], rows * n, 1e-6);
    check("cross_entropy", losses[0], losses[1], rows, 1e-6);
  }
}

static void compare_conversions(int64_t rows, int64_t n) {
  static const float special[] = {0,     -0.0f,    INFINITY, -INFINITY, 65504,       65520,  1e-8f,
                                  -6e-8f, 5.96e-8f, 0x1p-133f, 3.4e38f, 1.00390625f, 1.01171875f};
  int64_t count = rows * n;
  float *x = numbers(count, 100);
  uint16_t *y[2] = {take(2 * (size_t)count), take(2 * (size_t)count)};
  float *scales[2] = {numbers(rows, 1), numbers(rows, 1)}, *back[2] = {copy(x, count), copy(x, count)};
  hk_compact_rows(x, rows, n, y[0], scales[0]);
  hk_compact_rows_reference(x, rows, n, y[1], scales[1]);
  check_words("compact_rows", y[0], y[1], count);
  check("compact_rows", scales[0], scales[1], rows, 0);
  hk_expand_rows(y[1], scales[1], rows, n, back[0]);
  hk_expand_rows_reference(y[1], scales[1], rows, n, back[1]);
  check("expand_rows", back[0], back[1], count, 0);

  for (int64_t i = 0; i < count && i < 13; i++) x[count - 1 - i] = special[(i + n) % 13];
  hk_f32_to_f16(x, count, y[0]), hk_f32_to_f16_reference(x, count, y[1]);
  check_words("f32_to_f16", y[0], y[1], count);
  x[count / 2] = NAN;
  hk_f32_to_bf16(x, count, y[0]), hk_f32_to_bf16_reference(x, count, y[1]);
  check_words("f32_to_bf16", y[0], y[1], count);
}

static void compare_adamw(int64_t n) {
  hk_adamw s = {1e-2f, 0.9f, 0.999f, 1e-8f, 0.1f, 0.1f, 0.001f};
  float *g = numbers(n, 1), *p[2] = {numbers(n, 1)}, *m[2] = {numbers(n, 1)}, *v[2] = {numbers(n, 1)};
  for (int64_t i = 0; i < n; i++) v[0][i] = fabsf(v[0][i]);
  p[1] = copy(p[0], n), m[1] = copy(m[0], n), v[1] = copy(v[0], n);
  hk_adamw_step(&s, g, n, p[0], m[0], v[0]);
  hk_adamw_step_reference(&s, g, n, p[1], m[1], v[1]);
  check("adamw_step", p[0], p[1], n, 1e-6);
  check("adamw_step", m[0], m[1], n, 1e-6);
  check("adamw_step", v[0], v[1], n, 1e-6);
}

int main(int count, char **arguments) {
  if (count == 3) {
    writing = strcmp(arguments[1], "write") == 0;
    kept = fopen(arguments[2], writing ? "wb" : "rb");
    if (!kept) {
      perror(arguments[2]);
      return 2;
    }
  }
  if (hk_isa_current() == HK_ISA_REFERENCE) {
    fprintf(stderr, "error: this machine has no vector form to compare\n");
    return 2;
  }
  compare_formats();
  compare_products();
  compare_attention();
  compare_rope();
  for (int s = 0; s < SIZES; s++) {
    compare_norms(3, sizes[s]), release();
    compare_activations(sizes[s]), release();
    compare_sums(sizes[s]), release();
    compare_softmaxes(4, sizes[s]), release();
    compare_conversions(3, sizes[s]), release();
    compare_adamw(sizes[s]), release();
  }
  if (kept && fclose(kept)) return 2;

  int wrong = 0;
  printf("%-32s %5s  %-9s %-9s %s\n", hk_isa_name(hk_isa_current()), "cases", "error", "limit",
         writing || count != 3 ? "" : "plain C here and there");
  for (int i = 0; i < result_count; i++) {
    const result *r = &results[i];
    printf("%-32s %5lld  %-9.2g %-9.2g ", r->name, (long long)r->cases, r->worst, r->limit);
    if (!writing && count == 3) printf("%-9.2g", r->worst_plain);
    printf("%s\n", r->wrong ? "WRONG" : "");
    wrong += r->wrong > 0;
  }
  printf("%d operations, %d wrong\n", result_count, wrong);
  return wrong ? 1 : 0;
}
