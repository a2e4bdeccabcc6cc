#!/bin/sh
# Installs Onstead and the release it came with from one bundle:
#
#   sh install.sh pms-1.4.0.tar --trust vendor.pub
#
# In two halves: first it looks and changes nothing, then it changes and says what.

set -eu

usage() {
  cat <<'TEXT'
Usage: sh install.sh BUNDLE.tar --trust VENDOR.pub [--https PORT] [--http PORT] [--name NAME]...
       sh install.sh --uninstall [--keep-data]

  --trust FILE   the vendor's public key; the bundle must be signed with it
  --https PORT   where the application answers (443)
  --http PORT    plain HTTP, which only redirects (80)
  --name NAME    a name or address that the certificate shall cover; may be given several times
  --uninstall    remove everything that an installation made
  --keep-data    with --uninstall: keep the data volumes, the secrets and the settings
TEXT
}

root=${ONSTEAD_ROOT:-}
root=${root%/}
programs=$root/opt/onstead
settings=$root/etc/onstead
link=$root/usr/local/bin/onstead

say() { printf '%s\n' "$*"; }
refuse() {
  printf 'error: %s\n' "$1" >&2
  [ -z "${2:-}" ] || printf 'next: %s\n' "$2" >&2
  exit "${3:-3}"
}

bundle='' trust='' https='' http='' names='' mode=install keep=''
while [ $# -gt 0 ]; do
  case $1 in
  --trust) trust=${2:?--trust needs a file} && shift ;;
  --https) https=${2:?--https needs a port} && shift ;;
  --http) http=${2:?--http needs a port} && shift ;;
  --name) names="$names ${2:?--name needs a name}" && shift ;;
  --uninstall) mode=uninstall ;;
  --keep-data) keep=--keep-data ;;
  -h | --help) usage && exit 0 ;;
  -*) usage >&2 && exit 2 ;;
  *) bundle=$1 ;;
  esac
  shift
done

for port in "$https" "$http"; do
  case $port in
  '') continue ;;
  *[!0-9]* | ??????*) good=no ;;
  *) if [ "$port" -ge 1 ] && [ "$port" -le 65535 ]; then good=yes; else good=no; fi ;;
  esac
  [ "$good" = yes ] || refuse "\"$port\" is not a port." "Give a number from 1 to 65535." 2
done
for name in $names; do
  case $name in *[!A-Za-z0-9.:-]*) refuse "\"$name\" is not a name or an address." "Give for example --name notes.example.org." 2 ;; esac
done

has_systemd() { [ -z "$root" ] && [ -d /run/systemd/system ]; }

# --- uninstall ---------------------------------------------------------------------------------------------

stop_service() {
  if has_systemd; then
    for unit in onstead onstead-stack onstead-secrets; do
      systemctl disable --quiet --now "$unit.service" 2>/dev/null || true
      rm -f "/etc/systemd/system/$unit.service"
    done
    systemctl daemon-reload
  elif [ -x "$programs/current/installer/supervise.sh" ]; then
    sh "$programs/current/installer/supervise.sh" stop
  fi
}

if [ "$mode" = uninstall ]; then
  [ "$(id -u)" -eq 0 ] || refuse "Removing the appliance needs root." "Run it as root." 4
  if [ ! -e "$programs/current" ]; then
    say "Onstead is not installed here; nothing to remove."
    exit 0
  fi
  stop_service
  "$programs/current/bin/onstead" uninstall --yes ${keep:+"$keep"}
  rm -f "$link"
  rm -rf "$programs" "$root/run/onstead" "$root/run/onstead.sock" "$root/var/log/onstead.log"
  if [ -z "$keep" ]; then rm -rf "$settings"; fi
  say "Onstead was removed.${keep:+ Data, secrets and settings were kept.}"
  exit 0
fi

# --- looking: nothing is changed ---------------------------------------------------------------------------

say "Looking (nothing is changed yet)"
[ -n "$bundle" ] || { usage >&2 && exit 2; }
[ "$(id -u)" -eq 0 ] || refuse "The installation needs root." "Run it as root, for example with sudo." 4
[ -r "$bundle" ] || refuse "There is no bundle at $bundle." "Check the path."
[ -n "$trust" ] || refuse "No public key was given to check the bundle with." "Add --trust VENDOR.pub." 2
[ -r "$trust" ] || refuse "There is no public key at $trust." "Check the path." 2
bundle=$(readlink -f "$bundle")

# Everything is looked at in a folder beside its place to be, so that moving it there is one rename.
mkdir -p "$programs"
draft=$(mktemp -d "$programs/.draft.XXXXXX")
trap 'rm -rf "$draft"; rmdir "$programs" 2>/dev/null || true' EXIT
trap 'exit 130' INT TERM

