#!/usr/bin/env bash
# Speed and size, side by side with helm, skopeo and curl. See README.md beside this file.
set -euo pipefail
cd "$(dirname "$0")/../.."
deploy/setup.sh --tests
cmake --preset release >/dev/null
cmake --build --preset release
exec python3 -m tests.bench.measure build/release/src/ocisync "$@"
