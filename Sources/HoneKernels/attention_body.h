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

// Scores of a block, [keys][width]: takes them into the running softmax of each column (maximum, sum) and
// leaves the weights exp(score - maximum) in their place. Column c sees the rows [low[c], high[c]), or
// all where low is null. kept[c] receives what earlier sums are to be multiplied with.
static void HK(absorb)(
    float *scores, int64_t keys, int64_t width, const int32_t *low, const int32_t *high,
    float softcap, float *maximum, float *sum, float *kept) {
  const vf none = vset1(-__builtin_inff());
  for (int64_t c = 0; c < width; c += HK_LANES) {
    float *column = scores + c;
    vf before = vload(maximum + c), top = before;
    if (low || softcap > 0) {
      vi from = {0}, to = {0};
      if (low) {
        from = *(const vi_any *)(low + c);
        to = *(const vi_any *)(high + c);
      }
      for (int64_t k = 0; k < keys; k++) {
        vf score = vload(column + k * width);
        if (softcap > 0) score = capped(score, softcap);
        vi row = (vi){0} + (int32_t)k;
        if (low) score = vselect((row >= from) & (row < to), score, none);
        vstore(column + k * width, score);
        top = vmax(score, top);
      }
    } else {
      vf other = top;
      int64_t k = 0;
      for (; k + 2 <= keys; k += 2) {
        top = vmax(vload(column + k * width), top);
        other = vmax(vload(column + (k + 1) * width), other);
      }
      if (k < keys) top = vmax(vload(column + k * width), top);
      top = vmax(top, other);
    }
    // A column that has seen nothing yet keeps weights of 0.
    vf level = vselect(top > none, top, vzero());
    vf total = vzero();
    for (int64_t k = 0; k < keys; k++) {
      vf weight = vexp(vload(column + k * width) - level);
      vstore(column + k * width, weight);
      total += weight;
    }
    vf share = vexp(before - level);
    vstore(maximum + c, top);
    vstore(sum + c, vfma(vload(sum + c), share, total));
    vstore(kept + c, share);
  }
}

// The same for one row of `count` scores, in a buffer of `width`: a whole number of vectors, the rest
// of it zeros afterwards.
static void HK(absorb_row)(
    float *scores, int64_t width, int64_t count, float softcap, float *maximum, float *sum) {
  const float none = -__builtin_inff();
  vf largest = vset1(none);
  for (int64_t j = 0; j < width; j += HK_LANES) {
    vf score = vload(scores + j);
    if (softcap > 0) score = capped(score, softcap);
    vstore(scores + j, score);
  }
  for (int64_t j = count; j < width; j++) scores[j] = none;
  for (int64_t j = 0; j < width; j += HK_LANES) largest = vmax(vload(scores + j), largest);
  float top = vmaximum(largest);
  vf total = vzero();
  for (int64_t j = 0; j < width; j += HK_LANES) {
    vf weight = vexp(vload(scores + j) - top);
    vstore(scores + j, weight);
    total += weight;
  }
  *maximum = top;
  *sum = vsum(total);
}

static void HK(scale_columns)(float *rows, int64_t count, int64_t width, const float *factors) {
  for (int64_t c = 0; c < width; c += HK_LANES) {
    vf factor = vload(factors + c);
    for (int64_t i = 0; i < count; i++)
      vstore(rows + i * width + c, vload(rows + i * width + c) * factor);
  }
}

static void HK(scale_row)(float *row, int64_t count, float factor) {
  int64_t i = 0;
  for (; i + HK_LANES <= count; i += HK_LANES) vstore(row + i, vload(row + i) * factor);
  for (; i < count; i++) row[i] *= factor;
}

