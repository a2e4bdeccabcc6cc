#!/bin/sh
# Keeps the daemon running where there is no systemd: starts it in a session of its own, starts it again when it
# ends, and stops exactly what it started.
#
#   supervise.sh start | stop | status        (ONSTEAD_ROOT moves everything, as for onstead itself)

set -eu

root=${ONSTEAD_ROOT:-}
root=${root%/}
program=${ONSTEAD_PROGRAM:-$root/opt/onstead/current/bin/onstead}
run=$root/run/onstead
log=$root/var/log/onstead.log
mark=$run/supervisor

# A process is told from another one that got its number by the time it started.
started_at() { awk '{ sub(/.*\) /, ""); print $20 }' "/proc/$1/stat" 2>/dev/null; }

running() {
  [ -r "$mark" ] || return 1
  read -r pid since <"$mark"
  [ -n "$since" ] && [ "$(started_at "$pid")" = "$since" ]
}

start() {
  if running; then
    echo "the daemon is supervised already (process $pid)"
    return
  fi
  mkdir -p "$run" "$(dirname "$log")"
  # shellcheck disable=SC2016 # the inner shell expands these
  setsid sh -c '
    trap "kill \$child 2>/dev/null; wait; exit 0" TERM
    wait_s=1
    while :; do
      begun=$(date +%s)
      "$0" serve & child=$!
      wait $child || true
      # A daemon that ran for a while gets a quick restart; one that cannot start is tried ever more slowly.
      if [ $(($(date +%s) - begun)) -gt 60 ]; then wait_s=1; fi
      sleep $wait_s & child=$!
      wait $child || true
      if [ $wait_s -lt 30 ]; then wait_s=$((wait_s * 2)); fi
    done' "$program" >>"$log" 2>&1 </dev/null &
  pid=$!
  printf '%s %s\n' "$pid" "$(started_at "$pid")" >"$mark"
  echo "the daemon is supervised (process $pid, log $log)"
}

stop() {
  if ! running; then
    echo "no daemon is supervised"
    return
  fi
  kill "$pid"
  tries=0
  while running && [ $tries -lt 300 ]; do
    sleep 0.1
    tries=$((tries + 1))
  done
  if running; then
    echo "the daemon does not stop (process $pid)" >&2
    exit 1
  fi
  rm -f "$mark"
  echo "the daemon was stopped"
}

case ${1:-} in
start) start ;;
stop) stop ;;
status) if running; then echo "running (process $pid)"; else echo "not running" && exit 1; fi ;;
*) echo "Usage: supervise.sh start | stop | status" >&2 && exit 2 ;;
esac
