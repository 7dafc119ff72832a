//! Where the launcher brings the emulator closer to AWS.

use std::process::Command;

use serde_json::{Value, json};

use crate::harness::{Cloud, eventually};

pub fn role(cloud: &Cloud, name: &str, service: &str) -> String {
    let trust = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
        "Principal": {"Service": service}, "Action": "sts:AssumeRole"}]})
    .to_string();
    let made = cloud.aws(&[
        "iam",
        "create-role",
        "--role-name",
        name,
        "--assume-role-policy-document",
        &trust,
    ]);
    made["Role"]["Arn"].as_str().unwrap().to_owned()
}

/// Runs a state machine to its end; the description of the execution and its events.
fn execute(cloud: &Cloud, name: &str, definition: &Value) -> (Value, Vec<Value>) {
    let role = role(cloud, name, "states.amazonaws.com");
    let text = definition.to_string();
    let made = cloud.aws(&[
        "stepfunctions",
        "create-state-machine",
        "--name",
        name,
        "--role-arn",
        &role,
        "--definition",
        &text,
    ]);
    let machine = made["stateMachineArn"].as_str().unwrap();
    let started = cloud.aws(&[
        "stepfunctions",
        "start-execution",
        "--state-machine-arn",
        machine,
    ]);
    let execution = started["executionArn"].as_str().unwrap();
    let mut described = Value::Null;
    eventually("the execution ends", || {
        described = describe(cloud, execution).unwrap_or(json!({"status": "RUNNING"}));
        described["status"] != "RUNNING"
    });
    let history = cloud.aws(&[
        "stepfunctions",
        "get-execution-history",
        "--execution-arn",
        execution,
    ]);
    (described, history["events"].as_array().unwrap().clone())
}

fn describe(cloud: &Cloud, execution: &str) -> Result<Value, String> {
    let describe = ["stepfunctions", "describe-execution", "--execution-arn"];
    cloud.try_aws(&[&describe[..], &[execution]].concat())
}

