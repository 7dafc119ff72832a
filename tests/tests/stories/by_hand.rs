//! What a person types: hotfix, defaults, the same commit again, promotion.

use end_to_end::{Cloud, Component, Ended, Execution, Service, Suite};
use serde_json::{Value, json};
use std::time::Duration;

fn with_a_slow_suite(version: &str) -> Service {
    let mut service = Service::good(version);
    service.suites.push(Suite {
        name: "scan",
        command: "sh -c 'echo scanned'".into(),
        slow: true,
    });
    service
}

/// `aws stepfunctions start-execution`, as the README has it.
async fn typed(cloud: &Cloud, input: Value) -> Ended {
    typed_as(cloud, input, &[]).await
}

/// The same with more options.
async fn typed_as(cloud: &Cloud, input: Value, options: &[&str]) -> Ended {
    let machine = format!(
        "arn:aws:states:{}:{}:stateMachine:{}-release",
        cloud.variable("AWS_REGION"),
        cloud.variable("CUTOVER_ACCOUNT"),
        cloud.variable("CUTOVER_PROJECT")
    );
    let input = input.to_string();
    let start = [
        "stepfunctions",
        "start-execution",
        "--state-machine-arn",
        &machine,
        "--input",
        &input,
        "--output",
        "json",
    ];
    let said = cloud.aws(&[&start[..], options].concat()).await;
    let said: Value = serde_json::from_str(&said.good("start-execution")).expect("JSON");
    Execution::from_arn(cloud, said["executionArn"].as_str().expect("an ARN"))
        .end(Duration::from_secs(180))
        .await
}

fn suites(output: &Value) -> Vec<&str> {
    output["suites"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| one["suite"].as_str().expect("a name"))
        .collect()
}

#[tokio::test]
async fn a_hotfix_typed_with_the_aws_cli_goes_live_and_lists_the_slow_suites_as_skipped() {
    let cloud = Cloud::up().await;
    let component = Component::new(&cloud, "hotfix", "prod").await;
    let fix = component.commit(&with_a_slow_suite("fix")).await;
    component.push_to(&fix, "topic").await;

    let ended = typed(&cloud, json!({"component": component.name, "version": fix, "target": "prod", "skip_slow_scans": true})).await;

    let output = ended.output();
    assert_eq!(
        (&output["outcome"], &output["target"]),
        (&json!("live"), &json!("prod"))
    );
    assert_eq!(suites(output), ["smoke"]);
    assert_eq!(
        output["skipped"],
        json!([{"component": component.name, "suite": "scan"}])
    );
    assert_eq!(output["components"][0]["commit"], fix);
    component.stands_alone(&fix).await;
}

#[tokio::test]
async fn with_only_a_component_its_head_goes_to_stage_through_all_suites() {
    let cloud = Cloud::up().await;
    let component = Component::unregistered(&cloud, "plain", "stage").await;
    let head = component.commit(&with_a_slow_suite("head")).await;
    component.push(&head).await;
    component.follow("releases", "stage").await;

    let ended = typed(&cloud, json!({"component": component.name})).await;

    let output = ended.output();
    assert_eq!(
        (&output["outcome"], &output["target"]),
        (&json!("live"), &json!("stage"))
    );
    assert_eq!(output["components"][0]["version"], "HEAD");
    assert_eq!(suites(output), ["smoke", "scan"]);
    assert_eq!(output["skipped"], json!([]));
    component.stands_alone(&head).await;
}

#[tokio::test]
async fn the_live_commit_again_is_already_live_and_launches_nothing() {
    let cloud = Cloud::up().await;
    let component = Component::new(&cloud, "again", "stage").await;
    let sha = component.goes_live(&Service::good("1")).await;
    let (before, ever) = (component.live().await, component.instances_ever().await);

    let ended = component
        .by_hand(json!({"component": component.name, "version": sha, "target": "stage"}))
        .await;

    let output = ended.output();
    assert_eq!(output["outcome"], "already_live");
    assert_eq!(output["already_live"][0]["commit"], sha);
    assert_eq!(output["already_live"][0]["alias"], component.alias());
    assert_eq!(component.live().await, before);
    assert_eq!(component.instances_ever().await, ever);
}

