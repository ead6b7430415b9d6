#include "gemm.h"

#include <stdlib.h>
#include <string.h>

#include "isa.h"
#include "matvec.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define HK_BODY "gemm_body.h"
#include "each_isa.h"

// MARK: Plain C

static float bf16_rounded(float a) {
  uint32_t u;
  memcpy(&u, &a, 4);
  u = a == a ? u + 0x7fff + ((u >> 16) & 1) : u | 0x400000;
  u &= 0xffff0000u;
  memcpy(&a, &u, 4);
  return a;
}

void hk_gemm_reference(
    hk_compute compute, hk_left left, int64_t rows, int64_t depth, const hk_product *products,
    int count) {
  bool rounded = compute == HK_COMPUTE_BF16;
  for (int p = 0; p < count; p++) {
    hk_product w = products[p];
    int64_t stored_rows = w.by_columns ? depth : w.columns;
    int64_t stored_columns = w.by_columns ? w.columns : depth;
    float *matrix = malloc(sizeof(float) * (size_t)(stored_rows * stored_columns + 1));
    if (!matrix) abort();
    for (int64_t i = 0; i < stored_rows; i++)
      hk_dequantize_row(
          w.format, (const char *)w.matrix + i * w.row_bytes, stored_columns,
          matrix + i * stored_columns);
    for (int64_t i = 0; i < rows; i++)
      for (int64_t j = 0; j < w.columns; j++) {
        double sum = 0;
        for (int64_t k = 0; k < depth; k++) {
          float a = left.scale *
                    (left.transposed ? left.data[k * left.stride + i] : left.data[i * left.stride + k]);
          float b = w.by_columns ? matrix[k * stored_columns + j] : matrix[j * stored_columns + k];
          if (rounded) a = bf16_rounded(a), b = bf16_rounded(b);
          sum += (double)a * (double)b;
        }
        float *out = w.out + i * w.out_stride + j;
        *out = (float)((w.accumulate ? (double)*out : 0) + sum);
      }
    free(matrix);
  }
}

// MARK: Packed and tiled

// Packed words of a column in a block of the inner product: a right panel of this depth stays in the first-level cache.
// Rows and columns of a piece of work: what it reads stays in the second-level cache. The columns
// are a multiple of every tile's.
// Packed numbers of the right operands kept at a time: they stay in the last-level cache.
enum { DEPTH_BLOCK = 256, PIECE_ROWS = 96, PIECE_COLUMNS = 96, RIGHT_NUMBERS = 2 << 20 };

// How products are fastest on this machine: bf16 where it multiplies bf16; elsewhere on x86 in
// integers, twice as fast as f32 and more exact than bf16.
static hk_compute fastest(hk_isa isa) {
  switch (isa) {
  case HK_ISA_AVX512BF16: return HK_COMPUTE_BF16;
  case HK_ISA_AVX2: case HK_ISA_AVX512: case HK_ISA_WIDE: return HK_COMPUTE_INT16;
  default: return HK_COMPUTE_F32;
  }
}

static const hk_gemm_kernel *kernel_for(hk_compute compute, bool *rounded) {
  hk_isa isa = hk_isa_current();
  if (compute == HK_COMPUTE_AUTO) compute = fastest(isa);
  // Without the instruction, bf16 is f32 arithmetic on rounded operands.
  *rounded = compute == HK_COMPUTE_BF16;
#if defined(__x86_64__)
  if (isa == HK_ISA_AVX2)
    return compute == HK_COMPUTE_INT16 ? &kernel_i16_avx2 : &kernel_f32_avx2;
  if (isa == HK_ISA_WIDE)
    return compute == HK_COMPUTE_INT16  ? &kernel_i16_wide
           : compute == HK_COMPUTE_BF16 ? &kernel_bf16_wide
                                        : &kernel_f32_wide;
  if (compute == HK_COMPUTE_INT16) return &kernel_i16_avx512;
  return compute == HK_COMPUTE_BF16 && isa == HK_ISA_AVX512BF16 ? &kernel_bf16_avx512
                                                                : &kernel_f32_avx512;
#elif defined(__aarch64__)
  return compute == HK_COMPUTE_INT16 ? &kernel_i16_neon : &kernel_f32_neon;
#else
  return NULL;
#endif
}

const hk_gemm_kernel *hk_gemm_kernel_f32(void) {
  bool rounded;
  if (hk_isa_current() == HK_ISA_REFERENCE) return NULL;
  return kernel_for(HK_COMPUTE_F32, &rounded);
}