#[test]
fn an_execution_that_has_just_begun_is_not_described_yet() {
    let cloud = Cloud::shared();
    let definition = json!({"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 300, "End": true}}});
    let role = role(&cloud, "begun", "states.amazonaws.com");
    let text = definition.to_string();
    let create = ["stepfunctions", "create-state-machine", "--name", "begun"];
    let create = [&create[..], &["--role-arn", &role, "--definition", &text]].concat();
    let machine = cloud.aws(&create)["stateMachineArn"].clone();
    // In one process: a busy machine may take longer to start another than the emulator does not tell.
    let asked = Command::new(cloud.venv().join("bin/python"))
        .args(["-c", START_AND_DESCRIBE, machine.as_str().unwrap()])
        .env_clear()
        .envs(cloud.variables())
        .output()
        .unwrap();
    let said = String::from_utf8(asked.stdout).unwrap();
    let (execution, error) = said.trim().split_once(' ').expect("it was started");
    assert_eq!(error, "ExecutionDoesNotExist");
    eventually("it is told of", || describe(&cloud, execution).is_ok());
}

/// Prints the ARN of what it starts, and why that is not described.
const START_AND_DESCRIBE: &str = "import sys, botocore.session
client = botocore.session.get_session().create_client('stepfunctions')
execution = client.start_execution(stateMachineArn=sys.argv[1])['executionArn']
try:
    print(execution, client.describe_execution(executionArn=execution)['status'])
except client.exceptions.ExecutionDoesNotExist as error:
    print(execution, error.response['Error']['Code'])
";

#[test]
fn states_inside_map_and_parallel_leave_events_and_output_is_applied() {
    let cloud = Cloud::shared();
    let (described, events) = execute(
        &cloud,
        "m",
        &json!({"QueryLanguage": "JSONata", "StartAt": "Each", "States": {
            "Each": {"Type": "Map", "Items": [1, 2], "Next": "Both", "ItemProcessor": {"StartAt": "Add", "States": {
                "Add": {"Type": "Pass", "Output": "{% $states.input + 1 %}", "End": true}}}},
            "Both": {"Type": "Parallel", "Arguments": {"a": "{% $states.input[0] %}"}, "End": true,
                "Output": {"sum": "{% $sum($states.result) %}"},
                "Branches": [
                    {"StartAt": "Left", "States": {"Left": {"Type": "Pass", "Output": "{% $states.input.a %}", "End": true}}},
                    {"StartAt": "Right", "States": {"Right": {"Type": "Pass", "Output": 40, "End": true}}}]}}}),
    );
    assert_eq!(described["status"], "SUCCEEDED", "{described}");
    let output: Value = serde_json::from_str(described["output"].as_str().unwrap()).unwrap();
    assert_eq!(output, json!({"sum": 42}));
    let names = |kind: &str| -> Vec<&str> {
        let detail = format!("s{}EventDetails", &kind[1..]);
        let of_kind = events
            .iter()
            .filter(|event| event["type"].as_str().unwrap().ends_with(kind));
        let mut names: Vec<&str> = of_kind
            .map(|event| event[&detail]["name"].as_str().unwrap())
            .collect();
        names.sort_unstable();
        names
    };
    assert_eq!(
        names("StateEntered"),
        ["Add", "Add", "Both", "Each", "Left", "Right"]
    );
    assert_eq!(
        names("StateExited"),
        ["Add", "Add", "Both", "Each", "Left", "Right"]
    );
    let mut ids: Vec<i64> = events
        .iter()
        .map(|event| event["id"].as_i64().unwrap())
        .collect();
    ids.dedup();
    assert_eq!(ids.len(), events.len());
}

/// As on AWS, where nothing would be cleaned up after it.
#[test]
fn a_state_of_more_than_256_kib_ends_the_execution_uncaught() {
    let cloud = Cloud::shared();
    let check = |parts: usize, status: &str, error: Value| {
        // Cheap: an expression that takes longer than a second is an error of another kind, which is caught.
        let text = format!("{{% $pad('', {}, 'x') %}}", parts * 64);
        let (described, _) = execute(
            &cloud,
            &format!("m{parts}"),
            &json!({"QueryLanguage": "JSONata", "StartAt": "Each", "States": {
                "Each": {"Type": "Map", "Items": [1], "Next": "Done",
                    "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Done"}],
                    "ItemProcessor": {"StartAt": "Large", "States": {
                        "Large": {"Type": "Pass", "Output": text, "End": true}}}},
                "Done": {"Type": "Succeed"}}}),
        );
        assert_eq!(described["status"], status, "{parts} x 64 bytes");
        assert_eq!(described["error"], error, "{parts} x 64 bytes");
    };
    check(4095, "SUCCEEDED", Value::Null);
    check(4096, "FAILED", json!("States.DataLimitExceeded"));
}

#[test]
fn an_execution_ends_at_its_machines_timeout() {
    let cloud = Cloud::shared();
    let definition = json!({"StartAt": "Wait", "TimeoutSeconds": 1, "States": {
        "Wait": {"Type": "Wait", "Seconds": 300, "End": true}}});
    let (described, events) = execute(&cloud, "timed", &definition);
    assert_eq!(described["status"], "TIMED_OUT");
    assert_eq!(events.last().unwrap()["type"], "ExecutionTimedOut");
}

#[test]
fn states_all_does_not_catch_what_it_does_not_on_aws() {
    let cloud = Cloud::shared();
    let caught_by = |names: Value| {
        json!({"StartAt": "Both", "States": {
            "Both": {"Type": "Parallel", "End": true, "Catch": [{"ErrorEquals": names, "Next": "Caught"}],
                "Branches": [{"StartAt": "Full", "States": {
                    "Full": {"Type": "Fail", "Error": "States.DataLimitExceeded", "Cause": "too much"}}}]},
            "Caught": {"Type": "Succeed"}}})
    };
    let (described, _) = execute(&cloud, "all", &caught_by(json!(["States.ALL"])));
    let ended = (&described["status"], &described["error"]);
    assert_eq!(
        ended,
        (&json!("FAILED"), &json!("States.DataLimitExceeded"))
    );
    let named = json!(["States.DataLimitExceeded", "States.Runtime"]);
    let (described, _) = execute(&cloud, "named", &caught_by(named));
    assert_eq!(described["status"], "SUCCEEDED", "{described}");
}

