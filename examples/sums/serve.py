"""An HTTP server for production's manners: keep-alive, and a graceful end at SIGTERM.

Standard library only, and nothing newer than Python 3.9, which Amazon Linux 2023 has.
"""

import json
import os
import signal
import socket
import socketserver
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

BODY_LIMIT = 64 * 1024
# Of silence after SIGTERM: a request that was on its way has arrived by then.
LINGER_SECONDS = 0.25
# For all requests together, after SIGTERM.
DRAIN_SECONDS = 5


def variable(name):
    """A variable of the environment; where this runs by hand most are not set."""
    return os.environ.get(name) or "unknown"


class Request:
    """What a route sees: the path, its parameters, and the headers (names in any case)."""

    def __init__(self, target, headers):
        # Not urlsplit for all: `//x/y` is a path here, not a host.
        if target.startswith("http://"):
            parts = urlsplit(target)
            self.path, query = parts.path or "/", parts.query
        else:
            self.path, _, query = target.partition("?")
        self.parameters = dict(parse_qsl(query, keep_blank_values=True, max_num_fields=50))
        self.headers = headers


class Response:
    """A whole response; `headers` come on top of type and length."""

    def __init__(self, status, body, content_type, headers=()):
        self.status, self.content_type, self.headers = status, content_type, headers
        self.body = body.encode()


def as_json(status, value):
    """A response whose body is `value`."""
    return Response(status, json.dumps(value, separators=(",", ":")), "application/json")


def as_text(status, text):
    """A response for people and probes."""
    return Response(status, text, "text/plain; charset=utf-8")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Longer than the 60 s of the usual load balancer, so that it is the one that closes.
    timeout = 65
    # Head and body leave in one packet: otherwise Nagle's algorithm holds the second for 40 ms.
    wbufsize = -1
    disable_nagle_algorithm = True
    busy = False

    def handle_one_request(self):
        self.busy = False
        super().handle_one_request()

    def parse_request(self):
        self.busy = True
        return super().parse_request()

    def do_GET(self):
        if self.skip_body():
            self.send(self.answer())

    do_HEAD = do_GET

    def refuse(self):
        if self.skip_body():
            refusal = as_text(405, "only GET and HEAD are answered\n")
            refusal.headers = (("Allow", "GET, HEAD"),)
            self.send(refusal)

    do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = refuse

    def answer(self):
        try:
            return self.server.answer(Request(self.path, self.headers))
        except ValueError as error:
            return as_json(400, {"error": str(error)})

    def skip_body(self):
        """No route wants a body, but the next request begins behind it."""
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers:
            self.send(as_text(501, "a body needs a Content-Length\n"), last=True)
        elif not (length.isascii() and length.isdigit()):
            self.send(as_text(400, "Content-Length is not a number\n"), last=True)
        elif len(length) > 6 or int(length) > BODY_LIMIT:
            self.send(as_text(413, "a body may have 64 KiB\n"), last=True)
        else:
            return int(length) == len(self.rfile.read(int(length)))
        return False

    def send(self, response, last=False):
        # Asked first, because to wait takes a lock, and requests would queue for it.
        if not self.server.door.is_set():
            self.server.door.wait(DRAIN_SECONDS)
        self.close_connection = self.close_connection or last or self.server.draining
        self.send_response_only(response.status)
        self.send_header("Content-Type", response.content_type)
        self.send_header("Content-Length", str(len(response.body)))
        self.send_header("Connection", "close" if self.close_connection else "keep-alive")
        for name, value in response.headers:
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(response.body)

    def log_message(self, *_):
        """One line per request would be most of the log."""


class Server(ThreadingHTTPServer):
    request_queue_size = 1024
    daemon_threads = True
    # server_close would wait without a limit.
    block_on_close = False

    def __init__(self, host, port, answer):
        self.answer, self.draining, self.open, self.queue_empty = answer, False, set(), False
        self.door = threading.Event()
        self.door.set()
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), Handler)

    def server_bind(self):
        # HTTPServer's own asks DNS for this host's name, and may wait long for an answer.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]

    def finish_request(self, request, client_address):
        Tracked(request, client_address, self)

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError, socket.timeout)):
            super().handle_error(request, client_address)

    def handle_timeout(self):
        self.queue_empty = True

    def empty_queue(self, until):
        """Accepts who connected before the signal, who still gets an answer.

        Answers wait behind the door meanwhile: who has none yet does not come back, so nobody is
        in the queue when it is closed, which would cut them off.
        """
        self.door.clear()
        self.timeout = 0.02
        while not self.queue_empty and time.monotonic() < until:
            self.handle_request()

    def drain(self):
        """Accepts nobody new, finishes what runs; returns how many connections did not end."""
        deadline = time.monotonic() + DRAIN_SECONDS
        self.draining = True
        self.shutdown()
        self.empty_queue(time.monotonic() + LINGER_SECONDS)
        self.server_close()
        self.door.set()
        time.sleep(LINGER_SECONDS)
        while self.open and time.monotonic() < deadline:
            for handler in [handler for handler in list(self.open) if not handler.busy]:
                handler.hang_up()
            time.sleep(0.01)
        return len(self.open)


class Tracked(Handler):
    """A connection that the server knows of, to end it when nothing runs on it."""

    def setup(self):
        super().setup()
        self.server.open.add(self)

    def finish(self):
        try:
            super().finish()
        finally:
            self.server.open.discard(self)

    def hang_up(self):
        """Ends the wait for a next request; bytes that are here already are still read."""
        try:
            self.connection.shutdown(socket.SHUT_RD)
        except OSError:
            pass


def serve(component, port, answer):
    """Serves `answer` until SIGTERM; returns the exit code."""
    stop = {signal.SIGTERM, signal.SIGINT}
    # Before any other thread exists, so that all of them inherit the mask.
    signal.pthread_sigmask(signal.SIG_BLOCK, stop)
    host, port = os.environ.get("HOST") or "127.0.0.1", int(os.environ.get("PORT") or port)
    try:
        server = Server(host, port, answer)
    except OSError as error:
        print(f"{component}: cannot listen on {host}:{port}: {error}", file=sys.stderr)
        return 1
    print(f"{component}: commit {variable('COMMIT')} listens on {host}:{port}", file=sys.stderr, flush=True)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()
    signal.sigwait(stop)
    print(f"{component}: SIGTERM, finishing {len(server.open)} connections", file=sys.stderr, flush=True)
    unfinished = server.drain()
    print(f"{component}: stopped, {unfinished} connections unfinished", file=sys.stderr, flush=True)
    return 1 if unfinished else 0
