#!/usr/bin/env python3
"""One life of the deployment, with the real provider against an AWS API emulator (moto):
apply, a second plan that is empty, a changed image that changes only what it must, and destroy, which leaves nothing.

Needs terraform, moto's server, boto3 and the AWS CLI; TF_CLI_CONFIG_FILE may name a provider mirror.
The emulator checks few of AWS's rules and starts no task, so nothing here waits for one.
"""

import http.client
import http.server
import json
import logging
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import uuid
from pathlib import Path

# AWS's own policies exist in the emulator only if it is told so before it starts.
os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"

import boto3  # noqa: E402
from moto.server import ThreadedMotoServer  # noqa: E402

HERE = Path(__file__).resolve().parent
REGION = "us-east-1"
VARIABLES = {
    "wait_for_steady_state": False,
    "execute_command": True,
    "flow_logs": True,
    "alarm_email": "alarms@example.com",
    "github_repository": "example/user-api",
    "state_bucket": "example-state",
    "tags": {"Owner": "lifecycle"},
}

# Everything of which the deployment makes some, and how to list it. Not what AWS makes and removes along with it (network interfaces
# of NAT gateways, the name space's hosted zone): the emulator forgets to remove that.
KINDS = [
    ("application-autoscaling", "describe_scalable_targets", "ScalableTargets"),
    ("application-autoscaling", "describe_scaling_policies", "ScalingPolicies"),
    ("backup", "list_backup_plans", "BackupPlansList"),
    ("backup", "list_backup_vaults", "BackupVaultList"),
    ("cloudfront", "list_distributions", "DistributionList.Items"),
    ("cloudwatch", "describe_alarms", "MetricAlarms"),
    ("cloudwatch", "list_dashboards", "DashboardEntries"),
    ("cognito-idp", "list_user_pools", "UserPools"),
    ("ec2", "describe_addresses", "Addresses"),
    ("ec2", "describe_flow_logs", "FlowLogs"),
    ("ec2", "describe_internet_gateways", "InternetGateways"),
    ("ec2", "describe_nat_gateways", "NatGateways"),
    ("ec2", "describe_route_tables", "RouteTables"),
    ("ec2", "describe_security_groups", "SecurityGroups"),
    ("ec2", "describe_subnets", "Subnets"),
    ("ec2", "describe_vpc_endpoints", "VpcEndpoints"),
    ("ec2", "describe_vpcs", "Vpcs"),
    ("ecr", "describe_repositories", "repositories"),
    ("ecs", "describe_clusters", "clusters"),
    ("ecs", "list_task_definitions", "taskDefinitionArns"),
    ("efs", "describe_access_points", "AccessPoints"),
    ("efs", "describe_file_systems", "FileSystems"),
    ("elbv2", "describe_load_balancers", "LoadBalancers"),
    ("elbv2", "describe_target_groups", "TargetGroups"),
    ("iam", "list_open_id_connect_providers", "OpenIDConnectProviderList"),
    ("iam", "list_roles", "Roles"),
    ("logs", "describe_log_groups", "logGroups"),
    ("s3", "list_buckets", "Buckets"),
    ("secretsmanager", "list_secrets", "SecretList"),
    ("servicediscovery", "list_namespaces", "Namespaces"),
    ("servicediscovery", "list_services", "Services"),
    ("sns", "list_subscriptions", "Subscriptions"),
    ("sns", "list_topics", "Topics"),
    ("ssm", "describe_parameters", "Parameters"),
]

passed = 0
failed = 0


def check(name, holds, detail=""):
    global passed, failed
    if holds:
        passed += 1
        print(f"ok      {name}", flush=True)
    else:
        failed += 1
        print(f"FAILED  {name}{': ' + str(detail) if detail else ''}", flush=True)


