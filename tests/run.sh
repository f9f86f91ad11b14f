#!/usr/bin/env bash
# Builds ocisync and runs its tests: what CI runs. Ends with ctest's own summary.
#
#   tests/run.sh          set-up, build, every test, then the unit tests under address and undefined
#                         behaviour sanitizers
#   tests/run.sh --full   adds the thread sanitizer, clang-tidy, long fuzzing and the scale tests
set -euo pipefail
cd "$(dirname "$0")/.."

full=false
case "${1:-}" in
  "") ;;
  --full) full=true ;;
  *)
    echo "usage: tests/run.sh [--full]" >&2
    exit 2
    ;;
esac

step() { printf '\n== %s\n' "$*"; }

step "set-up"
deploy/setup.sh --tests
export OCISYNC_TEST_TOOLS="${OCISYNC_TEST_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/ocisync-test-tools}"
export CCACHE_NOHASHDIR=1 CCACHE_BASEDIR="$PWD" CCACHE_SLOPPINESS=pch_defines,time_macros

step "unit tests under address and undefined behaviour sanitizers"
cmake --preset asan >/dev/null
cmake --build --preset asan
ctest --preset asan --parallel "$(nproc)" --output-on-failure >build/asan/ctest.log ||
  { cat build/asan/ctest.log; exit 1; }
tail -n 4 build/asan/ctest.log

if $full; then
  deploy/setup.sh --full
  step "unit tests under the thread sanitizer"
  cmake --workflow --preset tsan
  step "clang-tidy"
  cmake --workflow --preset tidy
  step "fuzzing"
  cmake --preset fuzz >/dev/null
  cmake --build --preset fuzz
  OCISYNC_FUZZ_SECONDS="${OCISYNC_FUZZ_SECONDS:-60}" ctest --preset fuzz
  for test in tests/scale/*.py; do
    step "$test"
    python3 "$test" build/dev/src/ocisync
  done
fi

step "build and every test"
cmake --preset dev >/dev/null
cmake --build --preset dev
ctest --preset dev --parallel "$(nproc)"
