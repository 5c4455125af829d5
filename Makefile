# `make test` sets up what the tests need and runs everything. See CONTRIBUTING.md.
.PHONY: build check setup test

build:
	cargo build --release

# What CI checks before the tests.
check:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings

setup:
	tests/setup.sh

test: setup
	# The binary is built with the features that the tests' dependencies switch on: once for both.
	cargo build --workspace --all-targets
	cargo test --workspace
