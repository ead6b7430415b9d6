#include <float.h>
#include <math.h>
#include <string.h>

#include "isa.h"

// The power of two that brings a row's largest number just under 2^14.
static float hk_compact_scale(float largest) {
  int exponent = 0;
  if (!(largest > 0) || largest > FLT_MAX) return 1;
  frexpf(largest, &exponent);
  exponent = exponent - 14 < -126 ? -126 : exponent - 14;
  return ldexpf(1, exponent);
}

static float hk_f16_to_f32(uint16_t bits) {
  float a;
  hk_dequantize_row_reference(HK_F16, &bits, 1, &a);
  return a;
}

#define HK_BODY "rows_body.h"
#include "each_isa.h"

// MARK: Plain C

void hk_rmsnorm_reference(
    const float *x, const float *weight, float weight_offset, float epsilon, int64_t rows,
    int64_t columns, float *y, float *inverse) {
  for (int64_t r = 0; r < rows; r++) {
    double sum = 0;
    for (int64_t i = 0; i < columns; i++)
      sum += (double)x[r * columns + i] * (double)x[r * columns + i];
    double scale = 1 / sqrt(sum / (double)columns + (double)epsilon);
    if (inverse) inverse[r] = (float)scale;
    for (int64_t i = 0; i < columns; i++)
      y[r * columns + i] = (float)((double)x[r * columns + i] * scale) * (weight[i] + weight_offset);
  }
}

void hk_rmsnorm_backward_reference(
    const float *x, const float *weight, float weight_offset, const float *inverse,
    const float *y_gradient, int64_t rows, int64_t columns, float *x_gradient,
    float *weight_gradient_add) {
  for (int64_t r = 0; r < rows; r++) {
    const float *a = x + r * columns, *dy = y_gradient + r * columns;
    double scale = (double)inverse[r], along = 0;
    for (int64_t i = 0; i < columns; i++)
      along += (double)dy[i] * (double)(weight[i] + weight_offset) * (double)a[i];
    for (int64_t i = 0; i < columns; i++) {
      float change = dy[i];
      x_gradient[r * columns + i] =
          (float)(scale * ((double)change * (double)(weight[i] + weight_offset) -
                           (double)a[i] * along * scale * scale / (double)columns));
      if (weight_gradient_add) weight_gradient_add[i] += (float)((double)(change * a[i]) * scale);
    }
  }
}

void hk_layernorm_reference(
    const float *x, const float *weight, const float *bias, float epsilon, int64_t rows,
    int64_t columns, float *y, float *mean, float *inverse) {
  for (int64_t r = 0; r < rows; r++) {
    const float *a = x + r * columns;
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < columns; i++) sum += (double)a[i];
    double middle = sum / (double)columns;
    for (int64_t i = 0; i < columns; i++)
      squares += ((double)a[i] - middle) * ((double)a[i] - middle);
    double scale = 1 / sqrt(squares / (double)columns + (double)epsilon);
    if (mean) mean[r] = (float)middle;
    if (inverse) inverse[r] = (float)scale;
    for (int64_t i = 0; i < columns; i++)
      y[r * columns + i] =
          (float)(((double)a[i] - middle) * scale * (double)weight[i]) + (bias ? bias[i] : 0);
  }
}

void hk_layernorm_backward_reference(
    const float *x, const float *weight, const float *mean, const float *inverse,
    const float *y_gradient, int64_t rows, int64_t columns, float *x_gradient,
    float *weight_gradient_add, float *bias_gradient_add) {
  for (int64_t r = 0; r < rows; r++) {
    const float *a = x + r * columns, *dy = y_gradient + r * columns;
    double middle = (double)mean[r], scale = (double)inverse[r], shift = 0, along = 0;
    for (int64_t i = 0; i < columns; i++) {
      double change = (double)dy[i] * (double)weight[i];
      shift += change / (double)columns;
      along += change * ((double)a[i] - middle) * scale / (double)columns;
    }
    for (int64_t i = 0; i < columns; i++) {
      double change = (double)dy[i], normal = ((double)a[i] - middle) * scale;
      x_gradient[r * columns + i] =
          (float)(scale * (change * (double)weight[i] - shift - normal * along));
      if (weight_gradient_add) weight_gradient_add[i] += (float)(change * normal);
      if (bias_gradient_add) bias_gradient_add[i] += (float)change;
    }
  }
}

