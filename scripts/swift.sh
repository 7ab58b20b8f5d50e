#!/usr/bin/env bash
# Runs a command with a Swift toolchain, in the root of the checkout: scripts/swift.sh swift test --package-path …
#
# If swift is on PATH, the script uses it. Otherwise, on Linux, it creates a root of Debian 13, which has Swift as a package,
# below the cache directory. This happens once, and takes three minutes and 3.4 GB. The command then runs inside the root,
# with the checkout, /tmp, /dev and /proc mounted under their own names. The mounts are in a mount namespace of the command,
# so they end with the command in any case, and removing the root cannot reach through them.
set -euo pipefail

checkout="$(cd "$(dirname "$0")/.." && pwd -P)"
cache="${CALLIE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/callie}"
root="$cache/swift-root"
suite=trixie
packages=ca-certificates,swiftlang,swiftlang-dev,libc6-dev,gcc,g++,libstdc++-14-dev,git,binutils-gold,libncurses-dev
packages+=,libsqlite3-dev,libxml2-dev,libcurl4-openssl-dev,tzdata,pkg-config

fail() {
    echo "swift: $*" >&2
    exit 1
}

# Two steps need root: creating the Debian root, and entering it.
as_root() {
    if ((EUID == 0)); then
        "$@"
    else
        sudo "$@"
    fi
}

check_means() {
    [[ $(uname -s) == Linux ]] || fail "no swift on PATH. Please install it: https://swift.org/install"
    local command
    for command in debootstrap unshare chroot flock; do
        PATH="$PATH:/usr/sbin:/sbin" command -v "$command" >/dev/null ||
            fail "no swift on PATH, and no $command to create a Debian root. Please install one of them (make install does)"
    done
    if ((EUID != 0)) && ! command -v sudo >/dev/null; then
        fail "no swift on PATH, and a Debian root needs root's rights or sudo. Please install Swift, or run this as root"
    fi
}

# Creates the root under another name and renames it when it is complete, so that an interrupted run leaves no incomplete root.
make_root() {
    mkdir -p "$cache"
    exec 9>"$cache/swift-root.lock"
    flock 9
    if [[ ! -e $root ]]; then
        local partial="$root.partial"
        echo "swift: creating a Debian root with Swift in $root (once; takes a few minutes)" >&2
        # Runs in a mount namespace, because debootstrap mounts /proc inside the root and, if interrupted, leaves it mounted.
        # shellcheck disable=SC2016
        as_root unshare --mount --propagation private bash -euo pipefail -c '
            PATH="$PATH:/usr/sbin:/sbin"
            rm -rf --one-file-system "$1"
            debootstrap --variant=minbase --include="$2" "$3" "$1" >"$1.log" 2>&1 </dev/null ||
                { tail -n 20 "$1.log" >&2; exit 1; }
            rm -rf "$1"/var/cache/apt/archives/*.deb
        ' make-root "$partial" "$packages" "$suite" 9>&- || fail "debootstrap failed; its output is in $partial.log"
        as_root mv "$partial" "$root"
    fi
    exec 9>&-
}

run_in_root() {
    local home="$checkout/target/swift/home"
    mkdir -p "$home"
    # shellcheck disable=SC2016
    as_root unshare --mount --propagation private bash -euo pipefail -c '
        root="$1" checkout="$2" home="$3" user="$4"
        shift 4
        for folder in /proc /dev /tmp "$checkout"; do
            mkdir -p "$root$folder"
            mount --rbind "$folder" "$root$folder"
        done
        exec chroot --userspec="$user" "$root" env -i HOME="$home" LANG=C.UTF-8 \
            PATH=/usr/libexec/swift/bin:/usr/bin:/bin "$@"
    ' run-in-root "$root" "$checkout" "$home" "$(id -u):$(id -g)" \
        "${passed[@]}" /bin/sh -c 'cd "$1" && shift && exec "$@"' in-checkout "$checkout" "$@"
}

(($#)) || fail "usage: scripts/swift.sh COMMAND [ARGUMENT]…"

if command -v swift >/dev/null; then
    cd "$checkout"
    exec "$@"
fi

# Passes Callie's own variables, and TMPDIR if it exists on both sides. The rest of the environment describes the outer system.
passed=()
while IFS= read -r -d '' variable; do
    [[ $variable == CALLIE_* || $variable == CI=* || $variable == TMPDIR=/tmp/* ]] && passed+=("$variable")
done < <(env -0)

check_means
make_root
run_in_root "$@"