#[test]
fn nobody_is_root_without_this_runs_secret() {
    let cloud = Cloud::shared();
    for key in ["test", "000000000000", cloud.env("AWS_ACCESS_KEY_ID")] {
        let guess = [
            ("AWS_ACCESS_KEY_ID", key),
            ("AWS_SECRET_ACCESS_KEY", "test"),
        ];
        let output = cloud.aws_as(&guess, &["s3api", "create-bucket", "--bucket", "mine"]);
        assert!(
            String::from_utf8_lossy(&output.stderr).contains("SignatureDoesNotMatch"),
            "{key}: {output:?}"
        );
    }
    let endpoint = cloud
        .env("AWS_ENDPOINT_URL")
        .trim_start_matches("http://")
        .parse()
        .unwrap();
    let (status, said) = crate::harness::get(endpoint, "x", "/_ministack/config");
    assert_eq!((status, said.contains("closed")), (403, true));
}

#[test]
fn a_stack_takes_a_template_and_a_role_only_from_who_may_use_them() {
    let cloud = Cloud::shared();
    cloud.aws(&["iam", "create-user", "--user-name", "maker"]);
    let made = cloud.aws(&["iam", "create-access-key", "--user-name", "maker"]);
    let key = |name: &str| made["AccessKey"][name].as_str().unwrap().to_owned();
    let (id, secret) = (key("AccessKeyId"), key("SecretAccessKey"));
    let maker = [
        ("AWS_ACCESS_KEY_ID", id.as_str()),
        ("AWS_SECRET_ACCESS_KEY", secret.as_str()),
    ];
    let may = |statements: Value| {
        let policy = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
        cloud.aws(&[
            "iam",
            "put-user-policy",
            "--user-name",
            "maker",
            "--policy-name",
            "p",
            "--policy-document",
            &policy,
        ]);
    };
    let role = role(&cloud, "stack", "cloudformation.amazonaws.com");
    let file = cloud.path("template.json");
    let template = json!({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}});
    std::fs::write(&file, template.to_string()).unwrap();
    cloud.aws(&["s3api", "create-bucket", "--bucket", "templates"]);
    cloud.aws(&[
        "s3api",
        "put-object",
        "--bucket",
        "templates",
        "--key",
        "t.json",
        "--body",
        file.to_str().unwrap(),
    ]);
    let create = || {
        let url = "https://s3.us-east-1.amazonaws.com/templates/t.json";
        let output = cloud.aws_as(
            &maker,
            &[
                "cloudformation",
                "create-stack",
                "--stack-name",
                "s",
                "--template-url",
                url,
                "--role-arn",
                &role,
            ],
        );
        String::from_utf8_lossy(&output.stderr).into_owned()
    };

    let create_stacks =
        json!({"Effect": "Allow", "Action": "cloudformation:CreateStack", "Resource": "*"});
    let pass = json!({"Effect": "Allow", "Action": "iam:PassRole", "Resource": role,
        "Condition": {"StringEquals": {"iam:PassedToService": "cloudformation.amazonaws.com"}}});
    let read = json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::templates/*"});
    may(json!([create_stacks, read]));
    let said = create();
    assert!(
        said.contains("AccessDenied") && said.contains("iam:PassRole"),
        "{said}"
    );
    may(json!([create_stacks, pass]));
    let said = create();
    let wanted =
        "(ValidationError) when calling the CreateStack operation: S3 error: Access Denied";
    assert!(said.contains(wanted), "{said}");
    may(json!([create_stacks, pass, read]));
    assert_eq!(create(), "");
}
