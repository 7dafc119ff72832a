//! What a caller with few permissions, or an impatient one, meets on AWS, it meets here.

use serde_json::{Value, json};

use crate::harness::{Cloud, eventually};

/// What a user with these permissions is told on standard error.
fn told(cloud: &Cloud, user: &str, statements: &Value, asked: &[&str]) -> String {
    cloud.aws(&["iam", "create-user", "--user-name", user]);
    let policy = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
    let put = [
        "iam",
        "put-user-policy",
        "--user-name",
        user,
        "--policy-name",
        "p",
    ];
    cloud.aws(&[put.as_slice(), &["--policy-document", &policy]].concat());
    let made = cloud.aws(&["iam", "create-access-key", "--user-name", user]);
    let key = |name: &str| made["AccessKey"][name].as_str().unwrap().to_owned();
    let (id, secret) = (key("AccessKeyId"), key("SecretAccessKey"));
    let reader = [
        ("AWS_ACCESS_KEY_ID", id.as_str()),
        ("AWS_SECRET_ACCESS_KEY", secret.as_str()),
    ];
    let output = cloud.aws_as(&reader, asked);
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// `hide_missing_keys_from_who_may_not_list`
#[test]
fn a_missing_key_is_told_only_to_who_may_list_the_bucket() {
    let cloud = Cloud::shared();
    cloud.aws(&["s3api", "create-bucket", "--bucket", "missing"]);
    let head = ["s3api", "head-object", "--bucket", "missing", "--key", "k"];
    let said = cloud.try_aws(&head).unwrap_err();
    assert!(said.contains("404"), "{said}");
    let read = json!([{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]);
    let said = told(&cloud, "reader", &read, &head);
    assert!(said.contains("403"), "{said}");
}

/// `name_what_route53_denies`
#[test]
fn what_route_53_denies_is_wrapped_as_all_its_errors_are() {
    let cloud = Cloud::shared();
    let none = json!([{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]);
    let said = told(
        &cloud,
        "denied",
        &none,
        &["route53", "list-hosted-zones", "--debug"],
    );
    let start = said.find("<ErrorResponse").expect("the answer is shown");
    assert!(
        said[start..].contains("<Code>AccessDenied"),
        "{}",
        &said[start..]
    );
}

/// `list_executions_late`
#[test]
fn an_execution_is_listed_a_moment_after_it_began() {
    let cloud = Cloud::shared();
    let definition = json!({"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 30, "End": true}}});
    let machine = machine(&cloud, "listed", &definition);
    cloud.aws(&[
        "stepfunctions",
        "start-execution",
        "--state-machine-arn",
        &machine,
    ]);
    let running = || {
        let list = [
            "stepfunctions",
            "list-executions",
            "--state-machine-arn",
            &machine,
        ];
        let listed = cloud.aws(&[list.as_slice(), &["--status-filter", "RUNNING"]].concat());
        listed["executions"].as_array().unwrap().len()
    };
    assert_eq!(running(), 0, "not yet");
    eventually("it is listed", || running() == 1);
}

/// `refuse_large_inputs`
#[test]
fn an_input_of_more_than_256_kib_starts_nothing() {
    let cloud = Cloud::shared();
    let machine = machine(
        &cloud,
        "large",
        &json!({"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}),
    );
    let start = |bytes: usize| {
        // Longer than a word of a command may be.
        let file = cloud.path("input.json");
        std::fs::write(&file, format!("\"{}\"", "x".repeat(bytes - 2))).unwrap();
        let input = format!("file://{}", file.display());
        let asked = [
            "stepfunctions",
            "start-execution",
            "--state-machine-arn",
            &machine,
            "--input",
            &input,
        ];
        cloud.try_aws(&asked)
    };
    assert!(start(262_144).is_ok());
    let said = start(262_145).unwrap_err();
    assert!(said.contains("262144"), "{said}");
}

fn machine(cloud: &Cloud, name: &str, definition: &Value) -> String {
    let trust = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
        "Principal": {"Service": "states.amazonaws.com"}, "Action": "sts:AssumeRole"}]})
    .to_string();
    let role = [
        "iam",
        "create-role",
        "--role-name",
        name,
        "--assume-role-policy-document",
        &trust,
    ];
    let role = cloud.aws(&role)["Role"]["Arn"].as_str().unwrap().to_owned();
    let text = definition.to_string();
    let new = [
        "stepfunctions",
        "create-state-machine",
        "--name",
        name,
        "--role-arn",
        &role,
    ];
    let made = cloud.aws(&[new.as_slice(), &["--definition", &text]].concat());
    made["stateMachineArn"].as_str().unwrap().to_owned()
}
