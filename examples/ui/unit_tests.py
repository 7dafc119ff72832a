"""python3 -m unittest: the page and the question to the api, against an api of the tests' own."""

import json
import os
import threading
import unittest
from unittest import mock

import ui
from peer import NoAnswer, Remembered, proxy_for, version_of
from serve import Request, Server, as_json, as_text


def body(path):
    response = ui.answer(Request(path, {}))
    return response.status, response.body.decode()


class Proxies(unittest.TestCase):
    def check(self, host, proxy, no_proxy, expected):
        self.assertEqual(proxy_for(host, {"http_proxy": proxy, "no_proxy": no_proxy}), expected)

    def test_no_proxy_means_the_very_host_and_with_a_dot_those_below(self):
        proxy, address = "http://127.0.0.1:3128", ("127.0.0.1", 3128)
        self.check("api.stage.localhost", proxy, "127.0.0.1,localhost", address)
        self.check("api.stage.localhost", proxy, ".localhost", None)
        self.check("localhost", proxy, "127.0.0.1, localhost", None)
        self.check("api.test", proxy, "*", None)
        self.check("api.test", proxy, ",", address)
        self.check("api.test", "", "", None)


class Remembering(unittest.TestCase):
    def test_the_api_is_asked_once_per_second_also_while_it_fails(self):
        clock, asked = [0.0], []

        def ask():
            asked.append(clock[0])
            if len(asked) == 2:
                raise NoAnswer("gone")
            return len(asked)

        remembered = Remembered(ask, lambda: clock[0])
        self.assertEqual([remembered.get(), remembered.get()], [1, 1])
        clock[0] = 1.0
        for _ in range(2):
            with self.assertRaisesRegex(NoAnswer, "gone"):
                remembered.get()
        clock[0] = 2.5
        self.assertEqual(remembered.get(), 3)
        self.assertEqual(asked, [0.0, 1.0, 2.5])


class WithAnApi(unittest.TestCase):
    def setUp(self):
        self.said, self.asked = as_json(200, {"component": "api", "commit": "<b>1</b>", "release": "r1"}), []
        self.server = Server("127.0.0.1", 0, self.answer)
        self.runner = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self.runner.start()
        self.address = f"127.0.0.1:{self.server.server_port}"
        ui.api.until = -1.0

    def tearDown(self):
        self.server.shutdown()
        self.server.server_close()
        self.runner.join(5)

    def answer(self, request):
        self.asked.append((request.headers["Host"], request.path))
        return self.said

    def environment(self, **variables):
        return mock.patch.dict(os.environ, variables, clear=True)

    def test_the_page_shows_both_commits_and_escapes_them(self):
        with self.environment(API_URL=f"http://{self.address}/", COMMIT="abc"):
            status, page = body("/")
        self.assertEqual(status, 200)
        self.assertIn('<td id="ui-commit">abc</td>', page)
        self.assertIn('<td id="api-commit">&lt;b&gt;1&lt;/b&gt;</td>', page)

    def test_without_the_api_the_page_says_so_and_the_ui_stays_healthy(self):
        with self.environment():
            self.assertEqual(body("/healthz"), (200, "ok"))
            self.assertIn("The api does not answer: API_URL is not set", body("/")[1])
            status, text = body("/peer")
        self.assertEqual((status, json.loads(text)["error"]), (502, "api: API_URL is not set"))

    def test_a_name_that_only_the_proxy_knows_is_asked_through_it(self):
        with self.environment(API_URL="http://api.stage.localhost:8080", http_proxy=f"http://{self.address}", no_proxy="localhost"):
            status, text = body("/peer")
        self.assertEqual((status, json.loads(text)["api"]["release"]), (200, "r1"))
        self.assertEqual(self.asked, [("api.stage.localhost:8080", "/version")])

    def test_an_answer_that_is_no_version_is_none(self):
        for said, why in [(as_text(500, "no"), "answered 500"), (as_text(200, "no"), "Expecting value"), (as_json(200, [1]), "not an object")]:
            self.said = said
            with self.assertRaisesRegex(NoAnswer, why):
                version_of(f"http://{self.address}")
        with self.assertRaisesRegex(NoAnswer, "is not a URL"):
            version_of("ftp://api.test")


class Routes(unittest.TestCase):
    def test_only_known_paths_are_files(self):
        self.assertEqual(body("/style.css"), (200, ui.STYLE))
        for path in ["/ui.py", "/../ui.py", "/%2e%2e/ui.py", "/page.html"]:
            self.assertEqual(body(path)[0], 404)

    def test_every_answer_forbids_sniffing_and_framing(self):
        for path in ["/", "/about", "/healthz", "/none"]:
            names = dict(ui.answer(Request(path, {})).headers)
            self.assertEqual(names["X-Content-Type-Options"], "nosniff")
            self.assertIn("frame-ancestors 'none'", names["Content-Security-Policy"])


if __name__ == "__main__":
    unittest.main()
