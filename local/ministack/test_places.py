"""That a stack keeps places for a function as its template says, and no more than there are."""

import json
import unittest

from ministack.services import lambda_svc
from ministack.services.cloudformation import provisioners

import places

ROLE = "arn:aws:iam::000000000000:role/keep"
PROPERTIES = {"FunctionName": "keep", "Runtime": "provided.al2023", "Handler": "bootstrap", "Role": ROLE,
              "Code": {"ZipFile": "nothing"}}
PLACES = "ReservedConcurrentExecutions"


def kept():
    return json.loads(lambda_svc._get_function_concurrency("keep")[2]).get(PLACES)


class Places(unittest.TestCase):
    def test_they_are_kept_changed_and_given_back(self):
        lambda_svc._ACCOUNT_CONCURRENCY_CAP = 110
        handlers = provisioners._RESOURCE_HANDLERS["AWS::Lambda::Function"]
        ten, none = {**PROPERTIES, PLACES: "10"}, PROPERTIES
        handlers["create"]("Keep", ten, "stack")
        self.assertIsNone(kept(), "MiniStack does it itself: the patch may go")
        places.keep_places(lambda_svc, provisioners)
        handlers["create"]("Keep", ten, "stack")
        self.assertEqual(kept(), 10)
        handlers["update"]("keep", ten, none, "stack", "Keep")
        self.assertIsNone(kept())
        handlers["update"]("keep", none, ten, "stack", "Keep")
        self.assertEqual(kept(), 10)
        with self.assertRaisesRegex(ValueError, "below its minimum value of .100."):
            handlers["update"]("keep", ten, {**PROPERTIES, PLACES: "11"}, "stack", "Keep")
        self.assertEqual(kept(), 10)


if __name__ == "__main__":
    unittest.main()
