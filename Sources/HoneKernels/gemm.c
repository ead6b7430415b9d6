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

// k in a block of the inner product: a right panel of this depth stays in the first-level cache.
// Rows in a block: that much of the left operand stays in the second-level cache.
// Columns in a piece of work: a multiple of every tile width and of GGUF's small blocks.
enum { DEPTH_BLOCK = 256, ROW_BLOCK = 96, PIECE_COLUMNS = 96, WANTED_PIECES = 16 };

static const hk_gemm_kernel *kernel_for(hk_compute compute, bool *rounded) {
  hk_isa isa = hk_isa_current();
  if (compute == HK_COMPUTE_AUTO)
    compute = isa == HK_ISA_AVX512BF16 ? HK_COMPUTE_BF16 : HK_COMPUTE_F32;
  // Without the instruction, bf16 is f32 arithmetic on rounded operands.
  *rounded = compute == HK_COMPUTE_BF16;
#if defined(__x86_64__)
  if (isa == HK_ISA_AVX512BF16)
    return compute == HK_COMPUTE_BF16 ? &kernel_bf16_avx512 : &kernel_f32_avx512;
  if (isa == HK_ISA_WIDE)
    return compute == HK_COMPUTE_BF16 ? &kernel_bf16_wide : &kernel_f32_wide;
  return isa == HK_ISA_AVX512 ? &kernel_f32_avx512 : &kernel_f32_avx2;
#elif defined(__aarch64__)
  return &kernel_f32_neon;
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
  const hk_product *product;
  int64_t first_piece, column_pieces, row_pieces;
  int64_t columns_in_piece, rows_in_piece;
} share;

enum { MAXIMUM_PRODUCTS = 8 };

typedef struct {
  hk_pool *pool;
  const hk_gemm_kernel *kernel;
  bool rounded;
  hk_left left;
  int64_t rows, depth;
  int64_t packed_depth;    // depth in packed elements
  float *packed_left;      // [row panels][packed depth][kernel rows]
  share shares[MAXIMUM_PRODUCTS];
  int count;
} call;

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

static void pack_left(void *context, int64_t piece, int thread) {
  const call *c = context;
  const hk_gemm_kernel *kernel = c->kernel;
  int64_t panels = (c->rows + kernel->rows - 1) / kernel->rows;
  int64_t panel_elements = c->packed_depth * kernel->rows;
  (void)thread;
  for (int64_t panel = piece * 8; panel < least(panels, piece * 8 + 8); panel++) {
    int64_t row = panel * kernel->rows, count = least(kernel->rows, c->rows - row);
    float *out = c->packed_left + panel * panel_elements;
    if (!c->left.transposed) {
      kernel->pack_rows(
          c->left.data + row * c->left.stride, c->left.stride, count, c->depth, c->left.scale,
          c->rounded, kernel->rows, out);
      continue;
    }
    for (int64_t k = 0; k < c->depth; k += 2) {
      const float *first = c->left.data + k * c->left.stride + row;
      kernel->pack_columns(
          first, k + 1 < c->depth ? first + c->left.stride : NULL, count, c->left.scale, c->rounded,
          kernel->rows, out + k / kernel->pairs * kernel->rows, panel_elements);
    }
  }
}

