#define load_row HK(load_row)
#define capped HK(capped)

// count numbers of a stored row as f32.
HK_INLINE void load_row(hk_format format, const void *stored, int64_t count, float *out) {
  int64_t i = 0;
  for (; i + HK_LANES <= count; i += HK_LANES) {
    const char *p = (const char *)stored + i * (format == HK_F32 ? 4 : 2);
    vstore(out + i, format == HK_F32 ? vload((const float *)p)
                    : format == HK_F16 ? vload_f16(p)
                                       : vload_bf16(p));
  }
  for (; i < count; i++) out[i] = stored_number(format, stored, i);
}

static void HK(load_rows)(
    hk_format format, const void *stored, int64_t stride, int64_t rows, int64_t count, float *out) {
  int64_t size = format == HK_F32 ? 4 : 2;
  for (int64_t i = 0; i < rows; i++)
    load_row(format, (const char *)stored + i * stride * size, count, out + i * count);
}

// cap tanh(score / cap).
HK_INLINE vf capped(vf score, float cap) {
  vf slope;
  return vtanh(score * (1 / cap), &slope) * cap;
}

// One row of scores of keys first ..< first + width, of which [low, high) are visible: takes it into
// the running softmax (maximum, sum) and leaves the weights exp(score - maximum) in its place.
// Returns what the earlier sums are to be multiplied with.
static float HK(absorb)(
    float *scores, int64_t width, int64_t low, int64_t high, float softcap, float *maximum,
    float *sum) {
  const float none = -__builtin_inff();
  for (int64_t j = 0; j < width; j += HK_LANES) {
    float *p = scores + j;
    vf score = vload(p);
    if (softcap > 0) score = capped(score, softcap);
    vstore(p, score);
  }
  for (int64_t j = 0; j < low; j++) scores[j] = none;
  for (int64_t j = high; j < width; j++) scores[j] = none;
  vf largest = vset1(*maximum);
  for (int64_t j = 0; j < width; j += HK_LANES) largest = vmax(vload(scores + j), largest);
  float top = vmaximum(largest);
  if (top == none) {
    for (int64_t j = 0; j < width; j++) scores[j] = 0;
    return 1;
  }
  vf total = vzero();
  for (int64_t j = 0; j < width; j += HK_LANES) {
    vf weight = vexp(vload(scores + j) - top);
    vstore(scores + j, weight);
    total += weight;
  }
  float kept = *maximum == none ? 0 : vexp(vset1(*maximum - top))[0];
  *maximum = top;
  *sum = *sum * kept + vsum(total);
  return kept;
}

static void HK(scale_row)(float *row, int64_t count, float factor) {
  int64_t i = 0;
  for (; i + HK_LANES <= count; i += HK_LANES) vstore(row + i, vload(row + i) * factor);
  for (; i < count; i++) row[i] *= factor;
}

#define load_stored HK(load_stored)
#define sums_of_4 HK(sums_of_4)
#define vf4 HK(vf4)
typedef float vf4 __attribute__((vector_size(16), aligned(4), may_alias));

HK_INLINE vf load_stored(hk_format format, const char *row, int64_t i) {
  return format == HK_F32   ? vload((const float *)row + i)
         : format == HK_F16 ? vload_f16(row + 2 * i)
                            : vload_bf16(row + 2 * i);
}

// The sums of four vectors' lanes.
HK_INLINE vf4 sums_of_4(const vf *a) {
  vf4 f[4];
  for (int i = 0; i < 4; i++) {
#if HK_LANES == 16
    f[i] = (__builtin_shufflevector(a[i], a[i], 0, 1, 2, 3) +
            __builtin_shufflevector(a[i], a[i], 8, 9, 10, 11)) +
           (__builtin_shufflevector(a[i], a[i], 4, 5, 6, 7) +
            __builtin_shufflevector(a[i], a[i], 12, 13, 14, 15));
#elif HK_LANES == 8
    f[i] = __builtin_shufflevector(a[i], a[i], 0, 1, 2, 3) +
           __builtin_shufflevector(a[i], a[i], 4, 5, 6, 7);
#else
    f[i] = a[i];
#endif
  }
  vf4 low = __builtin_shufflevector(f[0], f[1], 0, 4, 1, 5) +
            __builtin_shufflevector(f[0], f[1], 2, 6, 3, 7);
  vf4 high = __builtin_shufflevector(f[2], f[3], 0, 4, 1, 5) +
             __builtin_shufflevector(f[2], f[3], 2, 6, 3, 7);
  return __builtin_shufflevector(low, high, 0, 1, 4, 5) +
         __builtin_shufflevector(low, high, 2, 3, 6, 7);
}

