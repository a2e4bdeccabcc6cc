#!/bin/sh
# Keeps the daemon running where there is no systemd: starts it in a session of its own, starts it again when it
# ends, keeps its log small, and stops exactly what it started.
#
#   supervise.sh start | stop | status
#   supervise.sh run                      in the foreground, for another kind of init
#
# ONSTEAD_ROOT moves everything, as for onstead itself.

set -eu

root=${ONSTEAD_ROOT:-}
root=${root%/}
program=$root/opt/onstead/current/bin/onstead
run=$root/run/onstead
log=$root/var/log/onstead.log
socket=$root/run/onstead.sock

LOG_BYTES=10485760
LOOK_SECONDS=60
STOP_SECONDS=30
START_SECONDS=10
STEADY_SECONDS=60

# A process is told from another one that got its number by the time it started.
started_at() { awk '{ sub(/.*\) /, ""); print $20 }' "/proc/$1/stat" 2>/dev/null; }

remember() { # remember NAME PID
  printf '%s %s\n' "$2" "$(started_at "$2")" >"$run/$1.new" && mv "$run/$1.new" "$run/$1"
}

# Sets pid. NAME is "supervisor" or "daemon".
runs() {
  [ -r "$run/$1" ] && read -r pid since <"$run/$1" && [ -n "$since" ] && [ "$(started_at "$pid")" = "$since" ]
}

ended_within() { # ended_within NAME SECONDS
  tries=0
  while runs "$1"; do
    [ $tries -lt $(($2 * 10)) ] || return 1
    sleep 0.1
    tries=$((tries + 1))
  done
}

# --- the supervisor itself ---------------------------------------------------------------------------------

# The daemon has the log open, so it is copied and emptied. Two older ones are kept.
trim_log() {
  [ "$(stat -c %s "$log" 2>/dev/null || echo 0)" -gt $LOG_BYTES ] || return 0
  [ ! -e "$log.1" ] || mv "$log.1" "$log.2" || true
  cp "$log" "$log.1" || true # on a full disk there is no room for it, and it must go all the more
  : >"$log"
}

watch_log() {
  while sleep $LOOK_SECONDS && kill -0 $$; do trim_log || true; done
}

end() {
  trap '' TERM INT
  kill "$child" 2>/dev/null || true
  wait "$child" 2>/dev/null || true
  rm -f "$run/daemon" "$run/supervisor" "$run/ended"
  # The log's watcher, and whatever the daemon left behind.
  kill -- "-$$" 2>/dev/null || true
  exit 0
}

# One line for each end since the daemon last ran for a while.
note_end() { echo "$(date +%s) $1" >>"$run/ended"; }

# On a full disk nothing of this can be written, and it goes on: the daemon is to come back when there is room.
supervise() {
  mkdir -p "$run" "$(dirname "$log")"
  trim_log || true
  watch_log &
  child=$!
  trap end TERM INT
  remember supervisor $$
  pause_s=1
  while :; do
    begun=$(date +%s)
    "$program" serve >>"$log" 2>&1 &
    child=$!
    remember daemon "$child" || true
    code=0
    wait "$child" || code=$?
    # A daemon that ran for a while gets a quick restart; one that cannot start is tried ever more slowly.
    if [ $(($(date +%s) - begun)) -gt $STEADY_SECONDS ]; then
      pause_s=1
      rm -f "$run/ended"
    fi
    note_end $code || true
    if [ $code -gt 128 ]; then rm -f "$socket"; fi # one that was killed leaves it behind
    trim_log || true
    sleep $pause_s &
    child=$!
    wait "$child" || true
    if [ $pause_s -lt 30 ]; then pause_s=$((pause_s * 2)); fi
  done
}

# --- verbs -------------------------------------------------------------------------------------------------

start() {
  if ! keeps_ending && runs supervisor; then
    echo "the daemon is supervised already (process $pid)"
    return
  fi
  # One that waits longer and longer is started anew: whoever asks has put right what was wrong.
  if runs supervisor; then stop >/dev/null; fi
  end_left_over
  mkdir -p "$run"
  rm -f "$run/ended" "$socket"
  setsid sh "$0" run </dev/null >/dev/null 2>&1 &
  tries=0
  until runs supervisor; do
    if [ $tries -ge 50 ]; then
      echo "error: The supervisor did not start." >&2
      exit 1
    fi
    sleep 0.1
    tries=$((tries + 1))
  done
  echo "the daemon is supervised (process $pid, log $log)"
  tries=0
  until [ -S "$socket" ] || [ $tries -ge $((START_SECONDS * 10)) ]; do
    if keeps_ending; then tell_end; fi
    sleep 0.1
    tries=$((tries + 1))
  done
}

# It ended, and since then none has come so far that it answers.
keeps_ending() {
  [ -s "$run/ended" ] || return 1
  runs daemon && [ -S "$socket" ] && return 1
  runs supervisor
}

# What the daemon said last, then the exit code of a daemon that does not run.
tell_end() {
  code=$(tail -n 1 "$run/ended" | cut -d' ' -f2)
  {
    echo "error: The daemon keeps ending ($(wc -l <"$run/ended") so far, the last with exit code $code); process $pid goes on starting it."
    echo "It said last (in $log):"
    tail -n 20 "$log" 2>/dev/null |
      awk '/^error:/ { said = "" } { last = "  " $0; said = said last "\n" } END { print said ~ /^  error:/ ? said : last }' |
      sed '/^$/d'
    echo "next: Put that right, then: ${ONSTEAD_ROOT:+ONSTEAD_ROOT=$ONSTEAD_ROOT }sh $0 start"
  } >&2
  exit 1
}

# Of a supervisor that was killed. As long as one of its group lives, no other group gets its number.
end_left_over() {
  end_daemon
  if [ -r "$run/supervisor" ] && read -r pid since <"$run/supervisor" && [ ! -d "/proc/$pid" ]; then
    kill -- "-$pid" 2>/dev/null || true
  fi
  rm -f "$run/supervisor"
}

end_daemon() {
  runs daemon || return 0
  kill "$pid"
  if ! ended_within daemon $STOP_SECONDS; then kill -KILL "$pid"; fi
  ended_within daemon 5
  rm -f "$run/daemon"
}

stop() {
  if ! runs supervisor && ! runs daemon; then
    echo "no daemon is supervised"
    return
  fi
  if runs supervisor; then
    kill "$pid"
    # What it does not finish in time it finishes when it is started again: everything is in the journal.
    if ! ended_within supervisor $STOP_SECONDS; then kill -KILL -- "-$pid"; fi
    ended_within supervisor 5
  fi
  end_left_over
  echo "the daemon was stopped"
}

status() {
  if keeps_ending; then tell_end; fi
  if runs supervisor; then
    echo "running (process $pid)"
  else
    echo "not running"
    exit 1
  fi
}

# The whole script has arrived before anything runs.
case ${1:-} in
start) start ;;
stop) stop ;;
status) status ;;
run) supervise ;;
*) echo "Usage: supervise.sh start | stop | status | run" >&2 && exit 2 ;;
esac
