//! What CloudFormation and the Tagging API say, and what they are asked: one recorded exchange per
//! outcome.

use crate::{Applied, Apply, Stacks, Tagged, token};
use aws::{CallError, CallKind};
use pipeline::names::{Project, Target};
use replay::Replay;
use std::collections::BTreeMap;

fn refusal(code: &str, message: &str) -> (u16, String) {
    let body = format!(
        "<ErrorResponse xmlns=\"http://cloudformation.amazonaws.com/doc/2010-05-15/\"><Error><Type>Sender</Type>\
         <Code>{code}</Code><Message>{message}</Message></Error><RequestId>r</RequestId></ErrorResponse>"
    );
    (400, body)
}

fn answer(operation: &str, body: &str) -> (u16, String) {
    let body = format!(
        "<{operation}Response><{operation}Result>{body}</{operation}Result></{operation}Response>"
    );
    (200, body)
}

fn stacks(replay: &Replay) -> Stacks {
    Stacks::new(&replay.config())
}

#[tokio::test]
async fn a_stack_is_read_with_its_parameters_outputs_and_tags() {
    let body = "<Stacks><member><StackId>arn:1</StackId><StackName>myproj-dev</StackName>\
        <CreationTime>2026-03-01T12:00:00Z</CreationTime><StackStatus>UPDATE_ROLLBACK_FAILED</StackStatus>\
        <StackStatusReason>why</StackStatusReason><EnableTerminationProtection>true</EnableTerminationProtection>\
        <Parameters><member><ParameterKey>P</ParameterKey><ParameterValue>p</ParameterValue></member></Parameters>\
        <Outputs><member><OutputKey>O</OutputKey><OutputValue>o</OutputValue></member></Outputs>\
        <Tags><member><Key>T</Key><Value>t</Value></member></Tags></member></Stacks>";
    let replay = Replay::new([answer("DescribeStacks", body)]);
    let found = stacks(&replay).find("myproj-dev").await.unwrap().unwrap();
    assert_eq!((found.id.as_str(), found.reason.as_str()), ("arn:1", "why"));
    assert_eq!(
        (found.status.as_str(), found.is_protected),
        ("UPDATE_ROLLBACK_FAILED", true)
    );
    let (parameters, outputs, tags) = (
        &found.parameters["P"],
        &found.outputs["O"],
        &found.tags["T"],
    );
    assert_eq!([parameters, outputs, tags], ["p", "o", "t"]);
}

#[tokio::test]
async fn a_stack_that_is_not_there_is_told_by_the_message_alone() {
    let find = async |answer| stacks(&Replay::new([answer])).find("myproj-dev").await;
    let missing = refusal("ValidationError", "Stack with id myproj-dev does not exist");
    assert_eq!(find(missing).await.unwrap(), None);
    let other = refusal("ValidationError", "1 validation error detected");
    assert_eq!(find(other).await.unwrap_err().kind, CallKind::Refused);
    let denied = refusal("AccessDenied", "User is not authorized");
    assert_eq!(find(denied).await.unwrap_err().kind, CallKind::Denied);
    let busy = refusal("Throttling", "Rate exceeded");
    assert_eq!(find(busy).await.unwrap_err().kind, CallKind::Unavailable);
}

/// A page of events: logical id and token of each.
fn events(of: &[(&str, &str)], next: &str) -> (u16, String) {
    let one = |(resource, token): &(&str, &str)| {
        format!(
            "<member><StackId>arn:1</StackId><EventId>e</EventId><StackName>s</StackName><Timestamp>2026-03-01T12:00:00Z\
             </Timestamp><LogicalResourceId>{resource}</LogicalResourceId><ClientRequestToken>{token}</ClientRequestToken></member>"
        )
    };
    let all: String = of.iter().map(one).collect();
    let next = if next.is_empty() {
        String::new()
    } else {
        format!("<NextToken>{next}</NextToken>")
    };
    answer(
        "DescribeStackEvents",
        &format!("<StackEvents>{all}</StackEvents>{next}"),
    )
}

#[tokio::test]
async fn the_events_of_one_operation_are_read_over_pages_and_no_further() {
    let replay = Replay::new([
        events(&[("later", "other"), ("c", "mine")], "1"),
        events(&[("b", "mine"), ("a", "mine")], "2"),
        events(&[("before", "another")], "3"),
    ]);
    let found = stacks(&replay).events("arn:1", "mine").await.unwrap();
    let names: Vec<&str> = found.iter().map(|one| one.resource.as_str()).collect();
    assert_eq!(names, ["a", "b", "c"], "the oldest first");
    assert_eq!(replay.asked().len(), 3, "earlier operations are not read");
}

#[tokio::test]
async fn all_pages_of_a_stack_s_resources_are_read() {
    let page = |id: &str, next: &str| {
        let body = format!(
            "<StackResourceSummaries><member><LogicalResourceId>L</LogicalResourceId><PhysicalResourceId>{id}</PhysicalResourceId>\
             <ResourceType>AWS::EC2::VPC</ResourceType><LastUpdatedTimestamp>2026-03-01T12:00:00Z</LastUpdatedTimestamp>\
             <ResourceStatus>CREATE_COMPLETE</ResourceStatus></member></StackResourceSummaries>{next}"
        );
        answer("ListStackResources", &body)
    };
    let replay = Replay::new([page("vpc-1", "<NextToken>n</NextToken>"), page("vpc-2", "")]);
    let found = stacks(&replay).resources("myproj-dev").await.unwrap();
    assert_eq!(found, ["AWS::EC2::VPC vpc-1", "AWS::EC2::VPC vpc-2"]);
}