class Emulator:
    """moto behind a proxy that notes every call, answers the few that moto does not know, and keeps what moto drops.

    Without it the provider would give up, or plan again and again what AWS has taken long since.
    """

    def __init__(self):
        logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
        self.moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self.moto.start()
        self.calls = []
        self.selections = {}
        self.scaling_tags = {}
        self.services = {}
        self.descriptions = {}
        self.vpc_origins = {}
        self.distribution = {}
        emulator = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                service = (re.search(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/", self.headers.get("Authorization", "")) or ["", ""])[1]
                action = self.headers.get("X-Amz-Target", "").split(".")[-1] or (re.search(rb"Action=(\w+)", body) or [b"", b""])[1].decode()
                emulator.calls.append((service, action or f"{self.command} {self.path}"))
                status, headers, content = (
                    emulator.backup(self.command, self.path, body)
                    or (service == "cloudfront" and emulator.vpc_origin(self.command, self.path, body))
                    or (service == "application-autoscaling" and emulator.scaling(action, body))
                    # Gone with its pool, but not by itself.
                    or (action == "DeleteResourceServer" and emulator.json({}))
                    or emulator.forward(self, service, body)
                )
                if service == "ecs":
                    content = emulator.ecs(action, body, content)
                if service == "ec2":
                    content = emulator.ec2(action, body, content)
                if service == "cloudfront":
                    content = emulator.origins(self.command, body, content)
                self.send_response(status)
                for key, value in headers:
                    if key.lower() not in ("transfer-encoding", "content-length", "connection", "server", "date"):
                        self.send_header(key, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(content)

            do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = do_PATCH = answer

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def forward(self, request, service, body):
        connection = http.client.HTTPConnection(*self.moto.get_host_and_port(), timeout=60)
        # moto wants a slash behind the name, AWS and its clients do not.
        path = f"{request.path}/" if service == "backup" and request.path.startswith("/tags/") else request.path
        connection.request(request.command, path, body, dict(request.headers))
        response = connection.getresponse()
        if response.status == 500:
            print(f"        the emulator cannot answer {self.calls[-1]}", file=sys.stderr)
        return response.status, response.getheaders(), response.read()

    def backup(self, method, path, body):
        """AWS Backup's selections and recovery points, and the removal of EFS's policies, which moto has not."""
        path = path.split("?")[0]
        if method == "DELETE" and re.fullmatch(r"/2015-02-01/file-systems/[^/]+/policy", path):
            return self.json({})
        if re.fullmatch(r"/backup-vaults/[^/]+/recovery-points/?", path):
            return self.json({"RecoveryPoints": []})
        found = re.fullmatch(r"/backup/plans/([^/]+)/selections/?([^/]*)", path)
        if not found:
            return None
        plan, selection = found.groups()
        if method == "PUT":
            selection = str(uuid.uuid4())
            self.selections[selection] = {**json.loads(body), "BackupPlanId": plan, "SelectionId": selection}
            return self.json({"BackupPlanId": plan, "SelectionId": selection})
        if selection not in self.selections:
            return self.json({"Code": "ResourceNotFoundException", "Message": "no such selection"}, 400, [("x-amzn-ErrorType", "ResourceNotFoundException")])
        if method == "DELETE":
            del self.selections[selection]
            return self.json({})
        return self.json(self.selections[selection])

    def ecs(self, action, body, content):
        """Settings of services, of which moto gives back some only."""
        settings = ("availabilityZoneRebalancing", "enableECSManagedTags", "enableExecuteCommand", "healthCheckGracePeriodSeconds", "propagateTags")
        if action in ("CreateService", "UpdateService"):
            asked = json.loads(body)
            name = (asked.get("serviceName") or asked.get("service")).split("/")[-1]
            self.services.setdefault(name, {}).update({key: asked[key] for key in settings if key in asked})
        if action not in ("CreateService", "UpdateService", "DescribeServices"):
            return content
        answer = json.loads(content)
        for found in answer.get("services", []) + ([answer["service"]] if "service" in answer else []):
            found.update(self.services.get(found["serviceName"], {}))
        return json.dumps(answer).encode()

    def ec2(self, action, body, content):
        """Descriptions of rules for security groups and prefix lists."""
        if action.startswith("AuthorizeSecurityGroup"):
            asked = dict(urllib.parse.parse_qsl(body.decode()))
            for rule in re.findall(rb"<securityGroupRuleId>([^<]+)<", content):
                self.descriptions[rule] = asked.get("IpPermissions.1.Groups.1.Description") or asked.get("IpPermissions.1.PrefixListIds.1.Description")
        if action == "DescribeSecurityGroupRules":
            for rule, description in self.descriptions.items():
                if description:
                    tag = b"<securityGroupRuleId>" + rule + b"</securityGroupRuleId>"
                    content = content.replace(tag, tag + f"<description>{description}</description>".encode())
        return content

    def vpc_origin(self, method, path, body):
        """CloudFront's VPC origins, which moto has not."""
        path, _, query = path.partition("?")
        arn = "arn:aws:cloudfront::123456789012:vpcorigin/"
        if path.endswith("/tagging") and method == "GET":
            tagged = self.vpc_origins.get(urllib.parse.parse_qs(query)["Resource"][0].removeprefix(arn))
            return tagged and self.xml(re.search(rb"<Tags.*</Tags>", tagged)[0])
        found = re.fullmatch(r"/2020-05-31/vpc-origin/?([^/]*)", path)
        if not found:
            return None
        origin = found[1]
        if method == "POST":
            origin = f"vo_{uuid.uuid4().hex[:22]}"
            self.vpc_origins[origin] = body
        if origin not in self.vpc_origins:
            return self.xml(b"<ErrorResponse><Error><Type>Sender</Type><Code>EntityNotFound</Code><Message>no such origin</Message></Error></ErrorResponse>", 404)
        config = re.search(rb"<VpcOriginEndpointConfig.*</VpcOriginEndpointConfig>", self.vpc_origins[origin])[0]
        if method == "DELETE":
            del self.vpc_origins[origin]
        now = "2026-01-01T00:00:00Z"
        head = f"<Id>{origin}</Id><Arn>{arn}{origin}</Arn><Status>Deployed</Status><CreatedTime>{now}</CreatedTime><LastModifiedTime>{now}</LastModifiedTime>"
        return self.xml(b"<VpcOrigin>" + head.encode() + config + b"</VpcOrigin>", headers=[("ETag", "E1")])

    def origins(self, method, body, content):
        """The parts of the one distribution that moto gives back incomplete, or with what nobody asked for."""
        for name in (b"Origins", b"DefaultCacheBehavior", b"CustomErrorResponses", b"ViewerCertificate"):
            element = re.compile(rb"<%b>.*?</%b>" % (name, name), re.DOTALL)
            if method in ("POST", "PUT") and (asked := element.search(body)):
                self.distribution[name] = asked[0]
            if name in self.distribution:
                content = element.sub(lambda _: self.distribution[name], content)
        return content

    def scaling(self, action, body):
        """Tags of the one scalable target, which moto does not keep."""
        if action == "RegisterScalableTarget":
            self.scaling_tags = json.loads(body).get("Tags") or self.scaling_tags
        return self.json({"Tags": self.scaling_tags}) if action == "ListTagsForResource" else None

    @staticmethod
    def json(content, status=200, headers=()):
        return status, [("Content-Type", "application/json"), *headers], json.dumps(content).encode()

    @staticmethod
    def xml(content, status=200, headers=()):
        return status, [("Content-Type", "text/xml"), *headers], content

    def stop(self):
        self.server.shutdown()
        self.moto.stop()


def main():
    started = time.monotonic()
    emulator = Emulator()
    work = Path(tempfile.mkdtemp(prefix="userapi-lifecycle-"))
    try:
        live(emulator, work)
    finally:
        emulator.stop()
        shutil.rmtree(work, ignore_errors=True)
    print(f"Life cycle: {passed} passed, {failed} failed, {time.monotonic() - started:.0f} s")
    return 1 if failed else 0


def live(emulator, work):
    root = work / "checkout" / "terraform"
    shutil.copytree(HERE.parent, root, ignore=shutil.ignore_patterns(".terraform*", "*.tfstate*", "tests", "*.tfvars"))
    source = root.parent / "UserApi.Api" / "UserApi.Api.csproj"
    source.parent.mkdir()
    source.write_text("<Project />")

    # A stand-in for the .NET SDK: notes how it was called and pushes an image to the emulator.
    tools = work / "tools"
    tools.mkdir()
    dotnet = tools / "dotnet"
    dotnet.write_text(
        "#!/usr/bin/env bash\n"
        "set -euo pipefail\n"
        f'printf "%s " "$@" >> "{work}/dotnet.log"\n'
        f'echo "user=$DOTNET_CONTAINER_PUSH_REGISTRY_UNAME password=${{DOTNET_CONTAINER_PUSH_REGISTRY_PWORD:+given}} in=$PWD" >> "{work}/dotnet.log"\n'
        f'[[ "$*" != *"$DOTNET_CONTAINER_PUSH_REGISTRY_PWORD"* ]] || echo "password on the command line" >> "{work}/dotnet.log"\n'
        'for argument in "$@"; do case "$argument" in\n'
        '  -p:ContainerRepository=*) repository="${argument#*=}" ;;\n'
        '  -p:ContainerImageTag=*) tag="${argument#*=}" ;;\n'
        "esac; done\n"
        'manifest="{\\"schemaVersion\\": 2, \\"mediaType\\": \\"application/vnd.oci.image.manifest.v1+json\\", \\"annotations\\": {\\"tag\\": \\"$tag\\"}}"\n'
        'aws ecr put-image --repository-name "$repository" --image-tag "$tag" --image-manifest "$manifest" > /dev/null\n'
    )
    dotnet.chmod(0o755)

    # What an emulator needs, beside the configuration and not in it.
    (root / "emulator_override.tf").write_text(
        'provider "aws" {\n  s3_use_path_style = true\n  skip_metadata_api_check = true\n}\n'
    )
    (root / "terraform.tfvars.json").write_text(json.dumps(VARIABLES))

    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "TF_VAR_"))},
        "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
        "AWS_ENDPOINT_URL": emulator.url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_MAX_ATTEMPTS": "3",
        "TF_IN_AUTOMATION": "1",
        "TF_INPUT": "0",
        "TF_DATA_DIR": str(work / "data"),
        "CHECKPOINT_DISABLE": "1",
    }

    def terraform(*arguments, expect=(0,)):
        result = subprocess.run(["terraform", *arguments], cwd=root, env=environment, capture_output=True, text=True)
        if result.returncode not in expect:
            print(result.stdout[-4000:], result.stderr[-8000:], sep="\n", file=sys.stderr)
            sys.exit(f"FAILED  terraform {arguments[0]} ended with {result.returncode}")
        return result

    def plan():
        terraform("plan", "-out=plan.tfplan")
        return json.loads(terraform("show", "-json", "plan.tfplan").stdout)

    def changes(planned):
        return {
            change["address"]: change["change"]["actions"] for change in planned["resource_changes"] if change["change"]["actions"] not in (["no-op"], ["read"])
        }

    def differences(planned):
        """Why each change is planned: the attributes that differ, as they are and as they would be."""
        return {
            change["address"]: {
                key: (before.get(key), after.get(key))
                for before, after in [(change["change"]["before"] or {}, change["change"]["after"] or {})]
                for key in {*before, *after}
                if before.get(key) != after.get(key)
            }
            for change in planned["resource_changes"]
            if change["address"] in changes(planned)
        }

    def client(service):
        return boto3.client(service, endpoint_url=emulator.url, region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test")

    terraform("init", "-backend=false")
    before = {kind: inventory(client, *kind) for kind in KINDS}

    # Apply
    first = plan()
    (work / "plans").write_text(json.dumps(first))
    output = terraform("apply", "plan.tfplan").stdout
    outputs = {name: value["value"] for name, value in json.loads(terraform("output", "-json").stdout).items()}
    check("apply makes what was planned", "Apply complete!" in output)
    check("app_url leads to the docs", re.fullmatch(r"https://\w+\.cloudfront\.net/docs", outputs["app_url"]), outputs["app_url"])

    log = (work / "dotnet.log").read_text()
    check("the image is built from the checkout and pushed once", log.count("publish UserApi.Api -t:PublishContainer --os linux --arch x64") == 1, log)
    check("the registry's password is given by environment only", "user=AWS password=given" in log and "command line" not in log, log)
    check("the build runs at the root of the checkout", f"in={root.parent}\n" in log, log)

    definitions = client("ecs")
    task = definitions.describe_task_definition(taskDefinition=outputs["task_definition_arn"])["taskDefinition"]
    api = next(container for container in task["containerDefinitions"] if container["name"] == "api")
    check("the task runs the image that was pushed", api["image"] == outputs["app_image"], api["image"])

    unseen = [kind for kind in KINDS if not [item for item in inventory(client, *kind) if item not in before[kind]]]
    check("the inventory sees what apply has made", not unseen, unseen)

    # Secrets
    secrets = client("secretsmanager")
    api_secret = json.loads(secrets.get_secret_value(SecretId="simple-user-api/database/api")["SecretString"])
    root_secret = json.loads(secrets.get_secret_value(SecretId="simple-user-api/database/root")["SecretString"])
    check("passwords are drawn, long and different", len(api_secret["password"]) >= 32 and len(root_secret["password"]) >= 32 and api_secret["password"] != root_secret["password"])
    check(
        "the connection string is the API's user, on its own database",
        api_secret["connectionString"] == f"mongodb://api:{api_secret['password']}@mongo.simple-user-api.internal:27017/users?authSource=users",
    )
    emulated = (root / "terraform.tfstate").read_text() + (work / "plans").read_text() + output
    emulated += json.dumps([definitions.describe_task_definition(taskDefinition=arn)["taskDefinition"] for arn in definitions.list_task_definitions()["taskDefinitionArns"]], default=str)
    check("no password is in the state, the plan, the output or a task definition", not any(s["password"] in emulated for s in (api_secret, root_secret)))

    # A caller, made as the outputs say
    created = subprocess.run(["bash", "-c", outputs["create_client_command"]], env={**environment, "NAME": "caller"}, capture_output=True, text=True)
    check("a client is made by the command that the outputs give", created.returncode == 0 and len(created.stdout.split()) == 2, created.stderr)
    client_id, client_secret = created.stdout.split()
    pool = outputs["token_issuer"].rsplit("/", 1)[-1]
    caller = client("cognito-idp").describe_user_pool_client(UserPoolId=pool, ClientId=client_id)["UserPoolClient"]
    check(
        "it may get tokens of its own for both scopes, and nothing else",
        caller["AllowedOAuthFlows"] == ["client_credentials"]
        and sorted(caller["AllowedOAuthScopes"]) == ["simple-user-api/users.read", "simple-user-api/users.write"],
        caller,
    )

    # A second plan
    emulator.calls.clear()
    second = plan()
    check("a second plan is empty", not changes(second) and all(value["actions"] == ["no-op"] for value in second["output_changes"].values()), differences(second))
    unnamed = sorted(address_tags(second))
    check("everything that takes tags has those of the deployment", not unnamed, unnamed)

    check("its secret is in no state", client_secret not in json.dumps(second) + (root / "terraform.tfstate").read_text())

    # A changed image
    source.write_text("<Project>changed</Project>")
    changed = plan()
    check(
        "a changed source changes the image, the task and the service, and nothing else",
        changes(changed)
        == {
            "terraform_data.image[0]": ["create", "delete"],
            "aws_ecs_task_definition.api": ["create", "delete"],
            "aws_ecs_service.api": ["update"],
        },
        changes(changed),
    )
    terraform("apply", "plan.tfplan")
    service = definitions.describe_services(cluster="simple-user-api", services=["api"])["services"][0]
    task = definitions.describe_task_definition(taskDefinition=service["taskDefinition"])["taskDefinition"]
    image = json.loads(terraform("output", "-json", "app_image").stdout)
    check("the service is told to run it", image != outputs["app_image"] and task["containerDefinitions"][0]["image"] == image, image)

    # Autoscaling's number of tasks
    definitions.update_service(cluster="simple-user-api", service="api", desiredCount=3)
    check("the plan after it is empty, and leaves alone the number of tasks that autoscaling chose", not changes(plan()))

    # What the deploying workflow does
    (root / "terraform.tfvars.json").write_text(json.dumps({**VARIABLES, "app_image": f"{outputs['repository_url']}:workflow"}))
    emulator.calls.clear()
    subprocess.run(
        [root / "scripts" / "publish-image.sh"],
        env={**environment, "REPOSITORY_URL": outputs["repository_url"], "IMAGE_TAG": "workflow", "ARCHITECTURE": outputs["image_architecture"]},
        capture_output=True,
        check=True,
    )
    terraform("plan", "-refresh=false", "-out=plan.tfplan")
    deployment = json.loads(terraform("show", "-json", "plan.tfplan").stdout)
    check(
        "a deployment changes the task and the service, and nothing in the cloud beside them",
        set(changes(deployment)) == {"terraform_data.image[0]", "aws_ecs_task_definition.api", "aws_ecs_service.api"},
        changes(deployment),
    )
    terraform("apply", "plan.tfplan")
    called = {f"{service}:{action}" for service, action in emulator.calls} - {"sts:GetCallerIdentity"}
    policy = client("iam").get_role_policy(RoleName="simple-user-api-us-east-1-deploy", PolicyName="deploy")["PolicyDocument"]
    allowed = {action for statement in policy["Statement"] for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])}
    check("the deploying role may call what a deployment calls", called <= allowed, sorted(called - allowed))
    check("a deployment reads no value of a secret", "secretsmanager:GetSecretValue" not in called)
    service = definitions.describe_services(cluster="simple-user-api", services=["api"])["services"][0]
    task = definitions.describe_task_definition(taskDefinition=service["taskDefinition"])["taskDefinition"]
    check("the service is told to run what was deployed", task["containerDefinitions"][0]["image"].endswith(":workflow"))

    # New passwords
    (root / "terraform.tfvars.json").write_text(json.dumps({**VARIABLES, "app_image": f"{outputs['repository_url']}:workflow", "db_password_version": 2}))
    rotation = plan()
    check(
        "new passwords reach both tasks, and nothing else changes",
        set(changes(rotation))
        == {
            "terraform_data.passwords[0]",
            "aws_secretsmanager_secret_version.api_database[0]",
            "aws_secretsmanager_secret_version.database_root[0]",
            "aws_ecs_task_definition.api",
            "aws_ecs_task_definition.database[0]",
            "aws_ecs_service.api",
            "aws_ecs_service.database[0]",
        },
        changes(rotation),
    )
    terraform("apply", "plan.tfplan")
    rotated = json.loads(secrets.get_secret_value(SecretId="simple-user-api/database/api")["SecretString"])
    check("the new password is another one", rotated["password"] != api_secret["password"] and rotated["password"] in rotated["connectionString"])
    check("the plan after it is empty", not changes(plan()))
    state = (root / "terraform.tfstate").read_text()
    check("no password has come into the state", not any(secret["password"] in state for secret in (api_secret, root_secret, rotated)))

    # Destroy
    terraform("destroy", "-auto-approve")
    check("destroy empties the state", not json.loads((root / "terraform.tfstate").read_text())["resources"])
    # AWS keeps revisions of task definitions too, inactive and free of charge.
    left = {".".join(kind[:2]): found for kind in KINDS if (found := [item for item in inventory(client, *kind) if item not in before[kind]])}
    check("destroy leaves nothing", not left and not emulator.selections and not emulator.vpc_origins, left)


def inventory(client, service, operation, result):
    """What there is of one kind, without what is only the memory of something deleted."""
    arguments = {
        "application-autoscaling": {"ServiceNamespace": "ecs"},
        "cognito-idp": {"MaxResults": 60},
        "ecs": {"clusters": ["simple-user-api"]} if operation == "describe_clusters" else {},
    }.get(service, {})
    items = getattr(client(service), operation)(**arguments)
    for key in result.split("."):
        items = items.get(key, [])
    return [
        json.dumps(item, sort_keys=True, default=str)
        for item in items
        if not isinstance(item, dict) or (item.get("State") != "deleted" and item.get("status") != "INACTIVE")
    ]


def address_tags(planned):
    """Addresses of resources that take tags and have not those of the deployment."""
    for resource in planned["planned_values"]["root_module"]["resources"]:
        values = resource["values"]
        if resource["mode"] == "managed" and "tags_all" in values:
            wanted = {"Application": "simple-user-api", "ManagedBy": "terraform", "Owner": "lifecycle"}
            if not wanted.items() <= (values["tags_all"] or {}).items():
                yield resource["address"]


if __name__ == "__main__":
    sys.exit(main())
