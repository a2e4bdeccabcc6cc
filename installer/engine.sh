#!/bin/sh
# Makes a Docker Engine and Compose v2 usable on a bare Debian or Ubuntu machine, changes as little as it can,
# and says each change before it makes it. What it started or placed is written down; only that is ever stopped.

set -eu

PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
export PATH

COMPOSE_MIN=2.20
STATE="${ONSTEAD_ENGINE_STATE:-/var/lib/onstead/engine}"
PLUGIN_FOLDER="${ONSTEAD_COMPOSE_FOLDER:-/usr/local/lib/docker/cli-plugins}"
DEBIAN_KEY=/usr/share/keyrings/debian-archive-keyring.gpg
START_SECONDS="${ONSTEAD_ENGINE_START_SECONDS:-60}"

EXIT_FAILED=1
EXIT_USAGE=2
EXIT_NO_ENGINE=3

usage() {
  cat <<'TEXT'
Usage: engine.sh ensure | status [--json] | stop

  ensure   make an engine and Compose v2 usable; an engine that answers already is left as it is
  status   say what is there, and what this script started or placed
  stop     stop the engine, if this script started it

Exit codes: 0 usable, 1 something failed, 2 wrong usage, 3 no engine can run on this machine.

Settings (environment):
  DOCKER_HOST                   where the engine answers
  ONSTEAD_DOCKERD_ARGS          further arguments for a dockerd that this script starts
  ONSTEAD_ENGINE_STATE          where pid, log and record are kept (/var/lib/onstead/engine)
  ONSTEAD_COMPOSE_FOLDER        look for Compose in this plugin folder only, and place it there
  ONSTEAD_ENGINE_START_SECONDS  how long a started engine may take to answer (60)
TEXT
}

say() { printf '%s\n' "engine: $*" >&2; }

fail() {
  say "$*"
  exit "$EXIT_FAILED"
}

no_engine() {
  say "No Docker Engine can run here: $*"
  exit "$EXIT_NO_ENGINE"
}

has() { command -v "$1" >/dev/null 2>&1; }
is_root() { [ "$(id -u)" -eq 0 ]; }
has_systemd() { [ -d /run/systemd/system ]; }

record() {
  mkdir -p "$STATE"
  grep -qxF "$1" "$STATE/made" 2>/dev/null || printf '%s\n' "$1" >>"$STATE/made"
}

# --- what is there -----------------------------------------------------------------------------------------

engine_version() { docker version --format '{{.Server.Version}}' 2>/dev/null; }
engine_answers() { has docker && [ -n "$(engine_version)" ]; }

# With a folder of our own given, only that folder counts: `docker compose` would look further.
compose_version() {
  if [ -n "${ONSTEAD_COMPOSE_FOLDER:-}" ]; then
    [ -x "$PLUGIN_FOLDER/docker-compose" ] || return 0
    "$PLUGIN_FOLDER/docker-compose" version --short 2>/dev/null || true
  elif has docker; then
    docker compose version --short 2>/dev/null || true
  fi
}

at_least() { # at_least FOUND WANTED
  [ -n "$1" ] && printf '%s\n%s\n' "$2" "${1#v}" | sort -V -C
}

compose_is_good() { at_least "$(compose_version)" "$COMPOSE_MIN"; }

# Field 22 of /proc/PID/stat: a pid that was given to another process has another start time.
started_at() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20; }

our_pid() {
  [ -r "$STATE/dockerd.pid" ] || return 1
  read -r pid began <"$STATE/dockerd.pid" || return 1
  [ -n "$pid" ] && [ -n "$began" ] && [ "$(started_at "$pid")" = "$began" ] || return 1
  printf '%s\n' "$pid"
}

remember_pid() {
  mkdir -p "$STATE"
  printf '%s %s\n' "$1" "$(started_at "$1")" >"$STATE/dockerd.pid"
}

# --- may an engine run here at all? -------------------------------------------------------------------------

has_capability() { # has_capability BIT
  effective=$(sed -n 's/^CapEff:[[:space:]]*//p' /proc/self/status)
  [ $((0x$effective >> $1 & 1)) -eq 1 ]
}

