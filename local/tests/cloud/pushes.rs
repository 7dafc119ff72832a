//! Git: repositories over HTTP, and pushes as events.

use std::process::Command;

use serde_json::{Value, json};

use crate::harness::{Cloud, eventually};

/// A rule that sends the events of pushes to a queue; the queue's URL.
fn queue_of_pushes(cloud: &Cloud) -> String {
    let queue = sqs(cloud, &["create-queue", "--queue-name", "pushes"])["QueueUrl"]
        .as_str()
        .unwrap()
        .to_owned();
    let arn = "arn:aws:sqs:us-east-1:000000000000:pushes";
    let policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn}]});
    let attributes = json!({"Policy": policy.to_string()}).to_string();
    sqs(
        cloud,
        &[
            "set-queue-attributes",
            "--queue-url",
            &queue,
            "--attributes",
            &attributes,
        ],
    );
    let pattern =
        json!({"source": ["cutover.git"], "detail-type": ["Repository State Change"]}).to_string();
    cloud.aws(&[
        "events",
        "put-rule",
        "--name",
        "pushes",
        "--event-pattern",
        &pattern,
    ]);
    cloud.aws(&[
        "events",
        "put-targets",
        "--rule",
        "pushes",
        "--targets",
        &format!("Id=1,Arn={arn}"),
    ]);
    queue
}

/// The aws cli sends SQS to its former host name, whatever AWS_ENDPOINT_URL says.
fn sqs(cloud: &Cloud, arguments: &[&str]) -> Value {
    let endpoint = ["--endpoint-url", cloud.env("AWS_ENDPOINT_URL"), "sqs"];
    cloud.aws(&[&endpoint, arguments].concat())
}

fn next_event(cloud: &Cloud, queue: &str) -> Value {
    let mut event = Value::Null;
    eventually("an event arrives", || {
        let answer = sqs(
            cloud,
            &[
                "receive-message",
                "--queue-url",
                queue,
                "--wait-time-seconds",
                "2",
            ],
        );
        let message = &answer["Messages"][0];
        let Some(body) = message["Body"].as_str() else {
            return false;
        };
        event = serde_json::from_str(body).unwrap();
        let handle = message["ReceiptHandle"].as_str().unwrap();
        sqs(
            cloud,
            &[
                "delete-message",
                "--queue-url",
                queue,
                "--receipt-handle",
                handle,
            ],
        );
        true
    });
    event
}

fn git(cloud: &Cloud, arguments: &[&str]) -> String {
    let folder = cloud.path("work");
    std::fs::create_dir_all(&folder).unwrap();
    let output = Command::new("git")
        .args(["-c", "user.name=test", "-c", "user.email=test@localhost"])
        .args(arguments)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "git {arguments:?}: {errors}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned() + &errors
}

#[test]
fn each_push_of_a_branch_is_one_event_that_names_the_commits() {
    let cloud = Cloud::up();
    let queue = queue_of_pushes(&cloud);
    assert!(
        cloud
            .local(&["repository", "create", "api"])
            .status
            .success()
    );
    let url = format!("{}/api.git", cloud.env("CUTOVER_GIT"));
    git(&cloud, &["init", "--quiet", "--initial-branch=main"]);
    git(
        &cloud,
        &["commit", "--quiet", "--allow-empty", "--message=one"],
    );
    let first = git(&cloud, &["rev-parse", "HEAD"]);
    let said = git(&cloud, &["push", &url, "main"]);
    assert!(
        said.contains("1 event(s) of this push are on the bus"),
        "{said}"
    );

    let event = next_event(&cloud, &queue);
    let wanted = json!({
        "event": "referenceCreated", "repositoryName": "api", "referenceType": "branch", "referenceName": "main",
        "referenceFullName": "refs/heads/main", "commitId": first, "repositoryUrl": url,
    });
    assert_eq!(event["detail"], wanted);

    git(
        &cloud,
        &["commit", "--quiet", "--allow-empty", "--message=two"],
    );
    let second = git(&cloud, &["rev-parse", "HEAD"]);
    git(&cloud, &["push", "--quiet", &url, "main"]);
    let event = next_event(&cloud, &queue);
    assert_eq!(event["detail"]["event"], "referenceUpdated");
    assert_eq!(event["detail"]["commitId"], second);
    assert_eq!(event["detail"]["oldCommitId"], first);
    assert!(git(&cloud, &["ls-remote", &url]).contains(&second));
}

#[test]
fn a_private_repository_opens_to_whoever_says_the_password_in_its_secret() {
    let cloud = Cloud::up();
    let closed = ["repository", "create", "api", "--private"];
    assert!(cloud.local(&closed).status.success());
    let url = format!("{}/api.git", cloud.env("CUTOVER_GIT"));
    git(&cloud, &["init", "--quiet", "--initial-branch=main"]);
    git(
        &cloud,
        &["commit", "--quiet", "--allow-empty", "--message=one"],
    );
    assert!(!may(&cloud, &url, None));
    let first = password(&cloud);
    assert!(!may(&cloud, &url, Some("guessed")));
    assert!(may(&cloud, &url, Some(&first)));
    // Closing it again changes the password.
    assert!(cloud.local(&closed).status.success());
    assert!(!may(&cloud, &url, Some(&first)));
    assert!(may(&cloud, &url, Some(&password(&cloud))));
}

fn password(cloud: &Cloud) -> String {
    let secret = ["get-secret-value", "--secret-id", "cutover/myproj/api"];
    let answer = cloud.aws(&[&["secretsmanager"], &secret[..]].concat());
    let pair: Value = serde_json::from_str(answer["SecretString"].as_str().unwrap()).unwrap();
    assert_eq!(pair["username"], "cutover");
    pair["password"].as_str().unwrap().to_owned()
}

/// Whether git may push and fetch with this password.
fn may(cloud: &Cloud, url: &str, password: Option<&str>) -> bool {
    let user = password.map(|password| format!("cutover:{password}@"));
    let url = url.replace("://", &format!("://{}", user.unwrap_or_default()));
    let push = ["push", "--quiet", "--force", &url, "main"];
    let fetch = ["ls-remote", &url];
    let tried = [&push[..], &fetch].map(|arguments| {
        let mut command = Command::new("git");
        command.args(arguments).current_dir(cloud.path("work"));
        command
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_CONFIG_GLOBAL", "/dev/null");
        command.output().unwrap().status.success()
    });
    assert_eq!(tried[0], tried[1]);
    tried[0]
}

#[test]
fn repositories_outlive_the_cloud_and_what_is_not_one_is_not_served() {
    let mut cloud = Cloud::up();
    assert!(
        cloud
            .local(&["repository", "create", "api"])
            .status
            .success()
    );
    assert!(
        !cloud
            .local(&["repository", "create", "../x"])
            .status
            .success()
    );
    assert!(cloud.local(&["down"]).status.success());
    cloud.start();
    let git_server = cloud
        .env("CUTOVER_GIT")
        .trim_start_matches("http://")
        .parse()
        .unwrap();
    let ask = |path: &str| crate::harness::get(git_server, "x", path).0;
    assert_eq!(ask("/api.git/info/refs?service=git-upload-pack"), 200);
    assert_eq!(ask("/other.git/info/refs?service=git-upload-pack"), 404);
    assert_eq!(ask("/api.git/../../env"), 404);
}
