#include "gemm.h"

#include <stdlib.h>
#include <string.h>

#include "gemm_amx.h"
#include "gemm_bf16.h"
#include "gemm_int8.h"
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

static float *decoded(const hk_term *term, int64_t rows, int64_t columns) {
  float *matrix = malloc(sizeof(float) * (size_t)(rows * columns + 1));
  if (!matrix) abort();
  for (int64_t i = 0; i < rows; i++)
    hk_dequantize_row(
        term->format, (const char *)term->matrix + i * term->row_bytes, columns, matrix + i * columns);
  return matrix;
}

void hk_gemm_reference(hk_compute compute, const hk_products *all) {
  bool rounded = compute == HK_COMPUTE_BF16;
  const hk_term *term = all->terms, *end = term + all->term_count;
  for (int32_t p = 0; p < all->product_count; p++) {
    hk_product product = all->products[p];
    double *sums = calloc((size_t)(all->rows * product.columns + 1), sizeof(double));
    if (!sums) abort();
    for (; term < end && term->product == p; term++) {
      hk_left left = all->lefts[term->left];
      float *matrix = term->by_columns ? decoded(term, left.depth, product.columns)
                                       : decoded(term, product.columns, left.depth);
      for (int64_t i = 0; i < all->rows; i++)
        for (int64_t j = 0; j < product.columns; j++) {
          double sum = 0;
          for (int64_t k = 0; k < left.depth; k++) {
            float a = left.scale * (left.transposed ? left.data[k * left.stride + i]
                                                    : left.data[i * left.stride + k]);
            float b =
                term->by_columns ? matrix[k * product.columns + j] : matrix[j * left.depth + k];
            if (rounded) a = bf16_rounded(a), b = bf16_rounded(b);
            sum += (double)a * (double)b;
          }
          sums[i * product.columns + j] += sum;
        }
      free(matrix);
    }
    for (int64_t i = 0; i < all->rows; i++)
      for (int64_t j = 0; j < product.columns; j++) {
        float *out = product.out + i * product.out_stride + j;
        *out = (float)((product.accumulate ? (double)*out : 0) + sums[i * product.columns + j]);
      }
    free(sums);
  }
}

// MARK: Packed and tiled

// Rows and columns of a piece of work: what it reads stays in the second-level cache. The columns
// are a multiple of every tile's. A group is a stretch of so many columns of a product, or fewer.
// Packed words of the right operands kept at a time: they stay in the last-level cache.
// Longer inner products are taken in parts of DEPTH, a multiple of every block, for the same reason.
enum { PIECE_ROWS = 96, GROUP_COLUMNS = 192, RIGHT_WORDS = 2 << 20, GROUPS = 128, DEPTH = 4096 };

// How products are fastest on this machine: bf16 where it multiplies bf16 quickly; elsewhere on x86 in
// integers, twice as fast as f32 and more exact than bf16. Intel's bf16 dot product outside of tiles
// has half the rate of f32 multiply-adds.
static hk_compute fastest(hk_isa isa) {
  switch (isa) {
  case HK_ISA_AMX: return HK_COMPUTE_BF16;
#if defined(__x86_64__)
  case HK_ISA_AVX512BF16: return __builtin_cpu_is("intel") ? HK_COMPUTE_INT16 : HK_COMPUTE_BF16;
#endif
  case HK_ISA_AVX2: case HK_ISA_AVX512: case HK_ISA_WIDE: return HK_COMPUTE_INT16;
  default: return HK_COMPUTE_F32;
  }
}

// What is asked for where bytes are not taken, which kernels of their own are for.
static hk_compute settled(hk_compute compute, hk_isa isa) {
  return compute == HK_COMPUTE_AUTO || compute == HK_COMPUTE_INT8 ? fastest(isa) : compute;
}

