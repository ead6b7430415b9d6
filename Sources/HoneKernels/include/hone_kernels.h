#ifndef HONE_KERNELS_H
#define HONE_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// Every op has a readable plain-C form, hk_x_reference, which is the oracle of the tests and the
// fallback on unknown machines, and vector forms. hk_x is the one chosen for this machine.
// Sizes are elements unless a name says bytes. Pointers may be unaligned unless stated.

// MARK: Instruction sets (isa.c)

typedef enum hk_isa {
  HK_ISA_REFERENCE = 0,   // plain C
  HK_ISA_AVX2 = 1,        // AVX2, FMA, F16C: 8 lanes
  HK_ISA_AVX512 = 2,      // AVX-512 F, BW, DQ, VL: 16 lanes
  HK_ISA_AVX512BF16 = 3,  // and its bf16 dot product
  HK_ISA_NEON = 4,        // Arm Advanced SIMD: 4 lanes
  HK_ISA_WIDE = 5,        // the 16-lane bodies on AVX2 hardware: tests them where AVX-512 is absent
  HK_ISA_AMX = 6,         // AVX512BF16 and AMX's tiles of bf16
} hk_isa;

// The instruction set in use on this thread: HONE_ISA where it is set and available, else the best.
hk_isa hk_isa_current(void);
bool hk_isa_available(hk_isa isa);
const char *hk_isa_name(hk_isa isa);
// Which set a name of HONE_ISA means; -1 when none.
int hk_isa_named(const char *name);
// Makes this thread use the given set (tests, benchmarks); -1 returns to the usual choice.
void hk_isa_override(int isa);

// MARK: What the machine can do (limits.c)

typedef enum hk_limit {
  HK_LIMIT_F32 = 0,     // f32 multiply-adds, two operations each
  HK_LIMIT_BF16 = 1,    // bf16 dot products into f32
  HK_LIMIT_MEMORY = 2,  // bytes read from memory
  HK_LIMIT_TILES = 3,   // bf16 products of AMX's tiles
  HK_LIMIT_INT16 = 4,   // products of 16-bit integers into 32 bits
  HK_LIMIT_INT8 = 5,    // products of bytes into 32 bits, by VNNI
} hk_limit;

// MARK: Threads (pool.c)

// A fixed set of threads that run numbered pieces of work. Which thread runs a piece is open, what
// a piece computes is not: results never depend on the thread count.
typedef struct hk_pool hk_pool;
typedef void (*hk_task)(void *context, int64_t piece, int thread);

hk_pool *hk_pool_create(int threads);
void hk_pool_destroy(hk_pool *pool);
int hk_pool_threads(const hk_pool *pool);
// Runs task(context, 0 ..< pieces, thread) and returns when all are done. One caller at a time.
void hk_pool_run(hk_pool *pool, int64_t pieces, hk_task task, void *context);
// Scratch memory, 64-byte aligned, kept and grown: one block a thread, and one shared block.
void *hk_pool_scratch(hk_pool *pool, int thread, size_t bytes);
void *hk_pool_shared(hk_pool *pool, size_t bytes);
// What the scratch blocks hold now, in bytes.
size_t hk_pool_scratch_bytes(const hk_pool *pool);

// Operations or bytes a second of all threads at once, measured now (about a tenth of a second);
// 0 where the machine lacks the instruction.
double hk_measure_limit(hk_pool *pool, hk_limit limit);

// MARK: Stored formats (quantblocks.c)

// How a row of numbers is stored. The numbers of GGUF's blocks are ggml's (ggml.h, ggml_type).
typedef enum hk_format {
  HK_F32 = 0,
  HK_F16 = 1,
  HK_Q4_0 = 2,
  HK_Q4_1 = 3,
  HK_Q5_0 = 6,
  HK_Q5_1 = 7,
  HK_Q8_0 = 8,
  HK_Q2_K = 10,
  HK_Q3_K = 11,
  HK_Q4_K = 12,
  HK_Q5_K = 13,
  HK_Q6_K = 14,
  HK_IQ4_NL = 20,
  HK_BF16 = 30,
  // The formats of bitsandbytes, in blocks of 64: the largest magnitude as f32, then for each number
  // the nearest of 16 in four bits, the first of two in the upper half of a byte.
  HK_NF4 = 1000,
  HK_FP4 = 1001,
} hk_format;

