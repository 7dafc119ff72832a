"""The aws cli, many calls in one process: most of a call is Python's start.

Reads a JSON list of words per line, answers with a JSON list: exit code, output, errors.
"""

import contextlib
import io
import json
import sys

from awscli.clidriver import create_clidriver

driver, answers = create_clidriver(), sys.stdout
for line in sys.stdin:
    output, errors = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
        try:
            code = driver.main(json.loads(line))
        except SystemExit as end:
            code = end.code
    said = [stream.buffer.getvalue().decode() for stream in (output, errors)]
    print(json.dumps([code, *said]), file=answers, flush=True)
