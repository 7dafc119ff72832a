//! Input that is wrong: an error with a name, a sentence with the key, and nothing done.

use end_to_end::{Cloud, Component, Execution, Service};
use serde_json::{Value, json};
use std::time::Duration;

/// What is refused needs no stage but the first.
const REFUSED: Duration = Duration::from_secs(60);
const LONGEST_SENTENCE: usize = 400;

async fn check(cloud: &Cloud, input: Value, error: &str, sentence: &str) {
    let ended = Execution::start(cloud, &input).await.end(REFUSED).await;
    assert_eq!(
        (ended.status.as_str(), ended.error.as_str()),
        ("FAILED", error),
        "{ended:#?}"
    );
    assert!(
        ended.cause.contains(sentence),
        "not `{sentence}`: {}",
        ended.cause
    );
    let readable = ended.cause.len() <= LONGEST_SENTENCE && !ended.cause.starts_with('{');
    assert!(readable, "that is no sentence: {}", ended.cause);
}

/// A registered component with one commit that nothing was released of; answers that commit.
async fn registered(cloud: &Cloud, what: &str) -> (Component, String) {
    let component = Component::new(cloud, what, "dev").await;
    let sha = component.commit(&Service::good("1")).await;
    component.push_to(&sha, "topic").await;
    (component, sha)
}

#[tokio::test]
async fn an_unknown_key_is_named() {
    let cloud = Cloud::up().await;
    check(
        &cloud,
        json!({"component": "api", "versoin": "v1"}),
        "InputInvalid",
        "unknown key `versoin`; the keys are component, version",
    )
    .await;
}

#[tokio::test]
async fn a_wrong_type_is_named_with_its_key() {
    let cloud = Cloud::up().await;
    let sentence = "skip_slow_scans: must be true or false, not a string";
    check(
        &cloud,
        json!({"component": "api", "skip_slow_scans": "yes"}),
        "InputInvalid",
        sentence,
    )
    .await;
}

#[tokio::test]
async fn an_unknown_component_is_named_with_the_way_to_add_it() {
    let cloud = Cloud::up().await;
    let sentence = "component: `nobody` is not one of this project's; add it with `cutover component add nobody";
    check(
        &cloud,
        json!({"component": "nobody"}),
        "UnknownComponent",
        sentence,
    )
    .await;
}

#[tokio::test]
async fn an_unknown_target_is_named() {
    let cloud = Cloud::up().await;
    let sentence = "target: `moon` was never provisioned";
    check(
        &cloud,
        json!({"component": "api", "target": "moon"}),
        "UnknownTarget",
        sentence,
    )
    .await;
}

#[tokio::test]
async fn a_version_that_does_not_exist_is_named() {
    let cloud = Cloud::up().await;
    let (component, _) = registered(&cloud, "nover").await;
    for version in ["v9.9.9", "0123456789abcdef0123456789abcdef01234567"] {
        let sentence = format!("version: {} has no version `{version}`", component.name);
        check(
            &cloud,
            json!({"component": component.name, "version": version, "target": "dev"}),
            "UnknownVersion",
            &sentence,
        )
        .await;
    }
    component.left_nothing().await;
}

#[tokio::test]
async fn a_version_like_an_option_is_refused() {
    let cloud = Cloud::up().await;
    let sentence = "version: version `--upload-pack=x` is not a tag, a branch, a commit SHA";
    check(
        &cloud,
        json!({"component": "api", "version": "--upload-pack=x"}),
        "InputInvalid",
        sentence,
    )
    .await;
}

#[tokio::test]
async fn a_version_like_a_path_is_refused() {
    let cloud = Cloud::up().await;
    let sentence = "version: version `../../etc` is not a tag, a branch, a commit SHA";
    check(
        &cloud,
        json!({"component": "api", "version": "../../etc"}),
        "InputInvalid",
        sentence,
    )
    .await;
}

#[tokio::test]
async fn a_sha_of_another_repository_is_no_version_of_this_one() {
    let cloud = Cloud::up().await;
    let (component, _) = registered(&cloud, "mine").await;
    let mut other = Service::good("1");
    other.files.push(("OTHER", "another history\n".into()));
    let stranger = Component::new(&cloud, "other", "dev").await;
    let sha = stranger.commit(&other).await;
    stranger.push_to(&sha, "topic").await;
    let sentence = format!("version: {} has no version `{sha}`", component.name);
    check(
        &cloud,
        json!({"component": component.name, "version": sha, "target": "dev"}),
        "UnknownVersion",
        &sentence,
    )
    .await;
    component.left_nothing().await;
}

#[tokio::test]
async fn an_empty_object_is_told_what_to_say() {
    let cloud = Cloud::up().await;
    check(
        &cloud,
        json!({}),
        "InputInvalid",
        "component: missing; say what to release, e.g. {",
    )
    .await;
}

#[tokio::test]
async fn two_hundred_kilobytes_are_refused_by_their_size() {
    let cloud = Cloud::up().await;
    let input = json!({"component": "api", "version": "v".repeat(200_000)});
    check(
        &cloud,
        input,
        "InputInvalid",
        "bytes, at most 65536 are read",
    )
    .await;
}
