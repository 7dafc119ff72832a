//! What users are sent to and is gone or ill is replaced, with nobody's doing.

use end_to_end::{Cloud, Component, Heard, Place, Retirement, Seen, Service, Traffic, Vpcs, until};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// A replacement boots in some seconds here; the schedule looks every minute.
const KEPT: Duration = Duration::from_secs(120);

/// An event, a look, a batch.
const SECONDS: Duration = Duration::from_secs(15);

/// A service of so many instances that is called ill after five seconds.
fn service(instances: usize) -> Service {
    let mut service = Service::good("1");
    service.more_of_run = format!("instances = {instances}\nunhealthy_for = \"5s\"\n");
    service
}

/// Waits until the recorded instances are so many and none of these, they alone are up, and the record leads to them.
async fn kept(component: &Component, count: usize, without: &[String]) -> Vec<String> {
    let begun = Instant::now();
    let is_kept = async || {
        let mut recorded = component.live().await.instances;
        recorded.sort();
        let is_new = recorded.len() == count && !recorded.iter().any(|id| without.contains(id));
        let is_whole = is_new && component.instances().await == recorded;
        let leads = is_whole && component.led_to().await == component.addresses().await;
        leads.then_some(recorded)
    };
    let found = until(KEPT, is_kept).await;
    println!("{} was kept after {:?}", component.name, begun.elapsed());
    match found {
        Some(found) => found,
        None => panic!(
            "{} is not kept: recorded {:?}, up {:?} at {:?}, led to {:?}",
            component.name,
            component.live().await.instances,
            component.instances().await,
            component.addresses().await,
            component.led_to().await
        ),
    }
}

/// Panics if any request failed so long after the traffic had begun.
fn only_at_first(what: &str, seen: &Seen, seconds: f64) {
    let last = seen.failed().map(|(at, _)| at.as_secs_f64());
    let last = last.fold(0.0, f64::max);
    println!(
        "{what}: {} of {} requests failed, the last one after {last} s; {:.0} requests a second",
        seen.failures.len(),
        seen.requests,
        seen.requests as f64 / seen.lasted.as_secs_f64()
    );
    assert!(last < seconds, "{last} s: {:?}", seen.failures.last());
}

/// Waits until the alias answers.
async fn answers(component: &Component) {
    let begun = Instant::now();
    let answered = until(KEPT, async || component.get("/version").await.ok());
    answered.await.expect("the alias answers again");
    println!(
        "{} answers again after {:?}",
        component.name,
        begun.elapsed()
    );
}

/// What the keeper did is told: for each that ended who takes its place, and at last that it gave up.
async fn is_history(component: &Component, ended: &[String]) {
    let acts = component.acts_of("keeper").await;
    let last = acts.first().expect("an act");
    assert_eq!(last["state"], "failed", "{last:#}");
    assert!(
        last["what"].to_string().contains("no other instance of"),
        "{last:#}"
    );
    let of = |id: &String| {
        let names = |one: &&Value| one["instances"].to_string().contains(id);
        acts.iter().filter(names).collect::<Vec<_>>()
    };
    for pair in ended.windows(2) {
        let told = of(&pair[0]);
        let replaced = |one: &&&Value| one["instances"].to_string().contains(&pair[1]);
        let one = told
            .iter()
            .find(replaced)
            .expect("it says who came in its place");
        assert_eq!(one["state"], "done", "{one:#}");
        assert_eq!(one["components"], json!([component.name]), "{one:#}");
        assert!(
            one["what"].to_string().contains("1 of 1 instances serve"),
            "{one:#}"
        );
        assert!(one["why"].to_string().contains(&pair[0]), "{one:#}");
    }
}

async fn status(component: &Component) -> Value {
    let status = ["keep", "--status", "--json", "--target", component.target];
    let said = component.cloud.cutover(&status).await.good("keep --status");
    let said: Value = serde_json::from_str(&said).expect("JSON");
    said["targets"][0].clone()
}

