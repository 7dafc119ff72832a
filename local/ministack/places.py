"""What a stack says of places that are kept free for a function, and MiniStack 1.5.33 forgets.

`launch.py` calls `keep_places`; the files are one program (local/src/ministack.rs).
"""

# Lambda leaves so many to all functions that have none of their own:
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
PLACES_OF_ALL = 100


def keep_places(lambda_svc, provisioners):
    """CloudFormation sets `ReservedConcurrentExecutions` with PutFunctionConcurrency, and takes it away where a template has
    it no more: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-lambda-function.html.
    MiniStack has the call and keeps to it, but its CloudFormation never makes it; and it keeps more places than there are."""
    handlers = provisioners._RESOURCE_HANDLERS["AWS::Lambda::Function"]
    create, update, put = handlers["create"], handlers["update"], lambda_svc._put_function_concurrency

    def created(logical_id, props, stack_name):
        answer = create(logical_id, props, stack_name)
        keep(answer[0], props)
        return answer

    def updated(physical_id, old, new, stack_name, *args, **kwargs):
        answer = update(physical_id, old, new, stack_name, *args, **kwargs)
        keep(answer[0], new)
        return answer

    def keep(name, props):
        places = props.get("ReservedConcurrentExecutions")
        if places is None:
            lambda_svc._functions[name].pop("concurrency", None)
            return
        status, _, body = lambda_svc._put_function_concurrency(name, {"ReservedConcurrentExecutions": int(places)})
        if status >= 400:
            raise ValueError(f"PutFunctionConcurrency of {name}: {body!r}")

    def put_what_there_is(name, data):
        places = data.get("ReservedConcurrentExecutions", 0)
        others = [one.get("concurrency") or 0 for key, one in lambda_svc._functions.items() if key != name]
        left = (lambda_svc._ACCOUNT_CONCURRENCY_CAP or 1000) - sum(others) - places
        if left < PLACES_OF_ALL:
            return lambda_svc.error_response_json(
                "InvalidParameterValueException",
                "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution "
                f"below its minimum value of [{PLACES_OF_ALL}].", 400)
        return put(name, data)

    lambda_svc._put_function_concurrency = put_what_there_is
    handlers["create"], handlers["update"] = created, updated