typedef struct {
  hk_pool *pool;
  const hk_gemm_kernel *kernel;
  bool rounded;
  hk_left left;
  int64_t rows, depth;
  int64_t units;         // of depth
  float *packed_left;    // [row panels][units][words][kernel rows]
  float *packed_right;   // [groups of this turn][column panels][units][words][columns]
  const hk_product *products;
  int count;
  int64_t left_pieces;   // of packing, in the first turn
  int64_t group;         // the first group of columns of this turn
  int64_t row_pieces;
} call;

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

static void pack_left(const call *c, int64_t piece) {
  const hk_gemm_kernel *kernel = c->kernel;
  int64_t panels = (c->rows + kernel->rows - 1) / kernel->rows;
  int64_t panel_words = c->units * kernel->words * kernel->rows;
  for (int64_t panel = piece * 8; panel < least(panels, piece * 8 + 8); panel++) {
    int64_t row = panel * kernel->rows, count = least(kernel->rows, c->rows - row);
    float *out = c->packed_left + panel * panel_words;
    if (!c->left.transposed) {
      kernel->pack_rows(
          c->left.data + row * c->left.stride, c->left.stride, count, c->depth, c->left.scale,
          c->rounded, kernel->rows, out);
      continue;
    }
    for (int64_t k = 0; k < c->depth; k += 32)
      kernel->pack_columns(
          c->left.data + k * c->left.stride + row, c->left.stride, least(32, c->depth - k), count,
          c->left.scale, c->rounded, kernel->rows, out + k / kernel->unit * kernel->words * kernel->rows,
          panel_words);
  }
}

// The panels of columns first ..< first + count of a right operand, over the whole depth.
static void pack_right(
    const call *c, const hk_product *w, int64_t first, int64_t count, float *decoded, float *out) {
  const hk_gemm_kernel *kernel = c->kernel;
  int64_t panel_words = c->units * kernel->words * kernel->columns;
  const char *matrix = w->matrix;
  if (!w->by_columns) {
    for (int64_t j = 0; j < count; j += kernel->columns, out += panel_words) {
      int64_t live = least(kernel->columns, count - j), stride = c->depth;
      const float *rows = decoded;
      if (w->format == HK_F32) {
        rows = (const float *)(matrix + (first + j) * w->row_bytes);
        stride = w->row_bytes / 4;
      } else {
        for (int64_t i = 0; i < live; i++)
          hk_dequantize_row(
              w->format, matrix + (first + j + i) * w->row_bytes, c->depth, decoded + i * stride);
      }
      kernel->pack_rows(rows, stride, live, c->depth, 1, c->rounded, kernel->columns, out);
    }
    return;
  }
  int64_t block = hk_format_block_elements(w->format), bytes = hk_format_block_bytes(w->format);
  int64_t from = first / block * block, skipped = first - from;
  int64_t decoded_count = (skipped + count + block - 1) / block * block;
  decoded_count = least(decoded_count, (w->columns + block - 1) / block * block - from);
  for (int64_t k = 0; k < c->depth; k += 32) {
    int64_t live = least(32, c->depth - k), stride = decoded_count;
    const float *rows = decoded + skipped;
    if (w->format == HK_F32) {
      rows = (const float *)(matrix + k * w->row_bytes) + first;
      stride = w->row_bytes / 4;
    } else {
      for (int64_t i = 0; i < live; i++)
        hk_dequantize_row(
            w->format, matrix + (k + i) * w->row_bytes + from / block * bytes, decoded_count,
            decoded + i * stride);
    }
    kernel->pack_columns(
        rows, stride, live, count, 1, c->rounded, kernel->columns,
        out + k / kernel->unit * kernel->words * kernel->columns, panel_words);
  }
}

// Groups of columns are counted through all products.
static int64_t group_count(const hk_product *w) {
  return (w->columns + PIECE_COLUMNS - 1) / PIECE_COLUMNS;
}

static const hk_product *product_of(const call *c, int64_t group, int64_t *column) {
  const hk_product *w = c->products;
  for (; group >= group_count(w); w++) group -= group_count(w);
  *column = group * PIECE_COLUMNS;
  return w;
}

static int64_t numbers_in_group(const call *c) {
  int64_t panels = (PIECE_COLUMNS + c->kernel->columns - 1) / c->kernel->columns;
  return panels * c->kernel->columns * c->units * c->kernel->words;
}

static void pack(void *context, int64_t piece, int thread) {
  const call *c = context;
  if (piece < c->left_pieces) {
    pack_left(c, piece);
    return;
  }
  piece -= c->left_pieces;
  int64_t column;
  const hk_product *w = product_of(c, c->group + piece, &column);
  int64_t columns = least(PIECE_COLUMNS, w->columns - column);
  int64_t decoded = w->by_columns ? 32 * (PIECE_COLUMNS + 512) : c->kernel->columns * c->depth;
  pack_right(
      c, w, column, columns, hk_pool_scratch(c->pool, thread, sizeof(float) * (size_t)decoded),
      c->packed_right + piece * numbers_in_group(c));
}

