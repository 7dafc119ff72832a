//! From `git push` to the alias serving the new commit.

use end_to_end::{Cloud, Component, Service, Traffic, no_process_is_left_of};

#[tokio::test]
async fn a_push_goes_live_without_a_failed_request_and_the_previous_instance_is_gone() {
    let cloud = Cloud::up().await;
    let component = Component::new(&cloud, "push", "stage").await;
    let first = component.goes_live(&Service::good("1")).await;
    component.stands_alone(&first).await;
    let before = component.live().await;

    let traffic = Traffic::on(&component);
    let second = component.goes_live(&Service::good("2")).await;
    let seen = traffic.stop().await.without_failure();

    assert_eq!(
        seen.commits
            .keys()
            .collect::<std::collections::BTreeSet<_>>(),
        [&first, &second].into(),
        "{seen:?}"
    );
    component.stands_alone(&second).await;
    assert!(!component.drained(&first).await, "nothing was live before");
    assert!(component.drained(&second).await);
    let after = component.live().await;
    assert_eq!(after.previous.as_deref(), Some(first.as_str()));
    assert_ne!(after.instances, before.instances);
    for id in &before.instances {
        no_process_is_left_of(id).await;
    }
    let row = cloud
        .row("target#stage", &format!("past#{}", label(&before.hostname)))
        .await;
    assert_eq!(
        row.expect("the previous candidate is on record")["state"],
        "retired"
    );
}

#[tokio::test]
async fn a_service_is_told_its_identity_and_gets_no_credentials_by_its_environment() {
    let cloud = Cloud::up().await;
    let component = Component::new(&cloud, "told", "dev").await;
    let sha = component.goes_live(&Service::good("1")).await;
    let live = component.live().await;
    let told = component.get("/").await.expect("the alias answers");
    assert_eq!(told["component"], component.name);
    assert_eq!(told["commit"], sha);
    assert_eq!(told["release"], live.release);
    assert_eq!(told["target"], "dev");
    let names = told["names"].to_string();
    assert!(
        !names.contains("AWS_ACCESS")
            && !names.contains("AWS_SECRET")
            && !names.contains("AWS_SESSION"),
        "{names}"
    );
}

fn label(hostname: &str) -> &str {
    hostname.split('.').next().unwrap_or_default()
}
