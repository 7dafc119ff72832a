//! On request a release leaves a tag in its repository; and repositories that are not for everybody.

use end_to_end::{Cloud, Component, Ended, Execution, Service};
use serde_json::{Value, json};

/// A commit that no push has released yet, of a component that is registered.
async fn pushed(component: &Component) -> String {
    let sha = component.commit(&Service::good("1")).await;
    component.push_to(&sha, "topic").await;
    sha
}

async fn tagged_release(component: &Component, sha: &str) -> Ended {
    let (name, target) = (&component.name, component.target);
    let input = json!({"component": name, "version": sha, "target": target, "tag": true});
    component.by_hand(input).await
}

/// `stage-r42` -> `release/stage/42`
fn tag_of(ended: &Ended) -> String {
    format!("release/{}", ended.release().replace("-r", "/"))
}

fn only_tag(ended: &Ended) -> &Value {
    let tags = ended.output()["tag"]["tags"].as_array();
    match tags.expect("a list of tags").as_slice() {
        [one] => one,
        other => panic!("not one tag: {other:?}"),
    }
}

/// The tag is an annotated one at the commit, and says what went live with it.
async fn is_tagged(component: &Component, sha: &str, ended: &Ended) {
    let name = &component.name;
    let expected = json!({"component": name, "outcome": "pushed", "reason": ""});
    assert_eq!(*only_tag(ended), expected, "{ended:#?}");
    let tag = tag_of(ended);
    assert_eq!(ended.output()["tag"]["tag"], tag);
    let stored = Component::git_in(&component.repository(), &["cat-file", "tag", &tag]).await;
    assert!(
        stored.starts_with(&format!("object {sha}\ntype commit\ntag {tag}\n")),
        "{stored}"
    );
    let message = format!(
        "\n\nRelease {} to {}\n\n{name} {sha}\n",
        ended.release(),
        component.target
    );
    assert!(stored.ends_with(&message), "{stored}");
}

#[tokio::test]
async fn a_release_that_is_asked_to_tags_its_commit() {
    let cloud = Cloud::up().await;
    let component = Component::new(&cloud, "tagged", "stage").await;
    let sha = pushed(&component).await;

    let ended = tagged_release(&component, &sha).await;

    assert_eq!(ended.output()["outcome"], "live");
    is_tagged(&component, &sha, &ended).await;

    let again = tagged_release(&component, &sha).await;

    assert_eq!(again.output()["outcome"], "already_live", "{again:#?}");
    assert_ne!(again.release(), ended.release());
    is_tagged(&component, &sha, &again).await;
}

#[tokio::test]
async fn another_tag_of_the_same_name_is_told_and_the_release_is_live() {
    let cloud = Cloud::up().await;
    let component = Component::new(&cloud, "taken", "prod").await;
    let first = component.commit(&Service::good("0")).await;
    component.push_to(&first, "topic").await;
    let sha = pushed(&component).await;
    take_the_next_tags(&component, &first).await;

    let ended = tagged_release(&component, &sha).await;

    assert_eq!(ended.output()["outcome"], "live");
    let tag = tag_of(&ended);
    let expected = format!(
        "{} has another tag {tag} already, at {}; it was left as it is",
        component.url(),
        &first[..12]
    );
    let outcome = only_tag(&ended);
    assert_eq!(
        (&outcome["outcome"], &outcome["reason"]),
        (&json!("failed"), &json!(expected))
    );
    let there = Component::git_in(&component.repository(), &["rev-parse", &tag]).await;
    assert_eq!(there.trim(), first);
    component.stands_alone(&sha).await;
}

/// Nobody knows which number the release will have: other tests release there too.
async fn take_the_next_tags(component: &Component, commit: &str) {
    let partition = format!("target#{}", component.target);
    let row = component.cloud.row(&partition, "ticket").await;
    let drawn = row
        .and_then(|row| row["number"].as_u64())
        .unwrap_or_default();
    let folder = component
        .repository()
        .join(format!("refs/tags/release/{}", component.target));
    std::fs::create_dir_all(&folder).expect("the repository can be written");
    for number in drawn..drawn + 100 {
        let tag = folder.join(number.to_string());
        std::fs::write(tag, format!("{commit}\n")).expect("the repository can be written");
    }
}

#[tokio::test]
async fn a_private_repository_is_released_and_tagged_with_the_credentials_of_its_secret() {
    let cloud = Cloud::up().await;
    let component = Component::new(&cloud, "private", "stage").await;
    let sha = pushed(&component).await;
    let secret = component.close().await;

    let refused = tagged_release(&component, &sha).await;
    assert_eq!(
        (refused.status.as_str(), refused.error.as_str()),
        ("FAILED", "RepositoryUnreadable")
    );
    assert!(
        refused.cause.contains("--credentials SECRET"),
        "{refused:#?}"
    );

    component.open_with("cutover/myproj/not-there").await;
    let refused = tagged_release(&component, &sha).await;
    assert_eq!(refused.error, "RepositoryUnreadable");
    assert!(
        refused
            .cause
            .contains("there is no secret cutover/myproj/not-there"),
        "{refused:#?}"
    );

    component.open_with("cutover/otherproj/theirs").await;
    let refused = tagged_release(&component, &sha).await;
    assert_eq!(refused.error, "AccessDenied", "{refused:#?}");

    component.open_with(&secret).await;
    let ended = tagged_release(&component, &sha).await;
    assert_eq!(ended.output()["outcome"], "live");
    is_tagged(&component, &sha, &ended).await;
    component.stands_alone(&sha).await;
    no_password_is_in(&component, &secret, &ended).await;
}

/// Inputs and outputs of states are shown to whoever may look at an execution.
async fn no_password_is_in(component: &Component, secret: &str, ended: &Ended) {
    let cloud = &component.cloud;
    let read = [
        "secretsmanager",
        "get-secret-value",
        "--secret-id",
        secret,
        "--output",
        "json",
    ];
    let said = cloud.aws(&read).await.good("get-secret-value");
    let said: Value = serde_json::from_str(&said).expect("JSON");
    let pair: Value =
        serde_json::from_str(said["SecretString"].as_str().expect("a text")).expect("JSON");
    let password = pair["password"].as_str().expect("a password");
    let arn = format!(
        "arn:aws:states:{}:{}:execution:{}-release:{}",
        cloud.variable("AWS_REGION"),
        cloud.variable("CUTOVER_ACCOUNT"),
        cloud.variable("CUTOVER_PROJECT"),
        ended.name
    );
    let history = Execution::from_arn(cloud, &arn).history().await;
    let history = Value::Array(history).to_string();
    assert!(history.contains(secret), "the secret's name travels");
    assert!(
        !history.contains(password),
        "the password is in the history"
    );
}
