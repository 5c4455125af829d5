# `make test` sets up what the tests need and runs everything. See CONTRIBUTING.md.
.PHONY: build check setup test bench soak fuzz sanitize judge-scores

build:
	cargo build --release

# What CI checks before the tests.
check:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	tests/check_dependencies.py
	# What is built apart from the workspace has a lock file of its own.
	cargo metadata --locked --format-version 1 --manifest-path fuzz/Cargo.toml >/dev/null
	cargo metadata --locked --format-version 1 --manifest-path tests/sanitize/Cargo.toml >/dev/null

setup:
	tests/setup.sh

test: setup
	# The binary is built with the features that the tests' dependencies switch on: once for both.
	cargo build --workspace --all-targets
	cargo test --workspace

# Kills, an outage, faults at random, crowds of targets and large ones, for long: about an hour.
# LEADSMAN_SOAK_KILLS=… for more or fewer, LEADSMAN_SOAK_SEED=… for the same faults again.
soak: export LEADSMAN_SOAK_KILLS ?= 1000
soak: export LEADSMAN_SOAK_SECONDS ?= 1800
soak: export LEADSMAN_SOAK_OUTAGE_SCRAPES ?= 1200
soak: export LEADSMAN_SOAK_ROUNDS ?= 1800
soak: export LEADSMAN_SOAK_SERIES ?= 1000000
soak: export LEADSMAN_SOAK_SAMPLES ?= 10000000
soak: export LEADSMAN_SOAK_PAGES ?= 400
soak: setup
	cargo build --workspace --all-targets
	cargo test --workspace --test blackbox -- --nocapture \
		crash:: outage:: chaos:: churn:: large:: profiles:: exposition::random

# How well series are judged, on labelled series of others: see baseline/tests/judge_scores.rs.
judge-scores:
	LEADSMAN_DETECTION_DATA="$(abspath $(DATA))" \
		cargo test -p leadsman-baseline --test judge_scores --test judge_recall -- --nocapture

# FUZZ_RUNS inputs a target (10,000,000), but no longer than FUZZ_SECONDS (900) each.
fuzz: setup
	fuzz/run.sh

# The `unsafe` of the CPU profiler under the address sanitizer.
sanitize:
	cd tests/sanitize && RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Zsanitizer=address \
		cargo run --release --locked --target "$$(rustc -vV | sed -n 's/^host: //p')"

# Tables of what it costs, beside its peers. The harness is built as the tests are, leadsman as it
# is released.
bench: export LEADSMAN_BINARY = $(CURDIR)/target/release/leadsman
bench:
	tests/setup.sh --bench
	cargo build --release
	cargo bench -p leadsman-proto --bench exposition --bench otlp --bench pprof
	cargo bench -p leadsman-storage --bench recall --bench archive
	cargo bench -p leadsman-baseline --bench judge
	cargo bench --workspace --profile dev --bench pprof_merge
	cargo bench --workspace --profile dev --bench archive_bytes
	cargo bench --workspace --profile dev --bench scrape_cost
	LEADSMAN_BENCH_TARGETS=1000 LEADSMAN_BENCH_SAMPLES=1200 LEADSMAN_BENCH_INTERVAL=15 \
		LEADSMAN_BENCH_SECONDS=60 LEADSMAN_BENCH_PEERS=leadsman,vmagent \
		cargo bench --workspace --profile dev --bench scrape_cost
	cargo bench --workspace --profile dev --bench overhead
