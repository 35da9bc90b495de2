#!/usr/bin/env bash
# Tries the AWS parts on moto, which plays AWS on this machine, without an account: LocalStack's init script, Terraform (applied; a
# plan then changes nothing) and the script that puts the secrets.
#
#   infra/aws-trial.sh            network, security groups, repositories, posters' bucket, Parameter Store: a minute
#   infra/aws-trial.sh --more     the state's bucket, database and load balancer as well: some minutes, for the provider waits
#
# moto and AWS's command line are taken from the PATH or fetched into .dev/lint. Terraform and its provider for AWS are taken where they
# are (TF_PLUGINS: a folder laid out as a mirror of providers); without them the parameters are made by hand and the rest is tried.
# What moto cannot play stays untried: groups of cache parameters, budgets, saved queries, the broker's disk, and what depends on them.
set -euo pipefail
cd "$(dirname "$0")/.."

tools=$PWD/.dev/lint
work=$(mktemp -d)
moto=
cleanup() {
  [ -z "$moto" ] || kill "$moto" 2> /dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT

say() { printf 'aws: %s\n' "$*"; }
fail() {
  printf 'aws: %s\n' "$*" >&2
  exit 1
}

if ! command -v aws > /dev/null || ! command -v moto_server > /dev/null; then
  mkdir -p "$tools"
  [ -x "$tools/aws/bin/moto_server" ] || {
    python3 -m venv "$tools/aws"
    "$tools/aws/bin/pip" install --quiet --disable-pip-version-check 'moto[server]==5.1.22' awscli==1.45.11
  }
  PATH=$tools/aws/bin:$PATH
fi

# Nothing here may reach a real account.
unset AWS_PROFILE AWS_SESSION_TOKEN
export AWS_ACCESS_KEY_ID=trial AWS_SECRET_ACCESS_KEY=trial AWS_DEFAULT_REGION=ap-northeast-2 AWS_REGION=ap-northeast-2
export AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null AWS_EC2_METADATA_DISABLED=true AWS_PAGER=
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
export AWS_ENDPOINT_URL=http://127.0.0.1:$port
moto_server -H 127.0.0.1 -p "$port" > "$work/moto.log" 2>&1 &
moto=$!
for _ in $(seq 200); do
  curl -sf "$AWS_ENDPOINT_URL/moto-api/data.json" > /dev/null && break
  kill -0 "$moto" || fail "moto does not start: $(cat "$work/moto.log")"
  sleep 0.1
done

try_localstack() {
  say "localstack/posters.sh, twice"
  mkdir -p "$work/bin"
  # LocalStack's wrapper only names its own address.
  printf '#!/bin/sh\nexec aws "$@"\n' > "$work/bin/awslocal"
  chmod +x "$work/bin/awslocal"
  PATH=$work/bin:$PATH bash localstack/posters.sh > /dev/null
  PATH=$work/bin:$PATH bash localstack/posters.sh > /dev/null 2>&1
  aws s3api get-bucket-policy --bucket ticket-queue-posters --query Policy --output text | grep 'ticket-queue-posters/posters/\*' > /dev/null \
    || fail "the posters' bucket has no policy"
  echo poster | aws s3 cp - s3://ticket-queue-posters/posters/a.png > /dev/null
  [ "$(curl -sf "$AWS_ENDPOINT_URL/ticket-queue-posters/posters/a.png")" = poster ] || fail "nobody can see a poster"
}

prefix=/ticket-queue/prod
# moto gives these back as they were made; of a security group's rules it forgets the descriptions.
faithful=(module.network module.parameters module.storage.aws_ecr_repository.this
  module.storage.aws_s3_bucket_policy.posters module.storage.aws_s3_bucket_versioning.posters
  module.storage.aws_s3_bucket_server_side_encryption_configuration.posters)
targets=("${faithful[@]}" module.security)
more_targets=(module.storage module.database module.load_balancer)

terraform_in() {
  local folder=$1
  shift
  TF_IN_AUTOMATION=1 TF_CLI_CONFIG_FILE='' terraform -chdir="$folder" "$@"
}

# A copy with its state beside it, on moto.
prepare_terraform() {
  command -v terraform > /dev/null || return 1
  local plugins=${TF_PLUGINS:-/opt/tf-plugins} init=(init -input=false -no-color) folder
  [ ! -d "$plugins" ] || init+=("-plugin-dir=$plugins")
  cp -r infra/terraform "$work/terraform"
  printf 'terraform {\n  backend "local" {}\n}\n' > "$work/terraform/trial_override.tf"
  for folder in "$work/terraform" "$work/terraform/bootstrap"; do
    cat >> "$folder/trial_override.tf" << 'END'
provider "aws" {
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  s3_use_path_style           = true
}
END
    terraform_in "$folder" "${init[@]}" > "$work/init.log" 2>&1 || return 1
    terraform_in "$folder" validate -no-color > "$work/validate.log" 2>&1 || fail "$(cat "$work/validate.log")"
  done
}

apply() {
  local folder=$1
  shift
  terraform_in "$folder" apply -auto-approve -input=false -no-color -lock=false "$@" > "$work/apply.log" 2>&1 \
    || fail "$(tail -30 "$work/apply.log")"
  say "$(grep 'Apply complete' "$work/apply.log")"
}

# What is applied is what was asked for: a plan would change nothing.
nothing_to_change() {
  local folder=$1
  shift
  terraform_in "$folder" plan -detailed-exitcode -input=false -no-color -lock=false "$@" > "$work/plan.log" 2>&1 \
    || fail "applied, and still to change: $(grep -E '^ +[#~+-]|Error' "$work/plan.log" | head -20)"
}

try_terraform() {
  local variables=(-var domain=example.com -var api_host=api.example.com -var alarm_email=operator@example.com -var image_tag=trial)
  if [ "${1:-}" = --more ]; then
    say "bootstrap"
    apply "$work/terraform/bootstrap" -var state_bucket=trial-state -var github_repository=owner/name
    aws route53 create-hosted-zone --name example.com --caller-reference trial > /dev/null
    targets+=("${more_targets[@]}")
  fi
  say "Terraform"
  apply "$work/terraform" "${variables[@]}" "${targets[@]/#/-target=}"
  nothing_to_change "$work/terraform" "${variables[@]}" "${faithful[@]/#/-target=}"
}

secrets_by_hand() {
  local name
  for name in JWT_SECRET PERSONAL_DATA_KEYS DB_PASSWORD_USER PORTONE_API_SECRET; do
    aws ssm put-parameter --name "$prefix/$name" --type SecureString --value unset > /dev/null
  done
  aws ssm put-parameter --name "$prefix/RELEASE" --type String --value trial > /dev/null
}

# Names and values of all parameters, one a line.
parameters() {
  aws ssm get-parameters-by-path --path "$prefix" --with-decryption --query 'Parameters[].[Name, Type, Value]' --output text | sort
}

# Those that others give us are answered by the lines of its input, as by somebody at a terminal.
put_secrets() {
  script -qec "infra/terraform/scripts/put-secrets.sh $prefix $*" /dev/null < "$work/answers"
}

# A new key never takes the old ones away, and the key of the blind index is never another one.
try_personal_data_keys() {
  local name=$prefix/PERSONAL_DATA_KEYS old=k20260101:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
  aws ssm put-parameter --overwrite --name "$name" --type SecureString --value "$old" > /dev/null
  put_secrets --replace PERSONAL_DATA_KEYS > /dev/null
  parameters > "$work/fourth"
  grep -qP "/PERSONAL_DATA_KEYS\tSecureString\tk[0-9]{8}:[A-Za-z0-9+/]{43}=,$old$" "$work/fourth" || fail "the old key is lost"
  ! put_secrets --replace PERSONAL_DATA_KEYS > /dev/null || fail "two keys of one id"
  ! put_secrets --replace BLIND_INDEX_KEY > /dev/null || fail "BLIND_INDEX_KEY was replaced"
  parameters | cmp -s - "$work/fourth" || fail "what was refused changed something"
}

try_secrets() {
  say "put-secrets.sh"
  # One that was given, and Enter for the others.
  { echo given-to-us-0123456789; for _ in $(seq 20); do echo; done; } > "$work/answers"
  put_secrets > "$work/said"
  parameters > "$work/first"
  grep -qP '\tSecureString\tgiven-to-us-0123456789$' "$work/first" || fail "what was given is not there"
  grep -qP "/JWT_SECRET\tSecureString\t[0-9a-f]{64}$" "$work/first" || fail "JWT_SECRET is no random secret"
  grep -qP "/PERSONAL_DATA_KEYS\tSecureString\tk[0-9]{8}:[A-Za-z0-9+/]{43}=$" "$work/first" || fail "PERSONAL_DATA_KEYS is no key"
  grep -qP "/RELEASE\tString\ttrial$" "$work/first" || fail "the release was touched"
  cut -f3 "$work/first" | grep -E '.{12}' | sort > "$work/values"
  [ -z "$(uniq -d "$work/values")" ] || fail "two secrets are the same"
  # The terminal itself shows what is typed before it is asked for, so only what was made counts.
  grep -v given-to-us "$work/values" > "$work/made"
  ! grep -qFf "$work/made" "$work/said" || fail "a secret was printed"

  for _ in $(seq 20); do echo; done > "$work/answers"
  put_secrets > /dev/null
  parameters | cmp -s - "$work/first" || fail "a second run changed something"
  put_secrets --replace JWT_SECRET > /dev/null
  parameters > "$work/third"
  [ "$(diff "$work/first" "$work/third" | grep '^>' | cut -f1)" = "> $prefix/JWT_SECRET" ] || fail "--replace did not replace the one"
  try_personal_data_keys
  ! put_secrets --replace NONE > /dev/null || fail "--replace takes a name that is none"
}

try_localstack
if prepare_terraform; then
  try_terraform "${1:-}"
else
  say "left out, because it or its provider cannot be had here: terraform ($(tail -3 "$work/init.log" 2> /dev/null | tr -s '\n ' ' '))"
  secrets_by_hand
fi
try_secrets
say "all of it works on moto"
