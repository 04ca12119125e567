#!/usr/bin/env bash
# Builds the API's image and pushes it to ECR: needs the .NET SDK and the AWS CLI, no container engine.
# Reads AWS_REGION, REPOSITORY_URL, IMAGE_TAG and ARCHITECTURE (x64 or arm64).
set -euo pipefail

registry="${REPOSITORY_URL%%/*}"
repository="${REPOSITORY_URL#*/}"

# A tag names one content and cannot be pushed twice.
if aws ecr describe-images --region "$AWS_REGION" --repository-name "$repository" --image-ids "imageTag=$IMAGE_TAG" > /dev/null 2>&1; then
  echo "$REPOSITORY_URL:$IMAGE_TAG exists already."
  exit 0
fi

# An environment variable, so that no process list shows the password; for pushes only, so that it is not sent to the base image's registry.
DOTNET_CONTAINER_PUSH_REGISTRY_PWORD="$(aws ecr get-login-password --region "$AWS_REGION")"
export DOTNET_CONTAINER_PUSH_REGISTRY_PWORD
export DOTNET_CONTAINER_PUSH_REGISTRY_UNAME=AWS

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
dotnet publish UserApi.Api -t:PublishContainer --os linux --arch "$ARCHITECTURE" \
  -p:ContainerRegistry="$registry" -p:ContainerRepository="$repository" -p:ContainerImageTag="$IMAGE_TAG"
