// Vector types and functions of HK_LANES floats, in the compiler's vector extensions: one body of
// an op serves every instruction set. Included by each_isa.h only; no include guard.

#pragma clang diagnostic ignored "-Wpsabi"

#define vf HK(vf)
#define vi HK(vi)
#define vu HK(vu)
typedef float vf __attribute__((vector_size(4 * HK_LANES)));
typedef int32_t vi __attribute__((vector_size(4 * HK_LANES)));
typedef uint32_t vu __attribute__((vector_size(4 * HK_LANES)));

// The same without alignment, for loads and stores.
#define vf_any HK(vf_any)
#define vi_any HK(vi_any)
typedef float vf_any __attribute__((vector_size(4 * HK_LANES), aligned(4), may_alias));
typedef int32_t vi_any __attribute__((vector_size(4 * HK_LANES), aligned(4), may_alias));

// Narrow stored elements, HK_LANES of them.
#define v_u8 HK(v_u8)
#define v_i8 HK(v_i8)
#define v_u16 HK(v_u16)
#define v_f16 HK(v_f16)
typedef uint8_t v_u8 __attribute__((vector_size(HK_LANES), aligned(1), may_alias));
typedef int8_t v_i8 __attribute__((vector_size(HK_LANES), aligned(1), may_alias));
typedef uint16_t v_u16 __attribute__((vector_size(2 * HK_LANES), aligned(2), may_alias));
typedef _Float16 v_f16 __attribute__((vector_size(2 * HK_LANES), aligned(2), may_alias));

#ifndef HK_INLINE
#define HK_INLINE static inline __attribute__((always_inline, unused))
#endif

#define vload HK(vload)
#define vstore HK(vstore)
#define vset1 HK(vset1)
#define vzero HK(vzero)
#define vfma HK(vfma)
#define vselect HK(vselect)
#define vmax HK(vmax)
#define vmin HK(vmin)
#define vsum HK(vsum)
#define vmaximum HK(vmaximum)
#define vload_f16 HK(vload_f16)
#define vload_bf16 HK(vload_bf16)
#define vload_u8 HK(vload_u8)
#define vload_i8 HK(vload_i8)
#define vstore_f16 HK(vstore_f16)
#define vstore_bf16 HK(vstore_bf16)
#define vround_bf16 HK(vround_bf16)
#define vexp HK(vexp)
#define vtanh HK(vtanh)

HK_INLINE vf vload(const float *p) { return *(const vf_any *)p; }
HK_INLINE void vstore(float *p, vf a) { *(vf_any *)p = a; }
#if HK_LANES == 4
HK_INLINE vf vset1(float a) { return (vf){a, a, a, a}; }
#elif HK_LANES == 8
HK_INLINE vf vset1(float a) { return (vf){a, a, a, a, a, a, a, a}; }
#else
HK_INLINE vf vset1(float a) { return (vf){a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a}; }
#endif
HK_INLINE vf vzero(void) { return (vf){0}; }
// a * b + c, rounded once.
HK_INLINE vf vfma(vf a, vf b, vf c) { return __builtin_elementwise_fma(a, b, c); }
// Lane by lane a where the mask (a comparison's result) is set, else b.
HK_INLINE vf vselect(vi mask, vf a, vf b) { return (vf)((mask & (vi)a) | (~mask & (vi)b)); }
HK_INLINE vf vmax(vf a, vf b) { return vselect(a > b, a, b); }
HK_INLINE vf vmin(vf a, vf b) { return vselect(a < b, a, b); }

// Sum and maximum over the lanes: halves are folded, in a fixed order.
HK_INLINE float vsum(vf a) {
  float t[HK_LANES];
  vstore(t, a);
  for (int width = HK_LANES / 2; width > 0; width /= 2)
    for (int i = 0; i < width; i++) t[i] += t[i + width];
  return t[0];
}
HK_INLINE float vmaximum(vf a) {
  float t[HK_LANES];
  vstore(t, a);
  for (int width = HK_LANES / 2; width > 0; width /= 2)
    for (int i = 0; i < width; i++) t[i] = t[i] > t[i + width] ? t[i] : t[i + width];
  return t[0];
}

