#!/usr/bin/env bash
# Builds every fuzz target with the stable compiler, runs each of them (or those named) on a core of
# its own until it has executed FUZZ_RUNS (10,000,000) inputs, but no longer than FUZZ_SECONDS (900),
# seeded with real captures, and prints a Markdown table. Ends at the first input that crashes, hangs
# for 10 s or takes 1 GiB; the input is in fuzz/artifacts/.
set -euo pipefail
cd "$(dirname "$0")"

export FUZZ_RUNS=${FUZZ_RUNS:-10000000} FUZZ_SECONDS=${FUZZ_SECONDS:-900}
triple=$(rustc -vV | sed -n 's/^host: //p')
export programs=target/$triple/release
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(
    exposition compress goroutine pprof log_payload log_segment config relabel selector promql http_answer
    otlp traces questions
)

# Most branches show in short inputs, of which the same time sees many more: nine in ten are short.
short=256
long=4096

# What a fuzzer for C and C++ gets from clang's -fsanitize=fuzzer, by the compiler's own name. No
# address sanitizer: our code is safe Rust, and without it the same time sees twice the inputs.
branches='"--cfg", "fuzzing", "-Cpasses=sancov-module", "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters", "-Cllvm-args=-sanitizer-coverage-pc-table"'
compares='"-Cllvm-args=-sanitizer-coverage-trace-compares"'
# Only these tell which branches an input takes. The counters of a whole binary, which the fuzzer
# goes through after each input, took nine tenths of the time.
traced=(
    leadsman-fuzz leadsman-proto leadsman-baseline leadsman-storage leadsman-exporter leadsman
    flate2 zlib-rs lz4_flex granit-parser
)
# Of these the branches only: what they compare is tables, and three quarters of the time went there.
traced_by_branches=(regex-syntax)

build() {
    local arguments=()
    for package in "${traced[@]}"; do
        arguments+=(--config "profile.release.package.$package.rustflags = [$branches, $compares]")
    done
    for package in "${traced_by_branches[@]}"; do
        arguments+=(--config "profile.release.package.$package.rustflags = [$branches]")
    done
    for target in "${targets[@]}"; do
        arguments+=(--bin "$target")
        case $target in
            log_*) arguments+=(--features log) ;;
            config | relabel | http_answer) arguments+=(--features config) ;;
            otlp | traces | questions) arguments+=(--features otlp) ;;
        esac
    done
    # With --target, build scripts and macros are compiled without the flags.
    RUSTC_BOOTSTRAP=1 cargo -Zprofile-rustflags build --release --locked --target "$triple" "${arguments[@]}"
}

# seed TARGET NAME: standard input becomes a seed, unless it is longer than an input may be.
seed() {
    local file=corpus/$1/seed-$2
    mkdir -p "corpus/$1"
    cat >"$file"
    [ "$(stat -c %s "$file")" -le "$long" ] || rm "$file"
}

# The first byte chooses, the second is where requests are divided, the third and those after it
# are lengths.
seed_answers() {
    printf '\000\000\001\255\0033.5too many' | seed otlp http-throttled
    printf '\000\000\001\220\000http: request body too large' | seed otlp http-too-long
    printf '\000\000\001\367\035Sun, 06 Nov 1994 08:49:47 GMT' | seed otlp http-later
    printf '\001\000\002\010\00014f%%C3%%BCr ' | seed otlp grpc-unavailable
    printf '\001\000\001\000\0000\000\000\000\000\004\012\002\010\003' | seed otlp grpc-partial
    # A Status with a RetryInfo of 7 s.
    printf '\002\000\032\060\012\050type.googleapis.com/google.rpc.RetryInfo\022\004\012\002\010\007' |
        seed otlp grpc-details
    # A resource with a scope with two spans, or with a metric with two points.
    printf '\003\001\012\016\022\014\022\004\052\002ab\022\004\052\002cd' | seed otlp traces
    printf '\004\001\012\015\022\013\022\011\012\001m\052\004\012\000\012\000' | seed otlp metrics
}

