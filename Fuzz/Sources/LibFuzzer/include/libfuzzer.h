// The entry point of LLVM's libFuzzer, which the linker adds with -sanitize=fuzzer.
#pragma once
#include <stddef.h>
#include <stdint.h>

// Runs `one` on generated inputs until an option, a signal or a crash ends it; returns an exit code.
int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*one)(const uint8_t *data, size_t size));
