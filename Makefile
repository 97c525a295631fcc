# SPDX-License-Identifier: Apache-2.0
# make        install what a build needs (Debian's packages alone), build
# make demo   the same for the server and the command; train on real data, print a table
# make test   install what the tests need too (a Python environment from PyPI), build, run every test
# make soak   kill a server KILLS times (500) and check after each start that nothing acknowledged was lost
# make fuzz   run each fuzz target for FUZZ_SECONDS (600) of processor time
.PHONY: setup setup-build build demo test soak fuzz bench bench-load bench-descent bench-convex format lint clean
.DEFAULT_GOAL := build

PRESET ?= release
BUILD := build/$(PRESET)
JOBS ?= $(shell nproc)
SOURCES = $(shell git ls-files '*.cc' '*.h')

setup:
	@scripts/setup

setup-build:
	@scripts/setup build

build: setup-build
	@cmake --preset $(PRESET) --log-level=WARNING
	@cmake --build --preset $(PRESET) --parallel $(JOBS)

demo: setup-build
	@cmake --preset $(PRESET) --log-level=WARNING
	@cmake --build --preset $(PRESET) --parallel $(JOBS) --target cvxnn-server cvxnn
	@scripts/demo $(BUILD)/bin $(if $(CIFAR10),"$(CIFAR10)")

test: build
	@scripts/setup test
	@ctest --preset $(PRESET)

KILLS ?= 500
SEED ?= 1
soak: build
	@scripts/setup test
	@tests/faults/run $(BUILD)/bin/cvxnn-server $(BUILD)/lib/libcvxnn_faulty_writes.so --kills $(KILLS) --seed $(SEED)

FUZZ_SECONDS ?= 600
fuzz:
	@scripts/setup build fuzz
	@cmake --preset fuzz --log-level=WARNING
	@cmake --build --preset fuzz --parallel $(JOBS) --target cvxnn_fuzz
	@scripts/fuzz build/fuzz --seconds $(FUZZ_SECONDS) --side-by-side $(JOBS)

bench: build
	@scripts/bench $(BUILD)/bin

bench-load: build
	@$(BUILD)/bin/cvxnn-load

bench-descent: build
	@scripts/setup test
	@scripts/bench-descent $(BUILD)/bin

bench-convex: build
	@scripts/setup test
	@scripts/bench-convex $(BUILD)/bin $(if $(ONLY),--only $(ONLY))

format:
	@scripts/setup lint
	@clang-format -i $(SOURCES)

lint: build
	@scripts/setup lint
	@clang-format --dry-run --Werror $(SOURCES)
	@scripts/lint $(BUILD)

clean:
	@rm -rf build
