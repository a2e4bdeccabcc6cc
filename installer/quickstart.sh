#!/bin/sh
# From a fresh clone to the sample application behind HTTPS, by the same installation a customer runs.
# Needs git's checkout, Node with npm, and a package source for apt and npm; gets everything else itself.
# What it makes on the machine it writes down first, and --down removes what is written there and nothing else.

set -eu

usage() {
  cat <<'TEXT'
Usage: ./installer/quickstart.sh [--https PORT] [--http PORT]
       ./installer/quickstart.sh --next
       ./installer/quickstart.sh --down

  --https PORT  where the sample application answers (443)
  --http PORT   plain HTTP, which only redirects (80)
  --next        make a bundle of the sample's next release, to upgrade to
  --down        remove everything that a quickstart made, and nothing else
TEXT
}

PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
here=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cache=$here/.cache/quickstart
state=/var/lib/onstead
# One line for each thing made: "checkout PATH", "engine PID START", "service NAME", "file PATH", "package NAME",
# "image NAME ID".
made=$state/quickstart
engine_state=$state/engine
current=/opt/onstead/current

NEEDED_GB=5

say() { printf '%s\n' "$*"; }
refuse() { # refuse SENTENCE [NEXT [EXIT CODE]]
  printf 'error: %s\n' "$1" >&2
  [ -z "${2:-}" ] || printf 'next: %s\n' "$2" >&2
  exit "${3:-4}"
}
misused() { refuse "$1" "${2:-See $0 --help.}" 2; }

has() { command -v "$1" >/dev/null 2>&1; }
answers() { has docker && docker version >/dev/null 2>&1; }

# --- the words ---------------------------------------------------------------------------------------------

http='' https='' mode=up
read_words() {
  while [ $# -gt 0 ]; do
    case $1 in
    --https | --http)
      [ $# -gt 1 ] || misused "$1 needs a port."
      case $2 in '' | *[!0-9]* | ??????*) no_port "$2" ;; esac
      if [ "$2" -lt 1 ] || [ "$2" -gt 65535 ]; then no_port "$2"; fi
      if [ "$1" = --https ]; then https=$2; else http=$2; fi
      shift
      ;;
    --down | --next) mode=${1#--} ;;
    -h | --help) usage && exit 0 ;;
    *) misused "There is no option \"$1\"." ;;
    esac
    shift
  done
  [ "$mode" = up ] || [ -z "$http$https" ] || misused "--$mode goes with no other option."
}

no_port() { misused "\"$1\" is not a port." "Give a number from 1 to 65535."; }

become_root() {
  [ "$(id -u)" -ne 0 ] || return 0
  say "The quickstart changes this machine, so it needs root."
  if has sudo; then exec sudo -- sh "$here/installer/quickstart.sh" "$@"; fi
  # The words were checked: options and numbers only.
  if has su && [ -t 0 ]; then exec su -c "sh '$here/installer/quickstart.sh' $*" root; fi
  refuse "This is not root, and there is no way to become it here." "Log in as root and run $0 again."
}

# --- what was made -----------------------------------------------------------------------------------------

record() {
  mkdir -p "$state"
  grep -qxF "$*" "$made" 2>/dev/null || printf '%s\n' "$*" >>"$made"
}

recorded() { sed -n "s/^$1 //p" "$made" 2>/dev/null; }

demo_images() { docker images --no-trunc --filter reference='onstead-demo/*' --format '{{.Repository}}:{{.Tag}} {{.ID}}'; }

# Lines of the second file that are not in the first.
new_in() { grep -vxFf "$1" "$2" || true; }

# Notes what changes while a command runs: what was there before it is not ours.
noting_engine() {
  cp "$engine_state/made" "$draft/before" 2>/dev/null || : >"$draft/before"
  cp "$engine_state/dockerd.pid" "$draft/pid" 2>/dev/null || : >"$draft/pid"
  code=0
  "$@" || code=$?
  if [ -r "$engine_state/made" ]; then
    new_in "$draft/before" "$engine_state/made" | while read -r line; do record "$line"; done
  fi
  if [ -r "$engine_state/dockerd.pid" ] && ! cmp -s "$draft/pid" "$engine_state/dockerd.pid"; then
    record "engine $(cat "$engine_state/dockerd.pid")"
  fi
  return $code
}

noting_images() {
  demo_images | sed 's/ .*/ /' >"$draft/before"
  code=0
  "$@" || code=$?
  demo_images | grep -vFf "$draft/before" | while read -r line; do record "image $line"; done
  return $code
}

# --- looking -----------------------------------------------------------------------------------------------

# An appliance that somebody else made is never changed or removed.
leave_others_alone() {
  [ ! -e "$current" ] || [ -e "$made" ] ||
    refuse "An appliance is installed here that the quickstart did not make; it is left alone." \
      "Use another machine, or remove it yourself: sh $current/installer/install.sh --uninstall"
}

