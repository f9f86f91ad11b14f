#!/usr/bin/env bash
# Speed and size, side by side with helm, skopeo and curl. See README.md beside this file.
set -euo pipefail
cd "$(dirname "$0")/../.."
deploy/setup.sh --tests
cmake --preset release >/dev/null
cmake --build --preset release
export OCISYNC_CONTAINERS=$PWD/build/dev/containers
case " $* " in
  *podman*) ;;
  *) python3 -m tests.containers.images >/dev/null ;;
esac
exec python3 -m tests.bench.measure build/release/src/ocisync "$@"
