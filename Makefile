# SPDX-License-Identifier: Apache-2.0
# make demo   install, build, train on real data, print a table
# make test   install, build, run every test
.PHONY: setup build demo test bench format lint clean
.DEFAULT_GOAL := build

PRESET ?= release
BUILD := build/$(PRESET)
JOBS ?= $(shell nproc)
SOURCES = $(shell git ls-files '*.cc' '*.h')

setup:
	@scripts/setup

build: setup
	@cmake --preset $(PRESET) --log-level=WARNING
	@cmake --build --preset $(PRESET) --parallel $(JOBS)

demo: setup
	@cmake --preset $(PRESET) --log-level=WARNING
	@cmake --build --preset $(PRESET) --parallel $(JOBS) --target cvxnn-server cvxnn
	@scripts/demo $(BUILD)/bin $(CIFAR10)

test: build
	@ctest --preset $(PRESET)

bench: build
	@scripts/bench $(BUILD)/bin

format:
	@clang-format -i $(SOURCES)

lint: build
	@clang-format --dry-run --Werror $(SOURCES)
	@scripts/lint $(BUILD)

clean:
	@rm -rf build