# What a first run chose holds for the next ones, where a flag does not say otherwise.
choose_ports() {
  file=/etc/onstead/onstead.yaml
  written_http=$(sed -n 's/^  http: \([0-9]*\)$/\1/p' "$file" 2>/dev/null | head -n 1)
  written_https=$(sed -n 's/^  https: \([0-9]*\)$/\1/p' "$file" 2>/dev/null | head -n 1)
  new_http=${http:-${written_http:-80}}
  new_https=${https:-${written_https:-443}}
  [ "$new_http" != "$new_https" ] ||
    misused "HTTPS and HTTP cannot both be on port $new_http; what a flag does not say, $file or the defaults 443 and 80 do." \
      "Give two different ports with --https PORT and --http PORT."
}

look() {
  choose_ports
  has npm || refuse "Node with npm is missing." "Install it, for example with: apt-get install nodejs npm"
  for program in tar flock sha256sum; do has $program || refuse "The command $program is missing." "Install it."; done
  for folder in "$here" /var/lib; do
    free_gb=$(df -Pk "$folder" | awk 'NR == 2 { print int($4 / 1048576) }')
    [ "$free_gb" -ge $NEEDED_GB ] || refuse "$folder has $free_gb GB free; the quickstart needs $NEEDED_GB GB." "Make room on that file system."
  done
  # On a second run it is the appliance itself that holds them.
  [ -e "$current" ] || { port_is_free "$new_https" --https && port_is_free "$new_http" --http; }
}

port_is_free() { # port_is_free PORT OPTION
  hex=$(printf ':%04X ' "$1")
  if ! cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | awk '$4 == "0A" { print $2 " " }' | grep -q "$hex"; then return; fi
  who=$(ss -Hltnp "sport = :$1" 2>/dev/null | sed -n 's/.*users:(("\([^"]*\)".*/ by \1/p' | head -n 1)
  refuse "Port $1 is taken$who." "Free it, or choose another with $2 PORT."
}