static void multiply(void *context, int64_t piece, int thread) {
  const call *c = context;
  const hk_gemm_kernel *kernel = c->kernel;
  (void)thread;
  int64_t local = piece / c->row_pieces, column;
  const hk_product *w = product_of(c, c->group + local, &column);
  int64_t columns = least(PIECE_COLUMNS, w->columns - column);
  int64_t piece_rows = PIECE_ROWS / kernel->rows * kernel->rows;
  int64_t first_row = piece % c->row_pieces * piece_rows;
  int64_t end_row = least(c->rows, first_row + piece_rows);
  const float *right = c->packed_right + local * numbers_in_group(c);
  int64_t left_unit = kernel->words * kernel->rows, left_panel = c->units * left_unit;
  int64_t right_unit = kernel->words * kernel->columns, right_panel = c->units * right_unit;
  int64_t block = DEPTH_BLOCK / kernel->words;
  for (int64_t k = 0; k < c->units; k += block) {
    int64_t units = least(block, c->units - k);
    for (int64_t j = 0; j < columns; j += kernel->columns)
      for (int64_t i = first_row; i < end_row; i += kernel->rows)
        kernel->tile(
            units, c->packed_left + i / kernel->rows * left_panel + k * left_unit,
            right + j / kernel->columns * right_panel + k * right_unit,
            w->out + i * w->out_stride + column + j, w->out_stride,
            least(kernel->rows, end_row - i), least(kernel->columns, columns - j),
            w->accumulate || k > 0);
  }
}

static void zero_outputs(int64_t rows, const hk_product *products, int count) {
  for (int p = 0; p < count; p++)
    for (int64_t i = 0; i < rows && !products[p].accumulate; i++)
      memset(
          products[p].out + i * products[p].out_stride, 0,
          sizeof(float) * (size_t)products[p].columns);
}

void hk_gemm(
    hk_pool *pool, hk_compute compute, hk_left left, int64_t rows, int64_t depth,
    const hk_product *products, int count) {
  if (rows <= 0) return;
  if (depth <= 0) {
    zero_outputs(rows, products, count);
    return;
  }
  if (hk_isa_current() == HK_ISA_REFERENCE) {
    hk_gemm_reference(compute, left, rows, depth, products, count);
    return;
  }
  call c = {.pool = pool, .left = left, .rows = rows, .depth = depth, .products = products};
  c.count = count;
  c.kernel = kernel_for(compute, &c.rounded);
  c.units = (depth + c.kernel->unit - 1) / c.kernel->unit;
  int64_t panels = (rows + c.kernel->rows - 1) / c.kernel->rows;
  int64_t left_numbers = (panels * c.kernel->rows * c.units * c.kernel->words + 15) / 16 * 16;
  int64_t piece_rows = PIECE_ROWS / c.kernel->rows * c.kernel->rows;
  c.row_pieces = (rows + piece_rows - 1) / piece_rows;
  int64_t groups = 0;
  for (int p = 0; p < count; p++) groups += group_count(&products[p]);
  int64_t in_turn = least(groups, RIGHT_NUMBERS / numbers_in_group(&c) + 1);
  c.packed_left = hk_pool_shared(
      pool, sizeof(float) * (size_t)(left_numbers + in_turn * numbers_in_group(&c)));
  c.packed_right = c.packed_left + left_numbers;
  for (; c.group < groups; c.group += in_turn) {
    int64_t now = least(in_turn, groups - c.group);
    c.left_pieces = c.group == 0 ? (panels + 7) / 8 : 0;
    hk_pool_run(pool, c.left_pieces + now, pack, &c);
    hk_pool_run(pool, now * c.row_pieces, multiply, &c);
  }
}

void hk_gemm_few(
    hk_pool *pool, hk_compute compute, hk_left left, int64_t rows, int64_t depth, const hk_product *products,
    int count) {
  if (hk_isa_current() == HK_ISA_REFERENCE || left.transposed || left.scale != 1 || depth <= 0) {
    hk_gemm(pool, compute, left, rows, depth, products, count);
    return;
  }
  for (int64_t row = 0; row < rows; row += HK_MATVEC_ROWS) {
    hk_product part[8];
    for (int first = 0; first < count; first += 8) {
      int now = count - first < 8 ? count - first : 8;
      for (int p = 0; p < now; p++) {
        part[p] = products[first + p];
        part[p].out += row * part[p].out_stride;
      }
      hk_matvec(
          pool, compute, left.data + row * left.stride, left.stride,
          least(HK_MATVEC_ROWS, rows - row), depth, part, now);
    }
  }
}
