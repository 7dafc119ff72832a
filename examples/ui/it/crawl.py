#!/usr/bin/env python3
"""Slow: follows every link, looks at every answer's headers, tries doors that must be shut."""

from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

from suite import Suite, get, hammer, require

SECONDS = 2
CONNECTIONS = 4
PAGES = 50

suite = Suite("ui", "crawl")
suite.check_identity()


class Links(HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.found = []
        self.feed(page)

    def handle_starttag(self, _, attributes):
        self.found += [value for name, value in attributes if name in ("href", "src") and value]


def crawl():
    """Every page that can be reached, by its path."""
    pages, waiting = {}, ["/"]
    while waiting:
        path = waiting.pop()
        if path in pages:
            continue
        require(len(pages) < PAGES, f"more than {PAGES} pages: links without end?")
        pages[path] = answer = get(suite.target, path)
        if answer.headers.get_content_type() == "text/html":
            links = [urljoin(path, link) for link in Links(answer.text).found]
            waiting += [link for link in links if not urlsplit(link).netloc]
    return pages


@suite.check("has no dead link")
def _():
    pages = crawl()
    dead = sorted(path for path, answer in pages.items() if answer.status != 200)
    require(not dead, f"dead links: {', '.join(dead)}")
    require(set(pages) >= {"/", "/about", "/style.css", "/version"}, f"the crawl saw only {', '.join(sorted(pages))}")


@suite.check("sends the headers that keep a browser safe")
def _():
    for path, answer in sorted(crawl().items()):
        require(answer.headers["X-Content-Type-Options"] == "nosniff", f"{path} may be sniffed")
        require("default-src 'self'" in (answer.headers["Content-Security-Policy"] or ""), f"{path} may load foreign scripts")
        require(answer.headers["Server"] is None or "Python" not in answer.headers["Server"], f"{path} names its software")


@suite.check("keeps its own files to itself")
def _():
    for path in ["/ui.py", "/page.html", "/.git/config", "/cutover.toml", "/%2e%2e/%2e%2e/etc/passwd", "/..%2f..%2fetc%2fpasswd"]:
        answer = get(suite.target, path)
        require(answer.status == 404, f"{path} answers {answer.status}")


@suite.check("reflects nothing that a visitor makes up")
def _():
    probe = "%3Cscript%3Ealert(7)%3C/script%3E"
    for path in [f"/{probe}", f"/?q={probe}", f"/about?{probe}=1"]:
        answer = get(suite.target, path, headers={"Referer": "<script>alert(7)</script>"})
        require("alert(7)" not in answer.text, f"{path[:20]} comes back in the page")


@suite.check("only reads")
def _():
    for method in ["POST", "PUT", "DELETE", "PATCH"]:
        status = get(suite.target, "/", method).status
        require(status == 405, f"{method} / answers {status}")


@suite.check("answers several visitors at once without a failure")
def _():
    count = hammer(suite.target, SECONDS, CONNECTIONS, {"/": 200, "/about": 200, "/style.css": 200, "/none": 404})
    return f"{count} answers in {SECONDS} s on {CONNECTIONS} connections"


suite.run()
