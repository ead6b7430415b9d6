# What a newcomer needs: make quickstart. What a change needs: make format lint test.

SWIFT ?= swift
BUILD_FLAGS ?=
HONE = .build/release/hone
FORMATTED = Package.swift Sources Tests

.PHONY: build test quickstart voice bench format lint requirements

# The compiler is faster with large pages for its memory; a C library that does not know the word ignores it.
build: requirements
	GLIBC_TUNABLES=glibc.malloc.hugetlb=1 $(SWIFT) build -c release $(BUILD_FLAGS)

TEST_FLAGS = -c release -Xswiftc -enable-testing --explicit-target-dependency-import-check error $(BUILD_FLAGS)
test: export HONE_WARNINGS_AS_ERRORS = 1

# In release mode: the kernels' plain forms are too slow otherwise, and it is what people run. The default
# model is fetched where it can be; without it what runs on it is skipped, and says so.
test: requirements
	$(SWIFT) build --build-tests $(TEST_FLAGS)
	$(SWIFT) build --product hone $(TEST_FLAGS)
	$(HONE) pull smollm2-135m || echo "SKIPPED: tests on a real model, which cannot be fetched"
	$(SWIFT) test --skip-build $(TEST_FLAGS)

quickstart: build
	$(HONE) quickstart

# Facts by fine-tuning, then the voice of the desk by DPO: ten minutes on two cores.
voice: build
	$(HONE) train Examples/pellgarth-voice/recipe.yaml --resume

# The machine's limits, then Hone and its peers in turn, in an environment made for them (several GB). Half an hour.
bench: build
	$(HONE) bench --model smollm2-135m --threads 2
	Benchmarks/peers/run --training --json .build/peers.json

format: requirements
	$(SWIFT) format format --in-place --recursive $(FORMATTED)

lint: requirements
	$(SWIFT) format lint --strict --recursive $(FORMATTED)

requirements:
	@SWIFT="$(SWIFT)" Scripts/requirements
