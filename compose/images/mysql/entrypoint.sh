#!/bin/sh
# Starts MySQL; on an empty data folder it first initialises one, with the official image's variables.
# A kill at any moment of that is harmless: the folder carries a marker until it is complete, and a marked
# folder is emptied and initialised again.
set -eu

data=/var/lib/mysql
marker=$data/.initialising
socket=/tmp/mysql-initialising.sock

say() { echo "[entrypoint] $*" >&2; }
fail() { say "$*"; exit 64; }

# The value of NAME, or of the file that NAME_FILE names.
setting() {
  eval "path=\${$1_FILE:-}; value=\${$1:-}"
  [ -z "$path" ] || value=$(cat "$path") || fail "$1_FILE names $path, which cannot be read."
  printf %s "$value"
}

# A text as an SQL string literal.
quoted() { printf "'%s'" "$(printf %s "$1" | sed -e 's/\\/\\\\/g' -e "s/'/''/g")"; }

accounts() {
  cat <<SQL
SET @@SESSION.sql_log_bin = OFF;
CREATE USER 'root'@'${MYSQL_ROOT_HOST:-%}' IDENTIFIED BY $(quoted "$root_password");
GRANT ALL ON *.* TO 'root'@'${MYSQL_ROOT_HOST:-%}' WITH GRANT OPTION;
ALTER USER 'root'@'localhost' IDENTIFIED BY $(quoted "$root_password");
SQL
  [ -z "$database" ] || echo "CREATE DATABASE IF NOT EXISTS \`$database\`;"
  [ -z "$user" ] || echo "CREATE USER $(quoted "$user")@'%' IDENTIFIED BY $(quoted "$password");"
  [ -z "$user" ] || [ -z "$database" ] ||
    echo "GRANT ALL ON \`$(printf %s "$database" | sed 's/_/\\_/g')\`.* TO $(quoted "$user")@'%';"
}

initialise() {
  root_password=$(setting MYSQL_ROOT_PASSWORD)
  database=$(setting MYSQL_DATABASE)
  user=$(setting MYSQL_USER)
  password=$(setting MYSQL_PASSWORD)
  [ -n "$root_password" ] || fail 'Set MYSQL_ROOT_PASSWORD_FILE (or MYSQL_ROOT_PASSWORD) for the first start.'
  [ -z "$user" ] || [ -n "$password" ] || fail 'MYSQL_USER is set, so set MYSQL_PASSWORD_FILE too.'

  : >"$marker"
  sync "$data" 2>/dev/null || sync
  find "$data" -mindepth 1 -maxdepth 1 ! -name .initialising -exec rm -rf {} +
  say 'initialising the data folder'
  "$@" --initialize-insecure --skip-log-bin
  "$@" --skip-networking --mysqlx=OFF --skip-log-bin --socket="$socket" --pid-file=/tmp/mysql-initialising.pid &
  server=$!
  until mysqladmin --no-defaults --silent --socket="$socket" -u root ping >/dev/null 2>&1; do
    kill -0 $server 2>/dev/null || fail 'The server ended during its initialisation; its log is above.'
    sleep 0.2
  done
  accounts | mysql --no-defaults --socket="$socket" -u root
  kill -TERM $server
  wait $server
  sync
  rm "$marker"
  say 'the data folder is complete'
}

case ${1:-mysqld} in
  -*) set -- mysqld "$@" ;;
esac
if [ "$1" = mysqld ]; then
  if [ -e "$marker" ] || [ ! -d "$data/mysql" ]; then
    [ -e "$marker" ] || [ -z "$(ls "$data" | grep -v '^lost+found$')" ] ||
      fail "$data holds files but no MySQL data folder; nothing was changed."
    initialise "$@"
  fi
fi
exec "$@"