#define few_scores_in HK(few_scores_in)
HK_INLINE void few_scores_in(
    hk_format format, const float *q, int64_t queries, const char *keys, int64_t row_bytes,
    int64_t count, int64_t head_dim, float *scores, int64_t scores_stride) {
  int64_t whole = head_dim / HK_LANES * HK_LANES;
  for (int64_t j = 0; j < count; j += 4) {
    // The last keys are taken again with those before them, or with themselves.
    int64_t live = count - j < 4 ? count - j : 4;
    const char *rows[4];
    for (int i = 0; i < 4; i++) rows[i] = keys + (j + (i < live ? i : live - 1)) * row_bytes;
    for (int64_t g = 0; g < queries; g++) {
      const float *query = q + g * head_dim;
      vf sums[4] = {vzero(), vzero(), vzero(), vzero()};
      for (int64_t d = 0; d < whole; d += HK_LANES) {
        vf a = vload(query + d);
#pragma clang loop unroll(full)
        for (int i = 0; i < 4; i++) sums[i] = vfma(load_stored(format, rows[i], d), a, sums[i]);
      }
      vf4 total = sums_of_4(sums);
      for (int i = 0; i < live; i++) {
        float sum = total[i];
        for (int64_t d = whole; d < head_dim; d++) sum += stored_number(format, rows[i], d) * query[d];
        scores[g * scores_stride + j + i] = sum;
      }
    }
  }
}

#define few_values_in HK(few_values_in)
HK_INLINE void few_values_in(
    hk_format format, const float *weights, int64_t weights_stride, int64_t queries,
    const char *values, int64_t row_bytes, int64_t count, int64_t head_dim, float *out) {
  int64_t d = 0;
  for (; d + 4 * HK_LANES <= head_dim; d += 4 * HK_LANES)
    for (int64_t g = 0; g < queries; g++) {
      vf sums[4];
      float *to = out + g * head_dim + d;
#pragma clang loop unroll(full)
      for (int i = 0; i < 4; i++) sums[i] = vload(to + i * HK_LANES);
      for (int64_t j = 0; j < count; j++) {
        vf weight = vset1(weights[g * weights_stride + j]);
        const char *row = values + j * row_bytes;
#pragma clang loop unroll(full)
        for (int i = 0; i < 4; i++)
          sums[i] = vfma(weight, load_stored(format, row, d + i * HK_LANES), sums[i]);
      }
#pragma clang loop unroll(full)
      for (int i = 0; i < 4; i++) vstore(to + i * HK_LANES, sums[i]);
    }
  for (int64_t g = 0; g < queries; g++)
    for (int64_t j = 0; j < count; j++) {
      float weight = weights[g * weights_stride + j];
      for (int64_t rest = d; rest < head_dim; rest++)
        out[g * head_dim + rest] += weight * stored_number(format, values + j * row_bytes, rest);
    }
}

// A copy for each format, so that the choice stands outside the loops.
#define EACH_FORMAT(CALL)                                \
  switch (format) {                                      \
  case HK_F32: CALL(HK_F32, 4); return;                  \
  case HK_F16: CALL(HK_F16, 2); return;                  \
  default: CALL(HK_BF16, 2); return;                     \
  }

// scores[g][j] = q[g] . k[j] for a few queries that share the keys.
static void HK(few_scores)(
    const float *q, int64_t queries, hk_format format, const void *keys, int64_t stride,
    int64_t count, int64_t head_dim, float *scores, int64_t scores_stride) {
#define CALL(kind, size) \
  few_scores_in(kind, q, queries, keys, stride * size, count, head_dim, scores, scores_stride)
  EACH_FORMAT(CALL)
#undef CALL
}

// out[g] += sum over j of weights[g][j] * v[j].
static void HK(few_values)(
    const float *weights, int64_t weights_stride, int64_t queries, hk_format format,
    const void *values, int64_t stride, int64_t count, int64_t head_dim, float *out) {
#define CALL(kind, size) \
  few_values_in(          \
      kind, weights, weights_stride, queries, values, stride * size, count, head_dim, out)
  EACH_FORMAT(CALL)
#undef CALL
}
#undef EACH_FORMAT

// One row of scores and of the weights' gradients dO . v: leaves the weights w = exp(score - lse) and
// the scores' gradients w * (dO . v - delta) in their places, zeros outside [low, high).
static void HK(differentiate)(
    float *scores, float *weight_gradients, int64_t width, int64_t low, int64_t high, float lse,
    float delta, float softcap) {
  for (int64_t j = 0; j < width; j += HK_LANES) {
    vf score = vload(scores + j), slope = vset1(1);
    if (softcap > 0) {
      score = capped(score, softcap);
      vf ratio = score * (1 / softcap);
      slope = 1.0f - ratio * ratio;
    }
    vf weight = vexp(score - lse);
    vstore(scores + j, weight);
    vstore(weight_gradients + j, weight * (vload(weight_gradients + j) - delta) * slope);
  }
  for (int64_t j = 0; j < low; j++) scores[j] = weight_gradients[j] = 0;
  for (int64_t j = high; j < width; j++) scores[j] = weight_gradients[j] = 0;
}

static const hk_attention_kernel HK(attention_kernel) = {
    HK(load_rows), HK(absorb), HK(scale_row), HK(few_scores), HK(few_values),
    HK(differentiate)};
