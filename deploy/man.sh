#!/usr/bin/env bash
# Writes the manual, out of what the binary says of itself, so that the two cannot differ.
#
#   deploy/man.sh BINARY DIRECTORY     writes DIRECTORY/man1/ocisync.1 and DIRECTORY/man5/ocisync-charts.5
set -euo pipefail
binary=$1 directory=$2
readme=$(dirname "$0")/../README.md

# Text as it stands: no character of it is an instruction to roff.
text() { sed -e 's/\\/\\e/g' -e 's/-/\\-/g' -e "s/^\([.']\)/\\\\\&\1/"; }
verbatim() {
  echo .nf
  text
  echo .fi
}

title() { printf '.TH %s %s "" "%s" "%s"\n.SH NAME\n%s \\- %s\n' "$1" "$2" "$("$binary" version | cut -d' ' -f1,2)" "$3" "$4" "$5"; }

ocisync_1() {
  title OCISYNC 1 "User commands" ocisync "keeps Helm charts from OCI registries as directories on a volume"
  printf '.SH SYNOPSIS\n'
  "$binary" --help | sed -n 's/^usage: //p' | text
  printf '.SH COMMANDS\n'
  "$binary" --help | sed -n 's/^  \([a-z]\+\( [a-z]\+\)\?\)  .*/\1/p' | while read -r command; do
    printf '.SS ocisync %s\n' "$command"
    # shellcheck disable=SC2086
    "$binary" $command --help | verbatim
  done
  printf '.SH ENVIRONMENT\nEvery long flag \\-\\-foo\\-bar of these commands is also the variable OCISYNC_FOO_BAR.\n'
  printf '.SH "EXIT STATUS"\n'
  sed -n '/^| exit code/,/^$/ s/^| \([0-9][^ ]*\) | \(.*\) |$/\1 \2/p' "$readme" | tr -d '`' |
    while read -r code meaning; do
      printf '.TP\n%s\n%s\n' "$code" "$(text <<<"$meaning")"
    done
  printf '.SH "SEE ALSO"\n.BR ocisync\\-charts (5)\n'
}

ocisync_charts_5() {
  title OCISYNC-CHARTS 5 "File formats" ocisync-charts "the spec file of ocisync"
  printf '.SH DESCRIPTION\n'
  "$binary" validate --print-reference | verbatim
  printf '.SH "SEE ALSO"\n.BR ocisync (1)\n'
}

mkdir -p "$directory/man1" "$directory/man5"
ocisync_1 >"$directory/man1/ocisync.1"
ocisync_charts_5 >"$directory/man5/ocisync-charts.5"
