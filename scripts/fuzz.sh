#!/bin/sh
# Runs every fuzz target of callie-core for FUZZ_SECONDS (60), or only those named as arguments. A crash ends the run
# with an error and stays in callie-core/tests/regressions/fuzz, where `cargo test` replays it.
set -eu

seconds="${FUZZ_SECONDS:-60}"
root="$(cd "$(dirname "$0")/.." && pwd)"
fuzz="$root/callie-core/fuzz"
PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"

command -v cargo-fuzz >/dev/null || cargo install cargo-fuzz --locked

# The sanitizer is a nightly feature; without a nightly toolchain the stable one is told to allow it.
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
    # A payload has at most 64 KiB, and a little more shows what is refused; a script of a session is short. Ten
    # seconds for one input is a hang.
    case "$target" in
    session) max_len=4096 ;;
    *) max_len=70000 ;;
    esac
    cargo $toolchain fuzz run "$target" "corpus/$target" "seeds/$target" "$regressions" -- \
        -max_total_time="$seconds" -max_len="$max_len" -timeout=10 -rss_limit_mb=2048 -dict=callie.dict \
        -artifact_prefix="$regressions/" -print_final_stats=1 -verbosity=0
    # Found again from the seeds at any time, so no empty folder stays behind.
    rmdir "$regressions" 2>/dev/null || true
done