tar -xf "$bundle" -C "$draft" SHA256SUMS SHA256SUMS.minisig bundle.json onstead/daemon.tar.gz 2>/dev/null ||
  refuse "$bundle is not a whole Onstead bundle." "Copy it again and compare its size with the vendor's."

# minisign signs the BLAKE2b-512 of the list: key and signature are base64 with 10 bytes of head each.
verify_signature() {
  if command -v minisign >/dev/null 2>&1; then
    minisign -Vqm "$draft/SHA256SUMS" -p "$trust" >/dev/null 2>&1
    return
  fi
  command -v openssl >/dev/null 2>&1 ||
    refuse "Neither minisign nor openssl is here to check the signature with." "Install one of them." 4
  sed -n 2p "$trust" | base64 -d >"$draft/key" 2>/dev/null
  sed -n 2p "$draft/SHA256SUMS.minisig" | base64 -d >"$draft/signature" 2>/dev/null
  [ "$(head -c 2 "$draft/signature")" = ED ] || return 1
  [ "$(tail -c +3 "$draft/key" | head -c 8 | base64)" = "$(tail -c +3 "$draft/signature" | head -c 8 | base64)" ] || return 1
  { printf '\060\052\060\005\006\003\053\145\160\003\041\000' && tail -c +11 "$draft/key"; } >"$draft/key.der"
  tail -c +11 "$draft/signature" >"$draft/signature.raw"
  openssl dgst -blake2b512 -binary "$draft/SHA256SUMS" >"$draft/hash"
  openssl pkeyutl -verify -pubin -inkey "$draft/key.der" -keyform DER -rawin -in "$draft/hash" \
    -sigfile "$draft/signature.raw" >/dev/null 2>&1
}
verify_signature || refuse "The bundle is not signed with the key in $trust." "Get the bundle and the key from the vendor again."
(cd "$draft" && grep -E '  (bundle\.json|onstead/daemon\.tar\.gz)$' SHA256SUMS | sha256sum -c --status) ||
  refuse "The bundle was changed or damaged on its way." "Copy it again from the vendor."

field() { sed -n "s/^ *\"$1\": *\"\\([^\"]*\\)\".*/\\1/p" "$draft/bundle.json" | head -n 1; }
arch=$(field arch)
case $(uname -m) in x86_64) here=amd64 ;; aarch64) here=arm64 ;; *) here=$(uname -m) ;; esac
[ "$arch" = "$here" ] || refuse "The bundle is for $arch machines; this one is $here." "Ask the vendor for the $here bundle."
version=$(field onstead)
[ -n "$version" ] || refuse "The bundle does not hold Onstead itself." "Ask the vendor for a full bundle."
say "  the bundle is signed, holds Onstead $version and fits this machine"

# --- changing ----------------------------------------------------------------------------------------------

say "Changing"
slot=$programs/$version
if [ ! -d "$slot" ]; then
  mkdir "$draft/slot"
  tar -xzf "$draft/onstead/daemon.tar.gz" -C "$draft/slot"
  chown -R 0:0 "$draft/slot"
  mv "$draft/slot" "$slot"
  say "  program    $slot"
fi
ln -sfn "$version" "$programs/.current" && mv -T "$programs/.current" "$programs/current"
mkdir -p "$(dirname "$link")" && ln -sfn "$programs/current/bin/onstead" "$link"
mkdir -p "$settings/trust"
cp "$trust" "$settings/trust/$(basename "$trust" .pub).pub"
say "  trusted    $settings/trust/$(basename "$trust" .pub).pub"
if [ ! -e "$settings/onstead.yaml" ]; then
  {
    echo "# What you choose. Everything else Onstead finds out by itself."
    echo "edge:"
    echo "  http: ${http:-80}"
    echo "  https: ${https:-443}"
    if [ -n "$names" ]; then
      echo "  names:"
      for name in $names; do printf '    - "%s"\n' "$name"; done
    fi
  } >"$settings/onstead.yaml"
  say "  settings   $settings/onstead.yaml"
fi

if has_systemd; then
  cp "$slot"/installer/systemd/*.service /etc/systemd/system/
  systemctl daemon-reload
  systemctl enable --quiet onstead-secrets.service onstead-stack.service
  systemctl enable --quiet --now onstead.service
  say "  service    onstead.service (systemd)"
else
  sh "$slot/installer/supervise.sh" start | sed 's/^/  service    /'
  say "             without systemd nothing starts it after a reboot: run $programs/current/installer/supervise.sh start"
fi

tries=0
until "$link" version --json 2>/dev/null | grep -q '"startedAt"'; do
  tries=$((tries + 1))
  [ $tries -lt 150 ] || refuse "The daemon does not answer." "Look into its log: journalctl -u onstead, or $root/var/log/onstead.log." 6
  sleep 0.2
done
rm -rf "$draft"

say "Installing"
exec "$link" install "$bundle"
