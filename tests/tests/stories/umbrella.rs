//! Several components in one release: tested together, cut over as one.

use end_to_end::{Cloud, Component, Ended, Execution, Family, Service, Start, Traffic};
use serde_json::{Value, json};
use std::time::Duration;

const RELEASED: Duration = Duration::from_secs(240);

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[tokio::test]
async fn four_components_go_live_by_one_change_and_are_tagged() {
    let cloud = Cloud::up().await;
    let family = Family::new(&cloud, "four", "stage").await;
    let versions = family.commit_all("1").await;

    let ended = family.release_and_tag(&versions).await;

    let output = ended.output();
    assert_eq!(output["outcome"], "live");
    let tag = text(&output["tag"]["tag"]).to_owned();
    for component in family.all() {
        let there = component
            .git(&[
                "ls-remote",
                &component.url(),
                &format!("refs/tags/{tag}^{{}}"),
            ])
            .await;
        assert!(
            there.starts_with(text(&versions[&component.name])),
            "{tag} of {}: {there}",
            component.name
        );
    }
    let change = text(&output["cutover"]["change_id"]).to_owned();
    assert!(!change.is_empty(), "{output}");
    for component in family.all() {
        let row = component.alias_row().await;
        assert_eq!(row["change_id"], change, "{}", component.name);
        assert_eq!(row["release"], ended.release());
        component
            .stands_alone(text(&versions[&component.name]))
            .await;
    }
    let set = family.set_of(&ended).await;
    assert_eq!(set["result"], "passed");
    for component in family.all() {
        assert_eq!(set["set"][&component.name], versions[&component.name]);
    }
}

/// How one of the four fails, what its cause must say of it and of the others.
struct Case {
    stage: &'static str,
    siblings: &'static str,
    change: fn(&mut Service),
}

const CASES: &[Case] = &[
    Case {
        stage: "Prepare workspace",
        siblings: "had no instances yet",
        change: |service| service.more_manifest = "\n[mistake]\n".into(),
    },
    Case {
        stage: "Unit tests | Build",
        siblings: "became healthy",
        change: |service| service.unit_tests = "sh -c 'echo 1 of 7 wrong; exit 3'".into(),
    },
    Case {
        stage: "Unit tests | Build",
        siblings: "became healthy",
        change: |service| service.build = "sh -c 'echo no compiler; exit 2'".into(),
    },
    Case {
        stage: "Deploy (initial)",
        siblings: "became healthy",
        change: |service| service.start = Start::Unhealthy,
    },
    Case {
        stage: "Integration tests",
        siblings: "became healthy",
        change: |service| {
            service.add_suite("red", "sh -c 'echo wrong; exit 1'");
        },
    },
];

#[tokio::test]
async fn one_of_four_that_fails_at_any_stage_keeps_all_four_back() {
    let cloud = Cloud::up().await;
    let family = Family::new(&cloud, "fails", "stage").await;
    let first = family.commit_all("1").await;
    assert_eq!(family.release(&first).await.output()["outcome"], "live");
    let traffic = Traffic::on(&family.api);
    let mut second = family.commit_all("2").await;
    for (n, case) in CASES.iter().enumerate() {
        let mut service = family.service(&family.msa, &format!("2 bad {n}"));
        (case.change)(&mut service);
        second[&family.msa.name] = json!(family.msa.commit_and_push(&service).await);
        let ended = family.release(&second).await;

        assert_eq!(ended.status, "FAILED", "{ended:#?}");
        let named = format!("{}, {}", family.msa.name, case.stage);
        for part in [named.as_str(), case.siblings] {
            assert!(ended.cause.contains(part), "not `{part}`: {}", ended.cause);
        }
        for component in family.all() {
            assert!(ended.cause.contains(&component.name), "{}", ended.cause);
        }
        nothing_but(&family, &first).await;
    }
    traffic.stop().await.without_failure();
}

/// A version of api whose suite waits until another commit of this component is live.
fn that_waits_for(family: &Family, other: &Component, commit: &str) -> Service {
    let mut service = family.service(&family.api, "2");
    service.add_suite("held", "python3 held.py");
    service.files.push((
        "held.py",
        format!(
            "import json, sys, time, urllib.request\n\nend = time.monotonic() + 100\nwhile json.load(urllib.request.urlopen('http://{}:{}/version', timeout=10))['commit'] == '{commit}':\n    if time.monotonic() > end:\n        sys.exit('it never moved')\n    time.sleep(0.2)\n",
            other.alias(),
            other.port
        ),
    ));
    service
}

