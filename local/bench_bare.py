"""A release of one beside a script with the same calls: how much of its time is ours.

The script does what a skilled engineer's would, in one process and as fast as is polite: clone, unit tests, build, pack,
upload, launch, health, hostname, suite, alias, drain, terminate. It repeats the launch template version of what is live, so
the boot is the same. It looks once whether its candidate is healthy and never again, keeps no record, and is not meant to
survive a crash. `healthy_for` is how long a release looks at its candidate before users meet it (cutover.toml, `[run]`): the
release is measured with the least (1 s) beside the script as it is, and with the usual (5 s) beside the script waiting so long too.
"""

import os
import shutil
import statistics
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path


from bench_releases import TARGET, ended_well, start
from cloud import GIT, Failed, client, history

ROUNDS = 3
# What a manifest says where it does not say it: crates/pipeline/src/manifest.rs.
USUAL = 5


def print_beside(components):
    print(f"\nA release of one beside a script with the same calls (median of {ROUNDS}):")
    print(f"  {'':<52}{'script':>9}{'release':>9}{'ratio':>9}")
    for least, window in ((True, 0), (False, USUAL)):
        components.healthy_for(1 if least else USUAL)
        ours, theirs = [], []
        release(components)  # so that what is live was launched from this manifest
        for n in range(ROUNDS):
            theirs.append(Script(components.names[0], window).run(n))
            ours.append(release(components))
        what = "1 s, the script not at all" if least else f"{USUAL} s, both"
        for row, name in enumerate(("the alias moved after, s", "all was done after, s")):
            script, own = (statistics.median(one[row] for one in each) for each in (theirs, ours))
            print(f"  {name + ' (healthy for ' + what + ')':<52}{script:>9.2f}{own:>9.2f}{own / script:>9.2f}", flush=True)
    components.healthy_for(1)


def release(components):
    """When its aliases had moved, INSYNC, and when it ended; from its start."""
    states = client("stepfunctions")
    arn = start(states, {"versions": components.commit(1, "beside a script"), "target": TARGET})
    ended = ended_well(states, arn)
    left = [e["timestamp"] for e in history(states, arn) if e.get("stateExitedEventDetails", {}).get("name") == "Deploy (cutover)"]
    return (left[0] - ended["startDate"]).total_seconds(), (ended["stopDate"] - ended["startDate"]).total_seconds()


class Script:
    """One component's; it has clients and what is live before its clock runs."""

    def __init__(self, component, window):
        self.component, self.window = component, window
        self.ec2, self.route53, self.s3 = client("ec2"), client("route53"), client("s3")
        self.table = client("dynamodb")
        self.environment = self.row("environment")
        live = self.row(f"alias#{component}")
        candidate = self.row("candidate#" + live["hostname"].split(".")[0])
        self.port, self.repeats = int(live["port"]), candidate["launch_template_version"]
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({"http": os.environ["CUTOVER_GATEWAY"]}))

    def row(self, sk):
        key = {"pk": {"S": f"target#{TARGET}"}, "sk": {"S": sk}}
        item = self.table.get_item(TableName=os.environ["CUTOVER_TABLE"], Key=key, ConsistentRead=True).get("Item")
        if item is None:
            raise Failed(f"there is no row {sk} of {TARGET}")
        plain = lambda value: [plain(one) for one in value["L"]] if "L" in value else next(iter(value.values()))
        return {name: plain(value) for name, value in item.items()}

    def run(self, n):
        began = time.monotonic()
        folder = Path(tempfile.mkdtemp(prefix="bare-"))
        try:
            self.build(folder, f"bare/{self.component}-{n}.tar.zst")
        finally:
            shutil.rmtree(folder)
        instance, address = self.launch(f"bare-{n}")
        self.healthy(address)
        domain, ttl = self.environment["domain"], int(self.environment["alias_ttl"])
        host, alias = f"bare-{self.component}-{n}.{domain}", f"bare-{self.component}.{domain}"
        records = [(host, "A", address), (alias, "CNAME", host)]
        self.change("UPSERT", records[:1])
        run("true")  # the suite
        self.wait(began)
        self.change("UPSERT", records[1:])
        moved = time.monotonic() - began
        time.sleep(ttl + int(self.environment["drain_margin"]))
        self.ec2.terminate_instances(InstanceIds=[instance])
        ended = time.monotonic() - began
        self.change("DELETE", records)
        return moved, ended

    def build(self, folder, key):
        run("git", "clone", "--quiet", "--depth", "1", f"{GIT}/{self.component}.git", "w", cwd=folder)
        run("true", cwd=folder / "w")  # the unit tests
        run("cp", "-R", "src", "dist", cwd=folder / "w")
        run("sh", "-c", "tar -c dist | zstd -q > ../a.tar.zst && sha256sum ../a.tar.zst", cwd=folder / "w")
        self.s3.put_object(Bucket=os.environ["CUTOVER_BUCKET"], Key=key, Body=(folder / "a.tar.zst").read_bytes())

    def launch(self, name):
        template = self.environment["launch_template_id"]
        made = self.ec2.create_launch_template_version(LaunchTemplateId=template, SourceVersion=self.repeats, LaunchTemplateData={})
        version = str(made["LaunchTemplateVersion"]["VersionNumber"])
        tags = [{"Key": "cutover:launch-template", "Value": f"{template}:{version}"}, {"Key": "Name", "Value": name}]
        instance = self.run_instance({"LaunchTemplateId": template, "Version": version}, tags)
        while True:
            found = self.ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]
            if found.get("PublicIpAddress"):
                return instance, found["PublicIpAddress"]
            time.sleep(0.1)

    def run_instance(self, template, tags):
        """EC2 may not know a version yet that was made a moment ago."""
        for pause in (0.5, 1, 2, 0):
            try:
                return self.ec2.run_instances(
                    LaunchTemplate=template, MinCount=1, MaxCount=1, SubnetId=self.environment["subnet_ids"][0],
                    TagSpecifications=[{"ResourceType": "instance", "Tags": tags}],
                )["Instances"][0]["InstanceId"]
            except self.ec2.exceptions.ClientError as error:
                if error.response["Error"]["Code"] != "InvalidLaunchTemplateId.VersionNotFound" or not pause:
                    raise
                time.sleep(pause)

    def healthy(self, address):
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                if self.opener.open(f"http://{address}:{self.port}/healthz", timeout=2).status == 200:
                    self.well = time.monotonic()
                    return
            except OSError:
                time.sleep(0.1)
        raise Failed("the script's instance did not become healthy within 60 s")

    def wait(self, began):
        """For what is left of the time that a candidate is looked at."""
        time.sleep(max(0.0, self.well + self.window - time.monotonic()))

    def change(self, action, records):
        sets = [{"Name": name, "Type": kind, "TTL": int(self.environment["alias_ttl"]), "ResourceRecords": [{"Value": value}]}
                for name, kind, value in records]
        changes = [{"Action": action, "ResourceRecordSet": one} for one in sets]
        info = self.route53.change_resource_record_sets(
            HostedZoneId=self.environment["zone_id"], ChangeBatch={"Changes": changes})["ChangeInfo"]
        while info["Status"] != "INSYNC":
            time.sleep(0.25)
            info = self.route53.get_change(Id=info["Id"])["ChangeInfo"]


def run(*command, cwd=None):
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    if done.returncode != 0:
        raise Failed(f"{' '.join(command)}: {done.stderr.strip()}")