// Elements in a block (1 for the dense formats) and the bytes that a block takes.
int64_t hk_format_block_elements(hk_format format);
int64_t hk_format_block_bytes(hk_format format);
// out[count] = the stored numbers; count is a multiple of the block's elements.
void hk_dequantize_row(hk_format format, const void *blocks, int64_t count, float *out);
void hk_dequantize_row_reference(
    hk_format format, const void *blocks, int64_t count, float *out);
// Encodes `count` numbers as NF4, FP4 or Q8_0 blocks; count is a multiple of the block's elements.
void hk_quantize(hk_format format, const float *numbers, int64_t count, void *blocks);

// MARK: Matrix products (gemm.c, matvec.c)

// How the operands of a product are rounded; sums are always f32.
typedef enum hk_compute {
  HK_COMPUTE_F32 = 0,   // not at all
  HK_COMPUTE_BF16 = 1,  // to bf16
  HK_COMPUTE_AUTO = 2,  // as is fastest here
  HK_COMPUTE_INT16 = 3,  // to 14-bit integers with a scale for each 32 (each row's or column's)
  // The left one to bytes with a scale for each 32, where the machine multiplies them quickly and all
  // matrices are blocks of 32 whole numbers, by rows; else as HK_COMPUTE_AUTO.
  HK_COMPUTE_INT8 = 4,
} hk_compute;

// A left operand, f32: rows x depth with `stride` floats from row to row, or, transposed, stored as
// depth x rows. Its elements are multiplied by `scale`.
typedef struct hk_left {
  const float *data;
  int64_t stride;
  int64_t depth;
  bool transposed;
  float scale;
} hk_left;

// A result: rows x columns with `out_stride` floats from row to row.
typedef struct hk_product {
  float *out;
  int64_t out_stride;
  int64_t columns;
  bool accumulate;  // out += instead of out =
  bool later;       // may read, as left operands, results of products that are not later
} hk_product;

// One of the terms that are summed in a product: a left operand times a matrix. The matrix is stored in
// rows of `row_bytes` bytes, each a whole number of the format's blocks:
//   by rows (by_columns false): columns x depth, so that out = x W^T, a projection forward;
//   by columns (true): depth x columns, so that out = x W, its gradient backward.
typedef struct hk_term {
  int32_t product;  // the terms of a product follow each other
  int32_t left;
  const void *matrix;
  hk_format format;
  int64_t row_bytes;
  bool by_columns;
} hk_term;

// Products of the same number of rows.
typedef struct hk_products {
  int64_t rows;
  const hk_left *lefts;
  int32_t left_count;
  const hk_product *products;  // those that are later come last
  int32_t product_count;
  const hk_term *terms;
  int32_t term_count;
} hk_products;

// out_i = the sum of the terms of product i. Any size. Packs the operands (and so decodes the stored
// formats) and runs one register-tiled kernel over them, which takes all terms of a product before it
// writes. A row's numbers do not depend on the other rows.
void hk_gemm(hk_pool *pool, hk_compute compute, const hk_products *products);
// What bounds such products of many rows on this machine.
hk_limit hk_gemm_limit(hk_compute compute);
// The same for a few rows, one left operand, and matrices stored by rows, each the one term of a product:
// nothing is packed, each stored row is decoded once, in registers, and meets up to eight rows of x.
// Bound by memory for one row, by arithmetic for eight. A row's numbers do not depend on the other
// rows, but differ in their last bits from hk_gemm's. With HK_COMPUTE_AUTO x may be rounded to 16 bits
// with a scale for each 32; otherwise nothing is rounded.
void hk_gemm_few(hk_pool *pool, hk_compute compute, const hk_products *products);
// The same in plain C, one thread, sums in double.
void hk_gemm_reference(hk_compute compute, const hk_products *products);

// MARK: Attention (attention.c)

// One sequence: which rows of the queries and of the keys and values belong together. The keys of a
// sequence are the prefix rows, then its own rows; query i stands at the place of own key
// key_count - query_count + i and sees that key and those before it. Sequences never see each
// other, because no span names another's rows.
typedef struct hk_span {
  int64_t query, query_count;
  int64_t key, key_count;
  int64_t prefix, prefix_count;
} hk_span;

