#include "matvec.h"

#include <string.h>

#include "isa.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

static inline float one_f32(const void *p) {
  float a;
  memcpy(&a, p, 4);
  return a;
}
static inline float one_f16(const void *p) {
  _Float16 a;
  memcpy(&a, p, 2);
  return (float)a;
}
static inline float one_bf16(const void *p) {
  uint16_t stored;
  memcpy(&stored, p, 2);
  uint32_t bits = (uint32_t)stored << 16;
  float a;
  memcpy(&a, &bits, 4);
  return a;
}

#define HK_BODY "matvec_body.h"
#include "each_isa.h"

enum { DECODED = 256 };

typedef struct {
  const hk_matvec_kernel *kernel;
  const float *x, *sums;
  const int16_t *words;  // x in 16 bits; null where products are otherwise
  const int8_t *bytes;   // x in pairs of bytes; null where products are otherwise
  const float *word_factors, *byte_factors;  // their scales and sums
  int64_t rows, depth;
  const hk_product *products;
  const hk_term *terms;
  int64_t first_piece[HK_MATVEC_PRODUCTS + 1];
  int64_t rows_in_piece[HK_MATVEC_PRODUCTS];
} call;

// Formats without a kernel of their own: decoded by the piece into a buffer.
static void dot_decoded(
    const call *c, hk_format format, const uint8_t *matrix_row, float *out) {
  float decoded[DECODED], part[HK_MATVEC_ROWS];
  int64_t block = hk_format_block_elements(format), bytes = hk_format_block_bytes(format);
  for (int64_t r = 0; r < c->rows; r++) out[r] = 0;
  for (int64_t k = 0; k < c->depth; k += DECODED) {
    int64_t count = c->depth - k < DECODED ? c->depth - k : DECODED;
    hk_dequantize_row(format, matrix_row + k / block * bytes, count, decoded);
    c->kernel->f32(decoded, c->x + k * c->rows, NULL, c->rows, count, part);
    for (int64_t r = 0; r < c->rows; r++) out[r] += part[r];
  }
}

static hk_dot_int16 int16_kernel(const hk_product *product, const hk_term *w, int64_t rows) {
  if (product->columns < 8) return NULL;
  return rows == 1 ? hk_dot_eight_int16_for(w->format) : hk_dot_lanes_int16_for(w->format);
}

static void multiply_int16(
    const call *c, const hk_product *product, const hk_term *w, hk_dot_int16 dot, int64_t start,
    int64_t end) {
  int64_t step = c->rows == 1 ? 8 : 2, lanes = c->rows == 1 ? 1 : HK_MATVEC_ROWS;
  for (int64_t n = start; n < end; n += step) {
    // The last ones are taken again with those before them.
    int64_t first = n + step <= product->columns ? n : product->columns - step;
    float out[2 * HK_MATVEC_ROWS];
    dot((const uint8_t *)w->matrix + first * w->row_bytes, w->row_bytes, c->words, c->word_factors,
        c->depth, out);
    int64_t last = n + step < end ? n + step : end;
    for (int64_t i = n; i < last; i++)
      for (int64_t r = 0; r < c->rows; r++) {
        float *y = product->out + r * product->out_stride + i, sum = out[(i - first) * lanes + r];
        *y = product->accumulate ? *y + sum : sum;
      }
  }
}

static hk_dot_sixteen sixteen_kernel(const hk_product *product, const hk_term *w) {
  return product->columns < 16 ? NULL : hk_dot_sixteen_for(w->format);
}

static void multiply_sixteen(
    const call *c, const hk_product *product, const hk_term *w, hk_dot_sixteen dot, int64_t start,
    int64_t end) {
  for (int64_t n = start; n < end; n += 16) {
    // The last ones are taken again with those before them.
    int64_t first = n + 16 <= product->columns ? n : product->columns - 16;
    float out[16 * HK_MATVEC_ROWS];
    dot((const uint8_t *)w->matrix + first * w->row_bytes, w->row_bytes, c->bytes, c->byte_factors, c->rows,
        c->depth, out);
    int64_t last = n + 16 < end ? n + 16 : end;
    for (int64_t r = 0; r < c->rows; r++)
      for (int64_t i = n; i < last; i++) {
        float *y = product->out + r * product->out_stride + i, sum = out[16 * r + i - first];
        *y = product->accumulate ? *y + sum : sum;
      }
  }
}

