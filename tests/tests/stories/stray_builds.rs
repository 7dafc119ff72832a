//! A container that works on though the release that started it has ended: Step Functions stops it as well as it can.

use end_to_end::{Cloud, Component, Service, until};
use serde_json::Value;
use std::time::Duration;

/// What an ended execution has left is gone by then.
const SWEPT: Duration = Duration::from_secs(120);

const SPECIFICATION: &str = "version: 0.2\nphases: { build: { commands: ['sleep 300'] } }\n";

/// A build that says that it is of this release, as Step Functions starts one; answers its id.
async fn started(cloud: &Cloud, stream: &str) -> String {
    let project = cloud.variable("CUTOVER_PROJECT");
    let project_name = format!("{project}-commands");
    let logs = format!(
        "cloudWatchLogs={{status=ENABLED,groupName=/aws/codebuild/{project_name},streamName={stream}}}"
    );
    let said = cloud
        .aws(&[
            "codebuild",
            "start-build",
            "--project-name",
            &project_name,
            "--buildspec-override",
            SPECIFICATION,
            "--logs-config-override",
            &logs,
            "--output",
            "json",
        ])
        .await;
    let said: Value = serde_json::from_str(&said.good("start-build")).expect("JSON");
    said["build"]["id"].as_str().expect("an id").to_owned()
}

async fn status(cloud: &Cloud, id: &str) -> String {
    let asked = ["codebuild", "batch-get-builds", "--ids", id];
    let query = ["--query", "builds[0].buildStatus", "--output", "text"];
    let said = cloud.aws(&[&asked[..], &query].concat()).await;
    said.good("batch-get-builds").trim().to_owned()
}

#[tokio::test]
async fn a_build_of_a_release_that_has_ended_is_stopped_and_one_that_nobody_accounts_for_is_named()
{
    let cloud = Cloud::up().await;
    let component = Component::new(&cloud, "stray", "stage").await;
    component.goes_live(&Service::good("1")).await;
    let row = component.alias_row().await;
    let release = row["release"].as_str().expect("a release");
    let of = |release: &str| format!("{release}/{}/build", component.name);
    let stray = started(&cloud, &of(release)).await;
    let nobodys = started(&cloud, &of("stage-r999999")).await;
    assert_eq!(status(&cloud, &nobodys).await, "IN_PROGRESS");

    let sweep = ["sweep", "--json", "--target", "stage"];
    // What others leave there may keep it from its end, and another one may be first.
    drop(cloud.cutover(&sweep).await);
    let stopped = until(SWEPT, async || {
        let is_stopped = status(&cloud, &stray).await == "STOPPED";
        is_stopped.then_some(())
    });
    let stopped = stopped.await;
    let said = cloud.cutover(&[&sweep[..], &["--dry-run"]].concat()).await;
    let left = status(&cloud, &nobodys).await;
    let stop = ["codebuild", "stop-build", "--id", &nobodys];
    cloud.aws(&stop).await.good("stop-build");

    assert!(stopped.is_some(), "{stray} runs still");
    assert_eq!(left, "IN_PROGRESS");
    let named = format!("the build {nobodys} runs, and no release stage-r999999 is recorded");
    assert!(said.out.contains(&named), "not `{named}`: {said:?}");
    let told = until(SWEPT, async || {
        let rows = cloud.rows_of("target#stage", "history#").await;
        let is_told = rows.iter().any(|row| row.to_string().contains(&stray));
        is_told.then_some(())
    });
    assert!(told.await.is_some(), "the history does not have {stray}");
}
