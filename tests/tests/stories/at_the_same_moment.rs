//! What happens at the same moment: of two pushes the newer commit is live at the end, every time;
//! a deploy and the discard of its release leave no instance.

use end_to_end::{Cloud, Component, Ended, Execution, Service, Traffic, until};
use std::path::Path;
use std::time::Duration;

const ROUNDS: usize = 10;
const LIMIT: Duration = Duration::from_secs(180);

#[tokio::test]
#[ignore = "make test-long: twenty releases"]
async fn the_newer_of_two_pushes_is_live_at_the_end_ten_times() {
    let cloud = Cloud::up().await;
    let component = Component::new(&cloud, "pair", "dev").await;
    component.goes_live(&Service::good("0")).await;
    let traffic = Traffic::on(&component);

    for round in 1..=ROUNDS {
        let older = component
            .commit(&Service::good(&format!("{round} older")))
            .await;
        let newer = component
            .commit(&Service::good(&format!("{round} newer")))
            .await;
        component.push(&older).await;
        component.push(&newer).await;

        let (one, two) = (
            component.execution_of(&older).await,
            component.execution_of(&newer).await,
        );
        let (one, two) = tokio::join!(one.end(LIMIT), two.end(LIMIT));

        assert_eq!(two.output()["outcome"], "live", "round {round}: {two:#?}");
        assert!(was_live_or_superseded(&one), "round {round}: {one:#?}");
        let live = component.live().await;
        assert_eq!(live.commit, newer, "round {round}");
        if one.status == "SUCCEEDED" {
            assert_eq!(
                live.previous.as_deref(),
                Some(older.as_str()),
                "round {round}: the older one had been live"
            );
        }
        component.stands_alone(&newer).await;
    }
    traffic.stop().await.without_failure();
}

fn was_live_or_superseded(ended: &Ended) -> bool {
    match ended.status.as_str() {
        "SUCCEEDED" => ended.output()["outcome"] == "live",
        _ => ended.error == "Superseded",
    }
}

#[tokio::test]
async fn a_deploy_that_outlives_its_discard_ends_the_instances_that_it_launched() {
    let cloud = Cloud::up().await;
    let component = Component::new(&cloud, "late", "dev").await;
    let good = component.goes_live(&Service::good("1")).await;
    let traffic = Traffic::on(&component);

    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("serve");
    let (sha, deploying) = launched(&component, &file).await;
    component.mark_leaving(&sha).await;
    std::fs::write(&file, "").expect("the file is written");
    let ended = deploying.end(LIMIT).await;
    assert_eq!(ended.error, "CandidateGone", "{ended:#?}");
    for part in ["Deploy (initial)", "its candidates were discarded"] {
        assert!(ended.cause.contains(part), "{}", ended.cause);
    }
    component.stands_alone(&good).await;

    // And where nobody comes after it: it notices that it is given up while it waits.
    let (sha, deploying) = launched(&component, &folder.path().join("never")).await;
    deploying.stop().await;
    component.mark_leaving(&sha).await;
    let ended = until(LIMIT, async || {
        (component.instances().await.len() == 1).then_some(())
    });
    assert!(ended.await.is_some(), "the deploy ends what it launched");
    component.stands_alone(&good).await;
    traffic.stop().await.only(&good);
}

/// A release whose candidate is launched and serves once there is the file.
async fn launched(component: &Component, file: &Path) -> (String, Execution) {
    let mut held = Service::good(&file.to_string_lossy());
    held.held_by = Some(file.to_owned());
    let sha = component.commit_and_push(&held).await;
    let deploying = component.execution_of(&sha).await;
    let launched = until(LIMIT, async || {
        (component.instances().await.len() == 2).then_some(())
    });
    assert!(launched.await.is_some(), "the candidate is launched");
    (sha, deploying)
}
