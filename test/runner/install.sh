#!/bin/sh
# Installs the dependencies of the folder it is given, exactly as its lock file says (npm ci).
#
# npm ci also refuses a lock file in which an optional package has no entry because the registry in reach does not
# have it, such as a binary for another platform. Only then the same lock file is installed with npm install --no-save.

set -eu

cd "${1:-.}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT

quiet='--no-audit --no-fund --prefer-offline --loglevel=error'
# shellcheck disable=SC2086 # a list of options
npm ci $quiet >"$log" 2>&1 && exit 0

# A package that could not be resolved at all is listed without a version; anything else is a lock file out of step.
if grep -q 'Missing: [^ ]*@ from lock file' "$log" && ! grep -E 'Missing:|Invalid:' "$log" | grep -qv '@ from lock file'; then
  echo "npm ci refuses the lock file: the registry lacks optional packages of other platforms; using npm install --no-save"
  # shellcheck disable=SC2086
  npm install --no-save $quiet
else
  cat "$log" >&2
  exit 1
fi
