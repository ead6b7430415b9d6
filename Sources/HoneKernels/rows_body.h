// Numbers after the last whole vector are done one by one with the plain C form of the op, unless
// they go through a buffer of one vector, so that every number is computed the same way.

#define tail_load HK(tail_load)
#define tail_store HK(tail_store)
HK_INLINE vf tail_load(const float *p, int64_t count) {
  float t[HK_LANES] = {0};
  for (int64_t i = 0; i < count; i++) t[i] = p[i];
  return vload(t);
}
HK_INLINE void tail_store(float *p, vf a, int64_t count) {
  float t[HK_LANES];
  vstore(t, a);
  for (int64_t i = 0; i < count; i++) p[i] = t[i];
}

// For each vector of `count` numbers: BODY with load(p) and store(p, a) that know the tail.
#define EACH_VECTOR(count, BODY)                                                           \
  do {                                                                                     \
    int64_t i = 0;                                                                         \
    for (; i + HK_LANES <= (count); i += HK_LANES) {                                       \
      BODY(vload, vstore)                                                                  \
    }                                                                                      \
    int64_t left = (count) - i;                                                            \
    if (left > 0) {                                                                        \
      BODY(LOAD_TAIL, STORE_TAIL)                                                          \
    }                                                                                      \
  } while (0)
#define LOAD_TAIL(p) tail_load(p, left)
#define STORE_TAIL(p, a) tail_store(p, a, left)

void HK(hk_rmsnorm)(
    const float *x, const float *weight, float weight_offset, float epsilon, int64_t rows,
    int64_t columns, float *y, float *inverse) {
  for (int64_t r = 0; r < rows; r++, x += columns, y += columns) {
    vf sum = vzero();
#define BODY(load, store)  \
  vf a = load(x + i);      \
  sum = vfma(a, a, sum);
    EACH_VECTOR(columns, BODY);
#undef BODY
    float scale = 1 / sqrtf(vsum(sum) / (float)columns + epsilon);
    if (inverse) inverse[r] = scale;
#define BODY(load, store) store(y + i, load(x + i) * scale * (load(weight + i) + weight_offset));
    EACH_VECTOR(columns, BODY);
#undef BODY
  }
}

void HK(hk_rmsnorm_backward)(
    const float *x, const float *weight, float weight_offset, const float *inverse,
    const float *y_gradient, int64_t rows, int64_t columns, float *x_gradient,
    float *weight_gradient_add) {
  for (int64_t r = 0; r < rows; r++) {
    float scale = inverse[r];
    vf along = vzero();
#define BODY(load, store) \
  along = vfma(load(y_gradient + i) * (load(weight + i) + weight_offset), load(x + i), along);
    EACH_VECTOR(columns, BODY);
#undef BODY
    float part = vsum(along) * scale * scale / (float)columns;
#define BODY(load, store)                                                      \
  vf a = load(x + i), dy = load(y_gradient + i);                               \
  vf dx = (dy * (load(weight + i) + weight_offset) - a * part) * scale;        \
  if (weight_gradient_add)                                                     \
    store(weight_gradient_add + i, load(weight_gradient_add + i) + dy * a * scale); \
  store(x_gradient + i, dx);
    EACH_VECTOR(columns, BODY);
#undef BODY
    x += columns, y_gradient += columns, x_gradient += columns;
  }
}

void HK(hk_layernorm)(
    const float *x, const float *weight, const float *bias, float epsilon, int64_t rows,
    int64_t columns, float *y, float *mean, float *inverse) {
  for (int64_t r = 0; r < rows; r++, x += columns, y += columns) {
    vf sum = vzero();
#define BODY(load, store) sum += load(x + i);
    EACH_VECTOR(columns, BODY);
#undef BODY
    float middle = vsum(sum) / (float)columns;
    vf squares = vzero();
    int64_t whole = columns / HK_LANES * HK_LANES;
    for (int64_t i = 0; i < whole; i += HK_LANES) {
      vf a = vload(x + i) - middle;
      squares = vfma(a, a, squares);
    }
    float total = vsum(squares);
    for (int64_t i = whole; i < columns; i++) total += (x[i] - middle) * (x[i] - middle);
    float scale = 1 / sqrtf(total / (float)columns + epsilon);
    if (mean) mean[r] = middle;
    if (inverse) inverse[r] = scale;
#define BODY(load, store)                                      \
  vf a = (load(x + i) - middle) * scale * load(weight + i);    \
  store(y + i, bias ? a + load(bias + i) : a);
    EACH_VECTOR(columns, BODY);
#undef BODY
  }
}