static void multiply(void *context, int64_t piece, int thread) {
  const call *c = context;
  (void)thread;
  int p = 0;
  while (piece >= c->first_piece[p + 1]) p++;
  const hk_product *product = &c->products[p];
  const hk_term *w = &c->terms[p];
  int64_t start = (piece - c->first_piece[p]) * c->rows_in_piece[p];
  int64_t end = start + c->rows_in_piece[p];
  if (end > product->columns) end = product->columns;
  const hk_matvec_kernel *kernel = c->kernel;
  hk_dot_rows dot = w->format == HK_F32    ? kernel->f32
                    : w->format == HK_F16  ? kernel->f16
                    : w->format == HK_BF16 ? kernel->bf16
                    : w->format == HK_Q4_0 ? kernel->q4_0
                    : w->format == HK_Q4_1 ? kernel->q4_1
                    : w->format == HK_Q8_0 ? kernel->q8_0
                                           : NULL;
  hk_dot_sixteen dot_sixteen = c->bytes ? sixteen_kernel(product, w) : NULL;
  if (dot_sixteen) {
    multiply_sixteen(c, product, w, dot_sixteen, start, end);
    return;
  }
  hk_dot_int16 dot_int16 = c->words ? int16_kernel(product, w, c->rows) : NULL;
  if (dot_int16) {
    multiply_int16(c, product, w, dot_int16, start, end);
    return;
  }
  for (int64_t n = start; n < end; n++) {
    const uint8_t *matrix_row = (const uint8_t *)w->matrix + n * w->row_bytes;
    float out[HK_MATVEC_ROWS];
    if (dot)
      dot(matrix_row, c->x, c->sums, c->rows, c->depth, out);
    else
      dot_decoded(c, w->format, matrix_row, out);
    for (int64_t r = 0; r < c->rows; r++) {
      float *y = product->out + r * product->out_stride + n;
      *y = product->accumulate ? *y + out[r] : out[r];
    }
  }
}

void hk_matvec(
    hk_pool *pool, hk_compute compute, const float *x, int64_t stride, int64_t rows, int64_t depth,
    const hk_product *products, const hk_term *terms, int count) {
  call c = {.rows = rows, .depth = depth, .products = products, .terms = terms};
#if defined(__x86_64__)
  hk_isa isa = hk_isa_current();
  c.kernel = isa == HK_ISA_AVX2   ? &matvec_kernel_avx2
             : isa == HK_ISA_WIDE ? &matvec_kernel_wide
                                  : &matvec_kernel_avx512;
#elif defined(__aarch64__)
  c.kernel = &matvec_kernel_neon;
#endif
  bool in_integers = compute == HK_COMPUTE_AUTO && depth % 32 == 0 && hk_isa_available(HK_ISA_AVX2);
  bool in_bytes = false, in_int16 = false, in_f32 = false;
#if defined(__x86_64__)
  bool has_bytes = in_integers && (isa == HK_ISA_AVX512BF16 || isa == HK_ISA_AMX) && hk_dot_sixteen_available();
#else
  bool has_bytes = false;
#endif
  for (int p = 0; p < count; p++) {
    if (has_bytes && sixteen_kernel(&products[p], &terms[p]))
      in_bytes = true;
    else if (in_integers && int16_kernel(&products[p], &terms[p], rows))
      in_int16 = true;
    else
      in_f32 = true;
  }
  int64_t blocks = (depth + 31) / 32;
  // x in bytes or in 16 bits, then in f32, each with its factors: the most that they can take.
  size_t each = (size_t)(blocks * (16 + 16) * HK_MATVEC_ROWS), last = (size_t)(blocks * (32 * rows + 8));
  float *space = hk_pool_shared(pool, sizeof(float) * (2 * each + last));
  if (in_bytes) {
    int8_t *bytes = (int8_t *)(space + blocks * 16 * HK_MATVEC_ROWS);
    hk_pack_bytes(x, stride, rows, depth, bytes, space);
    c.bytes = bytes;
    c.byte_factors = space;
  }
  if (in_int16) {
    float *factors = space + each;
    int16_t *words = (int16_t *)(factors + blocks * 16 * HK_MATVEC_ROWS);
    hk_pack_int16(x, stride, rows, depth, words, factors);
    c.words = words;
    c.word_factors = factors;
  }
  if (in_f32) {
    float *packed = space + 2 * each, *sums = packed + blocks * 32 * rows;
    c.kernel->pack_blocks(x, stride, rows, depth, packed, sums);
    c.x = packed;
    c.sums = sums;
  }
  int64_t pieces = 0;
  for (int p = 0; p < count; p++) {
    // Two pieces a thread, since what is asked for ahead at a piece's end is another thread's, but no piece
    // of less than some ten thousand products.
    int64_t pieces_wanted = 2 * hk_pool_threads(pool);
    int64_t share = (products[p].columns + pieces_wanted - 1) / pieces_wanted;
    int64_t least = (16384 + depth - 1) / depth;
    c.rows_in_piece[p] = ((share > least ? share : least) + 15) / 16 * 16;
    c.first_piece[p] = pieces;
    pieces += (products[p].columns + c.rows_in_piece[p] - 1) / c.rows_in_piece[p];
    c.first_piece[p + 1] = pieces;
  }
  hk_pool_run(pool, pieces, multiply, &c);
}
