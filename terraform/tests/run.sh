#!/usr/bin/env bash
# Tests everything that can be tested without an AWS account: format, validity, the plans of the deployment and of each module
# (*.tftest.hcl), the READMEs' tables, the scripts, the examples, and one life cycle against an emulator.
# Leaves no files behind.
#
#   tests/run.sh            everything
#   tests/run.sh plan       without the life cycle, which takes minutes
#
# Ends with a line "Terraform: N passed, N failed, N skipped"; exits with 1 if anything failed. What needs a missing tool
# is skipped, with a line that says so.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit
root="$PWD"

passed=0 failed=0 skipped=0
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

pass() { passed=$((passed + ${2:-1})); echo "PASS  $1"; }
fail() { failed=$((failed + ${2:-1})); echo "FAIL  $1"; }
skip() { skipped=$((skipped + 1)); echo "SKIP  $1: $2"; }

finish() {
  echo "Terraform: $passed passed, $failed failed, $skipped skipped"
  [[ $failed -eq 0 ]]
  exit
}

# step NAME COMMAND...: shows the command's output only if it fails
step() {
  local name="$1"
  shift
  if "$@" > "$work/log" 2>&1; then
    pass "$name"
  else
    fail "$name"
    sed 's/^/      /' "$work/log"
    return 1
  fi
}

# Prints the directory of an installed copy of the provider, with the layout of a Terraform filesystem mirror.
mirror() {
  local platform binary
  platform="$(terraform version -json | sed -n 's/.*"platform": "\(.*\)".*/\1/p')"
  binary="$(find / \( -path /proc -o -path /sys -o -path /dev -o -path /tmp -o -name .terraform -o -name node_modules \) -prune \
    -o -type f -path "*/registry.terraform.io/hashicorp/aws/*/$platform/terraform-provider-aws*" -print -quit 2> /dev/null)"
  echo "${binary%%/registry.terraform.io/*}"
}

if command -v shellcheck > /dev/null; then
  step "shell scripts" shellcheck scripts/*.sh modules/*/scripts/*.sh tests/*.sh
else
  skip "shell scripts" "shellcheck is not installed"
fi

step "database's command" tests/database.sh

if command -v python3 > /dev/null; then
  step "READMEs' tables, and every variable and output described" python3 tests/readme.py
else
  skip "READMEs' tables" "python3 is not installed"
fi

if ! command -v terraform > /dev/null; then
  skip "format, validity, plan and life cycle" "terraform is not installed"
  finish
fi

# A shared copy of the provider, because there is an init for each module and example.
mkdir "$work/plugins"
export TF_IN_AUTOMATION=1 TF_INPUT=0 TF_DATA_DIR="$work/data" TF_PLUGIN_CACHE_DIR="$work/plugins" CHECKPOINT_DISABLE=1
[[ -f "${TF_CLI_CONFIG_FILE:-}" ]] || unset TF_CLI_CONFIG_FILE

step "format" terraform fmt -check -diff -recursive

found="$(mirror)"
if [[ -n "$found" ]]; then
  echo "      provider from $found"
  cat > "$work/terraform.rc" << EOF
provider_installation {
  filesystem_mirror {
    path    = "$found"
    include = ["registry.terraform.io/hashicorp/aws"]
  }
}
EOF
  export TF_CLI_CONFIG_FILE="$work/terraform.rc"
fi

if ! terraform init -backend=false -lockfile=readonly -no-color > "$work/init" 2>&1; then
  # Skipped only if the registry cannot be reached; any other error is a fault of the configuration.
  if [[ -z "$found" ]] && grep -qE "Failed to (query available|install) provider|could not connect" "$work/init"; then
    skip "validity, plan and life cycle" "the provider is not installed, and its registry cannot be reached"
  else
    fail "init"
    sed 's/^/      /' "$work/init"
  fi
  finish
fi

step "validity" terraform validate -no-color

# plans NAME: runs the tests of the configuration in this directory
plans() {
  local log="$work/test" status runs broken
  terraform test -no-color > "$log" 2>&1
  status=$?
  runs="$(grep -cE '^  run ".*"\.\.\. pass$' "$log")"
  broken="$(grep -cE '^  run ".*"\.\.\. (fail|skip)$' "$log")"
  [[ $runs -eq 0 ]] || pass "plan of $1: $runs runs" "$runs"
  if [[ $status -ne 0 || $runs -eq 0 ]]; then
    fail "plan of $1: $broken runs" "$((broken > 0 ? broken : 1))"
    sed 's/^/      /' "$log"
  fi
}

plans "the deployment"

# Copies, so that no files are left beside the originals; with the deployment's lock file, so that the provider is the same.
mkdir "$work/copy"
tar -c --exclude=.terraform --exclude='*.tfstate*' --exclude='*.tfvars*' . | tar -x -C "$work/copy"
for module in modules/*/; do
  name="$(basename "$module")"
  cd "$work/copy/$module" || exit
  cp "$work/copy/.terraform.lock.hcl" .
  if TF_DATA_DIR="$work/$name" terraform init -backend=false -no-color > "$work/init" 2>&1; then
    TF_DATA_DIR="$work/$name" plans "module $name"
  else
    fail "init of module $name"
    sed 's/^/      /' "$work/init"
  fi
done
for example in "$work"/copy/examples/*/; do
  name="$(basename "$example")"
  cd "$example" || exit
  cp "$work/copy/.terraform.lock.hcl" .
  if TF_DATA_DIR="$work/example-$name" terraform init -backend=false -no-color > "$work/init" 2>&1; then
    TF_DATA_DIR="$work/example-$name" step "validity of the example $name" terraform validate -no-color
  else
    fail "init of the example $name"
    sed 's/^/      /' "$work/init"
  fi
done
cd "$root" || exit

if [[ "${1:-}" == plan ]]; then
  skip "life cycle" "not requested"
elif ! python3 -c "import boto3, moto.server" 2> /dev/null; then
  skip "life cycle" "moto's server and boto3 are not installed for python3 (pip install 'moto[server]' boto3)"
elif ! command -v aws > /dev/null; then
  skip "life cycle" "the AWS CLI is not installed"
else
  python3 tests/lifecycle.py 2>&1 | tee "$work/life" | sed 's/^/      /'
  lived="$(grep -cE '^ok ' "$work/life")"
  died="$(grep -cE '^FAILED ' "$work/life")"
  [[ $lived -eq 0 ]] || pass "life cycle: $lived checks" "$lived"
  if [[ $died -gt 0 ]] || ! grep -qE '^Life cycle: [1-9][0-9]* passed, 0 failed' "$work/life"; then
    fail "life cycle" "$((died > 0 ? died : 1))"
  fi
fi

finish