// Causal attention with grouped queries.
//   q, out  [rows][heads][head_dim] f32, `q_stride` and `out_stride` floats from row to row
//   k, v    [rows][kv_heads][head_dim] in kv_format (f32, f16 or bf16), `kv_stride` elements
//   lse     [rows][heads] the logarithm of each softmax's denominator, for the gradient; may be null
// Head h reads key head h / (heads / kv_heads). Scores are q . k * scale, soft-capped to
// cap * tanh(score / cap) where softcap > 0. window > 0: a query sees only its last `window` keys,
// itself included. No matrix of queries x keys is ever formed. The operands of products are rounded to
// bf16 where `compute` asks for it, or leaves it open, and the machine multiplies bf16 quickly.
typedef struct hk_attention {
  const float *q;
  const void *k, *v;
  float *out, *lse;
  hk_format kv_format;
  int64_t q_stride, kv_stride, out_stride;
  int64_t heads, kv_heads, head_dim;
  float scale, softcap;
  int64_t window;
  hk_compute compute;
  const hk_span *spans;
  int64_t span_count;
} hk_attention;

void hk_attention_forward(hk_pool *pool, const hk_attention *attention);
// The same in plain C, one thread, sums in double.
void hk_attention_forward_reference(const hk_attention *attention);

// The way back, from the gradient of `out` and what the forward left in out and lse.
//   out_gradient, q_gradient  as out and q, with their strides
//   k_gradient, v_gradient    [rows][kv_heads][head_dim] f32, kv_heads * head_dim from row to row
// q_gradient is set; k_gradient and v_gradient are added to, since spans may share a prefix; either
// pair may be null. The weights are recomputed, block by block, from the scores and lse.
void hk_attention_backward(
    hk_pool *pool, const hk_attention *attention, const float *out_gradient, float *q_gradient,
    float *k_gradient, float *v_gradient);
void hk_attention_backward_reference(
    const hk_attention *attention, const float *out_gradient, float *q_gradient, float *k_gradient,
    float *v_gradient);

// MARK: Rows of numbers

// These work on the rows they are given; callers split rows between threads. Sums run in a fixed
// order for each instruction set. Gradients named "_add" are added to, the others set.

// y = x / sqrt(mean(x^2) + epsilon) * (weight + weight_offset) for each row of `columns`.
// inverse[rows] receives 1 / sqrt(...) for the way back; may be null.
void hk_rmsnorm(
    const float *x, const float *weight, float weight_offset, float epsilon, int64_t rows,
    int64_t columns, float *y, float *inverse);
void hk_rmsnorm_reference(
    const float *x, const float *weight, float weight_offset, float epsilon, int64_t rows,
    int64_t columns, float *y, float *inverse);
// dx from dy; weight_gradient_add[columns] may be null.
void hk_rmsnorm_backward(
    const float *x, const float *weight, float weight_offset, const float *inverse,
    const float *y_gradient, int64_t rows, int64_t columns, float *x_gradient,
    float *weight_gradient_add);
void hk_rmsnorm_backward_reference(
    const float *x, const float *weight, float weight_offset, const float *inverse,
    const float *y_gradient, int64_t rows, int64_t columns, float *x_gradient,
    float *weight_gradient_add);

// y = (x - mean) / sqrt(variance + epsilon) * weight + bias; bias may be null.
// mean[rows] and inverse[rows] are kept for the way back; may be null.
void hk_layernorm(
    const float *x, const float *weight, const float *bias, float epsilon, int64_t rows,
    int64_t columns, float *y, float *mean, float *inverse);
void hk_layernorm_reference(
    const float *x, const float *weight, const float *bias, float epsilon, int64_t rows,
    int64_t columns, float *y, float *mean, float *inverse);
// dx from dy; weight_gradient_add[columns] and bias_gradient_add[columns] may be null.
void hk_layernorm_backward(
    const float *x, const float *weight, const float *mean, const float *inverse,
    const float *y_gradient, int64_t rows, int64_t columns, float *x_gradient,
    float *weight_gradient_add, float *bias_gradient_add);
void hk_layernorm_backward_reference(
    const float *x, const float *weight, const float *mean, const float *inverse,
    const float *y_gradient, int64_t rows, int64_t columns, float *x_gradient,
    float *weight_gradient_add, float *bias_gradient_add);

// Rotary embedding: the pairs (i, i + pairs) of each head, or with `interleaved` (2i, 2i + 1), are
// turned by the angles of the row's position, backwards with `inverse`. The other numbers of a head
// stay. x, y: [rows][heads][head_dim], may be the same; cosines, sines: [positions][pairs].
void hk_rope(
    const float *x, const int32_t *positions, const float *cosines, const float *sines,
    bool interleaved, bool inverse, int64_t rows, int64_t heads, int64_t head_dim, int64_t pairs,
    float *y);
void hk_rope_reference(
    const float *x, const int32_t *positions, const float *cosines, const float *sines,
    bool interleaved, bool inverse, int64_t rows, int64_t heads, int64_t head_dim, int64_t pairs,
    float *y);

