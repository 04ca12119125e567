#!/usr/bin/env bash
# Measures from the start of the process to its first 200 on /alive, with and without ReadyToRun. Usage: docs/startup.sh [runs]
set -euo pipefail
cd "$(dirname "$0")/.."
runs=${1:-15}
work=$(mktemp -d)
pid=
trap '[ -z "$pid" ] || kill "$pid"; rm -rf "$work"' EXIT
rid=linux-$(uname -m | sed 's/x86_64/x64/; s/aarch64/arm64/')
port=8010

for ready_to_run in true false; do
  dotnet publish UserApi.Api --runtime "$rid" -p:PublishReadyToRun=$ready_to_run --artifacts-path "$work/artifacts" \
    --output "$work/$ready_to_run" --verbosity quiet --nologo >&2
done

measure() {
  local start=${EPOCHREALTIME/./}
  DOTNET_EnableDiagnostics=0 ASPNETCORE_URLS=http://127.0.0.1:$port ConnectionStrings__users=mongodb://127.0.0.1:1/users Authentication__AllowAnonymous=true \
    env --chdir="$work/$1" ./UserApi.Api >"$work/log" 2>&1 &
  pid=$!
  until curl --silent --fail --output /dev/null "http://127.0.0.1:$port/alive"; do kill -0 "$pid"; done
  echo $(((${EPOCHREALTIME/./} - start) / 1000)) >>"$work/$1.ms"
  kill -TERM "$pid"
  wait "$pid"
  pid=
}

# In turns, so that whatever else the machine does falls on both.
for ((run = 0; run < runs; run++)); do
  measure true
  measure false
done

for ready_to_run in true false; do
  sort -n "$work/$ready_to_run.ms" | awk -v name="ReadyToRun=$ready_to_run" \
    '{ ms[NR] = $1 } END { printf "%-16s min %d ms, median %d ms, max %d ms (%d runs)\n", name, ms[1], ms[int((NR + 1) / 2)], ms[NR], NR }'
done