// The panels of columns first ..< first + count of a right operand, over the whole depth.
static void pack_right(
    const call *c, const hk_product *w, int64_t first, int64_t count, float *decoded, float *out) {
  const hk_gemm_kernel *kernel = c->kernel;
  int64_t panel_elements = c->packed_depth * kernel->columns;
  const char *matrix = w->matrix;
  if (!w->by_columns) {
    for (int64_t j = 0; j < count; j += kernel->columns, out += panel_elements) {
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
  for (int64_t k = 0; k < c->depth; k += 2) {
    const float *rows[2] = {NULL, NULL};
    for (int half = 0; half < 2 && k + half < c->depth; half++) {
      const char *stored = matrix + (k + half) * w->row_bytes + from / block * bytes;
      if (w->format == HK_F32) {
        rows[half] = (const float *)stored;
      } else {
        float *row = decoded + half * decoded_count;
        hk_dequantize_row(w->format, stored, decoded_count, row);
        rows[half] = row + skipped;
      }
    }
    kernel->pack_columns(
        rows[0], rows[1], count, 1, c->rounded, kernel->columns,
        out + k / kernel->pairs * kernel->columns, panel_elements);
  }
}

static void multiply(void *context, int64_t piece, int thread) {
  const call *c = context;
  const hk_gemm_kernel *kernel = c->kernel;
  int s = 0;
  while (s + 1 < c->count && piece >= c->shares[s + 1].first_piece) s++;
  const share *share = &c->shares[s];
  const hk_product *w = share->product;
  piece -= share->first_piece;
  int64_t column = piece / share->row_pieces * share->columns_in_piece;
  int64_t columns = least(share->columns_in_piece, w->columns - column);
  int64_t row_start = piece % share->row_pieces * share->rows_in_piece;
  int64_t row_end = least(c->rows, row_start + share->rows_in_piece);
  if (row_start >= row_end) return;

  int64_t panels = (columns + kernel->columns - 1) / kernel->columns;
  int64_t packed = panels * kernel->columns * c->packed_depth;
  int64_t decoded = w->by_columns ? 2 * (columns + 512) : kernel->columns * c->depth;
  float *right = hk_pool_scratch(c->pool, thread, sizeof(float) * (size_t)(packed + decoded));
  pack_right(c, w, column, columns, right + packed, right);

  int64_t depth_block = DEPTH_BLOCK;
  int64_t left_panel = c->packed_depth * kernel->rows;
  int64_t right_panel = c->packed_depth * kernel->columns;
  int64_t row_block = ROW_BLOCK / kernel->rows * kernel->rows;
  for (int64_t rows = row_start; rows < row_end; rows += row_block)
    for (int64_t k = 0; k < c->packed_depth; k += depth_block) {
      int64_t depth = least(depth_block, c->packed_depth - k);
      for (int64_t j = 0; j < columns; j += kernel->columns)
        for (int64_t i = rows; i < least(row_end, rows + row_block); i += kernel->rows)
          kernel->tile(
              depth, c->packed_left + i / kernel->rows * left_panel + k * kernel->rows,
              right + j / kernel->columns * right_panel + k * kernel->columns,
              w->out + i * w->out_stride + column + j, w->out_stride,
              least(kernel->rows, row_end - i), least(kernel->columns, columns - j),
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
  for (; count > MAXIMUM_PRODUCTS; count -= MAXIMUM_PRODUCTS, products += MAXIMUM_PRODUCTS)
    hk_gemm(pool, compute, left, rows, depth, products, MAXIMUM_PRODUCTS);

  bool few = rows <= HK_MATVEC_ROWS && !left.transposed && left.scale == 1;
  for (int p = 0; p < count; p++) few &= !products[p].by_columns;
  if (few) {
    hk_matvec(pool, left.data, left.stride, rows, depth, products, count);
    return;
  }

  call c = {.pool = pool, .left = left, .rows = rows, .depth = depth, .count = count};
  c.kernel = kernel_for(compute, &c.rounded);
  c.packed_depth = (depth + c.kernel->pairs - 1) / c.kernel->pairs;
  int64_t panels = (rows + c.kernel->rows - 1) / c.kernel->rows;
  c.packed_left = hk_pool_shared(
      pool, sizeof(float) * (size_t)(panels * c.kernel->rows * c.packed_depth));

  int64_t pieces = 0;
  for (int p = 0; p < count; p++) {
    share *share = &c.shares[p];
    int64_t block = hk_format_block_elements(products[p].format);
    share->product = &products[p];
    share->first_piece = pieces;
    share->columns_in_piece = products[p].by_columns && block > 32 ? block : PIECE_COLUMNS;
    share->column_pieces =
        (products[p].columns + share->columns_in_piece - 1) / share->columns_in_piece;
    // Few columns: the rows are split too, at the price of packing the columns again.
    int64_t wanted = (WANTED_PIECES + share->column_pieces - 1) / share->column_pieces;
    wanted = least(wanted, (rows + ROW_BLOCK - 1) / ROW_BLOCK);
    share->rows_in_piece =
        ((rows + wanted - 1) / wanted + c.kernel->rows - 1) / c.kernel->rows * c.kernel->rows;
    share->row_pieces = (rows + share->rows_in_piece - 1) / share->rows_in_piece;
    pieces += share->column_pieces * share->row_pieces;
  }
  hk_pool_run(pool, (panels + 7) / 8, pack_left, &c);
  hk_pool_run(pool, pieces, multiply, &c);
}
