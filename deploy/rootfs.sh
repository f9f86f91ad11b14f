#!/usr/bin/env bash
# Lays out the root file system of the image: a binary, the libraries it loads, certificates, one user.
#
#   deploy/rootfs.sh BINARY TARGET
set -euo pipefail
binary=$1 target=$2
umask 022

install -D -m 0755 "$binary" "$target/usr/local/bin/ocisync"
# The loader and each library at the path where the loader looks for it; links are followed.
ldd "$binary" | grep -o '/[^ ]*' | sort -u | while read -r library; do
  install -D -m 0755 "$library" "$target$library"
done
install -D -m 0644 /etc/ssl/certs/ca-certificates.crt "$target/etc/ssl/certs/ca-certificates.crt"
echo 'ocisync:x:65532:65532:ocisync:/var/cache/ocisync:/sbin/nologin' >"$target/etc/passwd"
echo 'ocisync:x:65532:' >"$target/etc/group"
echo 'hosts: files dns' >"$target/etc/nsswitch.conf"
# Group 0 may write too: that is how OpenShift's arbitrary users come.
install -d -m 0775 -o 65532 -g 0 "$target/charts" "$target/var/cache/ocisync"
find "$target" -exec touch --no-dereference --date "@${SOURCE_DATE_EPOCH:-0}" {} +
