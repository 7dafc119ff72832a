"""That a copy is held to its conditions and its checksum is told, as S3 does."""

import base64
import hashlib
import unittest

from ministack.services import s3

import copies

BODY = b"of the build"


class Copies(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        copies.copy_as_s3_does(s3)
        s3._create_bucket("files", b"", {})
        s3._put_object("files", "builds/a", BODY, {"content-type": "text/plain"})

    def copy(self, to, **headers):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        status, _, body = s3._copy_object("files", to, {"x-amz-copy-source": "files/builds/a", **named})
        return status, body if isinstance(body, str) else body.decode()

    def test_what_is_there_is_not_replaced_where_nothing_may_be_there(self):
        self.assertEqual(self.copy("artifacts/once", if_none_match="*")[0], 200)
        status, body = self.copy("artifacts/once", if_none_match="*")
        self.assertEqual(status, 412)
        self.assertIn("<Code>PreconditionFailed</Code>", body)
        self.assertEqual(self.copy("artifacts/once")[0], 200, "and is where it may")

    def test_only_what_the_original_was_is_copied(self):
        etag = s3._buckets["files"]["objects"]["builds/a"]["etag"]
        self.assertEqual(self.copy("artifacts/same", x_amz_copy_source_if_match=etag)[0], 200)
        self.assertEqual(self.copy("artifacts/other", x_amz_copy_source_if_match='"0123"')[0], 412)
        self.assertNotIn("artifacts/other", s3._buckets["files"]["objects"])

    def test_the_checksum_that_is_asked_for_is_of_the_whole_copy_and_is_told(self):
        _, body = self.copy("artifacts/summed", x_amz_checksum_algorithm="SHA256")
        digest = base64.b64encode(hashlib.sha256(BODY).digest()).decode()
        self.assertIn(f"<ChecksumSHA256>{digest}</ChecksumSHA256></CopyObjectResult>", body)
        self.assertEqual(s3._buckets["files"]["objects"]["artifacts/summed"]["checksums"], {"SHA256": digest})


if __name__ == "__main__":
    unittest.main()
