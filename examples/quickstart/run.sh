#!/usr/bin/env bash
# The main job on a real registry, from a fresh clone: installs what is missing, builds, starts a
# registry on loopback, pushes two charts, syncs them into a directory, syncs again. Leaves nothing
# behind but the build.
set -euo pipefail
cd "$(dirname "$0")/../.."
top=$PWD

bold= plain=
[ -t 1 ] && bold=$'\033[1m' plain=$'\033[0m'
say() { printf '\n%s# %s%s\n' "$bold" "$*" "$plain"; }

deploy/setup.sh --demo
cmake --preset release >/dev/null
cmake --build --preset release
PATH="$top/build/release/src:$PATH"

work=$(mktemp -d)
registry=
finish() {
  if [ -n "$registry" ]; then
    kill "$registry" 2>/dev/null || true
    wait "$registry" 2>/dev/null || true
  fi
  rm -rf "$work"
}
trap finish EXIT

# A free port below the ephemeral range.
port=0
for candidate in $(shuf -i 11000-31000 -n 50); do
  if ! (exec 3<>"/dev/tcp/127.0.0.1/$candidate") 2>/dev/null; then
    port=$candidate
    break
  fi
done

say "A registry on 127.0.0.1:$port, with two charts"
cat >"$work/registry.yml" <<YAML
version: 0.1
log: {level: error, accesslog: {disabled: false}}
storage: {filesystem: {rootdirectory: $work/registry}}
http: {addr: 127.0.0.1:$port}
YAML
docker-registry serve "$work/registry.yml" >"$work/access.log" 2>"$work/registry.log" &
registry=$!
for _ in $(seq 100); do
  curl -fsS -o /dev/null "http://127.0.0.1:$port/v2/" 2>/dev/null && break
  sleep 0.05
done

# With the helm of the house where there is one, else with ocisync's own verbs.
push_chart() {
  local name=$1 version=$2 chart=$work/source/$1
  mkdir -p "$chart/templates"
  printf 'apiVersion: v2\nname: %s\nversion: %s\ndescription: A chart of the quickstart\n' "$name" "$version" >"$chart/Chart.yaml"
  printf 'replicas: 2\n' >"$chart/values.yaml"
  printf 'kind: Deployment\nmetadata: {name: %s}\n' "$name" >"$chart/templates/deployment.yaml"
  if command -v helm >/dev/null && helm push --help 2>/dev/null | grep -q -- --plain-http; then
    helm package "$chart" -d "$work" >/dev/null
    helm push "$work/$name-$version.tgz" "oci://127.0.0.1:$port/charts" --plain-http 2>&1 | sed 's/^/  /'
    return
  fi
  ocisync chart save "$chart" "127.0.0.1:$port/charts/$name:$version" >/dev/null
  ocisync chart push "127.0.0.1:$port/charts/$name:$version" | sed 's/^/  /'
}
export OCISYNC_CACHE=$work/publisher   # as on another machine
push_chart web 1.2.3
push_chart db 0.4.0
unset OCISYNC_CACHE

cat >"$work/charts.yaml" <<YAML
apiVersion: ocisync.dev/v1alpha1
kind: ChartSync
metadata: {name: quickstart}
spec:
  cache: {path: $work/cache}
  export: {path: $work/charts}
  charts:
    - ref: oci://127.0.0.1:$port/charts/web:1.2.3
    - name: database
      ref: oci://127.0.0.1:$port/charts/db
      version: "0.4.0"
YAML

say "ocisync --config charts.yaml"
ocisync --config "$work/charts.yaml" 2>"$work/sync.log" || { cat "$work/sync.log"; exit 1; }

say "What a reader finds"
(cd "$work/charts" && find -L . -path ./.ocisync -prune -o -type f -print | sort)
echo "web -> $(readlink "$work/charts/web")"

say "Again: nothing moved, so nothing is touched"
before=$(wc -l <"$work/access.log")
ocisync --config "$work/charts.yaml" 2>"$work/sync.log" || { cat "$work/sync.log"; exit 1; }
sleep 0.1
echo "requests of the second run, as the registry saw them:"
tail -n +"$((before + 1))" "$work/access.log" | grep -o '"[A-Z]\+ /[^"]*"' | sed 's/^/  /'
