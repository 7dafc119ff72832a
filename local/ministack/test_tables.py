"""That a stack's table expires its rows, as its template says."""

import json
import unittest

from ministack.services import dynamodb
from ministack.services.cloudformation import provisioners

import tables

KEYS = [{"AttributeName": "pk", "KeyType": "HASH"}]
PROPERTIES = {
    "TableName": "rows", "BillingMode": "PAY_PER_REQUEST", "KeySchema": KEYS,
    "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
}


def expires():
    return json.loads(dynamodb._describe_ttl({"TableName": "rows"})[2])["TimeToLiveDescription"]


class Tables(unittest.TestCase):
    def test_an_update_and_a_creation_turn_it_on(self):
        handlers = provisioners._RESOURCE_HANDLERS["AWS::DynamoDB::Table"]
        expiring = {**PROPERTIES, "TimeToLiveSpecification": {"AttributeName": "expires", "Enabled": "true"}}
        handlers["create"]("Table", expiring, "stack")
        self.assertEqual(expires()["TimeToLiveStatus"], "DISABLED", "MiniStack does it itself: the patch may go")
        tables.let_rows_expire(dynamodb, provisioners)
        handlers["update"]("rows", PROPERTIES, expiring, "stack", "Table")
        self.assertEqual(expires(), {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires"})
        dynamodb._delete_table({"TableName": "rows"})
        handlers["create"]("Table", expiring, "stack")
        self.assertEqual(expires(), {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires"})


if __name__ == "__main__":
    unittest.main()
