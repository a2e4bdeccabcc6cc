#!/bin/sh
# Installs Onstead and the release it came with from one bundle:
#
#   sh install.sh pms-1.4.0.tar --trust vendor.pub
#
# In two halves: first it looks and changes nothing, then it changes and says what. It can be run again at any time.

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

Exit codes: 0 done, 2 wrong usage, 3 the bundle was refused, 4 this machine is not ready, 5 the installation failed,
6 the daemon does not answer.
TEXT
}

root=${ONSTEAD_ROOT:-}
root=${root%/}
programs=$root/opt/onstead
settings=$root/etc/onstead
link=$root/usr/local/bin/onstead
log=$root/var/log/onstead.log
units=/etc/systemd/system
# There from before a switch of the program or a change of the settings until the daemon runs with it.
stale=$programs/.stale

say() { printf '%s\n' "$*"; }
refuse() { # refuse SENTENCE [NEXT [EXIT CODE]]
  printf 'error: %s\n' "$1" >&2
  [ -z "${2:-}" ] || printf 'next: %s\n' "$2" >&2
  exit "${3:-3}"
}
misused() { refuse "$1" "${2:-See sh install.sh --help.}" 2; }

has_systemd() { [ -z "$root" ] && [ -d /run/systemd/system ]; }

# What was written before is on the disk before what follows.
flush() { sync -f "$1" 2>/dev/null || sync; }

# --- the words ---------------------------------------------------------------------------------------------

bundle='' trust='' https='' http='' names='' mode=install keep=''

read_words() {
  while [ $# -gt 0 ]; do
    case $1 in
    --trust | --https | --http | --name)
      [ $# -gt 1 ] || misused "$1 needs a value."
      case $1 in
      --trust) trust=$2 ;;
      --https) https=$2 && check_port "$2" ;;
      --http) http=$2 && check_port "$2" ;;
      --name) names="$names $2" && check_name "$2" ;;
      esac
      shift
      ;;
    --uninstall) mode=uninstall ;;
    --keep-data) keep=--keep-data ;;
    -h | --help) usage && exit 0 ;;
    -*) misused "There is no option \"$1\"." ;;
    *)
      [ -z "$bundle" ] || misused "Two bundles were given: $bundle and $1." "Give one."
      bundle=$1
      ;;
    esac
    shift
  done
  if [ "$mode" = uninstall ]; then
    [ -z "$bundle$trust$https$http$names" ] || misused "--uninstall goes with nothing but --keep-data."
  else
    [ -z "$keep" ] || misused "--keep-data goes with --uninstall only."
    [ -n "$bundle" ] || misused "No bundle was given." "For example: sh install.sh notes-1.0.0.tar --trust vendor.pub"
    [ -n "$trust" ] || misused "No public key was given to check the bundle with." "Add --trust VENDOR.pub."
    [ -z "$https" ] || [ "$https" != "$http" ] || misused "HTTPS and HTTP cannot both be on port $https." "Choose two ports."
  fi
}

check_port() {
  case $1 in '' | *[!0-9]* | ??????*) misused "\"$1\" is not a port." "Give a number from 1 to 65535." ;; esac
  if [ "$1" -lt 1 ] || [ "$1" -gt 65535 ]; then misused "\"$1\" is not a port." "Give a number from 1 to 65535."; fi
}

check_name() {
  case $1 in '' | *[!A-Za-z0-9.:-]*) misused "\"$1\" is not a name or an address." "Give for example --name notes.example.org." ;; esac
}

# --- looking: nothing is changed but a draft folder, which goes again ----------------------------------------

unwritable() { refuse "$1 cannot be written." "Make its file system writable, or make room on it." 4; }

take_turn() {
  mkdir -p "$root/opt" 2>/dev/null || unwritable "$root/opt"
  exec 9<"$root/opt"
  flock -n 9 || refuse "Another installation is under way on this machine." "Wait until it is over." 4
}

forget_draft() {
  rm -rf "$programs"/.draft.*
  rmdir "$programs" 2>/dev/null || true
}

