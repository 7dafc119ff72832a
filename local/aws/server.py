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
    from botocore.exceptions import DataNotFoundError
    from botocore.loaders import JSONFileLoader

    read, known = JSONFileLoader.load_file, {}

    def load_file(self, path):
        if path not in known:
            known[path] = read(self, path)
        return known[path]

    JSONFileLoader.load_file = load_file
    # The same program in each copy: a plug-in of the caller's is found by the copy's own driver.
    loader = awscli.clidriver.create_clidriver().session.get_component("data_loader")
    for service in SERVICES:
        for kind in ("service-2", "paginators-1", "waiters-2", "endpoint-rule-set-1"):
            try:
                loader.load_service_model(service, kind)
            except DataNotFoundError:
                continue  # not every service has each
    for name in ("endpoints", "partitions", "sdk-default-configuration", "_retry"):
        loader.load_data(name)


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
