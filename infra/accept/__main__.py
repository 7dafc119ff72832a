#!/usr/bin/env python3
"""The acceptance run: the whole life of a small pipeline in your AWS account, and a report of it.

It deploys a pipeline under a name that must be new, provisions a target `accept`, releases the examples
together, then one of them alone under load, lets one fail on purpose, rolls back, tears the target down,
destroys the pipeline and removes what that leaves: after it your account is as it was. It touches nothing
that it did not make, asks before it begins, and ends by itself.

You need
- the AWS CLI with credentials that may do what docs/aws.md lists for who deploys, and git;
- DOMAIN with its zone in this account: give the zone's id as PARENT_ZONE, so that names resolve;
- four empty git repositories msa.git, msb.git, api.git, ui.git below one address, REPOSITORIES, which git on
  this machine may push to and AWS may fetch from; only a branch accept/<project> is made in each, and deleted;
- at least two containers of CodeBuild at once, which a fresh account may not have: see docs/aws.md, step 4.
"""

import argparse
import json
import signal
import sys
import time
import traceback
from contextlib import contextmanager
from pathlib import Path

import claims
from examples import Examples
from load import Load
from measure import Measures
from removal import Removal
from report import Report, Step
from world import MINUTE, ROOT, Failed, Interrupted, World

PORTS = {"api": 8080, "ui": 8081, "msa": 8082, "msb": 8083}
# Times to live short enough not to wait for, long enough to be real.
TARGET = {"AliasTtl": "10", "HostnameTtl": "10", "DrainMargin": "10"}
PIPELINE = {"TableDeletionProtection": "false", "LogRetentionDays": "1"}


def main():
    options = read_options()
    world = World(options)
    began = time.time()
    report = Report(world, began)
    signal.signal(signal.SIGTERM, interrupt)
    signal.signal(signal.SIGINT, interrupt)
    examples = Examples(world)
    claims.refuse_what_is_there(world)
    examples.refuse_a_branch_that_is_there()
    ask(world, examples)
    run = Run(world, examples, report)
    for part in (run.story, run.ended):
        try:
            part()
        except (Failed, Interrupted) as failed:
            say(f"the run ends early: {failed}")
        except Exception:  # a fault of this program: what was made is removed all the same
            traceback.print_exc()
    remove(world, examples, report)
    told(report, options)