look() {
  say "Looking (nothing is changed yet)"
  [ "$(id -u)" -eq 0 ] || refuse "The installation needs root." "Run it as root, for example with sudo." 4
  [ -f "$bundle" ] || refuse "There is no bundle at $bundle." "Check the path." 2
  [ -f "$trust" ] || refuse "There is no public key at $trust." "Check the path." 2
  look_at_ports
  bundle=$(readlink -f "$bundle")
  take_turn
  # The program is unpacked beside its place to be, so that moving it there is one rename.
  trap forget_draft EXIT
  trap 'exit 130' INT TERM
  rm -rf "$programs"/.draft.* # of a run that was killed
  mkdir -p "$programs" 2>/dev/null || unwritable "$programs"
  draft=$(mktemp -d "$programs/.draft.XXXXXX" 2>/dev/null) || unwritable "$programs"
  # A small file more than all that is written before the room for the program is looked at.
  head -c 262144 /dev/urandom >"$draft/room" 2>/dev/null ||
    refuse "The disk is full: $programs could not be written." "Make room on that file system." 4
  rm "$draft/room"
  look_at_bundle
  look_at_version
  look_at_settings
  look_at_machine
}

look_at_bundle() {
  tar -xf "$bundle" -C "$draft" SHA256SUMS SHA256SUMS.minisig bundle.json 2>/dev/null ||
    refuse "$bundle is not a whole Onstead bundle." "Copy it again and compare its size with the vendor's."
  is_of_this_key ||
    refuse "The bundle is not signed with the key in $trust." "Get the bundle and the key from the vendor again."
  verify_signature || damaged
  (cd "$draft" && grep -E '  bundle\.json$' SHA256SUMS | sha256sum -c --status) || damaged
  arch=$(field arch)
  case $(uname -m) in x86_64) here=amd64 ;; aarch64) here=arm64 ;; *) here=$(uname -m) ;; esac
  [ "$arch" = "$here" ] || refuse "The bundle is for $arch machines; this one is $here." "Ask the vendor for the $here bundle."
  version=$(field onstead)
  look_at_delta
  [ -n "$version" ] || refuse "The bundle does not hold Onstead itself." "Ask the vendor for a full bundle."
  if [ -n "$left_out" ]; then
    look_at_installed
  else
    unpack_program
    program=$draft/slot
  fi
  "$program/bin/onstead" version >/dev/null 2>"$draft/why" ||
    refuse "Onstead $version does not run on this machine: $(tail -n 1 "$draft/why")." "Use a distribution with glibc 2.28 or newer, for example Debian 12." 4
  # Every byte of the bundle, by the program that was in it or that it builds on.
  "$program/bin/onstead" bundle verify "$bundle" --trust "$trust" >"$draft/verified" || exit 3
  sed 's/^/  /' "$draft/verified"
  if [ -n "$left_out" ]; then
    say "  it leaves out Onstead $version; $(version_of "$program") is here"
  else
    say "  it holds Onstead $version for $here"
  fi
}

