# `make help` lists every target. Nothing has to be installed by hand: node_modules brings Node 26 itself, and the
# cluster's parts are built once and kept in the cache (LATCHKEY_CACHE, default ~/.cache/latchkey).
SHELL := /bin/bash
.DEFAULT_GOAL := help
.SHELLFLAGS := -eu -o pipefail -c
NODE := node_modules/.bin/node
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)

.PHONY: help install check test unit guard integration e2e build sdk generate verify format demo demo-down bench-drain clean

help: ## Show this list
	@grep -hE '^[a-zA-Z0-9_-]+:.*?## ' $(MAKEFILE_LIST) | sort | awk 'BEGIN {FS = ":.*?## "} {printf "  \033[1m%-18s\033[0m %s\n", $$1, $$2}'

install: node_modules/.installed ## Install the packages, Node 26 among them

# Not `npm ci`: it refuses a lock made where a registry lacks optional packages of other platforms. The versions and
# hashes are the lock's all the same, and the lock is not written.
node_modules/.installed: package.json package-lock.json sdk/package.json
	npm install --no-save --no-fund --no-audit --loglevel=error
	@touch $@

check: install ## Types, lint, import rules, dead code, drift, unit tests
	npm run --silent check

test: install ## Every test: check, real API server, demo, real pods (STAGE=unit,guard: only those stages)
	$(NODE) test/stages/main.ts $(STAGE)

unit: install ## Unit tests only
	npm run --silent unit

guard: install ## Tests of running guards, through raw sockets
	npm run --silent guard

integration: binaries ## Tests against a real API server
	npm run --silent integration

e2e: demo ## Tests with real pods, on the demo's cluster
	npm run --silent e2e

.PHONY: fuzz
fuzz: install ## A million inputs to the guard, judged by five servers (SEED=… repeats, INPUTS=… how many)
	$(NODE) test/fuzz/main.ts

.PHONY: mutation
mutation: install ## Change the code that decides, place by place: which change does no test notice? (FILES=core/policy, or all)
	$(NODE) test/mutation/main.ts $(FILES)

.PHONY: soak
soak: binaries build ## What takes long: every attack at full size within the chart's limits of memory, 100,000 calls while keys rotate
	npm run --silent soak

build: install ## Bundle every process into dist/
	npm run --silent build

sdk: install ## Compile @latchkey/sdk into sdk/dist/
	npm run --silent build:sdk

generate: install ## Write CRDs, the chart's copies, generated docs and Envoy's messages
	npm run --silent generate

verify: install ## Fail when generated files are out of date
	npm run --silent verify

format: install ## Format and fix what the linter can
	npx biome check --write .

demo: install ## Cluster, image, chart, example, and a table of calls refused and allowed
	$(NODE) test/demo/demo.ts

demo-down: install ## Remove the demo and its cluster
	$(NODE) test/demo/down.ts

bench-drain: build ## Guards stopped under load: not one of 100,000 requests dropped (1 min)
	$(NODE) bench/drain/main.ts

clean: ## Remove what was built in the checkout (not the cache)
	rm -rf build dist sdk/dist node_modules

-include test/cluster/cluster.mk
-include bench/bench.mk
