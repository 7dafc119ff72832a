"""python3 -m unittest: the rules without a server, then the server on a port of its own."""

import http.client
import json
import socket
import threading
import time
import unittest

from greetings import greeting, preferred
from msa import answer
from serve import Request, Server, as_text


class Greetings(unittest.TestCase):
    def test_the_best_known_language_is_chosen(self):
        for header, expected in [
            (None, "en"),
            ("", "en"),
            ("de", "de"),
            ("fr-CH, fr;q=0.9, en;q=0.8", "fr"),
            ("en;q=0.5, it;q=0.7", "it"),
            ("tlh, es;q=0.1", "es"),
            ("de;q=0, en;q=0.1", "en"),
            ("*;q=0.4, it;q=0.3", "en"),
            ("it, de", "it"),
            ("de;q=nan, fr;q=2, es;x=1, it;q=0.2", "it"),
        ]:
            self.assertEqual(preferred(header), expected, header)

    def test_a_greeting_names_the_person_if_there_is_one(self):
        self.assertEqual(greeting("de", "Ada"), "Guten Tag, Ada")
        self.assertEqual(greeting("fr", ""), "Bonjour")

    def test_an_unknown_language_and_an_endless_name_are_refused(self):
        with self.assertRaisesRegex(ValueError, "lang must be one of de, en, es, fr, it"):
            greeting("tlh", "Worf")
        with self.assertRaisesRegex(ValueError, "at most 100"):
            greeting("en", "x" * 101)


class Routes(unittest.TestCase):
    def check(self, target, status, expected, headers=None):
        response = answer(Request(target, headers or {}))
        body = response.body.decode()
        self.assertEqual((response.status, json.loads(body) if body.startswith("{") else body), (status, expected))

    def test_each_path_has_its_answer(self):
        self.check("/healthz", 200, "ok")
        self.check("/version?x", 200, {"component": "msa", "commit": "unknown", "release": "unknown"})
        self.check("/greeting?lang=es&name=%C3%91u", 200, {"lang": "es", "greeting": "Hola, Ñu"})
        self.check("/greeting", 200, {"lang": "it", "greeting": "Buongiorno"}, {"Accept-Language": "it"})
        self.check("//greeting", 404, {"error": "nothing is at //greeting"})

    def test_the_whole_url_of_a_proxy_is_accepted(self):
        self.check("http://msa.test:8082/healthz?x", 200, "ok")
        self.check("http://msa.test/greeting?lang=en", 200, {"lang": "en", "greeting": "Hello"})


class Serving(unittest.TestCase):
    def setUp(self):
        self.entered, self.leave = threading.Event(), threading.Event()
        self.server = Server("127.0.0.1", 0, self.slow)
        self.runner = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self.runner.start()

    def tearDown(self):
        self.leave.set()
        if not self.server.draining:
            self.assertEqual(self.server.drain(), 0)
        self.runner.join(5)

    def slow(self, request):
        if request.path == "/slow":
            self.entered.set()
            self.leave.wait(5)
        return as_text(200, request.path)

    def connect(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.server_port, timeout=5)
        self.addCleanup(connection.close)
        return connection

    def raw(self, data):
        with socket.create_connection(("127.0.0.1", self.server.server_port), 5) as connection:
            connection.sendall(data)
            return connection.makefile("rb").read()

    def test_a_connection_is_used_again_until_one_side_says_close(self):
        connection = self.connect()
        for path in ["/a", "/b"]:
            connection.request("GET", path)
            response = connection.getresponse()
            self.assertEqual((response.read(), response.headers["Connection"]), (path.encode(), "keep-alive"))
        answer = self.raw(b"GET /c HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        self.assertIn(b"Connection: close\r\n", answer)

    def test_a_body_is_skipped_and_a_broken_length_refused(self):
        post = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
        get = b"GET /next HTTP/1.0\r\n\r\n"
        answer = self.raw(post + get)
        self.assertTrue(answer.startswith(b"HTTP/1.1 405 ") and answer.endswith(b"/next"), answer)
        for length, status in [(b"-1", b"400"), (b"9999999999", b"413")]:
            answer = self.raw(b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: " + length + b"\r\n\r\n")
            self.assertEqual(answer.split(b" ")[1], status)

    def test_at_the_end_running_requests_finish_and_idle_connections_close(self):
        busy, idle = self.connect(), self.connect()
        idle.request("GET", "/idle")
        idle.getresponse().read()
        busy.request("GET", "/slow")
        self.assertTrue(self.entered.wait(5))
        unfinished = []
        drainer = threading.Thread(target=lambda: unfinished.append(self.server.drain()))
        drainer.start()
        self.assertEqual(idle.sock.recv(1), b"")
        deadline = time.monotonic() + 5
        with self.assertRaises(ConnectionRefusedError):
            while time.monotonic() < deadline:
                self.connect().connect()
        self.leave.set()
        response = busy.getresponse()
        self.addCleanup(response.close)
        self.assertEqual((response.status, response.headers["Connection"], response.read()), (200, "close", b"/slow"))
        drainer.join(5)
        self.assertEqual(unfinished, [0])


if __name__ == "__main__":
    unittest.main()