void hk_rope_reference(
    const float *x, const int32_t *positions, const float *cosines, const float *sines,
    bool interleaved, bool inverse, int64_t rows, int64_t heads, int64_t head_dim, int64_t pairs,
    float *y) {
  for (int64_t r = 0; r < rows; r++)
    for (int64_t h = 0; h < heads; h++, x += head_dim, y += head_dim) {
      for (int64_t i = 0; i < pairs; i++) {
        float cosine = cosines[positions[r] * pairs + i], sine = sines[positions[r] * pairs + i];
        if (inverse) sine = -sine;
        int64_t first = interleaved ? 2 * i : i, second = interleaved ? 2 * i + 1 : i + pairs;
        float a = x[first], b = x[second];
        y[first] = a * cosine - b * sine;
        y[second] = b * cosine + a * sine;
      }
      for (int64_t i = 2 * pairs; i < head_dim; i++) y[i] = x[i];
    }
}

static double activated(hk_activation activation, double x, double *slope) {
  switch (activation) {
  case HK_SILU: {
    double gate = 1 / (1 + exp(-x));
    *slope = gate + x * gate * (1 - gate);
    return x * gate;
  }
  case HK_GELU_TANH: {
    const double root = 0.7978845608028654, cubic = 0.044715;
    double t = tanh(root * (x + cubic * x * x * x));
    *slope = 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * root * (1 + 3 * cubic * x * x);
    return 0.5 * x * (1 + t);
  }
  case HK_GELU_ERF: {
    double half = 0.5 * (1 + erf(x * 0.7071067811865476));
    *slope = half + x * exp(-x * x / 2) * 0.3989422804014327;
    return x * half;
  }
  case HK_RELU:
    break;
  }
  *slope = x > 0;
  return x > 0 ? x : 0;
}

void hk_activate_reference(
    hk_activation activation, const float *x, const float *up, int64_t count, float *y) {
  for (int64_t i = 0; i < count; i++) {
    double slope, value = activated(activation, (double)x[i], &slope);
    y[i] = (float)(up ? value * (double)up[i] : value);
  }
}

void hk_activate_backward_reference(
    hk_activation activation, const float *x, const float *up, const float *y_gradient,
    int64_t count, float *x_gradient, float *up_gradient) {
  for (int64_t i = 0; i < count; i++) {
    double slope, value = activated(activation, (double)x[i], &slope), dy = (double)y_gradient[i];
    if (up_gradient) up_gradient[i] = (float)(dy * value);
    x_gradient[i] = (float)(up ? dy * slope * (double)up[i] : dy * slope);
  }
}

void hk_add_reference(const float *a, const float *b, int64_t count, float *y) {
  for (int64_t i = 0; i < count; i++) y[i] = a[i] + b[i];
}

void hk_multiply_reference(const float *a, const float *b, int64_t count, float *y) {
  for (int64_t i = 0; i < count; i++) y[i] = a[i] * b[i];
}

void hk_multiply_add_reference(const float *a, const float *b, int64_t count, float *y) {
  for (int64_t i = 0; i < count; i++) y[i] = fmaf(a[i], b[i], y[i]);
}

void hk_axpy_reference(int64_t count, float scale, const float *x, float *y) {
  for (int64_t i = 0; i < count; i++) y[i] = fmaf(scale, x[i], y[i]);
}

void hk_scale_reference(int64_t count, float scale, float *x) {
  for (int64_t i = 0; i < count; i++) x[i] *= scale;
}

double hk_square_sum_reference(const float *x, int64_t count) {
  double sum = 0;
  for (int64_t i = 0; i < count; i++) sum += (double)x[i] * (double)x[i];
  return sum;
}

