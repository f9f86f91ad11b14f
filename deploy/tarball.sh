#!/usr/bin/env bash
# Packs a binary with every library it loads, the C library included: an archive for machines that run
# no containers, whatever their distribution. Run it on Debian 12, where the binary was built.
#
#   deploy/tarball.sh BINARY [DIRECTORY]     writes DIRECTORY/ocisync-VERSION-linux-MACHINE.tar.gz
#
#   bin/ocisync        starts it
#   lib/ocisync/       the program, its libraries and their loader
#   share/man/         the manual page
set -euo pipefail
binary=$1 directory=${2:-.}
umask 022

version=$("$binary" version | awk '{print $2}')
name="ocisync-$version-linux-$(uname -m)"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
lib=$work/$name/lib/ocisync

install -D -s -m 0755 "$binary" "$lib/ocisync"
ldd "$binary" | grep -o '/[^ ]*' | sort -u | xargs install -m 0755 -t "$lib"
loader=$(cd "$lib" && echo ld-linux*)
install -d "$work/$name/bin"
cat >"$work/$name/bin/ocisync" <<SH
#!/bin/sh
# Starts ocisync with the loader and the libraries that came with it.
lib=\$(dirname "\$(readlink -f "\$0")")/../lib/ocisync
exec "\$lib/$loader" --argv0 "\$0" --library-path "\$lib" "\$lib/ocisync" "\$@"
SH
chmod 0755 "$work/$name/bin/ocisync"
install -d "$work/$name/share/man/man1"
"$binary" version --print-man >"$work/$name/share/man/man1/ocisync.1"
install -m 0644 "$(dirname "$0")/../LICENSE" "$work/$name/"

mkdir -p "$directory"
tar -C "$work" --sort=name --owner=0 --group=0 --numeric-owner --mtime "@${SOURCE_DATE_EPOCH:-0}" -c "$name" |
  gzip -n -9 >"$directory/$name.tar.gz"
echo "$directory/$name.tar.gz"
