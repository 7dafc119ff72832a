//! A version that passes its suites and fails its users later, while it bakes.

use end_to_end::{Cloud, Component, Execution, Seen, Service, Traffic, until};
use std::time::{Duration, SystemTime};

const LIMIT: Duration = Duration::from_secs(180);
/// How long it is well after the cutover.
const WELL_FOR: Duration = Duration::from_secs(20);
/// `[run] bake`.
const BAKE: u64 = 30;
/// As long as something may fail before it is given up.
const PATIENCE: u64 = pipeline::bake::PATIENCE.as_secs();
/// A look takes no longer, as `GIVE_UP` there says. So much later than ten seconds the last one may be over.
const LOOK: u64 = 25;

/// What users may meet, from the numbers that were in force.
struct Bound {
    /// Between the drain and the end of the bake nobody looks: a part of a minute at most.
    part: u64,
    ttl: u64,
}

impl Bound {
    async fn of(cloud: &Cloud) -> Self {
        let row = cloud.row("target#stage", "environment").await;
        let row = row.expect("the target is provisioned");
        let seconds = |name: &str| row[name].as_u64().expect("seconds");
        let ttl = seconds("alias_ttl");
        let beyond = BAKE - (ttl + seconds("drain_margin"));
        let part = beyond.div_ceil(beyond.div_ceil(60));
        Self { part, ttl }
    }
}

/// When a state was entered, and when it was left; of one that comes again the last time.
async fn moments(cloud: &Cloud, execution: &Execution, state: &str) -> [f64; 2] {
    let asked = cloud.steps.get_execution_history();
    let asked = asked.execution_arn(&execution.arn);
    let mut events = asked.into_paginator().items().send();
    let mut found = [None, None];
    while let Some(event) = events.next().await {
        let event = event.expect("the history can be read");
        let at = event.timestamp().as_secs_f64();
        let entered = event.state_entered_event_details();
        if entered.is_some_and(|one| one.name() == state) {
            found[0] = Some(at);
        }
        let exited = event.state_exited_event_details();
        if exited.is_some_and(|one| one.name() == state) {
            found[1] = Some(at);
        }
    }
    found.map(|at| at.unwrap_or_else(|| panic!("{state} was entered and left")))
}

/// When requests failed, in seconds since 1970.
fn times(seen: &Seen, begun: SystemTime) -> Vec<f64> {
    let begun = begun.duration_since(SystemTime::UNIX_EPOCH);
    let begun = begun.expect("a clock").as_secs_f64();
    seen.failed()
        .map(|(after, _)| begun + after.as_secs_f64())
        .collect()
}

/// It answers everybody who asks by the alias's name with 503, twenty seconds after the cutover: the drain is long over.
#[tokio::test]
#[ignore = "make test-long: waits for a bake of half a minute"]
async fn what_fails_twenty_seconds_after_the_cutover_is_over_when_the_alias_has_gone_back() {
    let cloud = Cloud::up().await;
    let component = Component::new(&cloud, "late-ill", "stage").await;
    let good = component.goes_live(&Service::good("1")).await;
    let bound = Bound::of(&cloud).await;
    let begun = SystemTime::now();
    let traffic = Traffic::on(&component);

    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("shut");
    let mut service = Service::good("2");
    service.shut_by = Some(file.clone());
    service.more_of_run = format!("bake = \"{BAKE}s\"\n");
    let bad = component.commit_and_push(&service).await;
    let running = component.execution_of(&bad).await;
    let is_live = until(LIMIT, async || {
        (component.live().await.commit == bad).then_some(())
    });
    is_live.await.expect("it goes live");
    tokio::time::sleep(WELL_FOR).await;
    std::fs::write(&file, "").expect("the file is written");
    let ended = running.end(LIMIT).await;
    assert_eq!(ended.error, "RolledBack", "{ended:#?}");

    let seen = traffic.stop().await;
    let failed = times(&seen, begun);
    let first = *failed.first().expect("users have met it");
    let last = failed.iter().fold(first, |last, at| last.max(*at));
    let [entered, back] = moments(&cloud, &running, "Roll back").await;
    let [looked, noticed] = moments(&cloud, &running, "Watch release").await;
    let to_notice = (bound.part + PATIENCE + LOOK) as f64;
    println!(
        "{} of {} requests failed within {:.1} s: noticed after {:.1} s (at most {to_notice}), back after {:.1} s, \
         then the alias's {} s",
        failed.len(),
        seen.requests,
        last - first,
        noticed - first,
        back - first,
        bound.ttl
    );
    assert!(noticed - first <= to_notice, "{noticed} - {first}");
    let clear = noticed - looked.max(first);
    let enough = (PATIENCE as f64)..=((PATIENCE + LOOK) as f64);
    assert!(enough.contains(&clear), "it was clear after {clear} s");
    // A request that began before the last second may be answered in the next one.
    let most = to_notice + (back - entered) + (bound.ttl + 1) as f64;
    assert!(last - first <= most, "{last} - {first} > {most}");
    assert!(last - back <= (bound.ttl + 1) as f64, "{last} - {back}");
    let refused = |said: &String| said.contains("503 Service Unavailable");
    assert!(seen.failures.iter().all(refused), "{:?}", seen.failures);

    stays_away(&cloud, &component, [&good, &bad], &running).await;
}

/// Neither the keeper nor a second push brings back what was rolled back.
async fn stays_away(
    cloud: &Cloud,
    component: &Component,
    [good, bad]: [&str; 2],
    first: &Execution,
) {
    component.stands_alone(good).await;
    let kept = cloud.cutover(&["keep", "--target", "stage"]).await;
    assert!(kept.code <= 1, "{kept:?}");
    component.push(&format!("+{good}")).await;
    component.push(bad).await;
    let prefix = format!("{}-{}-", component.name, &bad[..12]);
    let again = until(LIMIT, async || {
        let is_it = |name: &str| name.starts_with(&prefix) && name != first.name;
        Execution::named(cloud, is_it).await.into_iter().next()
    });
    let again = again.await.expect("the second push starts a release");
    let again = again.end(LIMIT).await;
    assert_eq!(again.error, "Superseded", "{again:#?}");
    for part in ["was rolled back by stage-r", "release it by hand"] {
        let said = again.cause.contains(part);
        assert!(said, "the cause does not say `{part}`: {}", again.cause);
    }
    component.stands_alone(good).await;
    assert_eq!(component.instances_ever().await.len(), 2, "one of each");
    let traffic = Traffic::on(component);
    traffic.stop().await.only(good);
}