#[tokio::test]
async fn the_only_instance_is_replaced_whatever_ends_the_keeper_and_not_for_ever() {
    let cloud = Cloud::up().await;
    let component = Component::new(&cloud, "alone", "stage").await;
    let sha = component.goes_live(&service(1)).await;
    let heard = Heard::of(&component).await;
    let template = component.alias_row().await["launch_template_version"].clone();
    let mut ended = component.live().await.instances;

    // The only one, under requests.
    let traffic = Traffic::on(&component);
    let own = component.addresses().await;
    component.kill(&ended).await;
    let is_over = async || (component.led_to().await != own).then_some(());
    let over = until(SECONDS, is_over).await;
    over.expect("users are not sent to an address that is somebody else's by now");
    ended.extend(kept(&component, 1, &ended).await);
    answers(&component).await;
    let seen = traffic.stop().await;
    only_at_first("the only instance ends", &seen, 30.0);
    assert_eq!(seen.commits.keys().collect::<Vec<_>>(), [&sha]);
    assert_eq!(
        component.alias_row().await["launch_template_version"],
        template
    );

    // The keeper itself, as soon as it has launched.
    let traffic = Traffic::on(&component);
    let dead = ended.last().expect("an instance").clone();
    component.kill(&[dead]).await;
    let launched = async || (!component.instances().await.is_empty()).then_some(());
    until(KEPT, launched).await.expect("another is launched");
    assert!(cloud.kill_the_keeper() > 0, "there was no keeper to kill");
    ended.extend(kept(&component, 1, &ended).await);
    answers(&component).await;
    only_at_first(
        "the same, and the keeper is killed",
        &traffic.stop().await,
        90.0,
    );
    assert_eq!(
        component.instances_ever().await.len(),
        3,
        "none was launched twice"
    );

    // Three in an hour, and no more.
    let dead = ended.last().expect("an instance").clone();
    component.kill(&[dead]).await;
    ended.extend(kept(&component, 1, &ended).await);
    component
        .kill(&[ended.last().expect("an instance").clone()])
        .await;
    let told = until(KEPT, async || {
        let failed = cloud.keeps_that_failed().await.into_iter();
        let mut said = failed.filter(|one| one.cause.contains(&component.alias()));
        said.next()
    });
    let told = told.await.expect("it is told");
    assert_eq!(told.error, "NotKept", "{told:?}");
    for part in ["no other instance of", "3 were"] {
        assert!(told.cause.contains(part), "not `{part}`: {}", told.cause);
    }
    assert_eq!(component.instances().await, Vec::<String>::new());
    let said = cloud.cutover(&["status", "--target", "stage"]).await;
    let said = said.good("status");
    let dead = ended.last().expect("an instance");
    let line = format!("not up: {}: {dead} is ", component.name);
    assert!(said.contains(&line), "{said}");
    let kept_status = status(&component).await;
    let own = kept_status["components"].as_array().expect("components");
    let own = own.iter().find(|one| one["component"] == component.name);
    assert_eq!(own.expect("its line")["serving"], json!(0));
    let history = kept_status["history"].to_string();
    assert!(history.contains(&ended[0]), "{history}");
    is_history(&component, &ended).await;
    let heard = heard.stop().await;
    let of = |by: &str, state: &str| {
        let is_it = |event: &&Value| event["by"] == by && event["state"] == state;
        heard.iter().filter(is_it).count()
    };
    assert!(of("keeper", "done") >= 3, "{heard:#?}");
    assert!(of("keeper", "failed") >= 1, "{heard:#?}");

    // A release begins anew.
    let second = component.goes_live(&Service::good("2")).await;
    component.stands_alone(&second).await;
}

/// Users' resolvers keep an answer for the record's TTL; what they lead to runs as long.
#[tokio::test]
async fn one_whose_end_is_announced_is_replaced_and_no_request_fails() {
    let cloud = Cloud::up().await;
    let component = Component::new(&cloud, "retires", "dev").await;
    let sha = component.goes_live(&service(1)).await;
    let (old, own) = (
        component.live().await.instances,
        component.addresses().await,
    );
    let traffic = Traffic::on(&component);
    let announced = Retirement::announced(&cloud, &old[0]);
    let moved = until(KEPT, async || {
        (component.led_to().await != own).then_some(())
    });
    moved.await.expect("users are sent to another one");
    let up = component.instances().await;
    assert!(
        up.contains(&old[0]),
        "{old:?} ended with its record: {up:?}"
    );
    kept(&component, 1, &old).await;
    let seen = traffic.stop().await;
    only_at_first("one retires", &seen, f64::INFINITY);
    seen.without_failure();
    drop(announced);
    component.stands_alone(&sha).await;
}

/// EC2 remembers for a day what was launched in its place the first time.
#[tokio::test]
async fn one_that_was_ill_and_came_back_is_replaced_when_it_ends_an_hour_later() {
    let cloud = Cloud::up().await;
    let component = Component::new(&cloud, "comes-back", "dev").await;
    let folder = tempfile::tempdir().expect("a folder");
    let sick = folder.path().join("sick");
    let mut one = service(1);
    one.sick_by = Some(sick.clone());
    component.goes_live(&one).await;
    let own = component.live().await.instances;

    // All are sick, the new one too.
    std::fs::write(&sick, "").expect("the file is written");
    let more = until(KEPT, async || {
        (component.instances().await.len() > 1).then_some(())
    });
    more.await.expect("another is launched");
    std::fs::remove_file(&sick).expect("the file is there");
    let alone = until(KEPT, async || {
        (component.instances().await == own).then_some(())
    });
    alone.await.expect("it is back, and nobody needs the other");
    component.launches_are_forgotten().await;

    let traffic = Traffic::on(&component);
    component.kill(&own).await;
    kept(&component, 1, &own).await;
    answers(&component).await;
    only_at_first("it ends an hour later", &traffic.stop().await, 30.0);
    assert_eq!(component.instances_ever().await.len(), 3);
}