static const hk_gemm_kernel *kernel_for(hk_compute compute, bool *rounded) {
  hk_isa isa = hk_isa_current();
  compute = settled(compute, isa);
  // Without the instruction, bf16 is f32 arithmetic on rounded operands.
  *rounded = compute == HK_COMPUTE_BF16;
#if defined(__x86_64__)
  switch (isa) {
  case HK_ISA_AVX2:
    return compute == HK_COMPUTE_INT16 ? &kernel_i16_avx2 : &kernel_f32_avx2;
  case HK_ISA_WIDE:
    return compute == HK_COMPUTE_INT16  ? &kernel_i16_wide
           : compute == HK_COMPUTE_BF16 ? &kernel_bf16_wide
                                        : &kernel_f32_wide;
  default: break;
  }
  if (compute == HK_COMPUTE_INT16)
    return isa != HK_ISA_AVX512 && __builtin_cpu_supports("avx512vnni") ? &kernel_i16_vnni
                                                                        : &kernel_i16_avx512;
  if (compute == HK_COMPUTE_BF16) {
#ifdef HK_HAS_AMX
    if (isa == HK_ISA_AMX) return &hk_gemm_kernel_amx;
#endif
    if (isa == HK_ISA_AVX512BF16) return &kernel_bf16_avx512;
  }
  return &kernel_f32_avx512;
#elif defined(__aarch64__)
  return compute == HK_COMPUTE_INT16 ? &kernel_i16_neon : &kernel_f32_neon;
#else
  return NULL;
#endif
}

hk_limit hk_gemm_limit(hk_compute compute) {
  hk_isa isa = hk_isa_current();
  if (compute == HK_COMPUTE_INT8 && hk_gemm_int8_available()) return HK_LIMIT_INT8;
  compute = settled(compute, isa);
  if (compute == HK_COMPUTE_INT16) return HK_LIMIT_INT16;
  if (compute != HK_COMPUTE_BF16) return HK_LIMIT_F32;
  return isa == HK_ISA_AMX          ? HK_LIMIT_TILES
         : isa == HK_ISA_AVX512BF16 ? HK_LIMIT_BF16
                                    : HK_LIMIT_F32;
}

const hk_gemm_kernel *hk_gemm_kernel_for_attention(hk_compute compute) {
  hk_isa isa = hk_isa_current();
  if (isa == HK_ISA_REFERENCE) return NULL;
  compute = settled(compute, isa);
  bool is_fast = compute == HK_COMPUTE_BF16 && fastest(isa) == HK_COMPUTE_BF16, rounded;
  return kernel_for(is_fast ? HK_COMPUTE_BF16 : HK_COMPUTE_F32, &rounded);
}

// Columns first ..< first + columns of a product: its terms, packed one after the other.
typedef struct {
  const hk_product *product;
  const hk_term *terms;
  int32_t term_count;
  int64_t first, columns;
  uint32_t *packed;
} group;

typedef struct {
  hk_pool *pool;
  const hk_gemm_kernel *kernel;
  bool rounded;
  const hk_products *all;
  uint32_t **packed_lefts;     // of each left operand: [row panels][units][words][kernel rows]
  const int32_t *lefts_now;    // those to pack in this turn
  int64_t left_panel_pieces;   // pieces of work of each
  int64_t left_pieces;
  group groups[GROUPS];        // of this turn
  int64_t row_pieces;
} call;

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

enum { PANELS_IN_PIECE = 4 };

