#!/usr/bin/env bash
# Builds ocisync and runs its tests: what CI runs. Ends with ctest's own summary.
#
#   tests/run.sh          set-up, build, the unit tests under address and undefined behaviour sanitizers, then every
#                         test; the image is built meanwhile, for the stories in containers
#   tests/run.sh --full   adds the thread sanitizer, stories under the sanitizers, clang-tidy, long fuzzing and the
#                         scale tests
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

step "build"
cmake --preset dev >/dev/null
cmake --build --preset dev

step "unit tests under address and undefined behaviour sanitizers"
cmake --preset asan >/dev/null
cmake --build --preset asan
ctest --preset asan --parallel "$(nproc)" >build/asan/ctest.log || { cat build/asan/ctest.log; exit 1; }
tail -n 4 build/asan/ctest.log

if $full; then
  deploy/setup.sh --full
  step "unit tests under the thread sanitizer"
  cmake --workflow --preset tsan
  step "stories under the sanitizers"
  ctest --preset tsan-stories --parallel "$(nproc)"
  ctest --preset asan-stories --parallel "$(nproc)"
  step "clang-format and clang-tidy"
  git ls-files 'src/*.h' 'src/*.cc' 'tests/*.h' 'tests/*.cc' | xargs clang-format-14 --dry-run --Werror
  cmake --workflow --preset tidy
  step "fuzzing"
  cmake --workflow --preset fuzz
  step "ten thousand charts"
  python3 tests/scale/ten_thousand.py build/dev/src/ocisync
  step "one layer of 1 GiB"
  python3 tests/scale/large_layer.py build/dev/src/ocisync
  step "a sidecar with nothing to do"
  cmake --workflow --preset release
  python3 tests/scale/idle.py build/release/src/ocisync
  export OCISYNC_KILL_ROUNDS=100 OCISYNC_SYSTEMS=compiled
fi

step "every test"
ctest --preset dev --parallel "$(nproc)"
