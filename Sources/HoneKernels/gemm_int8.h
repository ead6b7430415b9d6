#ifndef HK_GEMM_INT8_H
#define HK_GEMM_INT8_H

#include "gemm.h"

// Products of bytes by VNNI, at twice the rate of bf16 products: the left operand, rounded to signed
// bytes with a scale for each 32, times blocks of 32 whole numbers as they are stored.
//
// A panel's unit is 32 k: eight words of four bytes, then two f32: of the left operand the scale and the
// sum of the rounded 32, of the right one the scale and what is added to each number. The stored numbers
// are not rounded.
extern const hk_gemm_kernel hk_gemm_kernel_int8;
bool hk_gemm_int8_available(void);
// Whether the machine has the products and every term's matrix is stored in such blocks, by rows.
bool hk_gemm_int8_takes(const hk_products *products);
// Operations of that many turns of the fastest loop there is.
double hk_multiply_add_int8(int64_t turns);

#endif