require_a_chance() {
  if has docker && docker --version 2>/dev/null | grep -qi podman; then
    no_engine "the command \"docker\" is Podman; remove the package podman-docker first."
  fi
  is_root || no_engine "none answers at ${DOCKER_HOST:-/var/run/docker.sock}, and starting one needs root (this is user $(id -un 2>/dev/null || id -u))."
  has_capability 12 || no_engine "this environment lacks the capability CAP_NET_ADMIN, which an engine's networks need."
  has_capability 21 || no_engine "this environment lacks the capability CAP_SYS_ADMIN, which an engine's mounts need."
}

# --- packages ----------------------------------------------------------------------------------------------

apt_updated=no
apt_update() {
  [ "$apt_updated" = no ] || return 0
  say "reading the package lists (apt-get update)"
  apt-get update -qq >&2 || fail "apt-get update failed; see its messages above, then run this again."
  apt_updated=yes
}

candidate() {
  apt-cache policy "$1" 2>/dev/null | sed -n 's/^ *Candidate: *//p' | grep -v '(none)' | head -n 1
}

install_packages() {
  say "installing packages: $* (apt-get install --no-install-recommends)"
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" </dev/null >&2 ||
    fail "apt-get could not install $*; see its messages above, then run this again."
  for package in "$@"; do record "package $package"; done
}

install_engine() {
  has apt-get || no_engine "none is installed, and this machine has no apt-get to install one with."
  apt_update
  [ -n "$(candidate docker.io)" ] || no_engine "none is installed, and this machine's package sources have no docker.io."
  packages="docker.io"
  has iptables || packages="$packages iptables"
  # Debian 13 keeps the client in a package of its own.
  if ! has docker && [ -n "$(candidate docker-cli)" ]; then packages="$packages docker-cli"; fi
  # shellcheck disable=SC2086 # a list of package names
  install_packages $packages
}

# --- starting ----------------------------------------------------------------------------------------------

# Without systemd nobody mounted the cgroup v1 controllers; with some of them missing `docker stats` answers zeros.
mount_controllers() {
  [ -r /proc/cgroups ] || return 0
  [ "$(stat -f -c %T /sys/fs/cgroup 2>/dev/null)" != cgroup2fs ] || return 0
  missing_controllers | while read -r group; do
    say "mounting the cgroup controller $group"
    if ! awk '$2 == "/sys/fs/cgroup" { found = 1 } END { exit !found }' /proc/mounts; then
      mount -t tmpfs -o mode=755 cgroup /sys/fs/cgroup || return 1
    fi
    mkdir -p "/sys/fs/cgroup/$group"
    # A controller that cannot be mounted costs statistics, not the engine.
    mount -t cgroup -o "$group" cgroup "/sys/fs/cgroup/$group" || rmdir "/sys/fs/cgroup/$group" || true
  done
}

# One line for each mount still to make. Controllers of one hierarchy belong together, and so do the net_ pair.
missing_controllers() {
  awk '
    FILENAME ~ /mounts/ { if ($3 == "cgroup") { n = split($4, o, ","); for (i = 1; i <= n; i++) mounted[o[i]] = 1 }; next }
    /^#/ || $4 != 1 || ($1 in mounted) { next }
    { key = $2 != 0 ? "h" $2 : ($1 ~ /^net_/ ? "net" : $1)
      if (!(key in group)) { order[++count] = key; group[key] = $1 } else group[key] = group[key] "," $1 }
    END { for (i = 1; i <= count; i++) print group[order[i]] }
  ' /proc/mounts /proc/cgroups
}

start_engine() {
  if has_systemd && [ -z "${ONSTEAD_DOCKERD_ARGS:-}" ]; then
    say "starting the engine (systemctl start docker)"
    systemctl start docker >&2 || no_engine "systemd could not start it: $(systemctl show -p Result --value docker 2>/dev/null); see journalctl -u docker."
    record "service docker"
  else
    mount_controllers
    engine_answers || start_dockerd
  fi
  wait_for_engine
}

