#!/usr/bin/env bash
# Builds every fuzz target with the stable compiler, runs each of them (or those named) for
# FUZZ_SECONDS (60), seeded with real captures, and prints a Markdown table of the executions. Ends
# at the first input that crashes, hangs for 10 s or takes 1 GiB; the input is in fuzz/artifacts/.
set -euo pipefail
cd "$(dirname "$0")"

seconds=${FUZZ_SECONDS:-60}
# Short inputs say as much as long ones, and the same time sees many more of them.
max_len=4096
triple=$(rustc -vV | sed -n 's/^host: //p')
programs=target/$triple/release
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(exposition pprof goroutine compress log_payload log_segment config)

# What a fuzzer for C and C++ gets from clang's -fsanitize=fuzzer, by the compiler's own name. No
# address sanitizer: our code is safe Rust, and without it the same time sees twice the inputs.
coverage=(
    --cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table
    -Cllvm-args=-sanitizer-coverage-trace-compares
)

build() {
    local bins=()
    for target in "${targets[@]}"; do
        bins+=(--bin "$target")
        case $target in
            log_*) bins+=(--features log) ;;
            config) bins+=(--features config) ;;
        esac
    done
    # With --target, build scripts and macros are compiled without the flags.
    RUSTC_BOOTSTRAP=1 RUSTFLAGS="${coverage[*]}" \
        cargo build --release --locked --target "$triple" "${bins[@]}"
}

# seed TARGET NAME: standard input becomes a seed, unless it is longer than an input may be.
seed() {
    local file=corpus/$1/seed-$2
    mkdir -p "corpus/$1"
    cat >"$file"
    [ "$(stat -c %s "$file")" -le "$max_len" ] || rm "$file"
}

# The first byte chooses the format, the second where the page is cut into two.
seed_pages() {
    local page name
    for page in ../proto/testdata/{etcd-3.4,containerd-1.6}.txt; do
        name=$(basename "$page" .txt)
        { printf '\000\200'; head -c 3000 "$page" | sed '$d'; } | seed exposition "$name"
        { printf '\000\200'; tail -c 3000 "$page" | sed 1d; } | seed exposition "$name-end"
        { printf '\001\200'; head -c 3000 "$page" | sed '$d'; printf '# EOF\n'; } | seed exposition "$name-om"
    done
    { printf '\002\000'; head -c 3000 ../proto/testdata/etcd-3.4.pb; } | seed exposition protobuf
}

seed_all() {
    local file name
    seed_pages
    for file in ../proto/testdata/*.pb.gz; do
        name=$(basename "$file" .pb.gz)
        gunzip -c "$file" | seed pprof "$name"
        seed compress "$name" <"$file"
    done
    head -c 4000 ../proto/testdata/etcd-3.4.txt | zstd -q | seed compress page-zstd
    for file in ../proto/testdata/*-debug[12].txt; do
        head -c 3000 "$file" | seed goroutine "$(basename "$file" .txt)"
    done
    seed log_segment v1 <../storage/testdata/log-v1.seg
    tail -c +2 ../storage/testdata/log-v1.seg | seed log_payload v1
    grep -v '# ' ../collector/src/config/default.yml | sed 's/^\( *\)#/\1/' | seed config default
    for file in ../collector/src/config/testdata/bad/*.yml; do
        seed config "$(basename "$file" .yml)" <"$file"
    done
}

# Prints "executions features peak-MiB" of one target.
run() {
    local target=$1 log=corpus/$1.log
    mkdir -p "artifacts/$target"
    if ! "$programs/$target" "corpus/$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 \
        -max_len="$max_len" -print_final_stats=1 -artifact_prefix="artifacts/$target/" >"$log" 2>&1; then
        tail -40 "$log" >&2
        return 1
    fi
    awk '/^stat::number_of_executed_units/ {n = $2} /^stat::peak_rss_mb/ {rss = $2}
        / cov: / {for (i = 1; i < NF; i++) if ($i == "cov:") cov = $(i + 1)}
        END {print n, cov, rss}' "$log"
}

command -v zstd >/dev/null || { echo "fuzz: zstd is missing: run tests/setup.sh" >&2; exit 1; }
build
seed_all
echo "| target | seconds | executions | edges | peak MiB |"
echo "|---|--:|--:|--:|--:|"
for target in "${targets[@]}"; do
    read -r n cov rss <<<"$(run "$target" || echo failed)"
    [ "$n" != failed ] || exit 1
    printf '| %s | %s | %s | %s | %s |\n' "$target" "$seconds" "$n" "$cov" "$rss"
done
