"""What is asked of many builds of CodeBuild, where MiniStack 1.5.33 forgives: whose they are, and how many at once.

`launch.py` calls `ask_for_builds_as_codebuild_does`; the files are one program (local/src/ministack.rs).
"""

import json as projects_json

# https://docs.aws.amazon.com/codebuild/latest/APIReference/API_ListBuildsForProject.html
PAGE_OF_BUILDS = 100


def ask_for_builds_as_codebuild_does(codebuild, iam_actions):
    name_their_project(iam_actions)
    list_by_pages(codebuild)
    get_so_many_at_most(codebuild)


def name_their_project(iam_actions):
    """Who asks for builds or stops one needs that for their project, whose name an id begins with:
    https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscodebuild.html. Where it is several
    projects, who asks needs it for all; here then only `*` will do."""
    original = iam_actions.extract_resource_arn

    def named(service, method, path, headers, body, query_params, region, account_id):
        found = original(service, method, path, headers, body, query_params, region, account_id)
        if service != "codebuild" or found != "*":
            return found
        asked = projects_json.loads(body or b"{}")
        ids = asked.get("ids") or [asked.get("id") or ""]
        projects = {one.rpartition("/")[2].partition(":")[0] for one in ids}
        if len(projects) != 1 or not all(projects):
            return "*"
        return f"arn:aws:codebuild:{region}:{account_id}:project/{projects.pop()}"

    iam_actions.extract_resource_arn = named


def list_by_pages(codebuild):
    whole = codebuild._list_builds_for_project

    def page(data):
        status, headers, body = whole(data)
        if status >= 300:
            return status, headers, body
        ids, begin = projects_json.loads(body)["ids"], int(data.get("nextToken") or 0)
        answer = {"ids": ids[begin:begin + PAGE_OF_BUILDS]}
        if begin + PAGE_OF_BUILDS < len(ids):
            answer["nextToken"] = str(begin + PAGE_OF_BUILDS)
        return codebuild.json_response(answer)

    codebuild._list_builds_for_project = page


def get_so_many_at_most(codebuild):
    all_of_them = codebuild._batch_get_builds

    def some(data):
        if not 1 <= len(data.get("ids") or []) <= PAGE_OF_BUILDS:
            return codebuild.error_response_json(
                "InvalidInputException", f"ids: between 1 and {PAGE_OF_BUILDS} are asked for at once", 400)
        return all_of_them(data)

    codebuild._batch_get_builds = some
