"""That who may put events of one source and type on the bus may put no others."""

import json
import unittest

from ministack.core import iam_actions, iam_evaluator

import limits

BUS = "arn:aws:events:eu-central-1:000000000000:event-bus/default"
POLICY = {"Version": "2012-10-17", "Statement": [{
    "Effect": "Allow", "Action": "events:PutEvents", "Resource": BUS, "Condition": {"ForAllValues:StringEquals": {
        "events:source": "cutover.history", "events:detail-type": "Automatic Action"}}}]}


def may_put(*entries):
    entries = [{"Source": source, "DetailType": kind, "Detail": "{}"} for source, kind in entries]
    body = json.dumps({"Entries": entries}).encode()
    context = iam_actions.request_tag_context("events", "events:PutEvents", body, {})
    asked = iam_evaluator.EvalContext(
        principal_arn="arn:aws:sts::000000000000:assumed-role/keep/x", principal_type="AssumedRole",
        principal_account="000000000000", action="events:PutEvents", resource_arn=BUS, region="eu-central-1",
        service_context=context)
    return iam_evaluator.evaluate(asked, [iam_evaluator.parse_policy_document(json.dumps(POLICY))]).decision == "Allow"


class Events(unittest.TestCase):
    def test_a_source_and_a_type_are_asked_for(self):
        own, push = ("cutover.history", "Automatic Action"), ("cutover.git", "Repository State Change")
        self.assertTrue(may_put(push), "MiniStack knows it itself: the patch may go")
        limits.know_what_is_put_on_a_bus()
        self.assertTrue(may_put(own, own))
        self.assertFalse(may_put(push))
        self.assertFalse(may_put(own, push))
        self.assertFalse(may_put(("cutover.history", "Repository State Change")))


if __name__ == "__main__":
    unittest.main()