start_dockerd() {
  mkdir -p "$STATE"
  say "starting dockerd in a session of its own; its log is $STATE/dockerd.log"
  : >"$STATE/dockerd.log"
  rm -f "$STATE/dockerd.pid.new"
  # shellcheck disable=SC2016,SC2086 # expanded by the inner shell; a list of arguments
  setsid sh -c 'echo $$ >"$1"; shift; exec "$@"' sh "$STATE/dockerd.pid.new" \
    dockerd ${ONSTEAD_DOCKERD_ARGS:-} </dev/null >>"$STATE/dockerd.log" 2>&1 &
  tries=0
  while [ ! -s "$STATE/dockerd.pid.new" ] && [ "$tries" -lt 50 ]; do
    sleep 0.1
    tries=$((tries + 1))
  done
  [ -s "$STATE/dockerd.pid.new" ] || no_engine "dockerd could not be started; see $STATE/dockerd.log."
  remember_pid "$(cat "$STATE/dockerd.pid.new")"
  rm -f "$STATE/dockerd.pid.new"
}

last_words() {
  sed -n 's/.*level=\(fatal\|error\|panic\) msg="\{0,1\}//p; /^failed/p; /unknown flag/p; /not found$/p' "$STATE/dockerd.log" 2>/dev/null |
    tail -n 1 | sed 's/"$//' | cut -c 1-300
}

wait_for_engine() {
  waited=0
  while ! engine_answers; do
    if [ -f "$STATE/dockerd.pid" ] && ! our_pid >/dev/null; then
      rm -f "$STATE/dockerd.pid"
      no_engine "dockerd ended right after its start: $(last_words) (log: $STATE/dockerd.log)"
    fi
    [ "$waited" -lt "$START_SECONDS" ] || no_engine "it was started but did not answer within $START_SECONDS s (log: $STATE/dockerd.log)."
    sleep 1
    waited=$((waited + 1))
  done
}

ensure_engine() {
  if engine_answers; then
    say "using the engine $(engine_version) that is running already; its settings stay as they are"
    return 0
  fi
  require_a_chance
  # Before the package is installed: without systemd its own start script may start the engine at once.
  has_systemd || mount_controllers
  if ! has dockerd || ! has docker; then
    install_engine
    adopt_engine
  fi
  engine_answers || start_engine
  say "engine $(engine_version) is running"
}

# An engine that the package we installed started is ours to stop.
adopt_engine() {
  has_systemd && return 0
  sleep 1
  if engine_answers && [ -r /var/run/docker.pid ]; then remember_pid "$(cat /var/run/docker.pid)"; fi
}

# --- Compose -----------------------------------------------------------------------------------------------

ensure_compose() {
  if compose_is_good; then
    say "using Compose $(compose_version)"
    return 0
  fi
  found=$(compose_version)
  say "Compose ${found:-is missing} ${found:+is too old }here; $COMPOSE_MIN or newer is needed"
  is_root || fail "Compose v2 ($COMPOSE_MIN or newer) is missing; install it as root, for example with: apt-get install docker-compose-v2"
  has apt-get || fail "Compose v2 ($COMPOSE_MIN or newer) is missing, and this machine has no apt-get; put its binary into $PLUGIN_FOLDER/docker-compose."
  apt_update
  compose_from_own_suite || compose_from_newer_suite ||
    fail "no package source in reach has Compose $COMPOSE_MIN or newer; put its binary into $PLUGIN_FOLDER/docker-compose."
  compose_is_good || fail "Compose was placed but does not answer; try: docker compose version"
  say "Compose $(compose_version) is in place"
}

compose_from_own_suite() {
  [ -z "${ONSTEAD_COMPOSE_FOLDER:-}" ] || return 1
  for package in docker-compose-v2 docker-compose-plugin docker-compose; do
    at_least "$(candidate "$package")" "$COMPOSE_MIN" || continue
    install_packages "$package"
    compose_is_good && return 0
  done
  return 1
}

# The Debian archive this machine uses, as it is configured here.
debian_site() {
  # shellcheck disable=SC2016 # apt's own placeholders
  apt-get indextargets --format '$(SITE) $(ORIGIN) $(LABEL)' 2>/dev/null |
    awk '$2 == "Debian" && $3 == "Debian" { print $1; exit }'
}

