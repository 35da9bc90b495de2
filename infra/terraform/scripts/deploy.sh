#!/usr/bin/env bash
# Deploys a release whose images are in ECR: snapshot of the database, migration, then the programs one after the other. If they do
# not come up, the former release is put back and this ends with an error. Migrations only add (docs/upgrades.md), so the former
# release runs on the new schema; the snapshot is for what nobody thought of.
#
#   ENVIRONMENT=prod COMPUTE=ec2|ecs scripts/deploy.sh TAG
set -euo pipefail

tag=${1:?the tag to deploy}
environment=${ENVIRONMENT:?the environment, such as prod}
compute=${COMPUTE:?ec2 or ecs}
name=ticket-queue-$environment
parameter=/ticket-queue/$environment/RELEASE
programs=(user-service event-service queue-service reservation-service payment-service gateway)

say() { printf '%s %s\n' "$(date -u +%T)" "$*"; }

put_release() {
  aws ssm put-parameter --name "$parameter" --value "$1" --overwrite > /dev/null
}

snapshot() {
  local snapshot
  snapshot=$name-$(date -u +%Y%m%d-%H%M%S)
  say "snapshot $snapshot"
  aws rds create-db-snapshot --db-instance-identifier "$name" --db-snapshot-identifier "$snapshot" > /dev/null
  aws rds wait db-snapshot-available --db-snapshot-identifier "$snapshot"
}

# AWS's own waiter gives up after 100 s, which a migration may take, and fails at once when the instance has not heard of the command.
wait_for_command() {
  local status began=$SECONDS
  while [ $((SECONDS - began)) -lt "${COMMAND_SECONDS:-900}" ]; do
    status=$(aws ssm get-command-invocation --command-id "$1" --instance-id "$2" --query Status --output text 2> "$work/refused") \
      || status=$(cat "$work/refused")
    case "$status" in
      Success) return 0 ;;
      Pending | InProgress | Delayed | *InvocationDoesNotExist*) sleep 3 ;;
      *)
        say "the command on $2: $status" >&2
        return 1
        ;;
    esac
  done
  say "the command on $2 did not end within ${COMMAND_SECONDS:-900} s; look at it before the next deployment" >&2
  return 1
}

migrate_on_ec2() {
  local instance command status
  # shellcheck disable=SC2016  # the backquotes are JMESPath's
  instance=$(aws autoscaling describe-auto-scaling-groups --auto-scaling-group-names "$name" \
    --query 'AutoScalingGroups[0].Instances[?LifecycleState==`InService`] | [0].InstanceId' --output text)
  if [ "$instance" = None ]; then
    say "no instance is in service; nothing to migrate from" >&2
    return 1
  fi
  command=$(aws ssm send-command --instance-ids "$instance" --document-name AWS-RunShellScript \
    --parameters "commands=[\"/usr/local/sbin/ticket-queue-operator $tag migrate\",\"/usr/local/sbin/ticket-queue-operator $tag topics create\"]" \
    --query Command.CommandId --output text)
  wait_for_command "$command" "$instance" || {
    aws ssm get-command-invocation --command-id "$command" --instance-id "$instance" --query StandardErrorContent --output text >&2
    return 1
  }
}

# Has the group replace its instances; succeeds when all are new and healthy.
replace_instances() {
  local refresh status
  refresh=$(aws autoscaling start-instance-refresh --auto-scaling-group-name "$name" \
    --preferences '{"MinHealthyPercentage": 100, "MaxHealthyPercentage": 200, "SkipMatching": false}' \
    --query InstanceRefreshId --output text)
  while :; do
    status=$(aws autoscaling describe-instance-refreshes --auto-scaling-group-name "$name" --instance-refresh-ids "$refresh" \
      --query 'InstanceRefreshes[0].Status' --output text)
    say "instances: $status"
    case "$status" in
      Successful) return 0 ;;
      Failed | Cancelled | RollbackSuccessful | RollbackFailed) return 1 ;;
    esac
    sleep 15
  done
}

deploy_on_ec2() {
  local former
  former=$(aws ssm get-parameter --name "$parameter" --query Parameter.Value --output text)
  migrate_on_ec2
  put_release "$tag"
  if replace_instances; then
    return 0
  fi
  say "the release $tag did not come up; back to $former" >&2
  put_release "$former"
  replace_instances || say "the former release did not come up either" >&2
  return 1
}

# Registers the family's task definition with the new tag, and prints its ARN.
new_definition() {
  aws ecs describe-task-definition --task-definition "$1" --query taskDefinition --output json \
    | TAG=$tag python3 -c '
import json, os, sys
definition = json.load(sys.stdin)
for container in definition["containerDefinitions"]:
    container["image"] = container["image"].rsplit(":", 1)[0] + ":" + os.environ["TAG"]
for key in ("taskDefinitionArn", "revision", "status", "requiresAttributes", "compatibilities", "registeredAt", "registeredBy"):
    definition.pop(key, None)
json.dump(definition, sys.stdout)' > "$work/definition.json"
  aws ecs register-task-definition --cli-input-json "file://$work/definition.json" \
    --query taskDefinition.taskDefinitionArn --output text
}

run_operator() {
  local network definition task code
  definition=$1
  shift
  network=$(aws ecs describe-services --cluster "$name" --services gateway \
    --query 'services[0].networkConfiguration' --output json)
  python3 -c 'import json, sys; json.dump({"containerOverrides": [{"name": "ticketctl", "command": sys.argv[1:]}]}, sys.stdout)' \
    "$@" > "$work/overrides.json"
  task=$(aws ecs run-task --cluster "$name" --launch-type FARGATE --task-definition "$definition" \
    --network-configuration "$network" --overrides "file://$work/overrides.json" --query 'tasks[0].taskArn' --output text)
  aws ecs wait tasks-stopped --cluster "$name" --tasks "$task"
  code=$(aws ecs describe-tasks --cluster "$name" --tasks "$task" --query 'tasks[0].containers[0].exitCode' --output text)
  [ "$code" = 0 ] || { say "ticketctl $* ended with $code" >&2; return 1; }
}

deploy_on_ecs() {
  local operator program definition
  operator=$(new_definition "$name-migrate")
  run_operator "$operator" migrate
  run_operator "$operator" topics create
  # The gateway last: it may call what the services did not have before. A service that does not come up is taken back by ECS.
  for program in "${programs[@]}"; do
    definition=$(new_definition "$name-$program")
    aws ecs update-service --cluster "$name" --service "$program" --task-definition "$definition" > /dev/null
    aws ecs wait services-stable --cluster "$name" --services "$program"
    if [ "$(aws ecs describe-services --cluster "$name" --services "$program" --query 'services[0].taskDefinition' --output text)" != "$definition" ]; then
      say "$program did not come up and was taken back; the services before it run $tag" >&2
      return 1
    fi
    say "$program runs $tag"
  done
  put_release "$tag"
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

snapshot
case "$compute" in
  ec2) deploy_on_ec2 ;;
  ecs) deploy_on_ecs ;;
  *) say "COMPUTE is ec2 or ecs" >&2; exit 2 ;;
esac
say "$tag is deployed"