async fn apply(answer: (u16, String), is_new: bool) -> (Result<Applied, CallError>, String) {
    let parameters = BTreeMap::from([
        ("A".to_owned(), Some("a".to_owned())),
        ("B".to_owned(), None),
    ]);
    let tags = BTreeMap::from([("cutover:target".to_owned(), "dev".to_owned())]);
    let apply = Apply {
        name: "myproj-dev",
        template_url: "https://bucket/target.yaml",
        role_arn: "arn:role",
        parameters: &parameters,
        tags: &tags,
        token: "c-x-update",
    };
    let replay = Replay::new([answer]);
    let stacks = stacks(&replay);
    let applied = match is_new {
        true => stacks.create(&apply).await,
        false => stacks.update(&apply).await,
    };
    (applied, replay.asked().concat())
}

#[tokio::test]
async fn a_stack_is_created_once_and_removed_if_that_fails() {
    let created = answer("CreateStack", "<StackId>arn:1</StackId>");
    let (applied, asked) = apply(created, true).await;
    assert_eq!(applied.unwrap(), Applied::Begun("arn:1".into()));
    for part in [
        "OnFailure=DELETE",
        "ClientRequestToken=c-x-update",
        "RoleARN=arn%3Arole",
        "CAPABILITY_NAMED_IAM",
    ] {
        assert!(asked.contains(part), "{part}: {asked}");
    }
    let (applied, _) = apply(refusal("AlreadyExistsException", "it exists"), true).await;
    assert_eq!(applied.unwrap(), Applied::Busy);
}

#[tokio::test]
async fn an_update_keeps_what_was_not_asked_for() {
    let (applied, asked) = apply(answer("UpdateStack", "<StackId>arn:1</StackId>"), false).await;
    assert_eq!(applied.unwrap(), Applied::Begun("arn:1".into()));
    for part in [
        "member.1.ParameterValue=a",
        "member.2.UsePreviousValue=true",
        "Tags.member.1.Value=dev",
    ] {
        assert!(asked.contains(part), "{part}: {asked}");
    }
}

#[tokio::test]
async fn an_update_that_does_not_begin_has_several_reasons() {
    let update = async |message| apply(refusal("ValidationError", message), false).await.0;
    let unchanged = update("No updates are to be performed.").await;
    assert_eq!(unchanged.unwrap(), Applied::Unchanged);
    let busy = update("Stack:arn:1 is in UPDATE_IN_PROGRESS state and can not be updated.").await;
    assert_eq!(busy.unwrap(), Applied::Busy);
    let failed = update("Stack:arn:1 is in ROLLBACK_FAILED state and can not be updated.").await;
    assert_eq!(failed.unwrap_err().kind, CallKind::Refused);
}

#[tokio::test]
async fn a_stack_is_deleted_with_a_role_and_a_token() {
    let replay = Replay::new([
        answer("DeleteStack", ""),
        answer("UpdateTerminationProtection", ""),
    ]);
    stacks(&replay)
        .delete("arn:1", "arn:role", "c-x-delete-1")
        .await
        .unwrap();
    stacks(&replay).protect("myproj-dev", false).await.unwrap();
    let asked = replay.asked();
    for part in [
        "StackName=arn%3A1",
        "RoleARN=arn%3Arole",
        "ClientRequestToken=c-x-delete-1",
    ] {
        assert!(asked[0].contains(part), "{}", asked[0]);
    }
    assert!(
        asked[1].contains("EnableTerminationProtection=false"),
        "{}",
        asked[1]
    );
}

#[test]
fn a_token_is_made_of_what_cloudformation_takes() {
    let long = "x_".repeat(60);
    let token = token(&long, "update");
    assert!(token.len() <= 128 && !token.contains('_'), "{token}");
}

#[tokio::test]
async fn what_is_tagged_is_asked_for_here_and_where_global_services_are_listed() {
    let page = |arn: &str, next: &str| {
        let body = format!(
            r#"{{"PaginationToken": "{next}", "ResourceTagMappingList": [{{"ResourceARN": "{arn}"}}]}}"#
        );
        (200, body)
    };
    let replay = Replay::new([page("arn:a", "n"), page("arn:b", ""), page("arn:zone", "")]);
    let (project, target) = (Project::new("myproj").unwrap(), Target::new("dev").unwrap());
    let found = Tagged::new(&replay.config())
        .of_target(&project, &target)
        .await
        .unwrap();
    assert_eq!(
        found.into_iter().collect::<Vec<_>>(),
        ["arn:a", "arn:b", "arn:zone"]
    );
    let requests = replay.requests();
    let regions: Vec<bool> = requests
        .iter()
        .map(|one| one.headers["authorization"].contains("us-east-1"))
        .collect();
    assert_eq!(regions, [false, false, true]);
    assert!(
        requests[0].body.contains("cutover:project") && requests[0].body.contains("cutover:target")
    );
}