#[tokio::test]
#[ignore = "make test-long: a minute of requests without pause"]
async fn of_three_any_may_end_fall_ill_hang_or_move_and_no_request_is_lost_but_what_was_on_its_way()
{
    let cloud = Cloud::up().await;
    let component = Component::new(&cloud, "three", "dev").await;
    let folder = tempfile::tempdir().expect("a folder");
    let sick = folder.path().join("sick");
    let mut three = service(3);
    three.sick_by = Some(sick.clone());
    let sha = component.goes_live(&three).await;
    let mut all = component.live().await.instances;

    // One of three ends.
    let traffic = Traffic::on(&component);
    component.kill(&all[..1]).await;
    let now = kept(&component, 3, &all[..1]).await;
    let seen = traffic.stop().await;
    // The record's TTL is two seconds.
    only_at_first("one of three ends", &seen, 6.0);

    // One answers 500 on its health path, and all else as before; then one hangs.
    let traffic = Traffic::on(&component);
    std::fs::write(&sick, format!("{} 500\n", now[0])).expect("the file is written");
    let now = kept(&component, 3, &now[..1]).await;
    let seen = traffic.stop().await;
    only_at_first("one answers 500", &seen, f64::INFINITY);
    seen.without_failure();
    let traffic = Traffic::on(&component);
    std::fs::write(&sick, format!("{} hangs\n", now[0])).expect("the file is written");
    let keep = cloud.cutover(&["keep", "--target", component.target]).await;
    keep.good("keep");
    let now = kept(&component, 3, &now[..1]).await;
    // Whoever asks it waits for ten seconds, until its address has left the record.
    only_at_first("one hangs", &traffic.stop().await, 60.0);

    // One is stopped and started, which changes its address: the record follows, to it or to another.
    let traffic = Traffic::on(&component);
    let stopped = &now[..1];
    let before = component.addresses().await;
    let call = cloud
        .machines
        .stop_instances()
        .set_instance_ids(Some(stopped.to_vec()));
    call.send().await.expect("it stops");
    let call = cloud
        .machines
        .start_instances()
        .set_instance_ids(Some(stopped.to_vec()));
    call.send().await.expect("it starts");
    assert_ne!(component.addresses().await, before);
    assert_ne!(component.addresses().await, before);
    let now = kept(&component, 3, &[]).await;
    only_at_first("one moves", &traffic.stop().await, 10.0);

    // All of them.
    let traffic = Traffic::on(&component);
    component.kill(&now).await;
    all = kept(&component, 3, &now).await;
    answers(&component).await;
    only_at_first("all three end", &traffic.stop().await, 60.0);
    assert_eq!(all.len(), 3);
    component.stands_alone(&sha).await;
}

/// About 500 requests a second together, where the machine is idle.
const CLIENTS: usize = 8;

#[tokio::test]
#[ignore = "a target of its own, and requests without pause: make test-long"]
async fn all_instances_of_a_target_at_once_are_replaced_and_all_aliases_serve_again() {
    let _one = Vpcs::one().await;
    let cloud = Cloud::up().await;
    let place = Place::new(&cloud, "outage");
    place.provision(&[]).await.output();
    let mut components = Vec::new();
    for (name, instances) in [("out-a", 1), ("out-b", 2), ("out-c", 1)] {
        let component = Component::new(&cloud, name, place.name).await;
        let sha = component.goes_live(&service(instances)).await;
        components.push((component, sha, instances));
    }
    let traffic: Vec<Traffic> = (0..CLIENTS)
        .map(|n| Traffic::on(&components[n % components.len()].0))
        .collect();
    let begun = Instant::now();

    let all = place.instances().await;
    assert_eq!(all.len(), 4);
    components[0].0.kill(&all).await;
    for (component, _, instances) in &components {
        kept(component, *instances, &all).await;
        answers(component).await;
    }
    println!("all serve again after {:?}", begun.elapsed());
    let mut requests = 0;
    for one in traffic {
        let seen = one.stop().await;
        requests += seen.requests;
        only_at_first("all of a target end", &seen, 60.0);
    }
    println!(
        "{} requests a second together",
        requests as f64 / begun.elapsed().as_secs_f64()
    );
    for (component, sha, _) in &components {
        component.stands_alone(sha).await;
    }

    place.teardown().await.output();
    place.left_nothing().await;
}
