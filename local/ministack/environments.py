"""What an execution environment of Lambda has for itself, and MiniStack 1.5.33 lets all of them share.

`launch.py` calls `separate_environments`; the files are one program (local/src/ministack.rs). Each patch says what
AWS does.
"""

import os as environment_os
import shutil
import subprocess as environment_processes
import tempfile
import threading as environment_threads
import time as environment_time

# The template's CommandFolder here (infra/deploy-local.sh): a folder that is not there, so that a function without
# these patches runs nothing, instead of emptying a folder of the machine.
OWN_FOLDER = "/folder-of-the-environment"
# A function asks for the next event right after its answer, or ends.
ASKS_AGAIN = 10


def separate_environments(lambda_svc, lambda_runtime):
    give_each_a_tmp(lambda_svc, lambda_runtime.ProvidedWorker)
    hand_out_what_is_asked_for(lambda_runtime.ProvidedWorker)


def give_each_a_tmp(lambda_svc, worker):
    """On Lambda, /tmp is of one environment alone, and goes with it:
    https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html. Here it is a folder, by TMPDIR and
    wherever one of the function's variables names it."""
    variables, teardown, discard = lambda_svc._provided_worker_env, worker._teardown, worker._discard_tmpdir
    folders = {}

    def with_tmp(config, code_dir, port):
        # On Lambda everybody knows the Runtime API's port, 9001. Here each has another, and its name tells it.
        folder = tempfile.mkdtemp(prefix=f"environment-{port}-")
        folders[port] = folder
        given = variables(config, code_dir, port)
        own = {name: folder for name, value in given.items() if value == OWN_FOLDER}
        return {**given, **own, "TMPDIR": folder}

    def then_without_tmp(end):
        def act(self):
            port = self._server.server_address[1] if self._server else None
            end(self)
            remove_folder(folders.pop(port, None))
        return act

    lambda_svc._provided_worker_env = with_tmp
    worker._teardown, worker._discard_tmpdir = then_without_tmp(teardown), then_without_tmp(discard)


def register_one_session_at_a_time(sts):
    """MiniStack goes through all sessions whenever it registers one. Where another is registered meanwhile it fails, and
    with it the function that was to begin, and all others of its name that run."""
    register, lock = sts.register_session, environment_threads.Lock()

    def one_at_a_time(access_key, session):
        with lock:
            register(access_key, session)

    sts.register_session = one_at_a_time


def remove_folder(folder):
    """Whatever a user's command has made of it: folders without permissions, and very deep ones."""
    if folder is None:
        return
    try:
        environment_os.chmod(folder, 0o700)
        for root, folders, _ in environment_os.walk(folder):
            for name in folders:
                path = environment_os.path.join(root, name)
                if not environment_os.path.islink(path):
                    environment_os.chmod(path, 0o700)
        shutil.rmtree(folder, ignore_errors=True)
    except (OSError, RecursionError):
        pass  # it goes with the local cloud


def run_as_lambda_does(lambda_runtime, launcher):
    """A function's program runs below the launcher (local/src/bin/function.rs): what loses its parent goes to that one,
    as to the first process of a sandbox, and what Lambda refuses is refused."""
    class Below:
        def __getattr__(self, name):
            return getattr(environment_processes, name)

        @staticmethod
        def Popen(words, **more):
            # Of the program of `provided.al2023` alone, which has no arguments.
            return environment_processes.Popen([launcher, *words] if len(words) == 1 else words, **more)

    lambda_runtime.subprocess = Below()


class HandedOut:
    """The events of an environment. One that is asked for again before it is answered is given once more, whoever asks;
    only after its answer does an ask mean the next one. So it is in Lambda's own emulator of its Runtime API,
    https://github.com/aws/aws-lambda-runtime-interface-emulator (internal/lambda/core/states.go)."""

    def __init__(self, worker, events):
        self.worker, self.events, self.last = worker, events, None

    def is_open(self):
        return self.last is not None and self.last[0] == self.worker._current_request_id

    def get(self, timeout):
        if not self.is_open():
            self.last = self.events.get(timeout=timeout)
        return self.last


def hand_out_what_is_asked_for(worker):
    """Lambda hands an event to an environment that has asked for one. MiniStack takes an environment for free as soon
    as it has answered, and one that ends after its answer would lose the next event."""
    build, invoke = worker._build_handler_class, worker.invoke

    def counting(self, generation, pending):
        self._asks, handed_out = environment_threads.Semaphore(0), HandedOut(self, pending)
        asks = self._asks

        class Counting(build(self, generation, handed_out)):
            def do_GET(self):
                if "/runtime/invocation/next" in self.path and not handed_out.is_open():
                    asks.release()
                super().do_GET()

        return Counting

    def invoke_and_wait(self, *args, **kwargs):
        answer = invoke(self, *args, **kwargs)
        proc, asks = self._proc, self._asks
        # What it asked for before this event; it comes first when the environment is new.
        if proc is not None and not getattr(asks, "begun", False):
            asks.begun = asks.acquire(timeout=ASKS_AGAIN)
        ends = environment_time.monotonic() + ASKS_AGAIN
        while proc is not None and not asks.acquire(timeout=0.02):
            if proc.poll() is not None or environment_time.monotonic() > ends:
                self._teardown()
                break
        return answer

    worker._build_handler_class, worker.invoke = counting, invoke_and_wait