void HK(hk_layernorm_backward)(
    const float *x, const float *weight, const float *mean, const float *inverse,
    const float *y_gradient, int64_t rows, int64_t columns, float *x_gradient,
    float *weight_gradient_add, float *bias_gradient_add) {
  for (int64_t r = 0; r < rows; r++) {
    float middle = mean[r], scale = inverse[r];
    vf sum = vzero(), along = vzero();
    // The tail's zeros have no weight, so that they add nothing.
#define BODY(load, store)                                \
  vf change = load(y_gradient + i) * load(weight + i);   \
  sum += change;                                         \
  along = vfma(change, load(x + i) - middle, along);
    EACH_VECTOR(columns, BODY);
#undef BODY
    float shift = vsum(sum) / (float)columns;
    float part = vsum(along) * scale * scale / (float)columns;
#define BODY(load, store)                                                           \
  vf a = load(x + i) - middle, dy = load(y_gradient + i);                           \
  vf change = dy * load(weight + i), dx = (change - shift - a * part) * scale;      \
  if (weight_gradient_add)                                                          \
    store(weight_gradient_add + i, load(weight_gradient_add + i) + dy * a * scale); \
  if (bias_gradient_add) store(bias_gradient_add + i, load(bias_gradient_add + i) + dy); \
  store(x_gradient + i, dx);
    EACH_VECTOR(columns, BODY);
#undef BODY
    x += columns, y_gradient += columns, x_gradient += columns;
  }
}

void HK(hk_rope)(
    const float *x, const int32_t *positions, const float *cosines, const float *sines,
    bool interleaved, bool inverse, int64_t rows, int64_t heads, int64_t head_dim, int64_t pairs,
    float *y) {
  if (interleaved) {
    hk_rope_reference(
        x, positions, cosines, sines, true, inverse, rows, heads, head_dim, pairs, y);
    return;
  }
  float sign = inverse ? -1 : 1;
  for (int64_t r = 0; r < rows; r++) {
    const float *c = cosines + positions[r] * pairs, *s = sines + positions[r] * pairs;
    for (int64_t h = 0; h < heads; h++, x += head_dim, y += head_dim) {
#define BODY(load, store)                                                     \
  vf a = load(x + i), b = load(x + pairs + i);                                \
  vf cosine = load(c + i), sine = load(s + i) * sign;                         \
  store(y + i, a * cosine - b * sine);                                        \
  store(y + pairs + i, b * cosine + a * sine);
      EACH_VECTOR(pairs, BODY);
#undef BODY
      for (int64_t i = 2 * pairs; i < head_dim; i++) y[i] = x[i];
    }
  }
}

#define value_and_slope HK(value_and_slope)
#define verf HK(verf)
// The C library's, number by number: exact erf is rare.
HK_INLINE vf verf(vf a) {
  float t[HK_LANES];
  vstore(t, a);
  for (int i = 0; i < HK_LANES; i++) t[i] = erff(t[i]);
  return vload(t);
}
// f(x) and, where wanted, its derivative.
HK_INLINE vf value_and_slope(hk_activation activation, vf x, vf *slope) {
  switch (activation) {
  case HK_SILU: {
    vf gate = 1.0f / (1.0f + vexp(-x)), value = x * gate;
    *slope = gate + value * (1.0f - gate);
    return value;
  }
  case HK_GELU_TANH: {
    const float root = 0.7978845608028654f, cubic = 0.044715f;
    vf square = x * x, bend;
    vf t = vtanh(root * x * (1.0f + cubic * square), &bend);
    *slope = 0.5f * (1.0f + t) + 0.5f * x * bend * root * (1.0f + 3 * cubic * square);
    return 0.5f * x * (1.0f + t);
  }
  case HK_GELU_ERF: {
    vf half = 0.5f * (1.0f + verf(x * 0.7071067811865476f));
    *slope = half + x * vexp(x * x * -0.5f) * 0.3989422804014327f;
    return x * half;
  }
  case HK_RELU:
    break;
  }
  *slope = vselect(x > vzero(), vset1(1), vzero());
  return vselect(x > vzero(), x, vzero());
}

