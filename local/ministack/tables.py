"""What a stack says of a table's rows that expire, and MiniStack 1.5.33 forgets.

`launch.py` calls `let_rows_expire`; the files are one program (local/src/ministack.rs).
"""


def let_rows_expire(dynamodb, provisioners):
    """CloudFormation turns `TimeToLiveSpecification` on with UpdateTimeToLive; from then on DynamoDB deletes rows whose
    time is over: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-dynamodb-table-timetolivespecification.html.
    MiniStack deletes such rows, but its CloudFormation never turns it on."""
    create, update = provisioners._ddb_create, provisioners._ddb_update

    def created(logical_id, props, stack_name):
        answer = create(logical_id, props, stack_name)
        turn_on(answer[0], props)
        return answer

    def updated(physical_id, old, new, stack_name, *args, **kwargs):
        answer = update(physical_id, old, new, stack_name, *args, **kwargs)
        turn_on(answer[0], new)
        return answer

    def turn_on(name, props):
        wanted = props.get("TimeToLiveSpecification") or {}
        if not wanted:
            return
        # Templates say true and "true" alike.
        spec = {**wanted, "Enabled": str(wanted.get("Enabled")).lower() == "true"}
        status, _, body = dynamodb._update_ttl({"TableName": name, "TimeToLiveSpecification": spec})
        if status >= 400:
            raise ValueError(f"UpdateTimeToLive of {name}: {body!r}")

    handlers = provisioners._RESOURCE_HANDLERS["AWS::DynamoDB::Table"]
    for verb, own in (("create", created), ("update", updated)):
        handlers[verb] = own
