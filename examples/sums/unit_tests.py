"""python3 -m unittest, with the library in $VENDOR."""

import json
import unittest

from crc32 import crc32
from serve import Request
from sums import answer


class Sums(unittest.TestCase):
    def test_the_library_counts(self):
        self.assertEqual(crc32("123456789"), "cbf43926")
        self.assertEqual(crc32(""), "00000000")

    def test_a_route_answers_with_it(self):
        said = answer(Request("/crc32?text=hello", {}))
        self.assertEqual(json.loads(said.body), {"crc32": "3610a686"})


if __name__ == "__main__":
    unittest.main()