// What a feed-forward half puts between its matrices.
typedef enum hk_activation {
  HK_SILU = 0,       // x / (1 + e^-x)
  HK_GELU_TANH = 1,  // x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))
  HK_GELU_ERF = 2,   // x / 2 (1 + erf(x / sqrt 2))
  HK_RELU = 3,
} hk_activation;

// y = f(x), or f(x) * up where up is not null (SwiGLU, GeGLU, ReGLU).
void hk_activate(
    hk_activation activation, const float *x, const float *up, int64_t count, float *y);
void hk_activate_reference(
    hk_activation activation, const float *x, const float *up, int64_t count, float *y);
// up and up_gradient are both null or both not. x_gradient may be y_gradient.
void hk_activate_backward(
    hk_activation activation, const float *x, const float *up, const float *y_gradient,
    int64_t count, float *x_gradient, float *up_gradient);
void hk_activate_backward_reference(
    hk_activation activation, const float *x, const float *up, const float *y_gradient,
    int64_t count, float *x_gradient, float *up_gradient);

// y = a * b; y += a * b, element by element.
void hk_multiply(const float *a, const float *b, int64_t count, float *y);
void hk_multiply_reference(const float *a, const float *b, int64_t count, float *y);
void hk_multiply_add(const float *a, const float *b, int64_t count, float *y);
void hk_multiply_add_reference(const float *a, const float *b, int64_t count, float *y);
// y = a + b; y += scale * x; x *= scale.
void hk_add(const float *a, const float *b, int64_t count, float *y);
void hk_add_reference(const float *a, const float *b, int64_t count, float *y);
void hk_axpy(int64_t count, float scale, const float *x, float *y);
void hk_axpy_reference(int64_t count, float scale, const float *x, float *y);
void hk_scale(int64_t count, float scale, float *x);
void hk_scale_reference(int64_t count, float scale, float *x);
// The sum of squares, in double.
double hk_square_sum(const float *x, int64_t count);
double hk_square_sum_reference(const float *x, int64_t count);
// Each row becomes its softmax.
void hk_softmax(float *x, int64_t rows, int64_t columns);
void hk_softmax_reference(float *x, int64_t rows, int64_t columns);

// Rounded to nearest even; a NaN stays one.
void hk_f32_to_f16(const float *x, int64_t count, uint16_t *y);
void hk_f32_to_f16_reference(const float *x, int64_t count, uint16_t *y);
void hk_f32_to_bf16(const float *x, int64_t count, uint16_t *y);
void hk_f32_to_bf16_reference(const float *x, int64_t count, uint16_t *y);

// Rows in half their size: f16 with a power of two for each row, so that no magnitude overflows and
// each number is kept within 2^-11 of itself (or 2^-39 of its row's largest). And back.
void hk_compact_rows(
    const float *x, int64_t rows, int64_t columns, uint16_t *y, float *scales);
void hk_compact_rows_reference(
    const float *x, int64_t rows, int64_t columns, uint16_t *y, float *scales);
void hk_expand_rows(
    const uint16_t *y, const float *scales, int64_t rows, int64_t columns, float *x);
void hk_expand_rows_reference(
    const uint16_t *y, const float *scales, int64_t rows, int64_t columns, float *x);

// For each row of logits and its target: loss = log(sum(e^logits)) - logits[target]. With a
// gradient_scale that is not 0 the logits become (softmax - onehot(target)) * gradient_scale.
void hk_cross_entropy(
    float *logits, const int32_t *targets, float gradient_scale, int64_t rows, int64_t columns,
    float *losses);
void hk_cross_entropy_reference(
    float *logits, const int32_t *targets, float gradient_scale, int64_t rows, int64_t columns,
    float *losses);

// One step of AdamW (Loshchilov & Hutter, 2019) as torch.optim.AdamW computes it: weight decay
// first, then the moments, then parameter -= rate / correction1 * m / (sqrt(v) / sqrt(correction2)
// + epsilon), with correction = 1 - beta^step.
typedef struct hk_adamw {
  float rate, beta1, beta2, epsilon, weight_decay;
  float correction1, correction2;
} hk_adamw;
void hk_adamw_step(
    const hk_adamw *settings, const float *gradient, int64_t count, float *parameter, float *m,
    float *v);
void hk_adamw_step_reference(
    const hk_adamw *settings, const float *gradient, int64_t count, float *parameter, float *m,
    float *v);

#ifdef __cplusplus
}
#endif

#endif