static double weights(const float *x, int64_t columns, double *top) {
  *top = (double)x[0];
  for (int64_t i = 1; i < columns; i++) *top = (double)x[i] > *top ? (double)x[i] : *top;
  double sum = 0;
  for (int64_t i = 0; i < columns; i++) sum += exp((double)x[i] - *top);
  return sum;
}

void hk_softmax_reference(float *x, int64_t rows, int64_t columns) {
  for (int64_t r = 0; r < rows; r++, x += columns) {
    double top, sum = weights(x, columns, &top);
    for (int64_t i = 0; i < columns; i++) x[i] = (float)(exp((double)x[i] - top) / sum);
  }
}

void hk_cross_entropy_reference(
    float *logits, const int32_t *targets, float gradient_scale, int64_t rows, int64_t columns,
    float *losses) {
  for (int64_t r = 0; r < rows; r++, logits += columns) {
    double top, sum = weights(logits, columns, &top);
    losses[r] = (float)(top + log(sum) - (double)logits[targets[r]]);
    if (gradient_scale == 0) continue;
    for (int64_t i = 0; i < columns; i++)
      logits[i] = (float)((exp((double)logits[i] - top) / sum - (i == targets[r])) *
                          (double)gradient_scale);
  }
}

void hk_f32_to_f16_reference(const float *x, int64_t count, uint16_t *y) {
  for (int64_t i = 0; i < count; i++) {
    _Float16 half = (_Float16)x[i];
    memcpy(y + i, &half, 2);
  }
}

void hk_compact_rows_reference(
    const float *x, int64_t rows, int64_t columns, uint16_t *y, float *scales) {
  for (int64_t r = 0; r < rows; r++, x += columns, y += columns) {
    float largest = 0;
    for (int64_t i = 0; i < columns; i++) largest = fmaxf(largest, fabsf(x[i]));
    scales[r] = hk_compact_scale(largest);
    for (int64_t i = 0; i < columns; i++) {
      float a = x[i] / scales[r];
      hk_f32_to_f16_reference(&a, 1, y + i);
    }
  }
}

void hk_expand_rows_reference(
    const uint16_t *y, const float *scales, int64_t rows, int64_t columns, float *x) {
  for (int64_t r = 0; r < rows; r++)
    for (int64_t i = 0; i < columns; i++)
      x[r * columns + i] = hk_f16_to_f32(y[r * columns + i]) * scales[r];
}

void hk_f32_to_bf16_reference(const float *x, int64_t count, uint16_t *y) {
  for (int64_t i = 0; i < count; i++) {
    uint32_t bits;
    memcpy(&bits, x + i, 4);
    bits = x[i] == x[i] ? bits + 0x7fff + ((bits >> 16) & 1) : bits | 0x400000;
    y[i] = (uint16_t)(bits >> 16);
  }
}

void hk_adamw_step_reference(
    const hk_adamw *s, const float *gradient, int64_t count, float *parameter, float *m,
    float *v) {
  for (int64_t i = 0; i < count; i++) {
    double g = (double)gradient[i];
    double p = (double)parameter[i] * (1 - (double)s->rate * (double)s->weight_decay);
    double first = (double)m[i] + (g - (double)m[i]) * (1 - (double)s->beta1);
    double second = (double)v[i] * (double)s->beta2 + g * g * (1 - (double)s->beta2);
    double denominator = sqrt(second) / sqrt((double)s->correction2) + (double)s->epsilon;
    m[i] = (float)first;
    v[i] = (float)second;
    parameter[i] = (float)(p - (double)s->rate / (double)s->correction1 * first / denominator);
  }
}

// MARK: Dispatch