#[tokio::test]
async fn the_same_commit_on_another_target_is_the_same_artifact_and_is_not_built_again() {
    let cloud = Cloud::up().await;
    let component = Component::new(&cloud, "promote", "stage").await;
    let (sha, first) = component.release(&Service::good("1")).await;
    let built = first.output()["components"][0]["artifact_sha256"].clone();
    assert!(
        built.as_str().is_some_and(|text| text.len() == 64),
        "{built}"
    );

    let second = component
        .by_hand(json!({"component": component.name, "version": "live:stage", "target": "dev"}))
        .await;

    let output = second.output();
    assert_eq!(output["components"][0]["commit"], sha);
    assert_eq!(output["components"][0]["artifact_sha256"], built);
    let row = cloud
        .row(
            &format!("component#{}", component.name),
            &format!("artifact#{sha}"),
        )
        .await
        .expect("an artifact row");
    assert_eq!(
        (&row["sha256"], &row["built_by"]),
        (&built, &json!(first.release()))
    );
    let logs = |release: &str| format!("logs/{release}/{}/", component.name);
    let (there, here) = (
        cloud.keys(&logs(first.release())).await,
        cloud.keys(&logs(second.release())).await,
    );
    let is_build = |key: &String| key.ends_with("/build.log") || key.ends_with("/unit-tests.log");
    assert_eq!(
        there.iter().filter(|key| is_build(key)).count(),
        2,
        "{there:?}"
    );
    assert_eq!(
        here.iter().filter(|key| is_build(key)).count(),
        0,
        "{here:?}"
    );
    assert!(
        here.iter().any(|key| key.ends_with("/suite-smoke.log")),
        "its suites ran there too: {here:?}"
    );
}

#[tokio::test]
async fn previous_rolls_back_without_a_second_build() {
    let cloud = Cloud::up().await;
    let component = Component::new(&cloud, "back", "stage").await;
    let first = component.goes_live(&Service::good("1")).await;
    component.goes_live(&Service::good("2")).await;

    let ended = component
        .by_hand(json!({"component": component.name, "version": "previous"}))
        .await;

    assert_eq!(ended.output()["components"][0]["commit"], first);
    let logs = cloud
        .keys(&format!(
            "logs/{}/{}/build",
            ended.release(),
            component.name
        ))
        .await;
    assert_eq!(logs, Vec::<String>::new());
    component.stands_alone(&first).await;
}

/// Writes into a row of the target, as if it had been written so long ago.
async fn update(component: &Component, sk: &str, update: &str, values: Value) {
    let key = json!({"pk": {"S": format!("target#{}", component.target)}, "sk": {"S": sk}});
    let (key, values) = (key.to_string(), values.to_string());
    let table = component.cloud.variable("CUTOVER_TABLE");
    let call = ["dynamodb", "update-item", "--table-name", table];
    let what = ["--key", &key, "--update-expression", update];
    let values = ["--expression-attribute-values", &values];
    let update = [&call, &what[..], &values].concat();
    component.cloud.aws(&update).await.good("update-item");
}

/// Step Functions gives a name away again 90 days after its execution has ended.
#[tokio::test]
async fn a_name_of_an_execution_that_is_used_again_after_months_gets_a_plan_of_its_own() {
    let cloud = Cloud::up().await;
    let component = Component::new(&cloud, "nightly", "dev").await;
    component.goes_live(&Service::good("1")).await;
    let ticket = component.alias_row().await["ticket"].clone();
    let ticket = ticket.as_u64().expect("a number");
    let name = format!("{}-nightly", component.name);
    let number = json!({":n": {"N": ticket.to_string()}});
    update(
        &component,
        &format!("execution#{name}"),
        "SET ticket = :n",
        number,
    )
    .await;
    let then = json!({":then": {"S": "2026-01-01T00:00:00Z"}});
    update(
        &component,
        &format!("release#{ticket:08}"),
        "SET started = :then",
        then,
    )
    .await;

    let sha = component.commit(&Service::good("2")).await;
    component.push_to(&sha, "topic").await;
    let input = json!({"component": component.name, "version": sha, "target": "dev"});
    let ended = typed_as(&cloud, input, &["--name", &name]).await;

    assert_eq!(ended.output()["outcome"], "live");
    assert!(
        ended.output()["ticket"].as_u64() > Some(ticket),
        "{ended:?}"
    );
    component.stands_alone(&sha).await;
}