void HK(hk_activate)(
    hk_activation activation, const float *x, const float *up, int64_t count, float *y) {
#define BODY(load, store)                                        \
  vf slope, value = value_and_slope(activation, load(x + i), &slope); \
  store(y + i, up ? value * load(up + i) : value);
  EACH_VECTOR(count, BODY);
#undef BODY
}

void HK(hk_activate_backward)(
    hk_activation activation, const float *x, const float *up, const float *y_gradient,
    int64_t count, float *x_gradient, float *up_gradient) {
#define BODY(load, store)                                        \
  vf slope, value = value_and_slope(activation, load(x + i), &slope); \
  vf dy = load(y_gradient + i);                                  \
  vf dx = up ? dy * slope * load(up + i) : dy * slope;           \
  if (up_gradient) store(up_gradient + i, dy * value);           \
  store(x_gradient + i, dx);
  EACH_VECTOR(count, BODY);
#undef BODY
}

void HK(hk_add)(const float *a, const float *b, int64_t count, float *y) {
#define BODY(load, store) store(y + i, load(a + i) + load(b + i));
  EACH_VECTOR(count, BODY);
#undef BODY
}

void HK(hk_multiply)(const float *a, const float *b, int64_t count, float *y) {
#define BODY(load, store) store(y + i, load(a + i) * load(b + i));
  EACH_VECTOR(count, BODY);
#undef BODY
}

void HK(hk_multiply_add)(const float *a, const float *b, int64_t count, float *y) {
#define BODY(load, store) store(y + i, vfma(load(a + i), load(b + i), load(y + i)));
  EACH_VECTOR(count, BODY);
#undef BODY
}

void HK(hk_axpy)(int64_t count, float scale, const float *x, float *y) {
#define BODY(load, store) store(y + i, vfma(vset1(scale), load(x + i), load(y + i)));
  EACH_VECTOR(count, BODY);
#undef BODY
}

void HK(hk_scale)(int64_t count, float scale, float *x) {
#define BODY(load, store) store(x + i, load(x + i) * scale);
  EACH_VECTOR(count, BODY);
#undef BODY
}

double HK(hk_square_sum)(const float *x, int64_t count) {
  // Sums of 1,024 in f32, of those in double.
  double total = 0;
  for (int64_t start = 0; start < count; start += 1024) {
    int64_t size = count - start < 1024 ? count - start : 1024;
    vf sum = vzero();
#define BODY(load, store)         \
  vf a = load(x + start + i);     \
  sum = vfma(a, a, sum);
    EACH_VECTOR(size, BODY);
#undef BODY
    total += (double)vsum(sum);
  }
  return total;
}

#define row_maximum HK(row_maximum)
#define row_weights HK(row_weights)
HK_INLINE float row_maximum(const float *x, int64_t columns) {
  vf top = vset1(x[0]);
  int64_t i = 0;
  for (; i + HK_LANES <= columns; i += HK_LANES) top = vmax(vload(x + i), top);
  float result = vmaximum(top);
  for (; i < columns; i++) result = x[i] > result ? x[i] : result;
  return result;
}
// The sum of e^(x - top), in blocks; the terms go to `terms` where it is not null.
HK_INLINE double row_weights(const float *x, int64_t columns, float top, float *terms) {
  double total = 0;
  for (int64_t start = 0; start < columns; start += 4096) {
    int64_t end = columns - start < 4096 ? columns : start + 4096, i = start;
    vf sum = vzero();
    for (; i + HK_LANES <= end; i += HK_LANES) {
      vf a = vexp(vload(x + i) - top);
      if (terms) vstore(terms + i, a);
      sum += a;
    }
    if (i < end) {
      vf a = vexp(tail_load(x + i, end - i) - top);
      if (terms) tail_store(terms + i, a, end - i);
      for (int64_t lane = 0; lane < end - i; lane++) total += (double)a[lane];
    }
    total += (double)vsum(sum);
  }
  return total;
}

