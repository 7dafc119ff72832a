//! The acceptance run for whoever has an account, against the local cloud: what differs are its
//! parameters, as for any pipeline here.

use crate::pipeline::parameters;
use end_to_end::{Cloud, HERE, Said, Vpcs};
use std::time::Duration;

/// A pipeline, a target, four releases and all of it away again, beside the other stories.
const LIMIT: Duration = Duration::from_secs(600);

/// Runs it, and answers what it said and its report. `program` is what runs it.
async fn accept(cloud: &Cloud, program: &[&str], project: &str) -> (Said, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let report = folder.path().join("report.md");
    let mut arguments: Vec<String> = parameters(cloud).await;
    arguments.extend(HERE.map(|(key, value)| format!("--target-parameter={key}={value}")));
    arguments.extend([
        "--yes".into(),
        format!("--project={project}"),
        format!("--domain={}", domain(cloud, project)),
        format!("--parent-zone={}", cloud.parent_zone().await),
        format!("--proxy={}", cloud.variable("CUTOVER_GATEWAY")),
        format!("--repositories={}", cloud.variable("CUTOVER_GIT")),
        format!("--report={}", report.display()),
    ]);
    let arguments: Vec<&str> = program[1..]
        .iter()
        .copied()
        .chain(arguments.iter().map(String::as_str))
        .collect();
    let said = cloud.script_within(LIMIT, program[0], &arguments).await;
    (said, std::fs::read_to_string(&report).unwrap_or_default())
}

/// Below the first one's, which is what the gateway answers for.
fn domain(cloud: &Cloud, project: &str) -> String {
    let first = cloud.variable("CUTOVER_DOMAIN");
    match project == cloud.variable("CUTOVER_PROJECT") {
        true => first.to_owned(),
        false => format!("{project}.{first}"),
    }
}

/// Panics if anything of a project is found by its tag, or its branch in a repository.
async fn left_nothing(cloud: &Cloud, project: &str) {
    let mut left = cloud.tagged("cutover:project", project).await;
    left.retain(|arn| !arn.contains(":instance/"));
    assert_eq!(left, Vec::<String>::new());
    let repository = format!("{}/msa.git", cloud.variable("CUTOVER_GIT"));
    let branches = cloud.script("git", &["ls-remote", &repository]).await;
    let branches = branches.good("git ls-remote");
    assert!(!branches.contains(project), "{branches}");
}

#[tokio::test]
#[ignore = "make test-long: a whole pipeline, deployed and removed, takes a minute"]
async fn the_acceptance_run_passes_here_too_and_leaves_nothing() {
    let _one = Vpcs::one().await;
    let cloud = Cloud::up().await;
    let project = end_to_end::unique("t-acc");
    let (said, report) = accept(&cloud, &["python3", "infra/accept"], &project).await;
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    for part in [
        "# Acceptance run of cutover: passed",
        "**0 failed**",
        "| IntegrationTestsFailed: ",
        "until Route 53 called it INSYNC: ",
        "not measured, the logs have none",
        "Nothing: looked for by tag",
    ] {
        assert!(report.contains(part), "{part} is not in {report}");
    }
    left_nothing(&cloud, &project).await;
}

/// Whatever it does at that moment: what it made is removed.
#[tokio::test]
#[ignore = "make test-long: a whole pipeline, deployed and removed, takes a minute"]
async fn an_interrupted_acceptance_run_leaves_nothing_either() {
    let _one = Vpcs::one().await;
    let cloud = Cloud::up().await;
    let project = end_to_end::unique("t-acci");
    let interrupted = ["timeout", "--signal=TERM", "40", "python3", "infra/accept"];
    let (said, report) = accept(&cloud, &interrupted, &project).await;
    assert_eq!(said.code, 124, "{}{}", said.out, said.err);
    // On a very busy machine it has only looked around by then.
    if !said.err.contains("nothing was touched") {
        assert!(report.contains("interrupted"), "{report}");
        assert!(report.contains("Nothing: looked for by tag"), "{report}");
    }
    left_nothing(&cloud, &project).await;
}

#[tokio::test]
async fn the_acceptance_run_refuses_a_name_that_is_taken_before_it_does_anything() {
    let cloud = Cloud::up().await;
    let taken = cloud.variable("CUTOVER_PROJECT");
    let (said, report) = accept(&cloud, &["python3", "infra/accept"], taken).await;
    assert_eq!(said.code, 1, "{}{}", said.out, said.err);
    assert!(said.err.contains("nothing was touched"), "{}", said.err);
    assert!(
        said.err.contains(&format!("stack {taken}-cutover (")),
        "{}",
        said.err
    );
    assert_eq!(report, "");
}
