#!/usr/bin/env bash
# Installs what the tests talk to: real etcd, containerd, runc, Prometheus, Alertmanager and Go from
# Debian's packages, newer ones of Prometheus, VictoriaMetrics, containerd and etcd unpacked into folders of their own, and an
# S3 server (moto) and what the notebooks need (DuckDB, Polars, pandas, ClickHouse: 1.4 GB) in a
# virtual environment; Chromium and axe-core for the pages. With --bench also the peers of `make bench`.
# Safe to run again: what is there is left alone. Prints what it does.
set -euo pipefail

tools=${LEADSMAN_TEST_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/leadsman/test-tools}
packages=(etcd-server etcd-client containerd runc prometheus prometheus-alertmanager prometheus-node-exporter golang-go python3-venv g++ zstd strace chromium docker-registry busybox-static)
# Of moto only what an S3 server needs.
python_packages=(
    duckdb polars pyarrow pandas matplotlib nbclient ipykernel chdb
    moto flask flask-cors
    # The schema of Grafana's dashboards. Of each version of Grafana there is one, under an epoch.
    'grafana-foundation-sdk==1769699379!11.6.0'
    # What a file of Compose may hold; YAML comes with moto.
    compose-spec
)
[ "${1:-}" != --bench ] || packages+=(victoria-metrics)

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

say() { printf 'setup: %s\n' "$*" >&2; }

install_debian_packages() {
    local missing=()
    for package in "${packages[@]}"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
    done
    [ ${#missing[@]} = 0 ] && return
    say "installing ${missing[*]}"
    as_root apt-get -qq update
    # The packages' services must not start: the tests start the programs themselves.
    as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
        apt-get -qq install -y --no-install-recommends "${missing[@]}" >/dev/null
}

# A later suite's package runs here when it is unpacked beside the system; the system's own apt
# configuration is not touched.
unpack_newer() {
    local package=$1 program=$2 into=$tools/$1
    "$into/usr/bin/$program" --version >/dev/null 2>&1 && return
    local suite
    for suite in sid trixie; do
        say "fetching $package from Debian's $suite"
        if fetch_package "$suite" "$package" "$into" && "$into/usr/bin/$program" --version >/dev/null 2>&1; then
            return
        fi
        rm -rf "$into"
    done
    say "no newer $package could be had: is the Debian mirror reachable?"
    return 1
}

fetch_package() {
    local suite=$1 package=$2 into=$3 apt=$tools/apt-$1 mirror
    mirror=$(apt-get indextargets --format '$(REPO_URI) $(CODENAME)' | awk '$2 == "bookworm" {print $1; exit}')
    mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$into"
    printf 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s main\n' \
        "$mirror" "$suite" >"$apt/sources.list"
    : >"$apt/status"
    local options=(
        -o "Dir::Etc::sourcelist=$apt/sources.list" -o Dir::Etc::sourceparts=/dev/null
        -o "Dir::State::lists=$apt/lists" -o "Dir::Cache=$apt/cache" -o "Dir::State::status=$apt/status"
        -o APT::Sandbox::User=root
    )
    apt-get -qq "${options[@]}" update || return 1
    (cd "$apt" && rm -f ./*.deb && apt-get -qq "${options[@]}" download "$package") || return 1
    dpkg -x "$apt"/"$package"_*.deb "$into" || return 1
    rm -rf "$apt"
}

make_python_environment() {
    local venv=$tools/venv
    local modules='duckdb, polars, pyarrow, pandas, matplotlib, nbclient, ipykernel, chdb, moto.server, grafana_foundation_sdk, compose_spec, yaml'
    "$venv/bin/python" -c "import $modules" 2>/dev/null && return
    say "installing ${python_packages[*]} into a virtual environment"
    python3 -m venv --clear "$venv"
    "$venv/bin/pip" -q install "${python_packages[@]}"
}

# axe-core looks for what keeps people out of a page. The package has it as a script; what drives a
# browser with it is not needed.
fetch_axe() {
    [ -s "$tools/axe.min.js" ] && return
    say "fetching axe-core"
    local folder
    folder=$(mktemp -d)
    "$tools/venv/bin/pip" -q install --no-deps --target "$folder" axe-playwright-python
    mv "$folder/axe_playwright_python/axe.min.js" "$tools/"
    rm -rf "$folder"
}

mkdir -p "$tools"
install_debian_packages
# Debian 12's Prometheus 2.42 scrapes us; a newer one is a target with native histograms.
unpack_newer prometheus prometheus
# Debian builds Prometheus without its OTLP receiver; VictoriaMetrics has one since 1.92.
unpack_newer victoria-metrics victoria-metrics
# containerd 2.x and etcd 3.5 send their traces over OTLP.
unpack_newer containerd containerd
unpack_newer etcd-server etcd
make_python_environment
fetch_axe
say "ready; tools are in $tools"