static void pack_left(const call *c, int64_t piece) {
  const hk_gemm_kernel *kernel = c->kernel;
  int32_t index = c->lefts_now[piece / c->left_panel_pieces];
  piece %= c->left_panel_pieces;
  const hk_left *left = &c->all->lefts[index];
  int64_t rows = c->all->rows, panels = (rows + kernel->rows - 1) / kernel->rows;
  int64_t panel_words = hk_panel_words(kernel, kernel->rows, left->depth);
  int64_t end = least(panels, (piece + 1) * PANELS_IN_PIECE);
  for (int64_t panel = piece * PANELS_IN_PIECE; panel < end; panel++) {
    int64_t row = panel * kernel->rows, count = least(kernel->rows, rows - row);
    uint32_t *out = c->packed_lefts[index] + panel * panel_words;
    if (!left->transposed) {
      kernel->left_rows(
          left->data + row * left->stride, left->stride, count, left->depth, left->scale, c->rounded,
          kernel->rows, out);
      continue;
    }
    for (int64_t k = 0; k < left->depth; k += 32)
      kernel->left_columns(
          left->data + k * left->stride + row, left->stride, least(32, left->depth - k), count,
          left->scale, c->rounded, kernel->rows,
          out + k / kernel->unit * kernel->words * kernel->rows, panel_words);
  }
}

// The panels of columns first ..< first + count of a right operand, over the whole depth.
static void pack_right(
    const call *c, const hk_term *term, int64_t depth, int64_t whole_columns, int64_t first,
    int64_t count, float *decoded, uint32_t *out) {
  const hk_gemm_kernel *kernel = c->kernel;
  int64_t panel_words = hk_panel_words(kernel, kernel->columns, depth);
  const char *matrix = term->matrix;
  if (!term->by_columns) {
    for (int64_t j = 0; j < count; j += kernel->columns, out += panel_words) {
      int64_t live = least(kernel->columns, count - j), stride = depth;
      const float *rows = decoded;
      const char *stored = matrix + (first + j) * term->row_bytes;
      if (kernel->right_blocks &&
          kernel->right_blocks(
              term->format, (const uint8_t *)stored, term->row_bytes, live, depth, decoded, out))
        continue;
      if (term->format == HK_F32) {
        rows = (const float *)stored;
        stride = term->row_bytes / 4;
      } else {
        for (int64_t i = 0; i < live; i++)
          hk_dequantize_row(term->format, stored + i * term->row_bytes, depth, decoded + i * stride);
      }
      kernel->right_rows(rows, stride, live, depth, 1, c->rounded, kernel->columns, out);
    }
    return;
  }
  int64_t block = hk_format_block_elements(term->format);
  int64_t bytes = hk_format_block_bytes(term->format);
  int64_t from = first / block * block, skipped = first - from;
  int64_t decoded_count = (skipped + count + block - 1) / block * block;
  decoded_count = least(decoded_count, (whole_columns + block - 1) / block * block - from);
  for (int64_t k = 0; k < depth; k += 32) {
    int64_t live = least(32, depth - k), stride = decoded_count;
    const float *rows = decoded + skipped;
    if (term->format == HK_F32) {
      rows = (const float *)(matrix + k * term->row_bytes) + first;
      stride = term->row_bytes / 4;
    } else {
      for (int64_t i = 0; i < live; i++)
        hk_dequantize_row(
            term->format, matrix + (k + i) * term->row_bytes + from / block * bytes, decoded_count,
            decoded + i * stride);
    }
    kernel->right_columns(
        rows, stride, live, count, 1, c->rounded, kernel->columns,
        out + k / kernel->unit * kernel->words * kernel->columns, panel_words);
  }
}

// Words of a term's panels in a group of so many columns.
static int64_t term_words(const hk_gemm_kernel *kernel, int64_t columns, int64_t depth) {
  int64_t panels = (columns + kernel->columns - 1) / kernel->columns;
  return panels * hk_panel_words(kernel, kernel->columns, depth);
}

static void pack(void *context, int64_t piece, int thread) {
  const call *c = context;
  if (piece < c->left_pieces) {
    pack_left(c, piece);
    return;
  }
  const group *g = &c->groups[piece - c->left_pieces];
  uint32_t *out = g->packed;
  for (const hk_term *term = g->terms; term < g->terms + g->term_count; term++) {
    int64_t depth = c->all->lefts[term->left].depth;
    int64_t decoded = term->by_columns ? 32 * (GROUP_COLUMNS + 512) : c->kernel->columns * depth;
    pack_right(
        c, term, depth, g->product->columns, g->first, g->columns,
        hk_pool_scratch(c->pool, thread, sizeof(float) * (size_t)decoded), out);
    out += term_words(c->kernel, g->columns, depth);
  }
}