void HK(hk_softmax)(float *x, int64_t rows, int64_t columns) {
  for (int64_t r = 0; r < rows; r++, x += columns) {
    double sum = row_weights(x, columns, row_maximum(x, columns), x);
    HK(hk_scale)(columns, (float)(1 / sum), x);
  }
}

void HK(hk_cross_entropy)(
    float *logits, const int32_t *targets, float gradient_scale, int64_t rows, int64_t columns,
    float *losses) {
  for (int64_t r = 0; r < rows; r++, logits += columns) {
    float top = row_maximum(logits, columns), target = logits[targets[r]];
    double sum = row_weights(logits, columns, top, gradient_scale != 0 ? logits : NULL);
    losses[r] = (float)(log(sum) + (double)(top - target));
    if (gradient_scale == 0) continue;
    HK(hk_scale)(columns, (float)((double)gradient_scale / sum), logits);
    logits[targets[r]] -= gradient_scale;
  }
}

void HK(hk_f32_to_f16)(const float *x, int64_t count, uint16_t *y) {
  int64_t i = 0;
  for (; i + HK_LANES <= count; i += HK_LANES) vstore_f16(y + i, vload(x + i));
  hk_f32_to_f16_reference(x + i, count - i, y + i);
}

void HK(hk_f32_to_bf16)(const float *x, int64_t count, uint16_t *y) {
  int64_t i = 0;
  for (; i + HK_LANES <= count; i += HK_LANES) vstore_bf16(y + i, vload(x + i));
  hk_f32_to_bf16_reference(x + i, count - i, y + i);
}

void HK(hk_compact_rows)(
    const float *x, int64_t rows, int64_t columns, uint16_t *y, float *scales) {
  for (int64_t r = 0; r < rows; r++, x += columns, y += columns) {
    vf top = vzero();
    int64_t i = 0;
    for (; i + HK_LANES <= columns; i += HK_LANES) {
      vf a = vload(x + i);
      top = vmax(vmax(a, -a), top);
    }
    float largest = vmaximum(top);
    for (; i < columns; i++) largest = fabsf(x[i]) > largest ? fabsf(x[i]) : largest;
    scales[r] = hk_compact_scale(largest);
    float inverse = 1 / scales[r];
    for (i = 0; i + HK_LANES <= columns; i += HK_LANES) vstore_f16(y + i, vload(x + i) * inverse);
    for (; i < columns; i++) {
      float a = x[i] * inverse;
      hk_f32_to_f16_reference(&a, 1, y + i);
    }
  }
}

void HK(hk_expand_rows)(
    const uint16_t *y, const float *scales, int64_t rows, int64_t columns, float *x) {
  for (int64_t r = 0; r < rows; r++, x += columns, y += columns) {
    int64_t i = 0;
    for (; i + HK_LANES <= columns; i += HK_LANES) vstore(x + i, vload_f16(y + i) * scales[r]);
    for (; i < columns; i++) x[i] = hk_f16_to_f32(y[i]) * scales[r];
  }
}

void HK(hk_adamw_step)(
    const hk_adamw *s, const float *gradient, int64_t count, float *parameter, float *m,
    float *v) {
  float keep = 1 - s->rate * s->weight_decay, step = s->rate / s->correction1;
  float root = sqrtf(s->correction2);
#define BODY(load, store)                                                          \
  vf g = load(gradient + i);                                                       \
  vf first = load(m + i) + (g - load(m + i)) * (1 - s->beta1);                      \
  vf second = load(v + i) * s->beta2 + g * g * (1 - s->beta2);                     \
  vf denominator = __builtin_elementwise_sqrt(second) / root + s->epsilon;         \
  store(m + i, first);                                                             \
  store(v + i, second);                                                            \
  store(parameter + i, load(parameter + i) * keep - first / denominator * step);
  EACH_VECTOR(count, BODY);
#undef BODY
}

#undef EACH_VECTOR
#undef LOAD_TAIL
#undef STORE_TAIL