#[tokio::test]
#[ignore = "make test-long: many releases"]
async fn one_of_four_whose_newer_version_went_live_meanwhile_keeps_the_other_three_back() {
    let cloud = Cloud::up().await;
    let family = Family::new(&cloud, "late", "stage").await;
    let mut versions = family.commit_all("1").await;
    assert_eq!(family.release(&versions).await.output()["outcome"], "live");
    let traffic = Traffic::on(&family.api);
    let mut second = family.commit_all("2").await;
    let waits = that_waits_for(&family, &family.msb, text(&versions[&family.msb.name]));
    second[&family.api.name] = json!(family.api.commit_and_push(&waits).await);
    let input = json!({"versions": second, "target": "stage"});
    let all = Execution::start(&cloud, &input).await;
    let tested = end_to_end::until(RELEASED, async || {
        let states = all.states().await;
        states.iter().any(|one| one == "Run suite").then_some(())
    });
    assert!(tested.await.is_some(), "the suites begin");

    let newer = family.service(&family.msb, "3");
    let newer = family.msb.commit_and_push(&newer).await;
    let alone = family.release(&json!({&family.msb.name: newer})).await;
    assert_eq!(alone.output()["outcome"], "live", "{alone:#?}");
    let ended = all.end(RELEASED).await;

    assert_eq!(
        (ended.status.as_str(), ended.error.as_str()),
        ("FAILED", "Superseded"),
        "{ended:#?}"
    );
    let said = format!(
        "Deploy (cutover): {}: release r{} is later than",
        family.msb.name,
        alone.output()["ticket"]
    );
    let [api, ui, msa] = [&family.api, &family.ui, &family.msa].map(|one| one.name.as_str());
    for part in [&said, api, ui, msa, "became healthy"] {
        assert!(ended.cause.contains(part), "not `{part}`: {}", ended.cause);
    }
    versions[&family.msb.name] = json!(newer);
    nothing_but(&family, &versions).await;
    traffic.stop().await.without_failure();
}

async fn nothing_but(family: &Family, versions: &Value) {
    for component in family.all() {
        component
            .stands_alone(text(&versions[&component.name]))
            .await;
    }
}

/// Says, through the component's own call, which commit of its peer it talks to.
fn that_looks_at_its_peer(family: &Family, component: &Component, version: &str) -> Service {
    let mut service = family.service(component, version);
    service.add_suite("look", "python3 look.py");
    service.files.push((
        "look.py",
        "import os, urllib.request\nprint(urllib.request.urlopen(os.environ['TARGET_URL'] + '/peers', timeout=10).read().decode())\n".into(),
    ));
    service
}

async fn peer_seen_by(component: &Component, peer: &Component) -> String {
    let answer = component.get("/peers").await.expect("the alias answers");
    text(&answer[&peer.name]).to_owned()
}

#[tokio::test]
async fn candidates_talk_to_candidates_before_the_cutover_and_to_what_is_live_after_it() {
    let cloud = Cloud::up().await;
    let family = Family::new(&cloud, "talk", "stage").await;
    let (api, msa) = (&family.api, &family.msa);
    let mut first = family.commit_all("1").await;
    first[&api.name] = json!(
        api.commit_and_push(&that_looks_at_its_peer(&family, api, "1"))
            .await
    );
    assert_eq!(family.release(&first).await.output()["outcome"], "live");
    assert_eq!(peer_seen_by(api, msa).await, text(&first[&msa.name]));

    let second = json!({
        &api.name: api.commit_and_push(&that_looks_at_its_peer(&family, api, "2")).await,
        &msa.name: msa.commit_and_push(&family.service(msa, "2")).await,
    });
    let watch = family.watch_pairs();
    let ended = family.release(&second).await;
    assert_eq!(ended.output()["outcome"], "live");
    let log = format!("logs/{}/{}/suite-look.log", ended.release(), api.name);
    let seen = cloud.object(&log).await.expect("the log of the suite");
    assert!(
        seen.contains(text(&second[&msa.name])),
        "the suite of api saw another msa than its release's: {seen}"
    );
    // Old beside old or new beside new; in between at most for as long as an answer is cached.
    let pairs = watch.stop().await;
    let mixed = pairs.mixed(&first, &second, &family);
    assert!(
        mixed <= Duration::from_secs(4),
        "halves of two releases were seen together for {mixed:?}: {pairs:?}"
    );

    let third = msa.commit_and_push(&family.service(msa, "3")).await;
    let before = api.live().await;
    let ended = family.release(&json!({&msa.name: third})).await;
    assert_eq!(ended.output()["outcome"], "live", "{ended:#?}");
    assert_eq!(api.live().await, before, "api was not touched");
    let follows = end_to_end::until(Duration::from_secs(10), async || {
        (peer_seen_by(api, msa).await == third).then_some(())
    });
    assert!(follows.await.is_some(), "the running api follows msa");
}

