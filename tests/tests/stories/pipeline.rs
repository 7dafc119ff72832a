//! A pipeline beside the one that the other stories use: deployed, updated while a release runs,
//! removed.

use end_to_end::{Cloud, Component, Execution, Place, Service, Vpcs, until};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(240);

/// The parameters of the pipeline that runs, for one of another name.
pub async fn parameters(cloud: &Cloud) -> Vec<String> {
    let stack = format!("{}-cutover", cloud.variable("CUTOVER_PROJECT"));
    let asked = [
        "cloudformation",
        "describe-stacks",
        "--stack-name",
        &stack,
        "--query",
        "Stacks[0].Parameters",
        "--output",
        "json",
    ];
    let said = cloud.aws(&asked).await.good("describe-stacks");
    let all: Vec<Value> = serde_json::from_str(&said).expect("JSON");
    let text = |one: &Value, name: &str| one[name].as_str().unwrap_or_default().to_owned();
    all.iter()
        .map(|one| (text(one, "ParameterKey"), text(one, "ParameterValue")))
        .filter(|(key, _)| !["Project", "Domain", "TargetTemplateUrl"].contains(&key.as_str()))
        .map(|(key, value)| format!("--parameter={key}={value}"))
        .collect()
}

/// Answers what it printed.
async fn deploy(cloud: &Cloud, parameters: &[String]) -> String {
    let (project, domain) = (
        cloud.variable("CUTOVER_PROJECT"),
        cloud.variable("CUTOVER_DOMAIN"),
    );
    let mut arguments = vec!["pipeline", "--project", project, "--domain", domain];
    arguments.extend(parameters.iter().map(String::as_str));
    let said = cloud.script("infra/deploy.sh", &arguments).await;
    said.good("infra/deploy.sh pipeline")
}

/// The other processor than this machine's, as the pipeline and as CodeBuild's quotas call it. Of its small
/// containers this account may run one at once.
const OTHER: (&str, &str) = match cfg!(target_arch = "x86_64") {
    true => ("arm64", "ARM"),
    false => ("x86_64", "Linux"),
};

/// What its functions are told to log: it changes with an update, and with it every function.
async fn log_level(cloud: &Cloud, function: &str) -> String {
    let name = format!("{}-{function}", cloud.variable("CUTOVER_PROJECT"));
    let asked = [
        "lambda",
        "get-function-configuration",
        "--function-name",
        &name,
        "--query",
        "Environment.Variables.RUST_LOG",
        "--output",
        "text",
    ];
    let said = cloud.aws(&asked).await.good("get-function-configuration");
    said.trim().to_owned()
}

/// A version whose suite ends once there is a file, or fails.
fn held_until(file: &Path) -> Service {
    let mut service = Service::good("2");
    service.add_suite("held", "python3 held.py");
    let held = format!(
        "import os, sys, time\n\nend = time.monotonic() + 200\nwhile not os.path.exists({:?}):\n    if time.monotonic() > end:\n        sys.exit('nobody let it go on')\n    time.sleep(0.1)\n",
        file.to_string_lossy()
    );
    service.files.push(("held.py", held));
    service
}

/// Removes a pipeline as a person does.
async fn destroy(cloud: &Cloud) -> end_to_end::Said {
    let project = format!("PROJECT={}", cloud.variable("CUTOVER_PROJECT"));
    cloud.script("make", &["destroy", &project]).await
}

