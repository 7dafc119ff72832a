"""That FilterLogEvents answers in pages, and that all of them together are all that was written."""

import json
import unittest

from ministack.services import cloudwatch_logs

import logs


def ask(**more):
    return json.loads(cloudwatch_logs._filter_log_events({"logGroupName": "/g", **more})[2])


def pages(**more):
    """What each page has."""
    found, token = [], {}
    while token is not None and len(found) < 100:
        page = ask(**more, **token)
        found.append([event["message"] for event in page["events"]])
        token = {"nextToken": page["nextToken"]} if "nextToken" in page else None
    return found


class Logs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        logs.answer_logs_in_pages(cloudwatch_logs)
        cloudwatch_logs._create_log_group({"logGroupName": "/g"})
        for name in ("short", "long"):
            cloudwatch_logs._create_log_stream({"logGroupName": "/g", "logStreamName": name})
        cls.lines = [f"line {n}" for n in range(25_000)]
        # Many of one moment, so that pages end within it.
        cls.put("short", [{"timestamp": 1000 + n // 700, "message": line} for n, line in enumerate(cls.lines)])
        cls.put("long", [{"timestamp": 5000 + n, "message": f"{n}" + "x" * 300_000} for n in range(10)])

    @staticmethod
    def put(stream, events):
        cloudwatch_logs._put_log_events({"logGroupName": "/g", "logStreamName": stream, "logEvents": events})

    def test_all_pages_are_all_events_once_and_in_order(self):
        for limit in ({}, {"limit": 999}):
            with self.subTest(limit=limit):
                found = pages(logStreamNames=["short"], **limit)
                self.assertEqual([line for page in found for line in page], self.lines)
                self.assertTrue(all(len(page) <= limit.get("limit", 10_000) for page in found))

    def test_a_page_has_a_megabyte_at_most(self):
        self.assertEqual([len(page) for page in pages(logStreamNames=["long"])], [3, 3, 3, 1])

    def test_a_time_and_a_pattern_hold_for_all_pages(self):
        found = pages(logStreamNames=["short"], startTime=1030, limit=100, filterPattern='"499"')
        self.assertEqual(sum(found, []), [line for line in self.lines[21_000:] if "499" in line])

    def test_what_cannot_be_is_refused(self):
        for wrong in ({"limit": 10_001}, {"limit": 0}, {"nextToken": "x"}):
            self.assertEqual(ask(**wrong)["__type"], "InvalidParameterException", wrong)


if __name__ == "__main__":
    unittest.main()
