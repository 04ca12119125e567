#!/usr/bin/env python3
"""The life cycle of a deployment, with the real provider against an AWS API emulator (moto):
apply, a second plan that is empty, a changed image that changes only what it must, a deployment that ECS rolls back, new passwords,
a move to another database, what deletion_protection refuses, and destroy, which leaves nothing; and a plan of each example.

Needs terraform, moto's server, boto3 and the AWS CLI; TF_CLI_CONFIG_FILE may name a provider mirror.
The emulator checks few of AWS's rules and starts no tasks, so nothing here waits for one.
"""

import base64
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

# The emulator has AWS's managed policies only if this is set before it starts.
os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"

import boto3  # noqa: E402
import botocore.exceptions  # noqa: E402
from moto.server import ThreadedMotoServer  # noqa: E402

HERE = Path(__file__).resolve().parent
REGION = "us-east-1"
VARIABLES = {
    "wait_for_steady_state": False,
    "container_database": {"execute_command": True},
    "network": {"flow_logs": True},
    "alarms": {"email": "alarms@example.com"},
    "github": {"repository": "example/user-api", "state_bucket": "example-state"},
    "tags": {"Owner": "lifecycle"},
}

# Every kind of resource that the deployment creates, and how to list it. Without what AWS itself creates and deletes (network interfaces
# of NAT gateways, the name space's hosted zone), because the emulator does not delete those.
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
    ("efs", "describe_access_points", "AccessPoints"),
    ("efs", "describe_file_systems", "FileSystems"),
    ("elbv2", "describe_load_balancers", "LoadBalancers"),
    ("elbv2", "describe_target_groups", "TargetGroups"),
    ("events", "list_rules", "Rules"),
    ("iam", "list_open_id_connect_providers", "OpenIDConnectProviderList"),
    ("iam", "list_roles", "Roles"),
    ("logs", "describe_deliveries", "deliveries"),
    ("logs", "describe_delivery_destinations", "deliveryDestinations"),
    ("logs", "describe_delivery_sources", "deliverySources"),
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
    """moto behind a proxy that records every call, responds to the few that moto does not know, and stores what moto drops.

    Without it the provider would fail, or plan the same changes again and again.
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
        self.pool_tags = None
        self.rolled_back = set()
        emulator = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                service = (re.search(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/", self.headers.get("Authorization", "")) or ["", ""])[1]
                action = self.headers.get("X-Amz-Target", "").split(".")[-1] or (re.search(rb"Action=(\w+)", body) or [b"", b""])[1].decode()
                emulator.calls.append((service, action or f"{self.command} {self.path}"))
                if service == "ecs":
                    body = emulator.roll_back(action, body)
                if service == "cognito-idp":
                    body = emulator.pool(action, body)
                status, headers, content = (
                    emulator.backup(self.command, self.path, body)
                    or (action == "DeleteLoadBalancer" and emulator.protected(body))
                    or (action == "AssumeRoleWithWebIdentity" and emulator.assume_role(body))
                    or (service == "cloudfront" and emulator.vpc_origin(self.command, self.path, body))
                    or (service == "application-autoscaling" and emulator.scaling(action, body))
                    # Deleted with its pool, but cannot be deleted itself.
                    or (action == "DeleteResourceServer" and emulator.json({}))
                    or emulator.forward(self, service, body)
                )
                if service == "ecs":
                    content = emulator.ecs(action, body, content)
                if service == "ec2":
                    content = emulator.ec2(action, body, content)
                if service == "cloudfront":
                    content = emulator.origins(self.command, body, content)
                    # CloudFront's ARNs have an empty region.
                    content = content.replace(b"arn:aws:cloudfront:123456789012:", b"arn:aws:cloudfront::123456789012:")
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
        # moto requires a slash after the name; AWS and its clients do not.
        path = f"{request.path}/" if service == "backup" and request.path.startswith("/tags/") else request.path
        path = path.replace("arn%3Aaws%3Acloudfront%3A%3A123456789012%3Adistribution", "arn%3Aaws%3Acloudfront%3A123456789012%3Adistribution")
        headers = {**dict(request.headers), "Content-Length": str(len(body))}
        connection.request(request.command, path, body, headers)
        response = connection.getresponse()
        if response.status == 500:
            print(f"        the emulator cannot answer {self.calls[-1]}", file=sys.stderr)
        return response.status, response.getheaders(), response.read()

    def backup(self, method, path, body):
        """AWS Backup's selections and recovery points, and the deletion of EFS policies, which moto does not have."""
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
        """Settings of services, of which moto returns only some."""
        settings = ("availabilityZoneRebalancing", "deploymentConfiguration", "enableECSManagedTags", "enableExecuteCommand", "healthCheckGracePeriodSeconds", "propagateTags")
        if action in ("CreateService", "UpdateService"):
            asked = json.loads(body)
            name = (asked.get("serviceName") or asked.get("service")).split("/")[-1]
            self.services.setdefault(name, {}).update({key: asked[key] for key in settings if key in asked})
        if action not in ("CreateService", "UpdateService", "DescribeServices"):
            return content
        answer = json.loads(content)
        for found in answer.get("services", []) + ([answer["service"]] if "service" in answer else []):
            found.update(self.services.get(found["serviceName"], {}))
            found["deployments"] = [{"status": "PRIMARY", "rolloutState": "COMPLETED", "taskDefinition": found["taskDefinition"]}]
        return json.dumps(answer).encode()

    def roll_back(self, action, body):
        """A deployment that ECS rolls back: the service keeps its revision, and the request for another one does not fail."""
        asked = json.loads(body) if action == "UpdateService" else {}
        if (asked.get("service") or "").split("/")[-1] in self.rolled_back:
            asked.pop("taskDefinition", None)
            return json.dumps(asked).encode()
        return body

    def protected(self, body):
        """AWS's response to the deletion of a protected load balancer."""
        arn = dict(urllib.parse.parse_qsl(body.decode()))["LoadBalancerArn"]
        balancers = boto3.client("elbv2", endpoint_url=self.url, region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test")
        attributes = balancers.describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]
        if {"Key": "deletion_protection.enabled", "Value": "true"} not in attributes:
            return None
        message = f"Load balancer '{arn}' cannot be deleted because deletion protection is enabled"
        return self.xml(f"<ErrorResponse><Error><Type>Sender</Type><Code>OperationNotPermitted</Code><Message>{message}</Message></Error></ErrorResponse>".encode(), 400)

    def assume_role(self, body):
        """Lets a role be assumed with GitHub's token as STS does: only if the token matches the role's trust policy exactly."""
        asked = dict(urllib.parse.parse_qsl(body.decode()))
        role = asked["RoleArn"].split("/")[-1]
        roles = boto3.client("iam", endpoint_url=self.url, region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test")
        statement = roles.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]["Statement"][0]
        payload = asked["WebIdentityToken"].split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        issuer = statement["Principal"]["Federated"].split("oidc-provider/")[-1]
        wanted = {key.removeprefix(f"{issuer}:"): value for key, value in statement["Condition"]["StringEquals"].items()}
        if claims["iss"] == f"https://{issuer}" and statement["Condition"].keys() == {"StringEquals"} and all(claims.get(key) == value for key, value in wanted.items()):
            return None
        return self.xml(b"<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>Not authorized to perform sts:AssumeRoleWithWebIdentity</Message></Error></ErrorResponse>", 403)

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
        """CloudFront's VPC origins, which moto does not have."""
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
        """The parts of the one distribution that moto returns incomplete or with additions."""
        for name in (b"Origins", b"DefaultCacheBehavior", b"CustomErrorResponses", b"ViewerCertificate"):
            element = re.compile(rb"<%b>.*?</%b>" % (name, name), re.DOTALL)
            if method in ("POST", "PUT") and (asked := element.search(body)):
                self.distribution[name] = asked[0]
            if name in self.distribution:
                content = element.sub(lambda _: self.distribution[name], content)
        return content

    def pool(self, action, body):
        """Tags of the one user pool, which moto loses when the pool is changed."""
        if action == "CreateUserPool":
            self.pool_tags = json.loads(body).get("UserPoolTags")
        return json.dumps({"UserPoolTags": self.pool_tags, **json.loads(body)}).encode() if action == "UpdateUserPool" else body

    def scaling(self, action, body):
        """Tags of the one scalable target, which moto does not store."""
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
    shutil.copytree(HERE.parent, root, ignore=shutil.ignore_patterns(".terraform", "*.tfstate*", "tests", "*.tfvars*"))
    source = root.parent / "UserApi.Api" / "UserApi.Api.csproj"
    source.parent.mkdir()
    source.write_text("<Project />")

    # A double of the .NET SDK: records how it was called and pushes an image to the emulator.
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

    # Settings for the emulator, in a file beside the configuration.
    (root / "emulator_override.tf").write_text(
        'provider "aws" {\n  s3_use_path_style = true\n  skip_metadata_api_check = true\n}\n'
        'provider "aws" {\n  alias = "us_east_1"\n  skip_metadata_api_check = true\n}\n'
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
        "TF_CLI_ARGS": "-no-color",
        "CHECKPOINT_DISABLE": "1",
    }

    def terraform(*arguments, expect=(0,), directory=None):
        own = {} if directory is None else {"TF_DATA_DIR": str(work / "data" / directory.name)}
        result = subprocess.run(["terraform", *arguments], cwd=directory or root, env={**environment, **own}, capture_output=True, text=True)
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
        """Why each change is planned: the attributes that differ, with their current and planned values."""
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

    def set_variables(**changed):
        (root / "terraform.tfvars.json").write_text(json.dumps({**VARIABLES, **changed}))

    def client(service):
        return boto3.client(service, endpoint_url=emulator.url, region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test")

    terraform("init", "-backend=false")
    # AWS may have created this again after an earlier deployment with this name was destroyed.
    client("logs").create_log_group(logGroupName="/aws/ecs/containerinsights/simple-user-api/performance")
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
        api_secret["connectionString"] == f"mongodb://api-v1:{api_secret['password']}@mongo.simple-user-api.internal:27017/users?authSource=users",
    )
    emulated = (root / "terraform.tfstate").read_text() + (work / "plans").read_text() + output
    emulated += json.dumps([definitions.describe_task_definition(taskDefinition=arn)["taskDefinition"] for arn in definitions.list_task_definitions()["taskDefinitionArns"]], default=str)
    check("no password is in the state, the plan, the output or a task definition", not any(s["password"] in emulated for s in (api_secret, root_secret)))

    # A client, created by the commands in the outputs
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

    # Access logs
    delivery = client("logs").describe_deliveries()["deliveries"][0]
    check(
        "CloudFront's log goes to the bucket of access logs",
        delivery["deliverySourceName"] == "simple-user-api-us-east-1" and delivery["deliveryDestinationType"] == "S3",
        delivery,
    )

    # A changed image
    source.write_text("<Project>changed</Project>")
    changed = plan()
    check(
        "a changed source changes the image, the task and the service, and nothing else",
        changes(changed)
        == {
            "terraform_data.image[0]": ["create", "delete"],
            "module.api.aws_ecs_task_definition.api": ["create", "delete"],
            "module.api.aws_ecs_service.api": ["update"],
        },
        changes(changed),
    )

    # ECS rolls it back
    def running():
        return definitions.describe_services(cluster="simple-user-api", services=["api"])["services"][0]["taskDefinition"]

    def wait_for_rollout():
        wanted = json.loads(terraform("output", "-json", "task_definition_arn").stdout)
        asked = {**environment, "CLUSTER": "simple-user-api", "SERVICE": "api", "TASK_DEFINITION": wanted}
        return subprocess.run([root / "scripts" / "wait-for-rollout.sh"], env=asked, capture_output=True, text=True)

    before_it = running()
    emulator.rolled_back = {"api"}
    failure = terraform("apply", "plan.tfplan", expect=(1,))
    check("an apply that ECS rolls back fails, and says so", "ECS rolled the API back" in failure.stderr, failure.stderr)
    check(
        "the revision that runs then is still registered",
        running() == before_it and definitions.describe_task_definition(taskDefinition=before_it)["taskDefinition"]["status"] == "ACTIVE",
    )
    told = wait_for_rollout()
    check("the workflow sees a rollback in what ECS rolled out", told.returncode == 1 and "ECS rolled back" in told.stderr, told.stderr)
    emulator.rolled_back = set()

    terraform("apply", "-auto-approve")
    told = wait_for_rollout()
    check("the next apply tries again", told.returncode == 0 and running() != before_it, told.stderr)
    task = definitions.describe_task_definition(taskDefinition=running())["taskDefinition"]
    image = json.loads(terraform("output", "-json", "app_image").stdout)
    check("the service is told to run the changed image", image != outputs["app_image"] and task["containerDefinitions"][0]["image"] == image, image)

    # The number of tasks, which autoscaling sets
    definitions.update_service(cluster="simple-user-api", service="api", desiredCount=3)
    check("the plan after it is empty, and leaves alone the number of tasks that autoscaling chose", not changes(plan()))

    # Who may deploy
    def may_deploy(repository):
        claims = {"iss": "https://token.actions.githubusercontent.com", "aud": "sts.amazonaws.com", "sub": f"repo:{repository}:environment:production"}
        token = ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in ({"alg": "RS256"}, claims, {}))
        try:
            client("sts").assume_role_with_web_identity(RoleArn=outputs["deploy_role_arn"], RoleSessionName="deploy", WebIdentityToken=token)
            return True
        except botocore.exceptions.ClientError as error:
            return error.response["Error"]["Code"] != "AccessDenied"

    forms = ("example/user-api", "example@12/user-api@34", "example/user-api2", "example@12/user-api@345")
    check("a token that names the repository may deploy, and no other", [may_deploy(form) for form in forms] == [True, False, False, False])

    # The steps of the deploying workflow
    deployed = {"app_image": f"{outputs['repository_url']}:workflow"}
    set_variables(**deployed)
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
        set(changes(deployment)) == {"terraform_data.image[0]", "module.api.aws_ecs_task_definition.api", "module.api.aws_ecs_service.api"},
        changes(deployment),
    )
    terraform("apply", "plan.tfplan")
    told = wait_for_rollout()
    check("the workflow sees that it runs", told.returncode == 0, told.stderr)
    called = {f"{service}:{action}" for service, action in emulator.calls} - {"sts:GetCallerIdentity"}
    policy = client("iam").get_role_policy(RoleName="simple-user-api-us-east-1-deploy", PolicyName="deploy")["PolicyDocument"]
    allowed = {action for statement in policy["Statement"] for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])}
    check("the deploying role may call what a deployment calls", called <= allowed, sorted(called - allowed))
    check("a deployment reads no value of a secret", "secretsmanager:GetSecretValue" not in called)
    task = definitions.describe_task_definition(taskDefinition=running())["taskDefinition"]
    check("the service is told to run what was deployed", task["containerDefinitions"][0]["image"].endswith(":workflow"))

    # New passwords
    set_variables(**deployed, container_database={**VARIABLES["container_database"], "password_version": 2})
    rotation = plan()
    check(
        "new passwords reach both tasks, and nothing else changes",
        set(changes(rotation))
        == {
            "module.database[0].terraform_data.passwords",
            "module.database[0].aws_secretsmanager_secret_version.api_database",
            "module.database[0].aws_secretsmanager_secret_version.database_root",
            "module.database[0].aws_ecs_task_definition.database",
            "module.database[0].aws_ecs_service.database",
            "module.api.aws_ecs_task_definition.api",
            "module.api.aws_ecs_service.api",
        },
        changes(rotation),
    )
    terraform("apply", "plan.tfplan")
    rotated = json.loads(secrets.get_secret_value(SecretId="simple-user-api/database/api")["SecretString"])
    check("the new password is another one, of another user", rotated["password"] != api_secret["password"] and rotated["connectionString"].startswith(f"mongodb://api-v2:{rotated['password']}@"))
    before_it = json.loads(secrets.get_secret_value(SecretId="simple-user-api/database/api", VersionStage="AWSPREVIOUS")["SecretString"])
    check("the revision before can still read its own", before_it == api_secret)
    check("the plan after it is empty", not changes(plan()))
    state = (root / "terraform.tfstate").read_text()
    check("no password has come into the state", not any(secret["password"] in state for secret in (api_secret, root_secret, rotated)))

    # The network is kept
    rotated_database = {**VARIABLES["container_database"], "password_version": 2}
    set_variables(**deployed, container_database=rotated_database, network={"flow_logs": True, "cidr": "10.1.0.0/16"})
    refused = terraform("plan", expect=(1,))
    check("another address range is refused in the plan", "cannot be changed: it is 10.0.0.0/16" in " ".join(refused.stderr.replace("│", "").split()), refused.stderr)
    given = {"container_database": rotated_database, "kms_key_arn": "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"}
    set_variables(**deployed, **given)
    refused = terraform("plan", expect=(1,))
    check("another key is refused in the plan: it would make an empty file system", "cannot be changed" in refused.stderr, refused.stderr)
    set_variables(**deployed, container_database=rotated_database, network={"flow_logs": True, "zones": {"us-east-1a": 0, "us-east-1c": 2}})
    narrowed = changes(plan())
    check(
        "when a zone is removed, only its own resources go",
        narrowed
        and all("us-east-1b" in address for address, actions in narrowed.items() if "delete" in actions)
        and all(actions == ["update"] for address, actions in narrowed.items() if "us-east-1b" not in address),
        narrowed,
    )

    # A move to another database, with deletion_protection; and GitHub's other form of names
    arn = secrets.create_secret(Name="elsewhere", SecretString="mongodb://example.com/users")["ARN"]
    moving = {
        **deployed,
        "container_database": rotated_database,
        "external_database": {"secret_arn": arn, "cidrs": ["192.0.2.0/24"], "from_port": 27017, "to_port": 27019, "active": False},
        "deletion_protection": True,
        "github": {**VARIABLES["github"], "repository": "example@12/user-api@34"},
    }
    set_variables(**moving)
    terraform("apply", "-auto-approve")
    check("a token with GitHub's ids may deploy when they are asked for, and one without may not", [may_deploy(form) for form in forms] == [False, True, False, False])
    task = definitions.describe_task_definition(taskDefinition=running())["taskDefinition"]
    check("the API stays with the container's database while users are copied", "/database/api" in json.dumps(task) and arn not in json.dumps(task))
    rules = client("ec2").describe_security_group_rules()["SecurityGroupRules"]
    check("the API and the database reach the other one", len([rule for rule in rules if rule.get("CidrIpv4") == "192.0.2.0/24" and (rule["FromPort"], rule["ToPort"]) == (27017, 27019)]) == 2)
    moving["external_database"]["active"] = True
    set_variables(**moving)
    moved = plan()
    check("the move changes the API, and deletes nothing", {address for address, actions in changes(moved).items() if "delete" in actions} == {"module.api.aws_ecs_task_definition.api"}, changes(moved))
    terraform("apply", "plan.tfplan")
    task = definitions.describe_task_definition(taskDefinition=running())["taskDefinition"]
    check("the API uses the other database then", arn in json.dumps(task))

    # What deletion_protection refuses
    def deletions():
        return sorted({f"{service}:{action}" for service, action in emulator.calls if re.match(r"(Delete|Deregister|Revoke|Detach)", action) or action.startswith("DELETE")})

    set_variables(**{**moving, "container_database": None})
    emulator.calls.clear()
    refused = terraform("apply", "-auto-approve", expect=(1,))
    check("protection refuses to let the container's database go", "users and their backups stay" in refused.stdout + refused.stderr, refused.stderr)
    kept = [call for call in deletions() if re.match(r"elasticfilesystem|backup|secretsmanager", call)]
    check("its files, backups and passwords are all still there", not kept, kept)
    set_variables(**moving)
    terraform("apply", "-auto-approve")
    emulator.calls.clear()
    refused = terraform("destroy", "-auto-approve", expect=(1,))
    check("protection refuses destroy", "nothing is destroyed" in refused.stdout + refused.stderr, refused.stderr)
    check("not one deletion has been asked for", not deletions(), deletions())

    # Examples
    subnets = client("ec2").describe_subnets()["Subnets"]
    default = [subnet for subnet in subnets if subnet["DefaultForAz"]][:2]
    given = {
        "existing-vpc": [
            "-var", f"vpc_id={default[0]['VpcId']}",
            "-var", json_variable("private_subnet_ids", {subnet["AvailabilityZone"]: subnet["SubnetId"] for subnet in default}),
        ]
    }
    for example in sorted(path for path in (root / "examples").iterdir() if path.is_dir()):
        terraform("init", "-backend=false", directory=example)
        planned = terraform("plan", *given.get(example.name, []), directory=example)
        check(f"the example {example.name} can be planned", re.search(r"Plan: [1-9]\d* to add, 0 to change, 0 to destroy", planned.stdout), planned.stdout[-500:])

    # Destroy
    set_variables(**{**moving, "deletion_protection": False})
    terraform("apply", "-auto-approve")
    terraform("destroy", "-auto-approve")
    secrets.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)
    check("destroy empties the state", not json.loads((root / "terraform.tfstate").read_text())["resources"])
    # Revisions of task definitions stay registered: they are free, and ECS may have to roll back to one.
    left = {".".join(kind[:2]): found for kind in KINDS if (found := [item for item in inventory(client, *kind) if item not in before[kind]])}
    check("destroy leaves nothing", not left and not emulator.selections and not emulator.vpc_origins, left)


def json_variable(name, value):
    return f"{name}={json.dumps(value)}"


def inventory(client, service, operation, result):
    """Existing resources of one kind, without records of deleted ones."""
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
    """Addresses of resources that can have tags but do not have the deployment's."""
    def resources(module):
        yield from module.get("resources", [])
        for child in module.get("child_modules", []):
            yield from resources(child)

    for resource in resources(planned["planned_values"]["root_module"]):
        values = resource["values"]
        if resource["mode"] == "managed" and "tags_all" in values:
            wanted = {"Application": "simple-user-api", "ManagedBy": "terraform", "Owner": "lifecycle"}
            if not wanted.items() <= (values["tags_all"] or {}).items():
                yield resource["address"]


if __name__ == "__main__":
    sys.exit(main())
