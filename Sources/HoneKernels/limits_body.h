// Twelve sums that do not wait for each other.
__attribute__((unused)) static double HK(multiply_add_f32)(int64_t turns) {
  vf sums[12];
  for (int i = 0; i < 12; i++) sums[i] = vset1((float)i);
  vf a = vset1(0.999f), b = vset1(0.5f);
  __asm__ volatile("" : "+m"(a), "+m"(b));
  for (int64_t turn = 0; turn < turns; turn++)
#pragma clang loop unroll(full)
    for (int i = 0; i < 12; i++) sums[i] = vfma(sums[i], a, b);
  vf total = sums[0];
  for (int i = 1; i < 12; i++) total += sums[i];
  volatile float kept = vsum(total);
  (void)kept;
  return (double)turns * 12 * HK_LANES * 2;
}

__attribute__((unused)) static double HK(read_memory)(const float *numbers, int64_t count) {
  vf a = vzero(), b = vzero(), c = vzero(), d = vzero();
  for (int64_t i = 0; i + 4 * HK_LANES <= count; i += 4 * HK_LANES) {
    a += vload(numbers + i);
    b += vload(numbers + i + HK_LANES);
    c += vload(numbers + i + 2 * HK_LANES);
    d += vload(numbers + i + 3 * HK_LANES);
  }
  volatile float kept = vsum(a + b + c + d);
  (void)kept;
  return (double)count * 4;
}
