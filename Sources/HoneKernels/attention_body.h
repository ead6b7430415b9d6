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

// tanh by way of e^2x, which is exact enough where scores are capped.
HK_INLINE vf capped(vf score, float cap) {
  vf e = vexp(score * (2 / cap));
  vf ratio = 1.0f - 2.0f / (e + 1.0f);
  return ratio * cap;
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

// scores[g][j] = q[g] . k[j] for a few queries that share the keys.
static void HK(few_scores)(
    const float *q, int64_t queries, hk_format format, const void *keys, int64_t stride,
    int64_t count, int64_t head_dim, float *scores, int64_t scores_stride) {
  int64_t size = format == HK_F32 ? 4 : 2;
  float row[HK_MAXIMUM_HEAD];
  for (int64_t j = 0; j < count; j++) {
    const char *stored = (const char *)keys + j * stride * size;
    load_row(format, stored, head_dim, row);
    for (int64_t g = 0; g < queries; g++) {
      const float *query = q + g * head_dim;
      vf even = vzero(), odd = vzero();
      int64_t d = 0;
      for (; d + 2 * HK_LANES <= head_dim; d += 2 * HK_LANES) {
        even = vfma(vload(row + d), vload(query + d), even);
        odd = vfma(vload(row + d + HK_LANES), vload(query + d + HK_LANES), odd);
      }
      float sum = vsum(even + odd);
      for (; d < head_dim; d++) sum += row[d] * query[d];
      scores[g * scores_stride + j] = sum;
    }
  }
}

// out[g] += sum over j of weights[g][j] * v[j].
static void HK(few_values)(
    const float *weights, int64_t weights_stride, int64_t queries, hk_format format,
    const void *values, int64_t stride, int64_t count, int64_t head_dim, float *out) {
  int64_t size = format == HK_F32 ? 4 : 2;
  float row[HK_MAXIMUM_HEAD];
  for (int64_t j = 0; j < count; j++) {
    load_row(format, (const char *)values + j * stride * size, head_dim, row);
    for (int64_t g = 0; g < queries; g++) {
      vf weight = vset1(weights[g * weights_stride + j]);
      float *sum = out + g * head_dim;
      int64_t d = 0;
      for (; d + HK_LANES <= head_dim; d += HK_LANES)
        vstore(sum + d, vfma(weight, vload(row + d), vload(sum + d)));
      for (; d < head_dim; d++) sum[d] += weight[0] * row[d];
    }
  }
}

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
