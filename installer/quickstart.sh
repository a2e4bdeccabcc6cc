#!/bin/sh
# From a fresh clone to the sample application behind HTTPS, by the same installation a customer runs.
# Needs git's checkout, Node with npm, and a package source for apt and npm; gets everything else itself.

set -eu

usage() {
  cat <<'TEXT'
Usage: ./installer/quickstart.sh [--https PORT] [--http PORT]
       ./installer/quickstart.sh --down

  --https PORT  where the sample application answers (443)
  --http PORT   plain HTTP, which only redirects (80)
  --down        remove everything that a quickstart made, and nothing else
TEXT
}

here=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cache=$here/.cache/quickstart
ports='' mode=up
original="$*"
while [ $# -gt 0 ]; do
  case $1 in
  --https | --http) ports="$ports $1 ${2:?$1 needs a port}" && shift ;;
  --down) mode=down ;;
  -h | --help) usage && exit 0 ;;
  *) usage >&2 && exit 2 ;;
  esac
  shift
done

say() { printf '%s\n' "$*"; }
refuse() {
  printf 'error: %s\n' "$1" >&2
  [ -z "${2:-}" ] || printf 'next: %s\n' "$2" >&2
  exit "${3:-1}"
}

if [ "$(id -u)" -ne 0 ]; then
  say "The quickstart changes this machine, so it needs root."
  # shellcheck disable=SC2086 # the words of the original command
  if command -v sudo >/dev/null 2>&1; then exec sudo -- "$0" $original; fi
  if command -v su >/dev/null 2>&1; then exec su -c "$0 $original" root; fi
  refuse "This machine has neither sudo nor su." "Log in as root and run $0 again." 4
fi
cd "$here"
PATH=$here/node_modules/.bin:$PATH
export PATH

# Written where the quickstart installed, so that it never changes or removes an appliance that somebody else did.
mark=/etc/onstead/quickstart
if [ -e /opt/onstead/current ] && [ ! -e "$mark" ]; then
  refuse "An appliance is installed here that the quickstart did not make; it is left alone." \
    "Use another machine, or remove it yourself: sh /opt/onstead/current/installer/install.sh --uninstall" 4
fi

# --- down --------------------------------------------------------------------------------------------------

if [ "$mode" = down ]; then
  sh installer/install.sh --uninstall
  if command -v docker >/dev/null 2>&1 && docker version >/dev/null 2>&1; then
    docker images --filter reference='onstead-demo/*' --format '{{.Repository}}:{{.Tag}}' | while read -r image; do
      docker image rm "$image" >/dev/null && say "removed image $image"
    done
  fi
  sh installer/engine.sh stop
  rm -rf "$cache"
  rmdir /var/lib/onstead 2>/dev/null || true
  say "What the quickstart made is gone. In this folder remain node_modules, dist and .cache (image layers for a next time)."
  [ ! -s /var/lib/onstead/engine/made ] || {
    say "Installed for it and left here, since others may use them by now:"
    sed 's/^/  /' /var/lib/onstead/engine/made
  }
  exit 0
fi

# --- looking -----------------------------------------------------------------------------------------------

command -v npm >/dev/null 2>&1 || refuse "Node with npm is missing." "Install it, for example with: apt-get install nodejs npm" 4
command -v tar >/dev/null 2>&1 || refuse "tar is missing." "Install it with: apt-get install tar" 4
cat <<TEXT
This will, on this machine:
  - get a Docker Engine and Compose running, if none is there (others' containers and settings are left alone)
  - install this project's packages and build its demo images here, in $here
  - install Onstead: /opt/onstead, /etc/onstead, /var/lib/onstead, /usr/local/bin/onstead, and its service
  - run the sample application "Notes" with MySQL, Redis, nginx and an object store on ports ${ports:-443 and 80}
Take it all back with: $0 --down

TEXT

started=$(date +%s)
phase() { say "== $1 ($(($(date +%s) - started)) s)"; }

phase "Engine"
sh installer/engine.sh ensure || exit $?

phase "Packages"
if [ ! -d node_modules ] || ! cmp -s package-lock.json .cache/installed-lock.json; then
  npm ci --no-audit --no-fund --loglevel=error
  mkdir -p .cache && cp package-lock.json .cache/installed-lock.json
fi
npm run --silent build

phase "Demo images"
node compose/images/build.ts

phase "Signed bundle"
mkdir -p "$cache"
bundle=$cache/notes-1.0.0.tar
[ -e "$cache/demo.key" ] || node dist/main.js bundle keygen "$cache/demo" >/dev/null
version() { docker images --filter "reference=onstead-demo/$1" --format '{{.Tag}}' | head -n 1; }
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct 2>/dev/null || date +%s)
export SOURCE_DATE_EPOCH
node dist/main.js bundle build compose/compose.yaml --key "$cache/demo.key" --out "$bundle" --cache .cache/layers \
  --image "mysql=onstead-demo/mysql:$(version mysql)" --image "redis=onstead-demo/redis:$(version redis)" \
  --image "nginx=onstead-demo/nginx:$(version nginx)" --image "minio=onstead-demo/object-store:$(version object-store)"

phase "Installation"
mkdir -p "$(dirname "$mark")"
echo "installed by $here/installer/quickstart.sh" >"$mark"
# shellcheck disable=SC2086 # flags
sh installer/install.sh "$bundle" --trust "$cache/demo.pub" $ports

phase "Done"
cat <<TEXT

Try it:      $(onstead status --json | sed -n 's/.*"\(https:[^"]*\)".*/\1/p' | head -n 1)
Trust it:    onstead certificate > onstead-ca.pem   (import it into your browser, once)
Look at it:  onstead status
             onstead logs app --follow
             cd /var/lib/onstead/stack && docker compose ps
Again:       onstead install $bundle   (says that nothing needs doing)
Remove it:   $0 --down
TEXT
