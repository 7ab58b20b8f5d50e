# One command per habit. `make help` lists them.
.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
# What is built once with the same features is not built twice.
CARGO_ALL := --workspace --all-targets --features callie-ffi/bindgen
VENV := target/venv
# The server's tests that touch its database: they run on PostgreSQL too.
ON_POSTGRES := accounts accounts_limits accounts_ops accounts_sessions bans_lifted claims cli_admin cluster commands \
	embedded gateway gateway_ends gateway_rate groups messages ops_database store_groups store_sessions store_together

.PHONY: help run install venv build test test-rust test-postgres test-bindings test-kotlin test-swift bindings scenarios header bench bench-server bench-cluster bench-sdk size wheel soak chaos fuzz fmt fmt-check lint docs clean

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: ## Start the server on 127.0.0.1:8080
	cargo run --release -p callie-server

install: ## Install what the tests need, through apt and pip
	@scripts/install.sh

venv: ## Make the venv of the tests alone, for which python3-venv is enough
	@scripts/venv.sh

build: ## Build everything: server, library, tests, examples
	@scripts/build.sh

test: install build test-rust test-bindings test-kotlin test-swift ## Run every test, and print which language passed which scenario
	@$(MAKE) --no-print-directory scenarios

test-rust: ## Run the tests of the Rust crates
	@mkdir -p target/scenarios
	scripts/tidy.sh cargo test --workspace --features callie-ffi/bindgen 2>&1 | tee target/scenarios/rust.log
	@scripts/matrix.py read rust libtest target/scenarios/rust.log --part tests/scenarios/
	@$(MAKE) --no-print-directory test-postgres

test-postgres: ## Run the server's tests once more, with PostgreSQL for SQLite
	CALLIE_TEST_DATABASE=postgres scripts/tidy.sh cargo test --workspace --features callie-ffi/bindgen $(ON_POSTGRES:%=--test %)

test-bindings: install build bindings ## Run the tests of Python, C and the examples, against the built server
	@mkdir -p target/scenarios
	scripts/tidy.sh $(VENV)/bin/python -m pytest bindings --junitxml=target/scenarios/pytest.xml
	@scripts/matrix.py read c junit target/scenarios/pytest.xml --part c.tests.test_c_scenarios
	@scripts/matrix.py read python junit target/scenarios/pytest.xml --part python.tests.test_scenarios

test-kotlin: install build ## Run the tests of the Kotlin package, against the built server
	@scripts/tidy.sh scripts/test-kotlin.sh

test-swift: install build ## Run the tests of the Swift package, with a Swift of its own where there is none
	@scripts/tidy.sh scripts/test-swift.sh

bindings: build ## Write the Python, Kotlin and Swift bindings from the built library
	@scripts/bindings.sh

scenarios: ## Print which language passed which scenario in its last test run
	@scripts/matrix.py

header: ## Write the C header anew
	CALLIE_UPDATE_HEADER=1 cargo test -p callie-ffi --features bindgen --test header

bench: ## Measure the core beside serde_json
	cargo bench -p callie-core

bench-server: ## Measure the server beside a bare floor, in processes of their own
	cargo bench -p callie-server --bench gateway

bench-cluster: venv ## Measure several servers with a NATS between them
	cargo bench -p callie-server --bench gateway -- cluster

soak: ## Keep 2,000 connections busy for ten minutes: SOAK_MINUTES=10 make soak
	cargo bench -p callie-server --bench gateway -- soak $(or $(SOAK_MINUTES),10)

chaos: install ## Break a cluster at random for a while: CHAOS_SECONDS=60 make chaos
	CALLIE_CHAOS_SECONDS=$(or $(CHAOS_SECONDS),60) cargo test -p callie-server --test cluster_chaos -- --nocapture

fuzz: ## Throw random input at the parser for a while: FUZZ_SECONDS=60 make fuzz
	@scripts/fuzz.sh

bench-sdk: install build bindings ## Measure the client library: sizes, Python's import, CPU an event
	@scripts/library.sh bench
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check websockets==17.4
	$(VENV)/bin/python scripts/bench_sdk.py

size: ## Build the library as it is shipped, and fail where it is larger than its gate
	@scripts/library.sh shared
	python3 scripts/bench_sdk.py --size

wheel: venv ## Build Python's wheel into target/wheels, and fail where it is larger than its gate
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check maturin==1.16.0 wheel==0.48.0
	@scripts/library.sh wheel
	python3 scripts/bench_sdk.py --size

fmt: ## Format the sources
	cargo fmt --all

fmt-check: ## Check the format
	cargo fmt --all --check

lint: ## Clippy, with warnings as errors
	cargo clippy $(CARGO_ALL) -- -D warnings

docs: ## The documentation of the crates, with warnings as errors
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

clean: ## Remove what was built
	cargo clean
	rm -rf bindings/python/callie/_generated bindings/kotlin/target bindings/swift/{Generated,lib,.build}
