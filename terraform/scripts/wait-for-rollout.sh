#!/usr/bin/env bash
# Waits until ECS has finished a deployment, and fails unless the service then runs the requested revision.
# The number of running tasks is not enough: a service is also stable while ECS watches the alarms, and after a rollback.
# Reads CLUSTER, SERVICE and TASK_DEFINITION, and TIMEOUT_SECONDS (2400).
set -euo pipefail

while :; do
  read -r state running < <(aws ecs describe-services --cluster "$CLUSTER" --services "$SERVICE" --output text \
    --query "services[0].deployments[?status=='PRIMARY'] | [0].[rolloutState, taskDefinition]")
  [[ "$state" == IN_PROGRESS ]] || break
  if ((SECONDS > ${TIMEOUT_SECONDS:-2400})); then
    echo "ECS has not finished after $SECONDS seconds: $running is still being rolled out." >&2
    exit 1
  fi
  sleep 10
done

if [[ "$state" != COMPLETED || "$running" != "$TASK_DEFINITION" ]]; then
  echo "The service runs $running ($state), not $TASK_DEFINITION: ECS rolled back." >&2
  exit 1
fi
echo "The service runs $TASK_DEFINITION."
