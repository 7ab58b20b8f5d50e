#!/usr/bin/env bash
# Installs what the tests need beside Rust, through apt and pip, and says what. Quick when all is there.
set -euo pipefail
cd "$(dirname "$0")/.."

# What is asked for by command, and the Debian package that brings it.
declare -A packages=([cc]=build-essential [c++]=build-essential [cmake]=cmake [pkg-config]=pkg-config
    [python3]=python3 [valgrind]=valgrind [chromium]=chromium [chromedriver]=chromium-driver
    [nginx]=nginx-light [haproxy]=haproxy [caddy]=caddy [mvn]=maven [javac]=openjdk-17-jdk-headless)
# Where there is no Swift, scripts/swift.sh makes a Debian root that has it.
if [[ $(uname -s) == Linux ]] && ! command -v swift >/dev/null; then
    packages+=([debootstrap]=debootstrap)
fi
# Where Debian keeps what only root calls.
PATH="$PATH:/usr/sbin:/sbin"
missing=()
for command in "${!packages[@]}"; do
    command -v "$command" >/dev/null || missing+=("${packages[$command]}")
done
# The server's programs are not on the PATH; a test that starts one looks in the same places.
if ! command -v initdb >/dev/null && ! compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; then
    missing+=(postgresql)
fi
# Debian keeps what makes a venv in a package of its own.
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
    # The tests start PostgreSQL themselves. Debian would make a database and run it from now on, unless told.
    settings=/etc/postgresql-common/createcluster.conf
    if [[ " ${missing[*]} " == *" postgresql "* && ! -e $settings ]]; then
        "${sudo[@]}" mkdir -p "${settings%/*}"
        echo 'create_main_cluster = false' | "${sudo[@]}" tee "$settings" >/dev/null
    fi
    "${sudo[@]}" apt-get update -qq </dev/null
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" </dev/null
fi

if ! command -v cargo >/dev/null; then
    echo "install: please install Rust first, see https://rustup.rs" >&2
    exit 1
fi

scripts/venv.sh
