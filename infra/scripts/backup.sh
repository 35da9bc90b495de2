#!/usr/bin/env bash
# Backs the database up while everything runs: one file with the whole database as of one moment, which restore.sh puts back. The file
# appears under its name only when it is complete and was read back. Roles and passwords are not in it: `ticketctl migrate` makes
# them. Accounts are encrypted in it; PERSONAL_DATA_KEYS and BLIND_INDEX_KEY must be kept elsewhere, or it is worth nothing.
#
#   infra/scripts/backup.sh [FOLDER]          the folder for backups, ./backups by default
#
# TICKETCTL_DATABASE_URL names the database, by default that of docker compose and `cargo xtask up`. KEEP=7 deletes all but the last
# seven. On AWS it is RDS that does this (docs/backup.md).
set -euo pipefail

folder=${1:-backups}
database=${TICKETCTL_DATABASE_URL:-postgres://postgres:postgres@127.0.0.1:15432/ticketing}
tools=$("$(dirname "$0")/pg-tools.sh")

mkdir -p "$folder"
chmod 700 "$folder"
umask 077
file=$folder/ticketing-$(date -u +%Y%m%dT%H%M%SZ).dump
trap 'rm -f "$file.partial"' EXIT
"$tools/pg_dump" --dbname "$database" --format custom --lock-wait-timeout 30s --file "$file.partial"
# What cannot be listed cannot be restored.
"$tools/pg_restore" --list "$file.partial" > /dev/null
sync "$file.partial"
mv "$file.partial" "$file"

if [ -n "${KEEP:-}" ]; then
  find "$folder" -maxdepth 1 -name 'ticketing-*.dump' | sort -r | tail -n "+$((KEEP + 1))" | xargs -r rm -f --
fi
echo "$file"