HK_INLINE vf vload_f16(const void *p) { return __builtin_convertvector(*(const v_f16 *)p, vf); }
HK_INLINE vf vload_bf16(const void *p) {
  return (vf)(__builtin_convertvector(*(const v_u16 *)p, vu) << 16);
}
HK_INLINE vf vload_u8(const void *p) {
  return __builtin_convertvector(__builtin_convertvector(*(const v_u8 *)p, vi), vf);
}
HK_INLINE vf vload_i8(const void *p) {
  return __builtin_convertvector(__builtin_convertvector(*(const v_i8 *)p, vi), vf);
}
HK_INLINE void vstore_f16(void *p, vf a) { *(v_f16 *)p = __builtin_convertvector(a, v_f16); }
// Round to nearest even in the upper 16 bits; a NaN stays one.
HK_INLINE vu vround_bf16(vf a) {
  vu u = (vu)a;
  vu rounded = u + 0x7fff + ((u >> 16) & 1);
  vu quiet = u | 0x400000;
  return (vu)vselect(a == a, (vf)rounded, (vf)quiet) & 0xffff0000u;
}
HK_INLINE void vstore_bf16(void *p, vf a) {
  *(v_u16 *)p = __builtin_convertvector(vround_bf16(a) >> 16, v_u16);
}

// e to the a, within 1.5 units in the last place; 0 below -87.3, infinity above 88.7.
HK_INLINE vf vexp(vf a) {
  const float log2e = 1.44269504088896341f, ln2_high = 0.693359375f, ln2_low = -2.12194440e-4f;
  vf clamped = vmin(vmax(a, vset1(-87.33654f)), vset1(88.72283f));
  // Adding 1.5 * 2^23 rounds to an integer and leaves it in the low bits.
  vf shifted = vfma(clamped, vset1(log2e), vset1(12582912.0f));
  vf n = shifted - 12582912.0f;
  vf r = vfma(n, vset1(-ln2_high), clamped);
  r = vfma(n, vset1(-ln2_low), r);
  vf p = vset1(1.9875691500e-4f);
  p = vfma(p, r, vset1(1.3981999507e-3f));
  p = vfma(p, r, vset1(8.3334519073e-3f));
  p = vfma(p, r, vset1(4.1665795894e-2f));
  p = vfma(p, r, vset1(1.6666665459e-1f));
  p = vfma(p, r, vset1(5.0000001201e-1f));
  p = vfma(p, r * r, r + 1.0f);
  // 2^n in two halves, so that n = 128 does not overflow before the product is formed.
  vi whole = (vi)shifted - 0x4b400000;
  vi half = whole >> 1;
  vf scale = (vf)((half + 127) << 23), rest = (vf)((whole - half + 127) << 23);
  vf result = p * scale * rest;
  result = vselect(a < vset1(-87.33654f), vzero(), result);
  result = vselect(a > vset1(88.72283f), vset1(__builtin_inff()), result);
  return vselect(a == a, result, a);
}
// tanh a, and 1 - tanh^2 a without cancellation.
HK_INLINE vf vtanh(vf a, vf *slope) {
  vf size = vmax(a, -a), e = vexp(size * -2.0f), sum = 1.0f + e;
  *slope = 4.0f * e / (sum * sum);
  // (1 - e) / (1 + e) loses digits near 0, where tanh a = a - a^3 / 3 + 2 a^5 / 15 - 17 a^7 / 315.
  vf far = (1.0f - e) / sum;
  far = vselect(a < vzero(), -far, far);
  vf s = a * a;
  vf near = vfma(s, vset1(-17.0f / 315), vset1(2.0f / 15));
  near = a * vfma(s, vfma(s, near, vset1(-1.0f / 3)), vset1(1));
  return vselect(size < vset1(0.15f), near, far);
}