static void multiply(void *context, int64_t piece, int thread) {
  const call *c = context;
  const hk_gemm_kernel *kernel = c->kernel;
  (void)thread;
  const group *g = &c->groups[piece / c->row_pieces];
  const hk_product *product = g->product;
  int64_t piece_rows = PIECE_ROWS / kernel->rows * kernel->rows;
  int64_t first_row = piece % c->row_pieces * piece_rows;
  int64_t end_row = least(c->all->rows, first_row + piece_rows);
  float *out = product->out + g->first;
  if (kernel->begin) kernel->begin();
  // A block of the inner product is as many parts as fit: the rest of a term, and the terms after it.
  enum { PARTS = 8 };
  const hk_term *term = g->terms, *end = term + g->term_count;
  const uint32_t *right = g->packed;
  int64_t done = 0;  // units of this term
  bool accumulate = product->accumulate;
  while (term < end) {
    struct {
      const uint32_t *left, *right;
      int64_t left_panel, right_panel;
    } at[PARTS];
    hk_part parts[PARTS];
    int count = 0;
    for (int64_t room = kernel->block_units; term < end && count < PARTS && room > 0; count++) {
      int64_t units = hk_units(kernel, c->all->lefts[term->left].depth);
      int64_t left_unit = kernel->words * kernel->rows, right_unit = kernel->words * kernel->columns;
      at[count].left = c->packed_lefts[term->left] + done * left_unit;
      at[count].right = right + done * right_unit;
      at[count].left_panel = units * left_unit;
      at[count].right_panel = units * right_unit;
      int64_t now = least(room, units - done);
      parts[count].units = now;
      room -= now;
      done += now;
      if (done < units) continue;
      right += term_words(kernel, g->columns, c->all->lefts[term->left].depth);
      term++;
      done = 0;
    }
    for (int64_t j = 0; j < g->columns; j += kernel->columns)
      for (int64_t i = first_row; i < end_row; i += kernel->rows) {
        for (int p = 0; p < count; p++) {
          parts[p].left = at[p].left + i / kernel->rows * at[p].left_panel;
          parts[p].right = at[p].right + j / kernel->columns * at[p].right_panel;
        }
        kernel->tile(
            parts, count, out + i * product->out_stride + j, product->out_stride,
            least(kernel->rows, end_row - i), least(kernel->columns, g->columns - j), accumulate);
      }
    accumulate = true;
  }
  if (kernel->end) kernel->end();
}

static void zero(const hk_products *all, const hk_product *product) {
  for (int64_t i = 0; i < all->rows && !product->accumulate; i++)
    memset(product->out + i * product->out_stride, 0, sizeof(float) * (size_t)product->columns);
}

// The products of one rank, whose left operands are known: so many groups at a time.
static void take_turns(call *c, int32_t first, int32_t end, uint32_t *right, int64_t left_count) {
  if (first == end) return;
  const hk_products *all = c->all;
  const hk_term *term = all->terms, *terms_end = term + all->term_count;
  while (term < terms_end && term->product < first) term++;
  c->left_pieces = left_count * c->left_panel_pieces;
  int64_t column = 0;
  for (int32_t p = first; p < end;) {
    int64_t count = 0, words = 0;
    while (p < end && count < GROUPS) {
      const hk_product *product = &all->products[p];
      int32_t terms = 0;
      while (term + terms < terms_end && term[terms].product == p) terms++;
      int64_t columns = least(GROUP_COLUMNS, product->columns - column), needed = 0;
      for (int32_t t = 0; t < terms; t++)
        needed += term_words(c->kernel, columns, all->lefts[term[t].left].depth);
      if (count > 0 && words + needed > RIGHT_WORDS) break;
      if (needed > 0)
        c->groups[count++] = (group){product, term, terms, column, columns, right + words};
      else if (column == 0)
        zero(all, product);
      words += needed;
      column += columns;
      if (column < product->columns && needed > 0) continue;
      column = 0;
      term += terms;
      p++;
    }
    hk_pool_run(c->pool, c->left_pieces + count, pack, c);
    hk_pool_run(c->pool, count * c->row_pieces, multiply, c);
    c->left_pieces = 0;
  }
}

