#!/usr/bin/env bash
# Installs the packages that the tests need in addition to Rust, through apt and pip, and prints their names. Fast if none is missing.
set -euo pipefail
cd "$(dirname "$0")/.."

# Commands that must exist, and the Debian packages that provide them.
declare -A packages=([cc]=build-essential [c++]=build-essential [cmake]=cmake [pkg-config]=pkg-config
    [python3]=python3 [valgrind]=valgrind [chromium]=chromium [chromedriver]=chromium-driver
    [nginx]=nginx-light [haproxy]=haproxy [caddy]=caddy [mvn]=maven [javac]=openjdk-17-jdk-headless
    [node]=nodejs [npm]=npm [wasm-ld]=lld [wasm-opt]=binaryen)
# If Swift is not installed, scripts/swift.sh needs debootstrap to create a Debian root with Swift.
if [[ $(uname -s) == Linux ]] && ! command -v swift >/dev/null; then
    packages+=([debootstrap]=debootstrap)
fi
# Debian's directories for root's commands.
PATH="$PATH:/usr/sbin:/sbin"
missing=()
for command in "${!packages[@]}"; do
    command -v "$command" >/dev/null || missing+=("${packages[$command]}")
done
# PostgreSQL's server programs are not on the PATH. The tests that start one search the same directory.
if ! command -v initdb >/dev/null && ! compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; then
    missing+=(postgresql)
fi
# The WebAssembly module is built with the standard library, from its sources (scripts/wasm.sh).
if ! [[ -d $(rustc --print sysroot 2>/dev/null)/lib/rustlib/src/rust/library || -d /usr/lib/rustlib/src/rust/library ]]; then
    missing+=(rustc-web cargo-web rust-web-src)
fi
# Debian has the venv modules in a separate package.
if command -v python3 >/dev/null && ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
    missing+=(python3-venv)
fi

if ((${#missing[@]})); then
    mapfile -t missing < <(printf '%s\n' "${missing[@]}" | sort -u)
    if ! command -v apt-get >/dev/null; then
        echo "install: please install ${missing[*]} with this system's package manager" >&2
        exit 1
    fi
    sudo=()
    if ((EUID != 0)); then
        sudo=(sudo)
    fi
    echo "install: apt-get install ${missing[*]}"
    # The tests start PostgreSQL themselves. This setting keeps Debian from creating and starting a cluster of its own.
    settings=/etc/postgresql-common/createcluster.conf
    if [[ " ${missing[*]} " == *" postgresql "* && ! -e $settings ]]; then
        "${sudo[@]}" mkdir -p "${settings%/*}"
        echo 'create_main_cluster = false' | "${sudo[@]}" tee "$settings" >/dev/null
    fi
    "${sudo[@]}" apt-get update -qq </dev/null
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" </dev/null
fi

if (($(node -p 'parseInt(process.versions.node)') < 20)); then
    echo "install: please install Node 20 or newer, see https://nodejs.org; this is Node $(node --version)" >&2
    exit 1
fi
if ! command -v cargo >/dev/null; then
    echo "install: please install Rust first, see https://rustup.rs" >&2
    exit 1
fi

scripts/venv.sh