def read_options():
    parser = argparse.ArgumentParser(prog="infra/accept", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--project", required=True, help="a name that nothing in the account has")
    parser.add_argument("--domain", required=True, help="the target's zone will be accept.<domain>")
    parser.add_argument("--parent-zone", default="", help="id of the domain's hosted zone, to delegate from")
    parser.add_argument("--repositories", required=True, help="address below which <component>.git are")
    parser.add_argument("--credentials", default="", help="secret that opens them: cutover/<project>/...")
    parser.add_argument("--components", default="msa msb api ui", help="which examples, the one that is changed first")
    parser.add_argument("--parameter", action="append", default=[], metavar="KEY=VALUE", help="of the pipeline")
    parser.add_argument("--target-parameter", action="append", default=[], metavar="KEY=VALUE", help="of the target")
    parser.add_argument("--proxy", default="", help="by which the aliases are reached from here")
    parser.add_argument("--minutes", type=int, default=180, help="after these it stops and removes everything")
    parser.add_argument("--report", type=Path, default=ROOT / ".local/accept.md", help="where the report goes")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    return parser.parse_args()


def interrupt(_signal, _frame):
    raise Interrupted("it was interrupted")


def say(text):
    print(f"accept: {text}", flush=True)


def ask(world, examples):
    names = ", ".join(examples.names)
    say(f"as {world.who}, in {world.region}:")
    print(f"""
  This deploys the stack {world.project}-cutover, provisions the target accept.{world.options.domain} and releases {names}
  on instances t4g.small: up to {2 * len(examples.names)} of them at once, {len(examples.names)} most of the time. Then it removes all of it.

  It takes about 45 minutes on AWS and costs about 0.30 $; it stops by itself after {world.options.minutes} minutes, and even
  then costs less than 2 $. Ctrl-C stops it, too: what was made is removed first, which takes up to 15 minutes.
""", flush=True)
    if world.options.yes:
        return
    if not sys.stdin.isatty():
        raise Failed("nothing was touched: nobody is there to be asked; YES=1 (--yes) does without")
    if input("  Go on? Type the project's name: ").strip() != world.project:
        raise Failed("nothing was touched")


class Run:
    """The story, step by step; each goes into the report, whatever comes of it."""

    def __init__(self, world, examples, report):
        self.world, self.examples, self.report = world, examples, report
        self.executions, self.commits, self.load, self.live_since = {}, {}, None, None

    @contextmanager
    def step(self, name):
        step = Step(name)
        self.report.steps.append(step)
        say(name)
        began = time.monotonic()
        try:
            yield step
            step.outcome = "ok"
        except BaseException as failed:
            step.outcome, step.said = "FAILED", str(failed) or repr(failed)
            raise
        finally:
            step.seconds = time.monotonic() - began

    def story(self):
        names, first = self.examples.names, self.examples.names[0]
        with self.step("deploy the pipeline") as step:
            step.said = self.deploy()
        with self.step("provision the target") as step:
            step.said = self.provision()
        with self.step(f"push and add {', '.join(names)}"):
            for name in names:
                self.add(name)
        with self.step(f"release {', '.join(names)} together") as step:
            step.said = self.release(names, "together")
        with self.step("reach every alias from here"):
            self.reach()
        with self.step(f"release a second version of {first} alone, under load") as step:
            self.commits[first] = [self.commits[first], self.examples.second(first)]
            step.said = self.release([first], "alone")
        with self.step(f"a version of {first} whose suite fails: not released, the aliases untouched") as step:
            step.said = self.fail(first)
        with self.step(f"roll {first} back") as step:
            step.said = self.roll_back(first)
        with self.step("no request failed"):
            self.no_request_failed()

    def deploy(self):
        wanted = {**PIPELINE, **dict(one.split("=", 1) for one in self.world.options.parameter)}
        said = self.world.run([str(ROOT / "infra/deploy.sh"), "pipeline", "--project", self.world.project, "--domain",
                               self.world.options.domain, *(f"--parameter={key}={value}" for key, value in wanted.items())], 60 * MINUTE)
        return f"{len(said.out.splitlines())} outputs"

    def provision(self):
        options = self.world.options
        wanted = {**TARGET, **({"ParentZoneId": options.parent_zone} if options.parent_zone else {}),
                  **dict(one.split("=", 1) for one in options.target_parameter)}
        output = self.world.cutover("target", "provision", claims.TARGET,
                                    *(f"--parameter={key}={value}" for key, value in wanted.items()))
        return "; ".join([f"{output['stack']} is {output['outcome']}", *map(str, output.get("warnings", []))])

    def add(self, name):
        self.commits[name] = self.examples.first(name)
        secret = ["--credentials", self.world.options.credentials] if self.world.options.credentials else []
        self.world.cutover("component", "add", name, "--repository", self.examples.address(name), *secret)

    def release(self, names, what):
        commits = {name: self.newest(name) for name in names}
        ended = self.world.cutover("release", *(f"{name}={commit}" for name, commit in commits.items()),
                                   "--target", claims.TARGET, good=(0, 1))
        self.executions[what] = ended["execution_arn"]
        if ended["outcome"] != "live":
            raise Failed(f"{ended.get('error')}: {ended.get('cause')}")
        self.live_since = self.live_since or time.monotonic()
        return moved(ended)

    def newest(self, name):
        commits = self.commits[name]
        return commits[-1] if isinstance(commits, list) else commits

    def reach(self):
        domain = f"{claims.TARGET}.{self.world.options.domain}"
        load = Load({name: f"http://{name}.{domain}:{PORTS[name]}" for name in self.examples.names}, self.world.options.proxy)
        self.report.first_answer = load.until_all_answer(5 * MINUTE)
        never = [name for name, after in self.report.first_answer.items() if after is None]
        if never:
            raise Failed(f"{', '.join(never)}.{domain}: no answer from here in 5 minutes; is the domain delegated (PARENT_ZONE)?")
        self.load = self.report.load = load
        load.start()

    def aliases(self):
        seen = self.world.cutover("status", "--target", claims.TARGET)
        seen = seen[0] if isinstance(seen, list) else seen
        return {one["component"]: one["commit"] for one in seen["aliases"]}

    def fail(self, name):
        before, commit = self.aliases(), self.examples.broken(name)
        ended = self.world.cutover("release", f"{name}={commit}", "--target", claims.TARGET, good=(0, 1))
        self.executions["failing"] = ended["execution_arn"]
        if ended.get("error") != "IntegrationTestsFailed" or self.aliases() != before:
            raise Failed(f"expected IntegrationTestsFailed and untouched aliases: {json.dumps(ended)[:500]}")
        return f"{ended['error']}: {ended['cause']}"

    def roll_back(self, name):
        ended = self.world.cutover("rollback", name, "--target", claims.TARGET, good=(0, 1))
        self.executions["rolled back"] = ended["execution_arn"]
        first = self.commits[name][0]
        if ended["outcome"] != "live" or self.aliases()[name] != first:
            raise Failed(f"{name} is not back at {first}: {json.dumps(ended)[:500]}")
        return moved(ended)

    def no_request_failed(self):
        self.load.stop()
        first = self.examples.names[0]
        if self.load.failures:
            raise Failed(f"{len(self.load.failures)} requests failed, the first: {self.load.failures[0]}")
        unseen = [commit for commit in self.commits[first] if not self.load.answers[first][commit]]
        if unseen:
            raise Failed(f"nobody was answered by {unseen[0][:12]}: the load has not seen {first} move")

    def ended(self):
        """What can only be read while the pipeline is there."""
        if self.load:
            self.load.stop()
        if self.live_since:
            # Candidates and companions come on top of what is live; half as many again is on the safe side.
            self.report.instance_seconds = 1.5 * len(self.examples.names) * (time.monotonic() - self.live_since + 5 * MINUTE)
        if self.executions:
            say("read the histories and the logs")
            self.report.measures = Measures(self.world).take(self.executions)


def moved(ended):
    return f"{ended['release']}, aliases moved after {ended.get('seconds_until_moved') or 0:.0f} s"


def remove(world, examples, report):
    step = Step("remove everything")
    report.steps.append(step)
    began = time.monotonic()
    try:
        report.left, report.trouble = Removal(world, examples, say).all()
        step.outcome = "ok" if not report.left and not report.trouble else "FAILED"
        step.said = "nothing is left" if not report.left else f"{len(report.left)} things are left"
    except Interrupted:
        step.outcome, step.said = "FAILED", "interrupted while removing"
        say(f"interrupted while removing: look for the tag cutover:project={world.project}, and run `cutover target teardown "
            f"{claims.TARGET}` and `make destroy PROJECT={world.project}`")
    finally:
        step.seconds = time.monotonic() - began


def told(report, options):
    text = report.text()
    options.report.parent.mkdir(parents=True, exist_ok=True)
    options.report.write_text(text)
    print(f"\n{text}\nThe report is in {options.report}")
    sys.exit(0 if report.passed() else 1)


if __name__ == "__main__":
    try:
        main()
    except Failed as failed:
        sys.exit(f"accept: {failed}")
    except Interrupted:
        sys.exit("accept: interrupted; nothing was touched")