seed_all() {
    local file name
    python3 seed_pages.py ../proto/testdata corpus/exposition
    seed_answers
    # A span with ids, a name and an attribute, in a scope, in a resource; the second in gRPC's frame.
    local span='\012\054\022\052\022\050\012\020abcdefghijklmnop\022\010qrstuvwx\052\001n\112\007\012\001k\022\002\030\001'
    printf "\\000$span" | seed traces span
    printf "\\001\\000\\000\\000\\000\\056$span" | seed traces grpc
    for file in ../proto/testdata/*.pb.gz; do
        name=$(basename "$file" .pb.gz)
        gunzip -c "$file" | seed pprof "$name"
        { printf '\000'; cat "$file"; } | seed compress "$name"
    done
    { printf '\000'; head -c 4000 ../proto/testdata/etcd-3.4.txt | zstd -q; } | seed compress page-zstd
    { printf '\377'; head -c 4000 ../proto/testdata/etcd-3.4.txt; } | seed compress page
    for file in ../proto/testdata/*-debug[12].txt; do
        head -c 3000 "$file" | seed goroutine "$(basename "$file" .txt)"
    done
    seed log_segment v1 <../storage/testdata/log-v1.seg
    tail -c +2 ../storage/testdata/log-v1.seg | seed log_payload v1
    # A finding with a link and a capture; the kind and a number of series come first.
    {
        printf '\006\000\001\002\003\004\005\006\007\010\003\000\000\000\000\000\000\000\011\003job\004etcd\004http\003a:1'
        printf '\003lag\005\002to\001b\002\002\002\002\001\001s'
        head -c 40 /dev/zero
        printf '\001t\001e\001c\001r\001\001p\001u\001\377\000\000\000\000\000\000\000'
    } | seed log_payload finding
    grep -v '# ' ../collector/src/config/default.yml | sed 's/^\( *\)#/\1/' | seed config default
    for file in ../collector/src/config/testdata/bad/*.yml; do
        seed config "$(basename "$file" .yml)" <"$file"
    done
    printf '\003HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: text/plain\r\n\r\na1' |
        seed http_answer length
    printf '\007HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\na1\r\n0\r\nT: x\r\n\r\n' |
        seed http_answer chunks
    printf '\001HTTP/1.1 100 Go on\r\n\r\nHTTP/1.0 503 Ill\r\nConnection: keep-alive\r\n\r\nback soon' |
        seed http_answer error
    printf '\012\055process_cpu:cpu:nanoseconds:cpu:nanoseconds\022\002{}\030\001\040\002\061\000\000\000\000\000\000N@' |
        seed questions select-series
    printf '{"profileTypeID":"memory:inuse_space:bytes:space:bytes","labelSelector":"{a=\\"b\\"}","start":"1","end":2,"maxNodes":"9","stackTraceSelector":{"callSite":[{"name":"main"}]},"left":{"start":1}}' |
        seed questions stacktraces-json
    printf 'query=%%7Ba%%3D~%%22b%%22%%7D&from=-1h30m&to=now&max_nodes=7&type=a:b:c:d:e' | seed questions query
    printf 'up{job=~"etc.*",zone!="b\\n",a=~`\\w`}' | seed selector matchers
    printf '{"a name", "label" !~ "x|y", }' | seed selector quoted
    printf 'histogram_quantile(0.99, sum by (le) (rate(a_bucket{b=~"c|d"}[5m])))' | seed promql quantile
    printf 'sum(increase(a[1h30m])) by (b, c) / 1e3 or time() - {__name__="x"} * -2' | seed promql operators
    printf '([^:]+):(\\d+);[\\w.-]*\n${1}-$2\nport_$1\nhost:2379;a.b-c' | seed relabel address
    printf '(?i)\\bKUBE_\\pL+|[[:alpha:]\\D]{2,3}\\z\n$1\na\nkube_x' | seed relabel classes
}

# fuzz TARGET LENGTH RUNS SECONDS: the log of what the fuzzer said is beside the corpus.
fuzz() {
    local target=$1 log=corpus/$1-$2.log
    mkdir -p "artifacts/$target"
    "$programs/$target" "corpus/$target" -max_len="$2" -runs="$3" -max_total_time="$4" -timeout=10 \
        -rss_limit_mb=1024 -reload=0 -print_final_stats=1 -artifact_prefix="artifacts/$target/" >"$log" 2>&1 || {
        tail -40 "$log" >&2
        return 1
    }
}

# Fuzzes a target and prints its row; 255 makes xargs stop.
row() {
    local target=$1 before=$SECONDS
    fuzz "$target" "$short" $((FUZZ_RUNS * 9 / 10)) $((FUZZ_SECONDS * 2 / 3)) || exit 255
    fuzz "$target" "$long" $((FUZZ_RUNS / 10)) $((FUZZ_SECONDS / 3)) || exit 255
    awk -v target="$target" -v seconds=$((SECONDS - before)) '
        /^stat::number_of_executed_units/ {n += $2}
        /^stat::peak_rss_mb/ {if ($2 > rss) rss = $2}
        / cov: / {for (i = 1; i < NF; i++) if ($i == "cov:") cov = $(i + 1)}
        END {printf "| %s | %d | %d | %d | %d |\n", target, n, seconds, cov, rss}
    ' "corpus/$target-$short.log" "corpus/$target-$long.log"
}

command -v zstd >/dev/null || { echo "fuzz: zstd is missing: run tests/setup.sh" >&2; exit 1; }
build
seed_all
echo "| target | executions | seconds | edges | peak MiB |"
echo "|---|--:|--:|--:|--:|"
export short long
export -f fuzz row
printf '%s\n' "${targets[@]}" | xargs -P "$(nproc)" -I{} bash -c 'row {}'