#[tokio::test]
#[ignore = "make test-long: a pipeline of its own"]
async fn a_pipeline_is_updated_while_a_release_runs_and_removed_once_its_targets_are() {
    let _one = Vpcs::one().await;
    let stories = Cloud::up().await;
    let cloud = stories.of_project(&end_to_end::unique("t-pipe"));
    let told = deploy(&cloud, &parameters(&stories).await).await;
    assert!(!told.contains("the quota"), "{told}");
    let place = Place::new(&cloud, "pipe");
    place.provision(&[]).await.output();
    let component = Component::unregistered(&cloud, "pipe", place.name).await;
    component.follow("releases", place.name).await;
    let released = async |service: &Service| {
        let sha = component.commit_and_push(service).await;
        let input = json!({"component": component.name, "version": sha, "target": place.name});
        (sha, Execution::start(&cloud, &input).await)
    };
    let (first, execution) = released(&Service::good("1")).await;
    assert_eq!(execution.end(LIMIT).await.output()["outcome"], "live");

    let folder = tempfile::tempdir().expect("a folder");
    let go_on = folder.path().join("go-on");
    let (second, execution) = released(&held_until(&go_on)).await;
    let tested = until(LIMIT, async || {
        let states = execution.states().await;
        states
            .iter()
            .any(|state| state == "Run suite")
            .then_some(())
    });
    assert!(tested.await.is_some(), "the suites begin");
    let (row, records) = (component.alias_row().await, component.records().await);
    let before = log_level(&cloud, "cutover").await;
    let (architecture, processor) = OTHER;
    let changed = [
        "LogLevel=debug".to_owned(),
        format!("Architecture={architecture}"),
    ];
    let told = deploy(&cloud, &changed.map(|one| format!("--parameter={one}"))).await;
    let quota = format!("\"Concurrently running builds for {processor}/Small environment\"");
    for said in [
        format!("the quota {quota} of this account is 1, and a release needs 2 or more"),
        "aws service-quotas request-service-quota-increase --service-code codebuild".into(),
    ] {
        assert!(told.contains(&said), "not `{said}`: {told}");
    }
    let levels = (before.as_str(), log_level(&cloud, "cutover").await);
    assert_eq!(levels, ("info", "debug".to_owned()), "it was updated");
    assert_eq!(execution.status().await, "RUNNING");
    assert_eq!(component.alias_row().await, row);
    assert_eq!(component.records().await, records);
    assert_eq!(component.live().await.commit, first);
    std::fs::write(&go_on, "").expect("a file");
    assert_eq!(execution.end(LIMIT).await.output()["outcome"], "live");
    component.stands_alone(&second).await;

    let refused = destroy(&cloud).await;
    assert_ne!(refused.code, 0, "{}", refused.out);
    let sentence = format!("these targets are left: {}", place.name);
    assert!(refused.err.contains(&sentence), "{}", refused.err);
    component.stands_alone(&second).await;
    place.teardown().await.output();
    place.left_nothing().await;
    let done = destroy(&cloud).await.good("make destroy");
    assert!(done.contains("is deleted. Kept"), "{done}");
    nothing_but_what_was_recorded(&cloud).await;
}

#[tokio::test]
async fn a_pipeline_that_cannot_be_deleted_says_why_in_cloudformation_s_words() {
    let stories = Cloud::up().await;
    let cloud = stories.of_project(&end_to_end::unique("t-kept"));
    let project = cloud.variable("CUTOVER_PROJECT");
    let stack = format!("{project}-cutover");
    // As far as `destroy` looks before it deletes.
    let template = json!({
        "Outputs": {"TableName": {"Value": {"Ref": "Table"}}, "BucketName": {"Value": {"Ref": "Full"}}},
        "Resources": {"Full": {"Type": "AWS::S3::Bucket"}, "Table": {"Type": "AWS::DynamoDB::Table",
            "Properties": {"BillingMode": "PAY_PER_REQUEST",
                "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
                "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}]}}}});
    let made = [
        "cloudformation",
        "create-stack",
        "--stack-name",
        &stack,
        "--template-body",
        &template.to_string(),
    ];
    cloud.aws(&made).await.good("create-stack");
    let asked = [
        "cloudformation",
        "describe-stacks",
        "--stack-name",
        &stack,
        "--query",
        "Stacks[0].Outputs[?OutputKey=='BucketName'].OutputValue",
        "--output",
        "text",
    ];
    let named = until(LIMIT, async || {
        let said = cloud.aws(&asked).await.good("describe-stacks");
        Some(said.trim().to_owned()).filter(|name| name.contains("full"))
    });
    let bucket = named.await.expect("the stack is made");
    let bucket = bucket.as_str();
    let put = ["s3api", "put-object", "--bucket", bucket, "--key", "one"];
    cloud.aws(&put).await.good("put-object");
    let refused = destroy(&cloud).await;
    assert_ne!(refused.code, 0, "{}", refused.out);
    for part in [
        "Full (AWS::S3::Bucket) DELETE_FAILED: The bucket you tried to delete is not empty",
        "was not deleted as a whole",
    ] {
        assert!(refused.err.contains(part), "not `{part}`: {}", refused.err);
    }
    let remove = ["s3api", "delete-object", "--bucket", bucket, "--key", "one"];
    cloud.aws(&remove).await.good("delete-object");
    let delete = ["cloudformation", "delete-stack", "--stack-name", &stack];
    cloud.aws(&delete).await.good("delete-stack");
}

/// The table and the bucket stay when a pipeline goes; here, they go with the story.
async fn nothing_but_what_was_recorded(cloud: &Cloud) {
    let project = cloud.variable("CUTOVER_PROJECT");
    let mut left = cloud.tagged("cutover:project", project).await;
    left.retain(|arn| !arn.contains(":instance/"));
    left.sort();
    let table = cloud.variable("CUTOVER_TABLE");
    let bucket = cloud.variable("CUTOVER_BUCKET");
    assert!(
        left.len() == 2 && left[0].ends_with(table) && left[1].ends_with(bucket),
        "{left:?}"
    );
    let allow = [
        "dynamodb",
        "update-table",
        "--table-name",
        table,
        "--no-deletion-protection-enabled",
    ];
    cloud.aws(&allow).await.good("update-table");
    let delete = ["dynamodb", "delete-table", "--table-name", table];
    cloud.aws(&delete).await.good("delete-table");
    cloud.delete_bucket(bucket).await;
}
