"""That builds are asked for as CodeBuild lets."""

import json
import types
import unittest

import projects


def answered(body, status=200):
    return status, {}, json.dumps(body).encode()


class ManyBuilds(unittest.TestCase):
    def setUp(self):
        ids = [f"p:{number}" for number in range(250)]
        self.codebuild = types.SimpleNamespace(
            json_response=answered, error_response_json=lambda code, text, status: answered({"code": code}, status),
            _list_builds_for_project=lambda data: answered({"ids": ids}), _batch_get_builds=lambda data: answered(data))
        self.iam = types.SimpleNamespace(extract_resource_arn=lambda *_: "*")
        projects.ask_for_builds_as_codebuild_does(self.codebuild, self.iam)

    def test_builds_are_listed_by_the_hundred(self):
        token, counts = None, []
        while True:
            answer = json.loads(self.codebuild._list_builds_for_project({"nextToken": token})[2])
            counts.append(len(answer["ids"]))
            token = answer.get("nextToken")
            if not token:
                break
        self.assertEqual(counts, [100, 100, 50])

    def test_no_more_than_a_hundred_are_asked_for_at_once(self):
        for count, status in ((0, 400), (1, 200), (100, 200), (101, 400)):
            self.assertEqual(self.codebuild._batch_get_builds({"ids": ["p:1"] * count})[0], status, count)

    def test_what_is_needed_for_a_build_is_needed_for_its_project(self):
        def resource(service, asked):
            body = json.dumps(asked).encode()
            return self.iam.extract_resource_arn(service, "POST", "/", {}, body, {}, "r", "1")

        of_p = "arn:aws:codebuild:r:1:project/p"
        self.assertEqual(resource("codebuild", {"ids": ["p:1", "p:2"]}), of_p)
        self.assertEqual(resource("codebuild", {"id": "arn:aws:codebuild:r:1:build/p:1"}), of_p)
        self.assertEqual(resource("codebuild", {"ids": ["p:1", "q:2"]}), "*")
        self.assertEqual(resource("codebuild", {}), "*")
        self.assertEqual(resource("ecr", {"id": "p:1"}), "*")


if __name__ == "__main__":
    unittest.main()
