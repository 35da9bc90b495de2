#!/usr/bin/env bash
# Puts the secrets that Terraform has made room for into Parameter Store: random ones are made here, those that others gave us are
# asked for. What is set already is left alone; --replace NAME sets one anew, of PERSONAL_DATA_KEYS it puts a new key before the old
# ones. Nothing is printed, and no value is an argument of a program that others could see. infra/aws-trial.sh tries it on a simulator.
#
#   scripts/put-secrets.sh /ticket-queue/prod [--replace NAME]
set -euo pipefail

prefix=${1:?the prefix, such as /ticket-queue/prod}
replace=
if [ "${2:-}" = --replace ]; then
  replace=${3:?the name to replace}
fi
if [ "$replace" = BLIND_INDEX_KEY ]; then
  echo "BLIND_INDEX_KEY cannot be exchanged: nobody would be found by email any more, and nobody could sign in (docs/operations.md)" >&2
  exit 1
fi

# Which are ours to make, and how.
make_secret() {
  case "$1" in
    PERSONAL_DATA_KEYS) printf 'k%s:%s' "$(date +%Y%m%d)" "$(openssl rand -base64 32)" ;;
    JWT_SECRET | BLIND_INDEX_KEY | QUEUE_TICKET_SECRET | INTERNAL_KEY_* | DB_PASSWORD_*) openssl rand -hex 32 ;;
    *) return 1 ;;
  esac
}

# What personal data was encrypted with must stay readable: the new key comes first and encrypts, those there were still decrypt.
before_the_old_ones() {
  local old
  old=$(aws ssm get-parameter --with-decryption --name "$1" --query Parameter.Value --output text)
  if [ "$old" = unset ]; then
    printf '%s' "$2"
    return
  fi
  case ",$old" in
    *",${2%%:*}:"*)
      echo "a key ${2%%:*} is there already: one a day, for its id is the day" >&2
      return 1
      ;;
  esac
  printf '%s,%s' "$2" "$old"
}

# Whether each is unset is decided by the query, so that no value comes here.
# shellcheck disable=SC2016  # the backquotes are JMESPath's
names=$(aws ssm get-parameters-by-path --path "$prefix" --with-decryption \
  --query 'Parameters[].[Name, Value == `unset`]' --output text | sort)
[ -n "$names" ] || { echo "no parameters below $prefix: apply Terraform first" >&2; exit 1; }
if [ -n "$replace" ] && ! grep -q "^$prefix/${replace}[[:space:]]" <<< "$names"; then
  echo "there is no $prefix/$replace" >&2
  exit 1
fi

while read -r name unset; do
  short=${name##*/}
  if [ "$short" != "$replace" ] && [ "$unset" != True ]; then
    echo "$short is set"
    continue
  fi
  if ! value=$(make_secret "$short"); then
    read -r -s -p "$short (given to us, not shown): " value < /dev/tty
    echo
    if [ -z "$value" ]; then
      echo "$short is left as it is"
      continue
    fi
  fi
  if [ "$short" = PERSONAL_DATA_KEYS ]; then
    value=$(before_the_old_ones "$name" "$value")
  fi
  request=$(mktemp)
  trap 'rm -f "$request"' EXIT
  python3 -c 'import json, sys; json.dump({"Name": sys.argv[1], "Value": sys.stdin.read().rstrip("\n"), "Type": "SecureString", "Overwrite": True}, sys.stdout)' \
    "$name" <<< "$value" > "$request"
  aws ssm put-parameter --cli-input-json "file://$request" > /dev/null
  rm -f "$request"
  echo "$short is put"
done <<< "$names"
