"""What MiniStack 1.5.33 loses of logs.

`launch.py` calls `answer_logs_in_pages`; the files are one program (local/src/ministack.rs).
"""

import json as logs_json

# A page of FilterLogEvents has 1 MB at most, and 10,000 events:
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html.
PAGE_EVENTS = 10_000
PAGE_BYTES = 1 << 20


def answer_logs_in_pages(cloudwatch_logs):
    """What is beyond a page it leaves out, and says nothing of a next one."""
    original = cloudwatch_logs._filter_log_events

    def refused(text):
        return cloudwatch_logs.error_response_json("InvalidParameterException", text, 400)

    def paged(data):
        limit = data.get("limit", PAGE_EVENTS)
        if not 1 <= limit <= PAGE_EVENTS:
            return refused(f"limit must be from 1 to {PAGE_EVENTS}")
        try:
            since, skipped = logs_json.loads(data.get("nextToken") or "[null, 0]")
        except ValueError:
            return refused("The specified nextToken is invalid.")
        asked = {key: value for key, value in data.items() if key != "nextToken"} | {"limit": PAGE_EVENTS}
        if since is not None:
            asked["startTime"] = since
        status, headers, body = original(asked)
        if status != 200:
            return status, headers, body
        answer = logs_json.loads(body)
        found = answer["events"]
        page = first_page(found[skipped:], limit)
        if skipped + len(page) < len(found) or len(found) == PAGE_EVENTS:
            answer["nextToken"] = logs_json.dumps(after(page, since, skipped))
        return cloudwatch_logs.json_response({**answer, "events": page})

    cloudwatch_logs._filter_log_events = paged


def first_page(events, limit):
    """As many as a page takes, and one at least."""
    taken = 0
    for count, event in enumerate(events[:limit]):
        taken += len(event["message"].encode())
        if count and taken > PAGE_BYTES:
            return events[:count]
    return events[:limit]


def after(page, since, skipped):
    """From when the next page is, and how many of that moment are in pages before."""
    last = page[-1]["timestamp"]
    of_last = sum(event["timestamp"] == last for event in page)
    return [last, of_last + (skipped if last == since else 0)]
