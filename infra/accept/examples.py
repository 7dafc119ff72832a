"""The examples in git repositories that the pipeline can fetch: a branch of the run's own in each.

A git host is needed that both this machine (to push) and AWS (to fetch) can reach. The run makes no
repository: hosts differ in how that is done, and CodeCommit takes no role for a password. Only the
run's own branch is written, and it is deleted at the end.
"""

import shutil
import tempfile
from pathlib import Path

from world import MINUTE, ROOT, Failed

PEERS = {"api": ["msa"], "ui": ["api"]}
WHO = ["-c", "user.name=accept", "-c", "user.email=accept@localhost", "-c", "init.defaultBranch=main"]


class Examples:
    def __init__(self, world):
        self.world, self.branch = world, f"accept/{world.project}"
        self.folder, self.pushed = Path(tempfile.mkdtemp(prefix="cutover-accept-")), set()
        self.names = world.options.components.split()
        for name in self.names:
            lacking = [peer for peer in PEERS.get(name, []) if peer not in self.names]
            if lacking or not (ROOT / "examples" / name / "cutover.toml").is_file():
                raise Failed(f"{name} cannot be released: " + (f"it talks to {lacking[0]}" if lacking else "no such example"))

    def address(self, name):
        return f"{self.world.options.repositories.rstrip('/')}/{name}.git"

    def git(self, name, *arguments, grace=0):
        return self.world.run(["git", *WHO, *arguments], 5 * MINUTE, folder=self.folder / name, grace=grace).out.strip()

    def refuse_a_branch_that_is_there(self):
        for name in self.names:
            (self.folder / name).mkdir()
            if self.git(name, "ls-remote", self.address(name), f"refs/heads/{self.branch}"):
                raise Failed(f"nothing was touched: {self.address(name)} has a branch {self.branch} already")

    def first(self, name):
        """The example as it comes; answers its commit."""
        shutil.copytree(ROOT / "examples" / name, self.folder / name, dirs_exist_ok=True,
                        ignore=shutil.ignore_patterns("dist", "build", "__pycache__"))
        self.git(name, "init", "--quiet")
        return self.commit(name, "The example as it comes")

    def second(self, name):
        (self.folder / name / "ACCEPTANCE").write_text("A second version, to be released under load.\n")
        return self.commit(name, "A second version")

    def broken(self, name):
        (self.folder / name / "it/smoke.py").write_text("raise SystemExit('this suite fails on purpose')\n")
        return self.commit(name, "A version whose suite fails on purpose")

    def commit(self, name, message):
        self.git(name, "add", "--all")
        self.git(name, "commit", "--quiet", "--message", message)
        self.pushed.add(name)
        self.git(name, "push", "--quiet", self.address(name), f"HEAD:refs/heads/{self.branch}")
        return self.git(name, "rev-parse", "HEAD")

    def remove(self):
        """The run's branches, and the clones on this machine."""
        for name in sorted(self.pushed):
            self.git(name, "push", "--quiet", self.address(name), f":refs/heads/{self.branch}", grace=60)
        shutil.rmtree(self.folder, ignore_errors=True)
