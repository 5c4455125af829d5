# `make test` sets up what the tests need and runs everything. See CONTRIBUTING.md.
.PHONY: build test check setup bench soak fuzz docs

build:
	cargo build --release

# What CI checks before the tests.
check:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings

setup:
	tests/setup.sh

test: setup
	cargo build --workspace
	cargo test --workspace