static float HK(dot)(const float *a, const float *b, int64_t count) {
  vf sum = vzero();
  int64_t i = 0;
  for (; i + HK_LANES <= count; i += HK_LANES) sum = vfma(vload(a + i), vload(b + i), sum);
  float total = vsum(sum);
  for (; i < count; i++) total += a[i] * b[i];
  return total;
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

// The sums of four vectors' lanes: within each 128 bits first, then across them.
HK_INLINE vf4 sums_of_4(const vf *a) {
#if HK_LANES == 16
#define PAIRS(x, y)                                                                              \
  (__builtin_shufflevector(x, y, 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29) +     \
   __builtin_shufflevector(x, y, 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31))
  vf low = PAIRS(a[0], a[1]), high = PAIRS(a[2], a[3]);
#undef PAIRS
  vf four =
      __builtin_shufflevector(low, high, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29) +
      __builtin_shufflevector(low, high, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31);
  return (__builtin_shufflevector(four, four, 0, 1, 2, 3) +
          __builtin_shufflevector(four, four, 8, 9, 10, 11)) +
         (__builtin_shufflevector(four, four, 4, 5, 6, 7) +
          __builtin_shufflevector(four, four, 12, 13, 14, 15));
#else
  vf4 f[4];
  for (int i = 0; i < 4; i++) {
#if HK_LANES == 8
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
#endif
}

#define few_scores_in HK(few_scores_in)
HK_INLINE void few_scores_in(
    hk_format format, const float *q, int64_t queries, const char *keys, int64_t row_bytes,
    int64_t count, int64_t head_dim, float *scores, int64_t scores_stride) {
  int64_t whole = head_dim / HK_LANES * HK_LANES;
  // With 32 long registers the keys stay in sixteen of them for all queries.
  bool held = HK_LANES == 16 && head_dim % (4 * HK_LANES) == 0;
  for (int64_t j = 0; j < count; j += 4) {
    // The last keys are taken again with those before them, or with themselves.
    int64_t live = count - j < 4 ? count - j : 4;
    const char *rows[4];
    for (int i = 0; i < 4; i++) rows[i] = keys + (j + (i < live ? i : live - 1)) * row_bytes;
    for (int64_t d = 0; held && d < head_dim; d += 4 * HK_LANES) {
      vf k[4][4];
#pragma clang loop unroll(full)
      for (int i = 0; i < 4; i++)
#pragma clang loop unroll(full)
        for (int part = 0; part < 4; part++)
          k[i][part] = load_stored(format, rows[i], d + part * HK_LANES);
      for (int64_t g = 0; g < queries; g++) {
        const float *query = q + g * head_dim + d;
        vf sums[4] = {vzero(), vzero(), vzero(), vzero()};
#pragma clang loop unroll(full)
        for (int part = 0; part < 4; part++) {
          vf a = vload(query + part * HK_LANES);
#pragma clang loop unroll(full)
          for (int i = 0; i < 4; i++) sums[i] = vfma(k[i][part], a, sums[i]);
        }
        vf4 total = sums_of_4(sums);
        float *out = scores + g * scores_stride + j;
        if (live == 4)
          *(vf4 *)out = d == 0 ? total : *(const vf4 *)out + total;
        else
          for (int i = 0; i < live; i++) out[i] = d == 0 ? total[i] : out[i] + total[i];
      }
    }
    for (int64_t g = 0; !held && g < queries; g++) {
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

// Scores and the gradients of weights, dO . v, of a block, [keys][width]: leaves the weights w = exp(score -
// lse) and the scores' gradients w * (dO . v - delta) in their places, zeros where a column does not
// see a row.
static void HK(differentiate)(
    float *scores, float *weight_gradients, int64_t keys, int64_t width, const int32_t *low,
    const int32_t *high, const float *lse, const float *delta, float softcap) {
  for (int64_t c = 0; c < width; c += HK_LANES) {
    vf level = vload(lse + c), less = vload(delta + c);
    vi from = {0}, to = {0};
    if (low) {
      from = *(const vi_any *)(low + c);
      to = *(const vi_any *)(high + c);
    }
    for (int64_t k = 0; k < keys; k++) {
      float *score_at = scores + k * width + c, *gradient_at = weight_gradients + k * width + c;
      vf score = vload(score_at), slope = vset1(1);
      if (softcap > 0) {
        score = capped(score, softcap);
        vf ratio = score * (1 / softcap);
        slope = 1.0f - ratio * ratio;
      }
      vf weight = vexp(score - level);
      if (low) {
        vi row = (vi){0} + (int32_t)k;
        weight = vselect((row >= from) & (row < to), weight, vzero());
      }
      vf change = weight * (vload(gradient_at) - less);
      vstore(score_at, weight);
      vstore(gradient_at, softcap > 0 ? change * slope : change);
    }
  }
}

static const hk_attention_kernel HK(attention_kernel) = {
    HK(load_rows), HK(absorb), HK(absorb_row), HK(scale_columns), HK(scale_row),
    HK(dot),       HK(few_scores), HK(few_values), HK(differentiate)};