announce() {
  if [ -e "$current" ]; then
    cat <<TEXT
The quickstart ran here before. This will bring up to date what it made, where this folder changed since, and leave the rest as it is:
  - this project's packages and its demo images, in $here
  - Onstead and the sample application "Notes", on ports $new_https and $new_http
TEXT
  else
    cat <<TEXT
This will, on this machine:
  - get a Docker Engine and Compose running, if none is there (others' containers and settings are left alone)
  - install this project's packages and build its demo images, in $here
  - install Onstead: /opt/onstead, /etc/onstead, $state, /usr/local/bin/onstead, and its service
  - run the sample application "Notes" with MySQL, Redis, nginx and an object store on ports $new_https and $new_http
TEXT
  fi
  printf 'Take it all back with: %s\n\n' "$0 --down"
}

# --- up ----------------------------------------------------------------------------------------------------

phase() { say "== $1 ($(($(date +%s) - started)) s)"; }

# npm writes down what it has installed; what belongs to other machines is not in it.
packages_are_there() {
  [ -x node_modules/.bin/tsc ] && node -e '
    const packages = (file) => JSON.parse(require("fs").readFileSync(file, "utf8")).packages;
    const [wanted, there] = [packages("package-lock.json"), packages("node_modules/.package-lock.json")];
    const isThere = ([path, { version, optional }]) => path === "" || (there[path] ? there[path].version === version : optional);
    process.exit(Object.entries(wanted).every(isThere) ? 0 : 1);
  ' 2>/dev/null
}

stopped() {
  code=$?
  rm -rf "$draft"
  [ $code -eq 0 ] || say "The quickstart stopped half way. Run it again to go on, or take it back with: $0 --down" >&2
}

up() {
  leave_others_alone
  look
  announce
  started=$(date +%s)
  draft=$(mktemp -d)
  trap stopped EXIT
  trap 'exit 130' INT TERM
  record checkout "$here"

  phase "Engine"
  noting_engine sh installer/engine.sh ensure || exit $?

  phase "Packages"
  packages_are_there || npm ci --no-audit --no-fund --loglevel=error
  rm -rf dist # what is packed is what the sources say today
  node node_modules/.bin/tsc -p tsconfig.build.json

  phase "Demo images"
  noting_images node compose/images/build.ts --json >/dev/null

  phase "Signed bundle"
  build_bundle 1.0.0 compose/compose.yaml

  phase "Installation"
  sh installer/install.sh "$bundle" --trust "$cache/demo.pub" ${https:+--https "$https"} ${http:+--http "$http"}

  phase "Done"
  cat <<TEXT

Try it:      $(onstead status --json | sed -n 's/.*"\(https:[^"]*\)".*/\1/p' | head -n 1)
Trust it:    onstead certificate > onstead-ca.pem   (import it into your browser, once)
Look at it:  onstead status
             onstead logs app --follow
             cd $state/stack && docker compose ps
Again:       onstead install $bundle   (says that nothing needs doing)
Upgrade it:  $0 --next   (makes the bundle of its next release)
Remove it:   $0 --down
TEXT
}

newest() { docker images --filter "reference=onstead-demo/$1" --format "onstead-demo/$1:{{.Tag}}" | head -n 1; }

build_bundle() { # build_bundle VERSION COMPOSE-FILE
  mkdir -p "$cache"
  bundle=$cache/notes-$1.tar
  [ -e "$cache/demo.key" ] || node dist/main.js bundle keygen "$cache/demo" >/dev/null
  mysql=$(newest mysql) redis=$(newest redis) nginx=$(newest nginx) store=$(newest object-store)
  inputs "$@" >"$draft/inputs"
  if [ -e "$bundle" ] && cmp -s "$draft/inputs" "$bundle.inputs"; then
    say "  $bundle (as it was)"
    return
  fi
  SOURCE_DATE_EPOCH=$(git -c safe.directory='*' log -1 --format=%ct 2>/dev/null || date +%s)
  export SOURCE_DATE_EPOCH
  node dist/main.js bundle build "$2" --key "$cache/demo.key" --out "$bundle" --cache .cache/layers \
    --image "mysql=$mysql" --image "redis=$redis" --image "nginx=$nginx" --image "minio=$store"
  mv "$draft/inputs" "$bundle.inputs"
}

# Everything that the bundle is made of.
inputs() { # inputs VERSION COMPOSE-FILE
  find dist installer -type f -print0 | sort -z | xargs -0 sha256sum
  sha256sum package.json node_modules/.package-lock.json "$cache/demo.pub"
  sha256sum <"$2"
  docker image inspect --format '{{.Id}}' "$mysql" "$redis" "$nginx" "$store" onstead-demo/notes:"$1"
  docker compose version
}

# --- next --------------------------------------------------------------------------------------------------

next() {
  leave_others_alone
  if [ ! -e "$made" ] || [ ! -e "$current" ]; then
    refuse "The quickstart does not run here, so there is nothing to upgrade." "Run $0 first."
  fi
  started=$(date +%s)
  draft=$(mktemp -d)
  trap 'rm -rf "$draft"' EXIT
  phase "Signed bundle of the next release"
  node compose/sample-app/write-release.ts 1.1.0 --out "$draft" >/dev/null
  build_bundle 1.1.0 "$draft/compose.yaml"
  phase "Done"
  cat <<TEXT

Try it out:  onstead rehearse $bundle   (on a copy of the data)
Look first:  onstead upgrade $bundle    (the whole plan; --yes does it)
Way back:    onstead rollback
TEXT
}

# --- down --------------------------------------------------------------------------------------------------

down() {
  leave_others_alone
  if [ ! -e "$made" ]; then
    say "The quickstart made nothing here; nothing to remove."
    return
  fi
  # The appliance's containers and volumes can only be removed by an engine that runs.
  if [ -e "$current" ] && ! answers; then
    draft=$(mktemp -d)
    trap 'rm -rf "$draft"' EXIT
    noting_engine sh installer/engine.sh ensure || exit $?
  fi
  sh installer/install.sh --uninstall
  if answers; then remove_images; fi
  stop_engine
  rm -rf "$cache"
  left=$(recorded package | tr '\n' ' ')
  rm -f "$made"
  rmdir "$state" 2>/dev/null || true
  say "What the quickstart made on this machine is gone. In this folder stay node_modules, dist and the caches."
  [ -z "$left" ] || say "Installed for it and left, since others may use it by now (apt-get purge removes it): $left"
}

remove_images() {
  recorded image | while read -r name id; do
    [ "$(docker image inspect --format '{{.Id}}' "$name" 2>/dev/null)" = "$id" ] || continue
    if docker image rm "$name" >/dev/null 2>&1; then say "removed image $name"; else say "left image $name: a container uses it"; fi
  done
}

# While others have containers on the engine, it and its Compose stay. It goes only if the quickstart started it.
stop_engine() {
  if answers && [ -n "$(docker ps -aq)" ]; then
    [ -z "$(recorded engine)$(recorded service)" ] || say "left running: the engine, since there are others' containers on it"
    return
  fi
  ours=$(recorded engine | tail -n 1)
  if [ -n "$ours" ] && [ "$ours" = "$(cat "$engine_state/dockerd.pid" 2>/dev/null)" ]; then
    sh installer/engine.sh stop
    rm -f "$engine_state/dockerd.log"
  fi
  for service in $(recorded service); do
    say "stopping $service (systemctl stop)"
    systemctl stop "$service.socket" "$service.service" || true
  done
  recorded file | while read -r file; do rm -f "$file" && say "removed $file"; done
  # What others had it install stays written down.
  if [ -e "$engine_state/made" ]; then
    theirs=$(new_in "$made" "$engine_state/made")
    if [ -n "$theirs" ]; then printf '%s\n' "$theirs" >"$engine_state/made"; else rm "$engine_state/made"; fi
  fi
  rmdir "$engine_state" 2>/dev/null || true
}

# The whole script has arrived before anything runs.
main() {
  read_words "$@"
  become_root "$@"
  cd "$here"
  PATH=$here/node_modules/.bin:$PATH
  export PATH
  "$mode"
}

main "$@"