static void gemm(hk_pool *pool, hk_compute compute, const hk_products *all) {
  call c = {.pool = pool, .all = all};
  bool in_bytes = compute == HK_COMPUTE_INT8 && hk_gemm_int8_takes(all);
  const hk_gemm_kernel *kernel = c.kernel =
      in_bytes ? &hk_gemm_kernel_int8 : kernel_for(compute, &c.rounded);
  int64_t panels = (all->rows + kernel->rows - 1) / kernel->rows;
  int64_t piece_rows = PIECE_ROWS / kernel->rows * kernel->rows;
  c.row_pieces = (all->rows + piece_rows - 1) / piece_rows;
  c.left_panel_pieces = (panels + PANELS_IN_PIECE - 1) / PANELS_IN_PIECE;

  // The words of all packed operands; of the right ones no more than a turn's are kept at a time.
  int64_t left_words[all->left_count + 1], right_words = 0, largest = 0, words = 0;
  for (int32_t l = 0; l < all->left_count; l++) {
    int64_t needed = panels * hk_panel_words(kernel, kernel->rows, all->lefts[l].depth);
    left_words[l + 1] = (l > 0 ? left_words[l] : 0) + (needed + 15) / 16 * 16;
  }
  left_words[0] = 0;
  for (int32_t t = 0; t < all->term_count; t++) {
    const hk_term *term = &all->terms[t];
    int64_t columns = all->products[term->product].columns, depth = all->lefts[term->left].depth;
    if (t > 0 && term[-1].product != term->product) words = 0;
    words += term_words(kernel, least(GROUP_COLUMNS, columns), depth);
    if (words > largest) largest = words;
    right_words += columns / GROUP_COLUMNS * term_words(kernel, GROUP_COLUMNS, depth) +
                   term_words(kernel, columns % GROUP_COLUMNS, depth);
  }
  right_words = least(right_words, largest > RIGHT_WORDS ? largest : RIGHT_WORDS);
  uint32_t *packed = hk_pool_shared(
      pool, sizeof(uint32_t) * (size_t)(left_words[all->left_count] + right_words));
  uint32_t *packed_lefts[all->left_count + 1], *right = packed + left_words[all->left_count];
  for (int32_t l = 0; l < all->left_count; l++) packed_lefts[l] = packed + left_words[l];
  c.packed_lefts = packed_lefts;

  // What later products read, others of this call may write: it is packed when those are done.
  int32_t early_products = all->product_count, lefts[all->left_count + 1], early_lefts = 0;
  while (early_products > 0 && all->products[early_products - 1].later) early_products--;
  bool is_early[all->left_count + 1];
  memset(is_early, 0, sizeof is_early);
  for (int32_t t = 0; t < all->term_count; t++)
    if (all->terms[t].product < early_products) is_early[all->terms[t].left] = true;
  for (int32_t l = 0; l < all->left_count; l++)
    if (is_early[l]) lefts[early_lefts++] = l;
  for (int32_t l = 0, next = early_lefts; l < all->left_count; l++)
    if (!is_early[l]) lefts[next++] = l;
  c.lefts_now = lefts;
  take_turns(&c, 0, early_products, right, early_lefts);
  c.lefts_now = lefts + early_lefts;
  take_turns(&c, early_products, all->product_count, right, all->left_count - early_lefts);
}