#[tokio::test]
async fn a_release_that_breaks_a_live_dependent_is_stopped_by_its_companion() {
    let cloud = Cloud::up().await;
    let family = Family::new(&cloud, "comp", "stage").await;
    let (api, msa) = (&family.api, &family.msa);
    let mut first = family.commit_all("1").await;
    // api works only with a msa whose version begins with 1.
    let mut picky = family.service(api, "1");
    picky.add_suite("picky", "python3 picky.py");
    picky.files.push((
        "picky.py",
        "import os, sys, json, urllib.request\nseen = json.load(urllib.request.urlopen(os.environ['TARGET_URL'] + '/peer-versions', timeout=10))\nprint(seen)\nsys.exit(not all(v.startswith('1') for v in seen.values()))\n".into(),
    ));
    first[&api.name] = json!(api.commit_and_push(&picky).await);
    assert_eq!(family.release(&first).await.output()["outcome"], "live");

    let bad = msa.commit_and_push(&family.service(msa, "2")).await;
    let ended = family.release(&json!({&msa.name: bad})).await;

    assert_eq!(
        (ended.status.as_str(), ended.error.as_str()),
        ("FAILED", "IntegrationTestsFailed"),
        "{ended:#?}"
    );
    let said = format!(
        "{} (the live version, tested beside this release), Integration tests: suite picky",
        api.name
    );
    assert!(ended.cause.contains(&said), "{}", ended.cause);
    msa.stands_alone(text(&first[&msa.name])).await;
    api.stands_alone(text(&first[&api.name])).await;

    let good = msa.commit_and_push(&family.service(msa, "1 again")).await;
    let ended = family.release(&json!({&msa.name: good})).await;
    let output = ended.output();
    assert_eq!(output["companions"][0]["component"], api.name, "{output}");
    msa.stands_alone(&good).await;
    api.stands_alone(text(&first[&api.name])).await;
}

/// A version of api whose suite waits until msa, as api sees it, is another one, unless it is the
/// last one already.
fn that_waits_for_its_peer_to_move(family: &Family, version: &str, last: usize) -> Service {
    let mut service = family.service(&family.api, version);
    service.add_suite("waits", "python3 waits.py");
    service.files.push((
        "waits.py",
        format!("import os, time, urllib.request\n\ndef look():\n    return urllib.request.urlopen(os.environ['TARGET_URL'] + '/peer-versions', timeout=10).read().decode()\n\nfirst, end = look(), time.monotonic() + 55\nwhile look() == first and 'moved {last}' not in first and time.monotonic() < end:\n    time.sleep(0.3)\n"),
    ));
    service
}

/// Releases msa once for each of these, each time while the suites of the release run.
async fn move_msa_while_tested(
    family: &Family,
    execution: &Execution,
    times: usize,
) -> Vec<String> {
    let mut moved = Vec::new();
    for n in 1..=times {
        let tested = end_to_end::until(RELEASED, async || {
            let states = execution.states().await;
            let rounds = states.iter().filter(|one| *one == "Integration tests");
            (rounds.count() >= n).then_some(())
        });
        assert!(tested.await.is_some(), "round {n} of the suites");
        let service = family.service(&family.msa, &format!("moved {n}"));
        let sha = family.msa.commit_and_push(&service).await;
        let ended = family.release(&json!({&family.msa.name: sha})).await;
        assert_eq!(ended.output()["outcome"], "live", "{ended:#?}");
        moved.push(sha);
    }
    moved
}

async fn api_while_msa_moves(what: &str, times: usize) -> (Family, Value, String, Ended) {
    let cloud = Cloud::up().await;
    let family = Family::new(&cloud, what, "stage").await;
    let first = family.commit_all("1").await;
    assert_eq!(family.release(&first).await.output()["outcome"], "live");
    let service = that_waits_for_its_peer_to_move(&family, "2", times);
    let sha = family.api.commit_and_push(&service).await;
    let input = json!({"versions": {&family.api.name: sha}, "target": "stage"});
    let execution = Execution::start(&cloud, &input).await;
    let moves = move_msa_while_tested(&family, &execution, times).await;
    let ended = execution.end(RELEASED).await;
    assert_eq!(family.msa.live().await.commit, moves[times - 1]);
    (family, first, sha, ended)
}

#[tokio::test]
async fn a_peer_that_moves_while_the_suites_run_makes_them_run_again_beside_it() {
    let (family, _, sha, ended) = api_while_msa_moves("moved", 1).await;
    let output = ended.output();
    assert_eq!(
        (&output["outcome"], &output["rounds"]),
        (&json!("live"), &json!(2))
    );
    family.api.stands_alone(&sha).await;
}

#[tokio::test]
#[ignore = "make test-long: many releases"]
async fn three_moves_in_a_row_end_a_release_and_its_cause_says_so() {
    let (family, first, _, ended) = api_while_msa_moves("thrice", 3).await;
    assert_eq!(
        (ended.status.as_str(), ended.error.as_str()),
        ("FAILED", "PeersKeptMoving"),
        "{ended:#?}"
    );
    let said = format!(
        "tested 3 times, and each time something moved: {}",
        family.msa.name
    );
    assert!(ended.cause.contains(&said), "{}", ended.cause);
    family
        .api
        .stands_alone(text(&first[&family.api.name]))
        .await;
}
