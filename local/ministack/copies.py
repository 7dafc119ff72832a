"""What S3 holds a copy to, and says of it, and MiniStack 1.5.33 does not.

`launch.py` calls `copy_as_s3_does`; the files are one program (local/src/ministack.rs).
https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
"""

TOLD = ("CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256")


def copy_as_s3_does(s3):
    """`If-None-Match` and `If-Match` hold for what a copy would replace; the algorithm is asked for by
    `x-amz-checksum-algorithm`; the copy has that checksum alone, of the whole of it, and the answer says it."""
    copy_object = s3._copy_object

    def copied(bucket, key, headers):
        held = s3._buckets.get(bucket)
        refused = s3._check_put_preconditions(headers, held["objects"].get(key) if held else None)
        if refused:
            return refused
        algorithm = headers.get("x-amz-checksum-algorithm", "").upper()
        if algorithm:
            headers = {**headers, "x-amz-sdk-checksum-algorithm": algorithm}
        answer = copy_object(bucket, key, headers)
        if answer[0] != 200:
            return answer
        made = held["objects"][key]
        if algorithm:
            made["checksums"] = {name: value for name, value in made["checksums"].items() if name == algorithm}
        return answer[0], answer[1], with_checksums(answer[2], made["checksums"])

    s3._copy_object = copied


def with_checksums(body, checksums):
    told = "".join(f"<Checksum{name}>{value}</Checksum{name}>" for name, value in checksums.items() if name in TOLD)
    end = b"</CopyObjectResult>" if isinstance(body, bytes) else "</CopyObjectResult>"
    return body.replace(end, (told.encode() if isinstance(body, bytes) else told) + end)
