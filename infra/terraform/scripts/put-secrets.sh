#!/usr/bin/env bash
# Puts the secrets that Terraform has made room for into Parameter Store: random ones are made here, those that others gave us are
# asked for. What is set already is left alone; --replace NAME sets one anew. Nothing is printed, and no value is an argument of a
# program that others could see.
#
#   scripts/put-secrets.sh /ticket-queue/prod [--replace NAME]
set -euo pipefail

prefix=${1:?the prefix, such as /ticket-queue/prod}
replace=
if [ "${2:-}" = --replace ]; then
  replace=${3:?the name to replace}
fi

# Which are ours to make, and how.
make_secret() {
  case "$1" in
    PERSONAL_DATA_KEYS) printf 'k%s:%s' "$(date +%Y%m%d)" "$(openssl rand -base64 32)" ;;
    JWT_SECRET | BLIND_INDEX_KEY | QUEUE_TICKET_SECRET | INTERNAL_KEY_* | DB_PASSWORD_*) openssl rand -hex 32 ;;
    *) return 1 ;;
  esac
}

names=$(aws ssm get-parameters-by-path --path "$prefix" --query 'Parameters[].Name' --output text | tr '\t' '\n' | sort)
[ -n "$names" ] || { echo "no parameters below $prefix: apply Terraform first" >&2; exit 1; }

while read -r name; do
  short=${name##*/}
  if [ "$short" != "$replace" ]; then
    current=$(aws ssm get-parameter --with-decryption --name "$name" --query Parameter.Value --output text)
    if [ "$current" != unset ]; then
      echo "$short is set"
      continue
    fi
  fi
  if ! value=$(make_secret "$short"); then
    read -r -s -p "$short (given to us, not shown): " value < /dev/tty
    echo
    if [ -z "$value" ]; then
      echo "$short is left unset"
      continue
    fi
  fi
  request=$(mktemp)
  chmod 600 "$request"
  python3 -c 'import json, sys; json.dump({"Name": sys.argv[1], "Value": sys.stdin.read(), "Type": "SecureString", "Overwrite": True}, sys.stdout)' \
    "$name" <<< "$value" | sed 's/\\n"/"/' > "$request"
  aws ssm put-parameter --cli-input-json "file://$request" > /dev/null
  rm -f "$request"
  echo "$short is put"
done <<< "$names"