void hk_rmsnorm(
    const float *x, const float *weight, float weight_offset, float epsilon, int64_t rows,
    int64_t columns, float *y, float *inverse) {
  HK_SELECT(hk_rmsnorm)(x, weight, weight_offset, epsilon, rows, columns, y, inverse);
}
void hk_rmsnorm_backward(
    const float *x, const float *weight, float weight_offset, const float *inverse,
    const float *y_gradient, int64_t rows, int64_t columns, float *x_gradient,
    float *weight_gradient_add) {
  HK_SELECT(hk_rmsnorm_backward)(
      x, weight, weight_offset, inverse, y_gradient, rows, columns, x_gradient,
      weight_gradient_add);
}
void hk_layernorm(
    const float *x, const float *weight, const float *bias, float epsilon, int64_t rows,
    int64_t columns, float *y, float *mean, float *inverse) {
  HK_SELECT(hk_layernorm)(x, weight, bias, epsilon, rows, columns, y, mean, inverse);
}
void hk_layernorm_backward(
    const float *x, const float *weight, const float *mean, const float *inverse,
    const float *y_gradient, int64_t rows, int64_t columns, float *x_gradient,
    float *weight_gradient_add, float *bias_gradient_add) {
  HK_SELECT(hk_layernorm_backward)(
      x, weight, mean, inverse, y_gradient, rows, columns, x_gradient, weight_gradient_add,
      bias_gradient_add);
}
void hk_rope(
    const float *x, const int32_t *positions, const float *cosines, const float *sines,
    bool interleaved, bool inverse, int64_t rows, int64_t heads, int64_t head_dim, int64_t pairs,
    float *y) {
  HK_SELECT(hk_rope)(
      x, positions, cosines, sines, interleaved, inverse, rows, heads, head_dim, pairs, y);
}
void hk_activate(
    hk_activation activation, const float *x, const float *up, int64_t count, float *y) {
  HK_SELECT(hk_activate)(activation, x, up, count, y);
}
void hk_activate_backward(
    hk_activation activation, const float *x, const float *up, const float *y_gradient,
    int64_t count, float *x_gradient, float *up_gradient) {
  HK_SELECT(hk_activate_backward)(activation, x, up, y_gradient, count, x_gradient, up_gradient);
}
void hk_add(const float *a, const float *b, int64_t count, float *y) {
  HK_SELECT(hk_add)(a, b, count, y);
}
void hk_multiply(const float *a, const float *b, int64_t count, float *y) {
  HK_SELECT(hk_multiply)(a, b, count, y);
}
void hk_multiply_add(const float *a, const float *b, int64_t count, float *y) {
  HK_SELECT(hk_multiply_add)(a, b, count, y);
}
void hk_axpy(int64_t count, float scale, const float *x, float *y) {
  HK_SELECT(hk_axpy)(count, scale, x, y);
}
void hk_scale(int64_t count, float scale, float *x) { HK_SELECT(hk_scale)(count, scale, x); }
double hk_square_sum(const float *x, int64_t count) { return HK_SELECT(hk_square_sum)(x, count); }
void hk_softmax(float *x, int64_t rows, int64_t columns) {
  HK_SELECT(hk_softmax)(x, rows, columns);
}
void hk_cross_entropy(
    float *logits, const int32_t *targets, float gradient_scale, int64_t rows, int64_t columns,
    float *losses) {
  HK_SELECT(hk_cross_entropy)(logits, targets, gradient_scale, rows, columns, losses);
}
void hk_f32_to_f16(const float *x, int64_t count, uint16_t *y) {
  HK_SELECT(hk_f32_to_f16)(x, count, y);
}
void hk_f32_to_bf16(const float *x, int64_t count, uint16_t *y) {
  HK_SELECT(hk_f32_to_bf16)(x, count, y);
}
void hk_adamw_step(
    const hk_adamw *settings, const float *gradient, int64_t count, float *parameter, float *m,
    float *v) {
  HK_SELECT(hk_adamw_step)(settings, gradient, count, parameter, m, v);
}
void hk_compact_rows(
    const float *x, int64_t rows, int64_t columns, uint16_t *y, float *scales) {
  HK_SELECT(hk_compact_rows)(x, rows, columns, y, scales);
}
void hk_expand_rows(
    const uint16_t *y, const float *scales, int64_t rows, int64_t columns, float *x) {
  HK_SELECT(hk_expand_rows)(y, scales, rows, columns, x);
}