# Fetches one package through lists of its own, so that the machine's package sources stay as they are.
compose_from_newer_suite() {
  site=$(debian_site)
  [ -n "$site" ] || return 1
  work=$(mktemp -d)
  # sid first: `--progress json` is newer than what trixie has (2.26).
  for suite in sid trixie; do
    say "looking for Compose in Debian $suite (through lists of its own, in $work)"
    if unpack_compose "$site" "$suite" "$work/$suite"; then
      say "placing $PLUGIN_FOLDER/docker-compose"
      mkdir -p "$PLUGIN_FOLDER"
      install -m 0755 "$work/$suite/plugin" "$PLUGIN_FOLDER/docker-compose"
      record "file $PLUGIN_FOLDER/docker-compose"
      rm -rf "$work"
      return 0
    fi
  done
  rm -rf "$work"
  return 1
}

unpack_compose() { # unpack_compose SITE SUITE FOLDER
  mkdir -p "$3/state/lists/partial" "$3/cache/archives/partial" "$3/parts" "$3/root"
  : >"$3/status"
  printf 'deb [signed-by=%s] %s %s main\n' "$DEBIAN_KEY" "$1" "$2" >"$3/sources.list"
  set -- "$1" "$2" "$3" -o "Dir::State=$3/state" -o "Dir::State::status=$3/status" -o "Dir::Cache=$3/cache" \
    -o "Dir::Etc::sourcelist=$3/sources.list" -o "Dir::Etc::sourceparts=$3/parts" -o "Dir::Etc::preferencesparts=$3/parts" \
    -o APT::Sandbox::User=root -o Acquire::Check-Valid-Until=false -o Acquire::Languages=none
  folder=$3
  shift 3
  apt-get "$@" update -qq >&2 || return 1
  offered=$(apt-cache "$@" policy docker-compose | sed -n 's/^ *Candidate: *//p')
  at_least "$offered" "$COMPOSE_MIN" || return 1
  (cd "$folder" && apt-get "$@" download -qq docker-compose >&2) || return 1
  dpkg-deb -x "$folder"/docker-compose_*.deb "$folder/root" || return 1
  find "$folder/root" -type f -name docker-compose -path '*cli-plugins*' -exec cp {} "$folder/plugin" \;
  [ -s "$folder/plugin" ] && "$folder/plugin" version --short >/dev/null 2>&1
}

# --- verbs -------------------------------------------------------------------------------------------------

ensure() {
  ensure_engine
  ensure_compose
}

engine_word() {
  if engine_answers; then echo running; elif has dockerd; then echo stopped; else echo missing; fi
}

status() {
  pid=$(our_pid) || pid=""
  word=$(engine_word)
  version=$(engine_version) || version=""
  if [ "${1:-}" = --json ]; then
    made=$(sed 's/["\\]/\\&/g; s/.*/"&"/' "$STATE/made" 2>/dev/null | paste -sd, -)
    printf '{"engine":"%s","engineVersion":"%s","composeVersion":"%s","composeIsGood":%s,"startedByUsPid":%s,"made":[%s]}\n' \
      "$word" "$version" "$(compose_version)" "$(compose_is_good && echo true || echo false)" "${pid:-null}" "$made"
  else
    printf 'engine: %s\nengine version: %s\ncompose version: %s\nstarted by this script: %s\n' \
      "$word" "$version" "$(compose_version)" "${pid:+yes, pid }${pid:-no}"
    sed 's/^/made: /' "$STATE/made" 2>/dev/null || true
  fi
  [ "$word" = running ] && compose_is_good
}

stop() {
  if ! pid=$(our_pid); then
    rm -f "$STATE/dockerd.pid"
    say "this script started no engine that is still running; nothing was stopped"
    return 0
  fi
  say "stopping the dockerd that this script started (pid $pid)"
  kill -TERM "$pid"
  waited=0
  while our_pid >/dev/null && [ "$waited" -lt 30 ]; do
    sleep 1
    waited=$((waited + 1))
  done
  if our_pid >/dev/null; then fail "dockerd (pid $pid) did not end within 30 s; its log is $STATE/dockerd.log"; fi
  rm -f "$STATE/dockerd.pid"
}

# The whole script has arrived before anything runs.
main() {
  case "${1:-}" in
    ensure) ensure ;;
    status) status "${2:-}" ;;
    stop) stop ;;
    -h | --help) usage ;;
    *)
      usage >&2
      exit "$EXIT_USAGE"
      ;;
  esac
}

main "$@"
