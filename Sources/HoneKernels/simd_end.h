#undef HK
#undef HK_LANES
#undef HK_IS_AVX2
#undef HK_IS_WIDE
#undef HK_IS_AVX512
#undef HK_IS_NEON
