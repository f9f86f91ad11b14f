#!/usr/bin/env bash
# Makes the image that Dockerfile starts from, where none can be pulled: a minimal Debian 12. Its files are kept in
# ARCHIVE, and taken from there the next time.
#
#   tests/support/base_image.sh TAG ARCHIVE
set -euo pipefail
tag=$1 archive=$2
if [ ! -e "$archive" ]; then
  command -v debootstrap >/dev/null || {
    echo "base image: debootstrap is not installed: run deploy/setup.sh --tests" >&2
    exit 1
  }
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  debootstrap --variant=minbase bookworm "$work/root" >"$work/log" 2>&1 || {
    tail -n 20 "$work/log" >&2
    exit 1
  }
  rm -rf "$work"/root/var/cache/apt/archives/*.deb "$work"/root/var/lib/apt/lists/*
  tar -C "$work/root" --exclude './dev/*' -cf "$work/archive" .
  mv "$work/archive" "$archive.$$"
  mv "$archive.$$" "$archive"
fi
podman import --quiet --change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' "$archive" "$tag"
