"""That a rule reaches only what permits it."""

import json
import unittest

from ministack.services import eventbridge, iam, lambda_svc

import limits

HERE = "us-east-1:000000000000:"
RULE, OTHER = (f"arn:aws:events:{HERE}rule/{name}" for name in ("sweep", "other"))
MACHINE, FUNCTION = f"arn:aws:states:{HERE}stateMachine:sweep", f"arn:aws:lambda:{HERE}function:keep"
ROLE = "arn:aws:iam::000000000000:role/rules"
STARTS = {"Effect": "Allow", "Action": "states:StartExecution", "Resource": MACHINE}


def trust(service="events.amazonaws.com", account="000000000000", rules=(RULE,)):
    return {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole", "Condition": {
        "StringEquals": {"aws:SourceAccount": account}, "ArnEquals": {"aws:SourceArn": list(rules)}}}


def role(trusted, *permitted):
    iam._roles["rules"] = {"RoleName": "rules", "Arn": ROLE, "InlinePolicies": {"own": json.dumps({"Statement": permitted})},
                           "AssumeRolePolicyDocument": json.dumps({"Statement": [trusted]})}


def function(**permission):
    lambda_svc._functions["keep"] = {"policy": {"Statement": [
        {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": FUNCTION, **permission}]}}


def reached(**target):
    before = len(REACHED)
    eventbridge._invoke_target(target, {}, {"Name": "sweep", "Arn": RULE})
    return len(REACHED) > before


REACHED = []


class Rules(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        eventbridge._invoke_target = lambda target, *_: REACHED.append(target)
        limits.reach_targets_as_they_permit(eventbridge)

    def test_a_machine_is_started_by_a_role_that_may_and_that_trusts_the_rule(self):
        def started(*parts):
            role(*parts)
            return reached(Arn=MACHINE, RoleArn=ROLE)

        self.assertTrue(started(trust(), STARTS))
        self.assertTrue(started(trust(rules=[OTHER, RULE]), STARTS))
        self.assertFalse(started(trust()))
        self.assertFalse(started(trust(), STARTS | {"Resource": MACHINE + "r"}))
        self.assertFalse(started(trust(rules=[OTHER]), STARTS))
        self.assertFalse(started(trust(service="states.amazonaws.com"), STARTS))
        self.assertFalse(started(trust(account="111111111111"), STARTS))
        self.assertFalse(reached(Arn=MACHINE))

    def test_a_function_is_invoked_by_a_rule_that_it_permits(self):
        def invoked(**permission):
            function(**permission)
            return reached(Arn=FUNCTION)

        events, source = {"Service": "events.amazonaws.com"}, {"ArnLike": {"AWS:SourceArn": RULE}}
        self.assertTrue(invoked(Principal=events, Condition=source))
        self.assertFalse(invoked(Principal=events, Condition={"ArnLike": {"AWS:SourceArn": OTHER}}))
        self.assertFalse(invoked(Principal={"Service": "s3.amazonaws.com"}, Condition=source))

    def test_others_are_not_asked(self):
        self.assertTrue(reached(Arn=f"arn:aws:sqs:{HERE}pushes"))


if __name__ == "__main__":
    unittest.main()