// The same products over `depth` numbers of the inner product from `first` on, where they are so long.
static void gemm_part(
    hk_pool *pool, hk_compute compute, const hk_products *all, int64_t first, int64_t depth) {
  hk_left lefts[all->left_count + 1];
  hk_product products[all->product_count + 1];
  hk_term terms[all->term_count + 1];
  for (int32_t l = 0; l < all->left_count; l++) {
    hk_left *left = &lefts[l];
    *left = all->lefts[l];
    left->data += least(first, left->depth) * (left->transposed ? left->stride : 1);
    left->depth = least(depth, left->depth - least(first, left->depth));
  }
  for (int32_t p = 0; p < all->product_count; p++) {
    products[p] = all->products[p];
    products[p].accumulate |= first > 0;
  }
  hk_products part = {all->rows, lefts, all->left_count, products, all->product_count, terms, 0};
  for (int32_t t = 0; t < all->term_count; t++) {
    hk_term term = all->terms[t];
    if (first > 0 && lefts[term.left].depth == 0) continue;
    term.matrix =
        (const char *)term.matrix +
        (term.by_columns
             ? first * term.row_bytes
             : first / hk_format_block_elements(term.format) * hk_format_block_bytes(term.format));
    terms[part.term_count++] = term;
  }
  gemm(pool, compute, &part);
}

void hk_gemm(hk_pool *pool, hk_compute compute, const hk_products *all) {
  if (all->rows <= 0) return;
  if (hk_isa_current() == HK_ISA_REFERENCE) {
    hk_gemm_reference(compute, all);
    return;
  }
  int64_t deepest = 0;
  bool later = false;
  for (int32_t l = 0; l < all->left_count; l++)
    if (all->lefts[l].depth > deepest) deepest = all->lefts[l].depth;
  for (int32_t p = 0; p < all->product_count; p++) later |= all->products[p].later;
  if (deepest <= DEPTH) {
    gemm(pool, compute, all);
    return;
  }
  // Later products need the whole of what they read, so those before them come first.
  int32_t early = all->product_count, early_terms = 0;
  while (early > 0 && all->products[early - 1].later) early--;
  while (early_terms < all->term_count && all->terms[early_terms].product < early) early_terms++;
  hk_products first = *all, second = *all;
  first.product_count = early;
  first.term_count = early_terms;
  for (int64_t k = 0; k < deepest; k += DEPTH)
    if (early > 0) gemm_part(pool, compute, &first, k, DEPTH);
  if (!later) return;
  hk_product products[all->product_count - early];
  hk_term terms[all->term_count - early_terms + 1];
  for (int32_t p = early; p < all->product_count; p++) products[p - early] = all->products[p];
  for (int32_t t = early_terms; t < all->term_count; t++) {
    terms[t - early_terms] = all->terms[t];
    terms[t - early_terms].product -= early;
  }
  second.products = products;
  second.product_count = all->product_count - early;
  second.terms = terms;
  second.term_count = all->term_count - early_terms;
  for (int64_t k = 0; k < deepest; k += DEPTH) gemm_part(pool, compute, &second, k, DEPTH);
}

void hk_gemm_few(hk_pool *pool, hk_compute compute, const hk_products *all) {
  const hk_left *left = all->lefts;
  if (hk_isa_current() == HK_ISA_REFERENCE || left->transposed || left->scale != 1 || left->depth <= 0) {
    hk_gemm(pool, compute, all);
    return;
  }
  for (int64_t row = 0; row < all->rows; row += HK_MATVEC_ROWS)
    for (int32_t first = 0; first < all->product_count; first += HK_MATVEC_PRODUCTS) {
      hk_product part[HK_MATVEC_PRODUCTS];
      int32_t now = (int32_t)least(HK_MATVEC_PRODUCTS, all->product_count - first);
      for (int32_t p = 0; p < now; p++) {
        part[p] = all->products[first + p];
        part[p].out += row * part[p].out_stride;
      }
      hk_matvec(
          pool, compute, left->data + row * left->stride, left->stride,
          least(HK_MATVEC_ROWS, all->rows - row), left->depth, part, all->terms + first, now);
    }
}