# What a delta leaves out has to be here. Of the images the verification tells.
look_at_delta() {
  base=$(awk '/^ "from": \[$/ { inside = 1; next } inside && /^ \]/ { exit }
    inside { gsub(/[ ",]/, ""); said = said (said == "" ? "" : " or ") $0 } END { print said }' "$draft/bundle.json")
  left_out=$(sed -n '/^ "program": {/,/^ }/s/^ *"digest": "\([^"]*\)".*/\1/p' "$draft/bundle.json")
  [ -z "$base" ] || [ -x "$programs/current/bin/onstead" ] ||
    refuse "$bundle is a delta on $base, and nothing is installed here." "Ask the vendor for the full bundle of $(field version)."
}

look_at_installed() {
  program=$programs/current
  installed=$(version_of "$program")
  if is_older "$installed" "$version"; then
    refuse "The delta leaves out Onstead $version, and here is the older $installed." "Ask the vendor for the full bundle of $(field version)."
  fi
  (cd "$program" && sha256sum -c --status --strict .files 2>/dev/null) ||
    refuse "The delta leaves out Onstead, and the one in $program is damaged." "Ask the vendor for the full bundle of $(field version)."
}

damaged() { refuse "The bundle was changed or damaged on its way." "Copy it again from the vendor."; }

field() { sed -n "s/^ *\"$1\": *\"\\([^\"]*\\)\".*/\\1/p" "$draft/bundle.json" | head -n 1; }

# Key and signature are base64 with 10 bytes of head each: two that name the way of signing, and the number of the key.
is_of_this_key() {
  sed -n 2p "$trust" | base64 -d >"$draft/key" 2>/dev/null || true
  sed -n 2p "$draft/SHA256SUMS.minisig" | base64 -d >"$draft/signature" 2>/dev/null || true
  [ "$(wc -c <"$draft/key")" -eq 42 ] ||
    refuse "$trust is not a public key." "Give the .pub file that the vendor sent." 2
  [ "$(number_of_key "$draft/key")" = "$(number_of_key "$draft/signature")" ]
}

number_of_key() { tail -c +3 "$1" | head -c 8 | base64; }

# minisign signs the BLAKE2b-512 of the list.
verify_signature() {
  if command -v minisign >/dev/null 2>&1; then
    minisign -Vqm "$draft/SHA256SUMS" -p "$trust" >/dev/null 2>&1
    return
  fi
  command -v openssl >/dev/null 2>&1 ||
    refuse "Neither minisign nor openssl is here to check the signature with." "Install one of them." 4
  [ "$(head -c 2 "$draft/signature")" = ED ] || return 1
  { printf '\060\052\060\005\006\003\053\145\160\003\041\000' && tail -c +11 "$draft/key"; } >"$draft/key.der"
  tail -c +11 "$draft/signature" >"$draft/signature.raw"
  openssl dgst -blake2b512 -binary "$draft/SHA256SUMS" >"$draft/hash"
  openssl pkeyutl -verify -pubin -inkey "$draft/key.der" -keyform DER -rawin -in "$draft/hash" \
    -sigfile "$draft/signature.raw" >/dev/null 2>&1
}

unpack_program() {
  packed_kb=$(($(number_of onstead/daemon.tar.gz sizeBytes) / 1024))
  needed_kb=$(($(number_of onstead/daemon.tar.gz unpackedBytes) / 1024 + packed_kb + 20480))
  free_kb=$(df -Pk "$programs" | awk 'NR == 2 { print $4 }')
  [ "$free_kb" -ge "$needed_kb" ] ||
    refuse "$programs has $((free_kb / 1024)) MB free; the program needs $((needed_kb / 1024)) MB." "Make room on that file system." 4
  tar -xf "$bundle" -C "$draft" onstead/daemon.tar.gz 2>/dev/null || damaged
  sum=$(awk '$2 == "onstead/daemon.tar.gz" { print $1 }' "$draft/SHA256SUMS")
  [ "$(sha256sum <"$draft/onstead/daemon.tar.gz" | cut -d' ' -f1)" = "$sum" ] || damaged
  mkdir "$draft/slot"
  tar -xzf "$draft/onstead/daemon.tar.gz" -C "$draft/slot" ||
    refuse "The program could not be unpacked in $programs." "See the message above; most often the disk is full." 4
  rm -r "$draft/onstead"
  chown -R 0:0 "$draft/slot"
  # Its own list, to tell later whether all of it is there still.
  (cd "$draft/slot" && find . -type f -print0 | xargs -0 sha256sum) >"$draft/files"
  mv "$draft/files" "$draft/slot/.files"
  printf '%s\n' "$sum" >"$draft/slot/.bundle"
}

number_of() { # number_of FILE KEY, from the signed index
  awk -v path="\"$1\"," -v key="\"$2\":" '$1 == "\"path\":" { found = ($2 == path) }
    found && $1 == key { sub(/,/, "", $2); print $2; exit }' "$draft/bundle.json"
}

version_of() { sed -n 's/^ *"version": *"\([^"]*\)".*/\1/p' "$1/package.json" 2>/dev/null | head -n 1; }

# A pre-release comes before its release.
is_older() { # is_older THIS THAN
  [ "$1" != "$2" ] && printf '%s\n%s\n' "$1" "$2" | sed 's/-/~/' | sort -V -C
}

look_at_version() {
  installed=$(version_of "$programs/current")
  if [ -z "$left_out" ] && [ -n "$installed" ] && is_older "$version" "$installed"; then
    refuse "Onstead $installed is installed here, and the bundle holds the older $version." \
      "Install its release with the newer program: onstead install $bundle"
  fi
  if [ -e "$link" ] || [ -L "$link" ]; then
    [ "$(readlink "$link")" = "$programs/current/bin/onstead" ] ||
      refuse "$link is there already and is not Onstead's." "Move it away." 4
  fi
}

# The file as this installer writes it. Whoever edited it finds it as it was left.
settings_text() { # settings_text HTTP HTTPS NAME...
  printf '# What you choose. Everything else Onstead finds out by itself.\nedge:\n  http: %s\n  https: %s\n' "$1" "$2"
  shift 2
  [ $# -eq 0 ] || printf '  names:\n'
  for name in "$@"; do printf '    - "%s"\n' "$name"; done
}

# Flags, the file and what holds without either are one choice.
look_at_ports() {
  file=$settings/onstead.yaml
  old_http=$(sed -n 's/^  http: \([0-9]*\)$/\1/p' "$file" 2>/dev/null | head -n 1)
  old_https=$(sed -n 's/^  https: \([0-9]*\)$/\1/p' "$file" 2>/dev/null | head -n 1)
  new_http=${http:-${old_http:-80}}
  [ "$new_http" != "${https:-${old_https:-443}}" ] ||
    refuse "HTTPS and HTTP cannot both be on port $new_http ($(origin "$http" "$old_http" --http) and $(origin "$https" "$old_https" --https))." \
      "Choose two ports, for example --https $(other_than "$new_http" 443 8443) --http $(other_than "$new_http" 80 8080)." 2
}

origin() { # origin GIVEN WRITTEN OPTION
  if [ -n "$1" ]; then
    echo "$3"
  elif [ -n "$2" ]; then
    echo "${3#--} in $file"
  else
    echo "${3#--} unless chosen"
  fi
}

other_than() { if [ "$1" = "$2" ]; then echo "$3"; else echo "$2"; fi; }

look_at_settings() {
  old_names=$(sed -n 's/^    - "\([A-Za-z0-9.:-]*\)"$/\1/p' "$file" 2>/dev/null | tr '\n' ' ')
  # shellcheck disable=SC2086 # a list of names
  settings_text "${old_http:-80}" "${old_https:-443}" $old_names >"$draft/old.yaml"
  # shellcheck disable=SC2086 # a list of names
  settings_text "${http:-${old_http:-80}}" "${https:-${old_https:-443}}" ${names:-$old_names} >"$draft/onstead.yaml"
  if [ -e "$file" ] && ! cmp -s "$file" "$draft/old.yaml"; then
    [ -z "$http$https$names" ] ||
      refuse "$file was edited by hand, so --http, --https and --name do not change it." \
        "Put what you want into that file and run this again without them." 2
    rm "$draft/onstead.yaml"
  fi
}

# What no release can do without. Sizes depend on the release, and the installation itself checks them against it.
BY_RELEASE='cpu memory memory-available state-space engine-space program-space temporary-space inodes other-containers project-name previous-install'

look_at_machine() {
  # What it writes for a moment goes with the draft, also when it is killed.
  TMPDIR=$draft "$program/bin/onstead" preflight --json \
    --http "${http:-${old_http:-80}}" --https "${https:-${old_https:-443}}" >"$draft/preflight.json" 2>"$draft/why" || true
  # shellcheck disable=SC2016,SC2086 # a program, not the shell's; a list of words
  "$program/bin/node" -e '
    const [file, ...byRelease] = process.argv.slice(1);
    const { checks } = JSON.parse(require("fs").readFileSync(file, "utf8"));
    const bad = checks.filter((one) => one.status === "fail" && !byRelease.includes(one.id));
    for (const { title, found, fix } of bad)
      console.log(`error: ${title}: ${found}${/[.!?]$/.test(found) ? "" : "."}${fix ? `\nnext: ${fix}` : ""}`);
    if (bad.length > 0) process.exit(4);
    console.log(`  the machine passed ${checks.filter((one) => one.status === "pass").length} checks`);
  ' "$draft/preflight.json" $BY_RELEASE >"$draft/machine" 2>>"$draft/why" || {
    [ -s "$draft/machine" ] || refuse "This machine could not be looked at: $(tail -n 1 "$draft/why")." "Try: onstead preflight" 4
    cat "$draft/machine" >&2
    exit 4
  }
  cat "$draft/machine"
}

# --- changing ----------------------------------------------------------------------------------------------

change() {
  say "Changing"
  place_program
  place_trust
  if [ -e "$draft/onstead.yaml" ]; then place_settings; fi
  place_service
  if [ -z "$left_out" ]; then forget_other_slots; fi
}

# Slots are whole or not there: what is in this list and nothing less, from exactly this bundle.
is_whole() {
  [ "$(cat "$1/.bundle" 2>/dev/null)" = "$sum" ] && (cd "$1" && sha256sum -c --status --strict .files 2>/dev/null)
}

place_program() {
  now=$(readlink "$programs/current" || true)
  slot=$now
  # Another build of the same version stands beside it: nothing is replaced under a running daemon.
  if [ -n "$left_out" ] || { [ -n "$now" ] && is_whole "$programs/$now"; }; then
    say "  program    $programs/$slot (as it was)"
  else
    if [ "$version" != "$now" ]; then slot=$version; else slot=$version.$(printf %.8s "$sum"); fi
    rm -rf "${programs:?}/$slot"
    flush "$draft/slot"
    mv -T "$draft/slot" "$programs/$slot"
    : >"$stale"
    flush "$programs"
    ln -sfn "$slot" "$programs/.current"
    mv -T "$programs/.current" "$programs/current"
    flush "$programs"
    say "  program    $programs/$slot"
  fi
  mkdir -p "$(dirname "$link")"
  ln -sfn "$programs/current/bin/onstead" "$link"
}

forget_other_slots() {
  for one in "$programs/$version" "$programs/$version".*; do
    if [ -d "$one" ] && [ "$one" != "$programs/$slot" ]; then rm -rf "$one"; fi
  done
}

place_trust() {
  mkdir -p "$settings/trust"
  for one in "$settings/trust"/*.pub; do
    if cmp -s "$one" "$trust"; then
      say "  trusted    $one (as it was)"
      return
    fi
  done
  place=$settings/trust/$(basename "$trust" .pub)
  # Another key of this name stays trusted too.
  if [ -e "$place.pub" ]; then place=$place-$(sha256sum "$trust" | cut -c 1-8); fi
  cp "$trust" "$draft/trust" && chmod 0644 "$draft/trust"
  write "$draft/trust" "$place.pub"
  say "  trusted    $place.pub"
}

place_settings() {
  if cmp -s "$draft/onstead.yaml" "$settings/onstead.yaml"; then return; fi
  if [ -e "$settings/onstead.yaml" ]; then : >"$stale"; fi
  write "$draft/onstead.yaml" "$settings/onstead.yaml"
  say "  settings   $settings/onstead.yaml"
}

write() { # write FROM TO, whole or not at all
  cp "$1" "$2.new"
  flush "$2.new"
  mv -T "$2.new" "$2"
}

place_service() {
  if has_systemd; then
    cp "$programs/$slot"/installer/systemd/*.service "$units/"
    systemctl daemon-reload
    systemctl enable --quiet onstead-secrets.service onstead-stack.service onstead.service
    if [ -e "$stale" ]; then systemctl restart onstead.service 9<&-; else systemctl start onstead.service 9<&-; fi
    restarts=$(systemctl show -p NRestarts --value onstead.service)
    say "  service    onstead.service (systemd)"
  else
    supervisor=$programs/current/installer/supervise.sh
    if [ -e "$stale" ]; then sh "$supervisor" stop >/dev/null; fi
    # Why a daemon does not come up is told below.
    sh "$supervisor" start 9<&- >"$draft/service" 2>/dev/null || true
    sed 's/^/  service    /' "$draft/service"
    say "             without systemd nothing starts it after a reboot but: sh $supervisor start"
  fi
  until_s=$(($(date +%s) + 60))
  until "$link" version --json 2>/dev/null | grep -q '"startedAt"'; do
    keeps_ending &&
      refuse "The daemon ends as soon as it is started. It said last (in $(where_log)):
$(last_words)" "Put that right, then run this again." 6
    [ "$(date +%s)" -lt $until_s ] || refuse "The daemon does not answer." "Look into its log: $(where_log)." 6
    sleep 0.2
  done
  rm -f "$stale"
}

where_log() { if has_systemd; then echo "journalctl -u onstead"; else echo "$log"; fi; }

keeps_ending() {
  if has_systemd; then
    [ "$(systemctl show -p NRestarts --value onstead.service)" -gt "${restarts:-0}" ]
  else
    [ "$(wc -l 2>/dev/null <"$root/run/onstead/ended" || echo 0)" -gt 1 ]
  fi
}

# From its last error on, or its last line.
last_words() {
  if has_systemd; then
    journalctl _SYSTEMD_UNIT=onstead.service -n 20 -o cat 2>/dev/null
  else
    tail -n 20 "$log" 2>/dev/null
  fi | awk '/^error:/ { said = "" } { last = "  " $0; said = said last "\n" } END { print said ~ /^  error:/ ? said : last }' | sed '/^$/d'
}

# --- uninstall ---------------------------------------------------------------------------------------------

stop_service() {
  if has_systemd; then
    for unit in onstead onstead-stack onstead-secrets; do
      systemctl disable --quiet --now "$unit.service" 2>/dev/null || true
      rm -f "$units/$unit.service"
    done
    systemctl daemon-reload
  elif [ -r "$slot/installer/supervise.sh" ]; then
    sh "$slot/installer/supervise.sh" stop
  fi
}

# The program goes last, so that an uninstallation that was cut off can be run again.
uninstall() {
  [ "$(id -u)" -eq 0 ] || refuse "Removing the appliance needs root." "Run it as root, for example with sudo." 4
  take_turn
  slot=''
  for one in "$programs"/*/ "$programs/current/"; do
    if [ -x "$one/bin/onstead" ]; then slot=${one%/}; fi
  done
  if [ -z "$slot" ]; then
    [ ! -e "$root/var/lib/onstead/secrets" ] || [ -n "$keep" ] ||
      refuse "There is data in $root/var/lib/onstead, and no program to remove it with." "Install the bundle again, then uninstall." 4
    if [ ! -e "$programs" ]; then
      say "Onstead is not installed here; nothing to remove."
      return
    fi
  else
    stop_service
    "$slot/bin/onstead" uninstall --yes ${keep:+"$keep"}
  fi
  rm -f "$link" "$log" "$log.1" "$log.2" "$root/run/onstead.sock"
  rm -rf "$root/run/onstead"
  if [ -z "$keep" ]; then rm -rf "$settings"; fi
  rm -rf "$programs"
  say "Onstead was removed.${keep:+ Data volumes, secrets and settings were kept.}"
}

# The whole script has arrived before anything runs.
main() {
  read_words "$@"
  if [ "$mode" = uninstall ]; then
    uninstall
    return
  fi
  look
  change
  trap - EXIT
  forget_draft
  say "Installing"
  exec "$link" install "$bundle"
}

main "$@"
