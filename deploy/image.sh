#!/usr/bin/env bash
# Builds the image with podman or docker, and says how large it is, what it holds and how fast it starts.
#
#   deploy/image.sh [TAG] [build options, such as --target debug]
set -euo pipefail
cd "$(dirname "$0")/.."

tag="${1:-localhost/ocisync:latest}"
[ $# -eq 0 ] || shift
engine=$(command -v podman || command -v docker) || {
  echo "image: neither podman nor docker is installed" >&2
  exit 2
}
version=$(sed -n 's/^project(ocisync VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt)
revision=$(git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
epoch=$(git log -1 --format=%ct 2>/dev/null || echo 0)
options=(--build-arg "VERSION=$version" --build-arg "REVISION=$revision" --build-arg "SOURCE_DATE_EPOCH=$epoch")
# Podman leaves the health check out of an OCI image, and stamps layers with the time of the build.
case "$engine" in
  *podman) options+=(--format docker --timestamp "$epoch") ;;
esac
"$engine" build "${options[@]}" --tag "$tag" "$@" .

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
container=$("$engine" create --no-healthcheck "$tag")
"$engine" export --output "$work/image.tar" "$container"
"$engine" rm "$container" >/dev/null
files=$(tar -tvf "$work/image.tar" | awk '$1 ~ /^-/ {print $3, $6}' | sort -rn)
echo
echo "$files" | awk '{printf "%9.1f KiB  /%s\n", $1 / 1024, $2}'
echo "$files" | awk '{sum += $1} END {printf "\n%s: %.1f MiB unpacked, %d files\n", tag, sum / 1048576, NR}' tag="$tag"
started=$(date +%s%N)
"$engine" run --rm --no-healthcheck --network none "$tag" version
echo "a container was created, told its version and was removed in $((($(date +%s%N) - started) / 1000000)) ms"
