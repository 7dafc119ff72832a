"""That instances are listed as EC2 does: in pages, and by so many values."""

import re
import unittest

from ministack.services import ec2

import lists
import machines

machines.no_such_page = lists.no_such_page


def ask(action, **params):
    """The error's code, or the answer."""
    asked = {name.replace("_", "."): [value] for name, value in params.items()}
    text = ec2._ACTION_MAP[action](asked)[2].decode()
    code = re.search(r"<Code>(.*?)</Code>", text)
    return code[1] if code else text


def ids(text):
    return re.findall(r"<instanceId>(.*?)</instanceId>", text)


def filters(**values):
    asked = {}
    for number, (name, all_of_it) in enumerate(values.items(), 1):
        asked[f"Filter_{number}_Name"] = name.replace("_", "-")
        asked |= {f"Filter_{number}_Value_{n}": value for n, value in enumerate(all_of_it, 1)}
    return asked


class Lists(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        machines.apply_every_filter_of_instances(ec2)
        machines.list_versions_in_pages(ec2)
        lists.list_as_ec2_does(ec2)

    def setUp(self):
        ec2._instances.clear()

    def launched(self, count=1):
        return ids(ask("RunInstances", ImageId="ami-12345678", MinCount=str(count), MaxCount=str(count)))

    def test_a_page_has_as_many_as_are_asked_for_and_all_pages_have_all(self):
        self.launched(12)
        there, found, token, sizes = list(ec2._instances.keys()), [], {}, []
        while True:
            text = ask("DescribeInstances", MaxResults="5", **filters(instance_state_name=["running"]), **token)
            found += ids(text)
            sizes.append(len(ids(text)))
            more = re.search(r"<nextToken>(.*?)</nextToken>", text)
            if not more:
                break
            token = {"NextToken": more[1]}
        self.assertEqual((found, sizes), (there, [5, 5, 2]))
        self.assertEqual(len(ids(ask("DescribeInstances"))), 12, "all, where no number is said")

    def test_a_page_has_five_to_a_thousand_and_goes_with_no_ids(self):
        instance, = self.launched()
        for size in ("4", "1001"):
            self.assertEqual(ask("DescribeInstances", MaxResults=size), "InvalidParameterValue", size)
        self.assertEqual(ask("DescribeInstances", MaxResults="5", InstanceId_1=instance), "InvalidParameterCombination")
        self.assertEqual(ids(ask("DescribeInstances", InstanceId_1=instance)), [instance])

    def test_a_page_of_versions_has_one_to_two_hundred(self):
        ask("CreateLaunchTemplate", LaunchTemplateName="t", LaunchTemplateData_ImageId="ami-12345678")
        for size, is_taken in (("0", False), ("1", True), ("200", True), ("201", False)):
            answer = ask("DescribeLaunchTemplateVersions", LaunchTemplateName="t", MaxResults=size)
            self.assertEqual(answer != "InvalidParameterValue", is_taken, size)

    def test_the_values_of_all_filters_of_a_call_count_together(self):
        for action, one, other in (("DescribeInstances", "tag:Name", "tag:cutover:release"),
                                   ("DescribeInstanceStatus", "event.code", "event.code")):
            with self.subTest(action=action):
                values = [str(number) for number in range(200)]
                self.assertNotEqual(ask(action, **filters(**{one: values})), "FilterLimitExceeded")
                self.assertEqual(ask(action, **filters(**{one: [*values, "x"]})), "FilterLimitExceeded")
        both = filters(**{"tag:Name": values[:100], "tag:cutover:release": values[:101]})
        self.assertEqual(ask("DescribeInstances", **both), "FilterLimitExceeded")
        both = filters(**{"tag:Name": values[:100], "tag:cutover:release": values[:100]})
        self.assertNotEqual(ask("DescribeInstances", **both), "FilterLimitExceeded")
        many = filters(**{f"tag:{number}": ["x"] for number in range(51)})
        self.assertEqual(ask("DescribeInstances", **many), "FilterLimitExceeded")
        self.assertEqual(ask("DescribeInstances", **filters(**{"tag:Name": ["n" * 256]})), "FilterLimitExceeded")
        self.assertNotEqual(ask("DescribeInstances", **filters(**{"tag:Name": ["n" * 255]})), "FilterLimitExceeded")


if __name__ == "__main__":
    unittest.main()
