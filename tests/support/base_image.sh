#!/usr/bin/env bash
# Makes the image that Dockerfile starts from, where none can be pulled: a minimal Debian 12; or another system. Its files
# are kept in ARCHIVE, and taken from there the next time.
#
#   tests/support/base_image.sh TAG ARCHIVE [SUITE [MIRROR]]     noble, say, and http://archive.ubuntu.com/ubuntu
set -euo pipefail
tag=$1 archive=$2 suite=${3:-bookworm} mirror=${4:-}
if [ ! -e "$archive" ]; then
  command -v debootstrap >/dev/null || {
    echo "base image: debootstrap is not installed: run deploy/setup.sh --tests" >&2
    exit 1
  }
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  foreign=()
  # Debian has no keys of Ubuntu's, and no script for its newer releases: all use the one of gutsy.
  [ -z "$mirror" ] || foreign=(--no-check-gpg --components=main,universe)
  debootstrap --variant=minbase "${foreign[@]}" "$suite" "$work/root" ${mirror:+"$mirror" gutsy} >"$work/log" 2>&1 || {
    tail -n 20 "$work/log" >&2
    exit 1
  }
  rm -rf "$work"/root/var/cache/apt/archives/*.deb "$work"/root/var/lib/apt/lists/*
  tar -C "$work/root" --exclude './dev/*' -cf "$work/archive" .
  mv "$work/archive" "$archive.$$"
  mv "$archive.$$" "$archive"
fi
podman import --quiet --change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' "$archive" "$tag"
