# What a developer does here; `make help` lists it. Everything is installed by compose/local/install, pinned and cached.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

BUILD ?= build
JOBS ?= $(shell nproc)
ENV := . compose/local/env.sh;
DEMO := compose/local/stack --dir .run/demo

.PHONY: help
help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 16

.PHONY: install
install: ## install what building, running and testing need (quick when it's there)
	@compose/local/install

.PHONY: build
build: ## compile everything (release with symbols) into $(BUILD)
	@compose/local/install --only build
	@$(ENV) [ -f $(BUILD)/build.ninja ] || meson setup $(BUILD) --buildtype=release -Ddebug=true -Db_ndebug=false >$(BUILD).log 2>&1 || { cat $(BUILD).log; exit 1; }
	@$(ENV) ninja -C $(BUILD) -j $(JOBS) --quiet

.PHONY: demo
demo: ## install, build, start everything, load the sample and reconcile it
	@compose/local/demo

.PHONY: up
up: build ## start the servers and Orderlog's programs
	@compose/local/install --only stack
	@$(DEMO) up --with-orderlog --build-dir $(BUILD)

.PHONY: down
down: ## stop what `make demo` or `make up` started
	@$(DEMO) down

.PHONY: logs
logs: ## follow the logs
	@$(DEMO) logs --follow

.PHONY: status
status: ## which server is up, and where
	@$(DEMO) status

.PHONY: clean-data
clean-data: down ## stop, and forget the demo's data
	@rm -rf .run/demo

.PHONY: test
test: ## every test, with servers of its own; ends with 'N passed, N failed'
	@tests/run

.PHONY: unit
unit: build ## the tests that need no server (seconds)
	@$(ENV) tests/run unit

.PHONY: integration
integration: ## the tests on real servers
	@tests/run integration

.PHONY: asan
asan: ## unit tests under AddressSanitizer and UndefinedBehaviorSanitizer
	@tests/run asan

.PHONY: tsan
tsan: ## unit tests under ThreadSanitizer
	@tests/run tsan

.PHONY: fuzz
fuzz: ## fuzz what parses bytes from outside (FUZZ_SECONDS=30 each)
	@tests/run fuzz

.PHONY: faults
faults: build ## break it at random under load for 30 minutes and check every answer against the log (FAULTS="--minutes 5 --seed 7")
	@tests/faults/run $(FAULTS)

.PHONY: bench
bench: ## measure: commands against a bare handler, raw librdkafka and Express + kafkajs; folds; end to end
	@tests/bench/run

.PHONY: tidy
tidy: ## style as a test: layering, banned calls, dead files, stale documents
	@python3 tests/tidy.py

.PHONY: lint
lint: build ## clang-tidy and cppcheck
	@$(ENV) tests/lint $(BUILD)

.PHONY: docs
docs: build ## write docs/configuration.md anew
	@docs/make-configuration $(BUILD) > docs/configuration.md

.PHONY: fmt
fmt: ## format the C code
	@git ls-files '*.c' '*.h' | xargs clang-format-14 -i

.PHONY: clean
clean: ## forget the builds
	@rm -rf $(BUILD) $(BUILD).log build-asan build-tsan
