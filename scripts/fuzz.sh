#!/bin/sh
# Runs every fuzz target of callie-core for FUZZ_SECONDS (60), or only the targets given as arguments. A crash ends the run
# with an error. Its input is saved in callie-core/tests/regressions/fuzz, from which `cargo test` replays it.
set -eu

seconds="${FUZZ_SECONDS:-60}"
root="$(cd "$(dirname "$0")/.." && pwd)"
fuzz="$root/callie-core/fuzz"
PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"

command -v cargo-fuzz >/dev/null || cargo install cargo-fuzz --locked

# The sanitizer is a nightly feature. Without a nightly toolchain, RUSTC_BOOTSTRAP enables it in the stable one.
if rustup run nightly rustc --version >/dev/null 2>&1; then
    toolchain="+nightly"
else
    toolchain=""
    export RUSTC_BOOTSTRAP=1
fi

cd "$fuzz"
targets="${*:-$(cargo $toolchain fuzz list)}"
for target in $targets; do
    regressions="$root/callie-core/tests/regressions/fuzz/$target"
    mkdir -p "corpus/$target" "$regressions"
    printf '== %s, %s s\n' "$target" "$seconds"
    # A payload has at most 64 KiB; slightly larger inputs test the refusal. A script of a session is short. An input that
    # takes ten seconds is a hang.
    case "$target" in
    session) max_len=4096 ;;
    *) max_len=70000 ;;
    esac
    cargo $toolchain fuzz run "$target" "corpus/$target" "seeds/$target" "$regressions" -- \
        -max_total_time="$seconds" -max_len="$max_len" -timeout=10 -rss_limit_mb=2048 -dict=callie.dict \
        -artifact_prefix="$regressions/" -print_final_stats=1 -verbosity=0
    # Removes the directory if it is empty.
    rmdir "$regressions" 2>/dev/null || true
done
