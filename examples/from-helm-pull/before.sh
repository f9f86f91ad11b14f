#!/bin/sh
# Before: a loop around helm pull. A reader can meet the folder while it is missing or half-written,
# every round downloads every chart, and one failure ends the round.
set -e
while sleep 300; do
  rm -rf /charts/web
  helm pull oci://registry.example.com/charts/web --version 1.2.3 --untar --untardir /charts
done
