"""When Step Functions tells of an execution that has just begun, for MiniStack 1.5.33, which does so at once.

`launch.py` calls `tell_of_executions_late`; the files are one program (local/src/ministack.rs).
"""

import datetime
import json as executions_json
import time as executions_time


def tell_of_executions_late(sfn):
    list_executions_late(sfn)
    describe_executions_late(sfn)


def list_executions_late(sfn):
    """AWS lists executions with a delay ("the results are best effort and may not reflect very recent
    updates": https://docs.aws.amazon.com/step-functions/latest/apireference/API_ListExecutions.html).
    Here a list by status does not show what began less than three seconds ago."""
    listed, lag = sfn._list_executions, 3

    def late(data):
        status, headers, body = listed(data)
        if status != 200 or not data.get("statusFilter"):
            return status, headers, body
        answer = executions_json.loads(body)
        answer["executions"] = [one for one in answer["executions"] if not began_since(one, executions_time.time() - lag)]
        return sfn.json_response(answer)

    sfn._list_executions = late


def describe_executions_late(sfn):
    """DescribeExecution "is eventually consistent" as well:
    https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeExecution.html. Here it does not
    know what began less than half a second ago."""
    described, lag = sfn._describe_execution, 0.5

    def late(data):
        one = sfn._executions.get(data.get("executionArn"))
        if one and began_since(one, executions_time.time() - lag):
            return sfn.error_response_json(
                "ExecutionDoesNotExist", f"Execution Does Not Exist: '{data['executionArn']}'", 400)
        return described(data)

    sfn._describe_execution = late


def began_since(one, moment):
    began = one["startDate"]
    if isinstance(began, str):
        began = datetime.datetime.fromisoformat(began.replace("Z", "+00:00")).timestamp()
    return began > moment


