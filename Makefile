# `make help` lists the commands.
.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
# All builds use the same targets and features, so that cargo reuses their results.
CARGO_ALL := --workspace --all-targets --features callie-ffi/bindgen
VENV := target/venv
# The WebAssembly module is a workspace of its own.
WASM := bindings/typescript/wasm/Cargo.toml
# The server's tests that use its database; they also run on PostgreSQL.
ON_POSTGRES := accounts accounts_deletion accounts_invites accounts_limits accounts_ops accounts_sessions bans_lifted claims cli_admin \
	cli_user cluster cluster_offline commands embedded gateway gateway_ends gateway_rate groups messages offline \
	offline_resume ops_database store_groups store_kept store_sessions store_together

.PHONY: help run install venv build test test-rust test-postgres test-bindings test-kotlin test-swift test-typescript typescript bindings scenarios generate header bench bench-server bench-cluster bench-jitter bench-kept bench-sdk size size-typescript wheel soak chaos fuzz fmt fmt-check lint docs clean

help: ## List all commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: ## Start the server on 127.0.0.1:8080
	cargo run --release -p callie-server

install: ## Install the packages that the tests need, through apt and pip
	@scripts/install.sh

venv: ## Create only the venv of the tests, which needs python3-venv
	@scripts/venv.sh

build: ## Build the server, the library, the tests and the examples
	@scripts/build.sh

# The suites after the Rust tests wait more than they compute, so two of them run at a time.
test: install build test-rust ## Run all tests, and print the scenarios that each language passed
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target test-bindings test-postgres test-kotlin test-swift test-typescript
	@$(MAKE) --no-print-directory scenarios

test-rust: ## Run the tests of the Rust crates; those that use the server's database use SQLite
	@mkdir -p target/scenarios
	scripts/tidy.sh cargo test --workspace --features callie-ffi/bindgen 2>&1 | tee target/scenarios/rust.log
	@scripts/matrix.py read rust libtest target/scenarios/rust.log --part tests/scenarios/

test-postgres: install build ## Run the server's database tests on PostgreSQL instead of SQLite
	scripts/tidy.sh scripts/test-postgres.sh $(ON_POSTGRES)

test-bindings: install bindings ## Run the tests of Python, C and the examples against the built server
	@mkdir -p target/scenarios
	scripts/tidy.sh $(VENV)/bin/python -m pytest bindings --junitxml=target/scenarios/pytest.xml
	@scripts/matrix.py read c junit target/scenarios/pytest.xml --part c.tests.test_c_scenarios
	@scripts/matrix.py read python junit target/scenarios/pytest.xml --part python.tests.test_scenarios

test-kotlin: install bindings ## Run the tests of the Kotlin package against the built server
	@scripts/tidy.sh scripts/test-kotlin.sh

test-swift: install bindings ## Run the tests of the Swift package; downloads Swift if it is not installed
	@scripts/tidy.sh scripts/test-swift.sh

test-typescript: install build typescript ## Run the tests of the TypeScript package in Node and Chromium
	@scripts/tidy.sh scripts/test-typescript.sh

typescript: ## Build the TypeScript package in bindings/typescript/dist
	@scripts/typescript.sh

bindings: build ## Generate the Python, Kotlin and Swift bindings from the built library
	@scripts/bindings.sh

scenarios: ## Print the scenarios that each language passed in its last test run
	@scripts/matrix.py

generate: ## Write the command wrappers of all languages from the table of commands
	cargo run --features callie-ffi/bindgen --bin callie-codegen

header: ## Update the C header
	CALLIE_UPDATE_HEADER=1 cargo test -p callie-ffi --features bindgen --test header

bench: ## Benchmark the core against serde_json
	cargo bench -p callie-core

bench-server: ## Benchmark the server against a minimal server, each in its own process
	cargo bench -p callie-server --bench gateway

bench-cluster: venv ## Benchmark a cluster of servers on NATS
	cargo bench -p callie-server --bench gateway -- cluster

soak: ## Keep 2,000 connections busy for SOAK_MINUTES (10): SOAK_MINUTES=10 make soak
	cargo bench -p callie-server --bench gateway -- soak $(or $(SOAK_MINUTES),10)

chaos: install ## Inject random faults into a cluster for CHAOS_SECONDS (60)
	CALLIE_CHAOS_SECONDS=$(or $(CHAOS_SECONDS),60) cargo test -p callie-server --test cluster_chaos -- --nocapture

fuzz: ## Fuzz the core, each target for FUZZ_SECONDS (60)
	@scripts/fuzz.sh

bench-jitter: ## Measure how much arrives over connections that are cut all the time, beside socket.io
	scripts/bench-jitter.sh $(or $(CLIENTS),1000) $(or $(SECONDS),150)

bench-kept: install ## Measure messages to users who are offline, on SQLite and PostgreSQL, beside mosquitto
	scripts/bench-kept.sh

bench-sdk: install build bindings ## Benchmark the client library: sizes, Python's import time, CPU per event
	@scripts/library.sh bench
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check websockets==17.4
	$(VENV)/bin/python scripts/bench_sdk.py

size: ## Build the library as packages ship it, and fail if it exceeds its size limit
	@scripts/library.sh shared
	python3 scripts/bench_sdk.py --size

size-typescript: typescript ## Fail if the TypeScript package exceeds its size limit
	@node bindings/typescript/scripts/size.mjs

wheel: build venv ## Build the Python wheel in target/wheels, test it, and fail if it exceeds its size limit
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r scripts/requirements-wheel.txt
	@scripts/library.sh wheel
	scripts/tidy.sh $(VENV)/bin/python -m pytest bindings/tests/check_wheel.py
	python3 scripts/bench_sdk.py --size

fmt: ## Format the sources
	cargo fmt --all
	cargo fmt --manifest-path $(WASM)
	@scripts/node-modules.sh
	cd bindings/typescript && npx prettier --write --log-level=warn . ../../examples/typescript/chat.ts

fmt-check: ## Check the format of the sources
	cargo fmt --all --check
	cargo fmt --manifest-path $(WASM) --check
	@scripts/node-modules.sh
	cd bindings/typescript && npx prettier --check --log-level=warn . ../../examples/typescript/chat.ts

lint: ## Run Clippy, with warnings as errors
	cargo clippy $(CARGO_ALL) -- -D warnings
	cargo clippy --manifest-path $(WASM) --target-dir target/wasm --locked -- -D warnings

docs: ## Build the documentation of the crates, with warnings as errors
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

clean: ## Remove all build results
	cargo clean
	rm -rf bindings/python/callie/_generated bindings/kotlin/target bindings/swift/{Generated,lib,.build}
	rm -rf bindings/typescript/{dist,node_modules,tests/build}
