"""The AWS CLI, loaded once for a local cloud.

`aws` imports a hundred modules and reads its models of the services before its first request: 0.7 s of
a core, and scripts and tests here call it hundreds of times. This process does that at the first call. For each call
it makes a copy of itself, in which the CLI runs as it always does, with the arguments, the environment,
the folder and the open files of whoever called (client.py).

The supervisor holds this process's standard input; when that closes, it ends. A copy ends with its
caller.
"""

import gc
import importlib
import marshal
import os
import random
import select
import signal
import socket
import struct
import sys
import threading

# What the scripts and tests here ask of AWS; the CLI reads any other model when it needs it.
SERVICES = ("cloudformation", "dynamodb", "ec2", "events", "iam", "lambda", "logs", "resourcegroupstaggingapi",
            "route53", "s3", "secretsmanager", "ssm", "stepfunctions", "sts")
LONGEST_REQUEST = 4 << 20
STANDARD = 3


def main():
    # The copies share what is loaded, into which the collector would write, and end before there is anything to
    # collect. What makes them leaves nothing.
    gc.disable()
    listener = listen(sys.argv[1])
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    loaded = False
    while True:
        ready, _, _ = select.select([listener, 0], [], [])
        if 0 in ready:
            return
        caller, _ = listener.accept()
        if not loaded:
            # Not before somebody calls: most clouds of the tests are asked for nothing.
            load()
            loaded = True
        if os.fork() == 0:
            listener.close()
            serve(caller)
        caller.close()


def listen(path):
    """Only for this user, who started it."""
    os.umask(0o077)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(128)
    return listener


def load():
    import awscli.clidriver
    from botocore import xform_name
    from botocore.exceptions import DataNotFoundError
    from botocore.loaders import JSONFileLoader

    read, known = JSONFileLoader.load_file, {}

    def load_file(self, path):
        if path not in known:
            known[path] = read(self, path)
        return known[path]

    JSONFileLoader.load_file = load_file
    keep_what_the_folders_have()
    keep_what_handlers_take()
    # The same program in each copy: a plug-in of the caller's is found by the copy's own driver.
    session = awscli.clidriver.create_clidriver().session
    session.get_available_services()
    loader = session.get_component("data_loader")
    for service in SERVICES:
        for kind in ("service-2", "paginators-1", "waiters-2", "endpoint-rule-set-1"):
            try:
                model = loader.load_service_model(service, kind)
            except DataNotFoundError:
                continue  # not every service has each
            for operation in model.get("operations", ()):
                # It keeps what it made: as a command's name, and as a method's.
                xform_name(operation, "-")
                xform_name(operation)
    for name in ("endpoints", "partitions", "sdk-default-configuration", "_retry"):
        loader.load_data(name)


def keep_what_the_folders_have():
    """Each call would go through the 400 folders of the models five times. They stay as they are; who has a folder
    of models of their own (`AWS_DATA_PATH`, ~/.aws/models) has it read each time."""
    from botocore.loaders import Loader

    def kept(original):
        known = {}

        def found(self, *asked, **named):
            # awscli/data has the CLI's own settings, botocore/data the models.
            own = [path for path in self.search_paths if not path.startswith(PACKAGES)]
            if any(os.path.isdir(path) for path in own):
                return original(self, *asked, **named)
            key = (*self.search_paths, *asked, *sorted(named.items()))
            if key not in known:
                known[key] = original(self, *asked, **named)
            answer = known[key]
            return list(answer) if isinstance(answer, list) else answer

        return found

    PACKAGES = os.path.dirname(os.path.dirname(importlib.import_module("awscli").__file__)) + os.sep
    for name in ("list_available_services", "list_api_versions", "determine_latest_version"):
        setattr(Loader, name, kept(getattr(Loader, name)))


def keep_what_handlers_take():
    """Each call would read the whole signature of the same 400 handlers, and look each event's name up in a table of
    old names."""
    from botocore import hooks

    read, known, names, begin = hooks.accepts_kwargs, {}, {}, hooks.EventAliaser.__init__

    def begin_with_names(self, *emitter, **aliases):
        begin(self, *emitter, **aliases)
        if self._event_aliases == hooks.EVENT_ALIASES:
            self._alias_name_cache = names

    def accepts_kwargs(function):
        code = getattr(function, "__code__", None)
        if code is None or hasattr(function, "__wrapped__"):
            return read(function)
        if code not in known:
            known[code] = read(function)
        return known[code]

    hooks.accepts_kwargs = accepts_kwargs
    hooks.EventAliaser.__init__ = begin_with_names


def serve(caller):
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    request, files = receive(caller)
    threading.Thread(target=end_with, args=[caller], daemon=True).start()
    code = run(request, files)
    try:
        caller.sendall(struct.pack("!i", code))
    except OSError:
        pass  # the caller is gone
    os._exit(0)


def end_with(caller):
    gone = select.poll()
    gone.register(caller, select.POLLRDHUP)
    gone.poll()
    os.kill(os.getpid(), signal.SIGTERM)


def receive(caller):
    head, files, _, _ = socket.recv_fds(caller, 4, STANDARD)
    (size,) = struct.unpack("!I", head)
    if size > LONGEST_REQUEST or len(files) != STANDARD:
        os._exit(1)
    request = b""
    while len(request) < size:
        part = caller.recv(min(size - len(request), 1 << 16))
        if not part:
            os._exit(1)
        request += part
    return marshal.loads(request), files


def run(request, files):
    arguments, folder, environment = request
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.chdir(folder)
    os.environb.clear()
    os.environb.update(environment)
    random.seed()
    sys.argv = ["aws", *(os.fsdecode(one) for one in arguments)]
    import awscli.clidriver

    importlib.reload(awscli)  # it says in the environment where its models are
    try:
        code = awscli.clidriver.main()
    except SystemExit as end:
        code = end.code
    except KeyboardInterrupt:
        code = 130
    for output in (sys.stdout, sys.stderr):
        try:
            output.flush()
        except OSError:
            code = code or 1
    return code if isinstance(code, int) else int(code is not None)


if __name__ == "__main__":
    main()
