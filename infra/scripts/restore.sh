#!/usr/bin/env bash
# Puts a backup of backup.sh back, into a database that is not there: on a new server, or under a new name. What is there already is
# never touched; a database that must make room is renamed by --set-aside. Stop all services first: what they write meanwhile is lost.
#
#   infra/scripts/restore.sh FILE [--set-aside]
#
# TICKETCTL_DATABASE_URL names the database to make, TICKETCTL the program (ticketctl on the PATH by default). DB_PASSWORD_USER, …
# are the services' passwords, as for `ticketctl migrate`; KAFKA_BROKERS and KAFKA_TOPIC_PREFIX say where the topics are. docs/backup.md
# says what comes before and after.
set -euo pipefail

file=${1:?the backup}
database=${TICKETCTL_DATABASE_URL:-postgres://postgres:postgres@127.0.0.1:15432/ticketing}
ticketctl=${TICKETCTL:-ticketctl}
tools=$("$(dirname "$0")/pg-tools.sh")

say() { printf '%s %s\n' "$(date -u +%T)" "$*"; }

"$tools/pg_restore" --list "$file" > /dev/null
# postgres://…/NAME?parameters: the server's own database has another name.
name=${database##*/}
parameters=
case "$name" in *\?*) parameters="?${name#*\?}" name=${name%%\?*} ;; esac
server=${database%/*}/postgres$parameters

if [ "$("$tools/psql" --dbname "$server" --no-psqlrc --tuples-only --no-align --set name="$name" \
  <<< "select 1 from pg_database where datname = :'name'")" = 1 ]; then
  if [ "${2:-}" != --set-aside ]; then
    say "there is a database $name; --set-aside renames it" >&2
    exit 1
  fi
  aside=${name}_until_$(date -u +%Y%m%dt%H%M%Sz)
  "$tools/psql" --dbname "$server" --no-psqlrc --quiet --set ON_ERROR_STOP=1 --set name="$name" --set aside="$aside" \
    <<< 'alter database :"name" rename to :"aside"'
  say "$name is $aside now"
fi

export TICKETCTL_DATABASE_URL=$database
say "roles"
$ticketctl migrate --only-roles
say "$file"
"$tools/psql" --dbname "$server" --no-psqlrc --quiet --set ON_ERROR_STOP=1 --set name="$name" <<< 'create database :"name" template template0'
"$tools/pg_restore" --dbname "$database" --exit-on-error --jobs 4 "$file"
say "rights, and migrations that are younger than the backup"
$ticketctl migrate
# Plans made without statistics would be those of empty tables.
"$tools/psql" --dbname "$database" --no-psqlrc --quiet --set ON_ERROR_STOP=1 <<< 'analyze'
say "empty topics, and the messages that were on their way when the backup was made"
$ticketctl topics recreate --lose-messages
$ticketctl outbox republish --grace-seconds 0
say "$name is restored. Next: an empty Redis, the services, ticketctl audit (docs/backup.md)"
