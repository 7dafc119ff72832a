use super::*;
use crate::args::Arguments;
use crate::commands::Command;
use crate::text::Colour;
use clap::Parser;
use expect_test::{Expect, expect};
use serde_json::json;

fn target() -> Target {
    Target::new("stage").unwrap()
}

fn typed(line: &str) -> History {
    let parsed = Arguments::try_parse_from(line.split(' ')).unwrap();
    match parsed.command {
        Command::History(wanted) => wanted,
        _ => panic!("{line}"),
    }
}

fn release(ticket: u64, execution: &str, outcome: &str, ended: &str) -> ReleaseRow {
    let rollback = execution.ends_with("-back");
    let name = execution.trim_end_matches("-back");
    serde_json::from_value(json!({
        "ticket": ticket, "execution": execution, "outcome": outcome, "started": "2026-07-29T18:00:00Z",
        "execution_arn": format!("arn:aws:states:eu-central-1:1:execution:x:{name}"), "ended": ended,
        "cause": "api.stage.myproj.com still points at api-aaaaaaaaaaaa.stage.myproj.com.",
        "plan": {
            "outcome": "release", "already_live": [],
            "release": {
                "project": "myproj", "target": "stage", "ticket": ticket, "execution": execution,
                "domain": "stage.myproj.com", "zone_id": "Z", "launch_template_id": "lt-1", "subnet_ids": [],
                "alias_ttl": 60, "hostname_ttl": 60, "drain_seconds": 90, "test_dependents": true,
                "skip_slow_scans": false, "size": 1, "rollback": rollback,
            },
            "components": [{
                "component": "api", "version": "HEAD", "commit": "a".repeat(40),
                "repository": "https://git.p.com/api.git", "hostname": "api-aaaaaaaaaaaa.stage.myproj.com",
            }],
        },
    }))
    .unwrap()
}

fn act(act: &str, at: &str, component: &str) -> HistoryRow {
    serde_json::from_value(json!({
        "pk": "target#stage", "sk": "history#", "expires": 1, "act": act, "at": at, "by": "keeper", "state": "done",
        "what": format!("{component}.stage.myproj.com: 1 of 1 instances serve."), "why": "i-1 is terminated",
        "components": [component], "release": "stage-r7", "instances": ["i-1", "i-2"],
    }))
    .unwrap()
}

fn both() -> Vec<Entry> {
    let acts = vec![
        act("keep-1-api", "2026-07-29T18:57:00Z", "api"),
        act("keep-2-ui", "2026-07-29T18:20:00Z", "ui"),
    ];
    let releases = vec![
        release(8, "by-hand", "not released", "2026-07-29T18:58:00Z"),
        release(7, "push", "live", "2026-07-29T18:30:00Z"),
    ];
    merged(&target(), acts, releases)
}

fn check(line: &str, entries: Vec<Entry>, expected: Expect) {
    let now: jiff::Timestamp = "2026-07-29T19:00:12Z".parse().unwrap();
    let now = now.as_millisecond();
    let screen = Screen {
        width: Some(80),
        height: None,
        colour: Colour::Plain,
    };
    let chosen = chosen(entries, &typed(line), now);
    let shown: Vec<String> = chosen
        .iter()
        .map(|entry| shown(entry, now, screen))
        .collect();
    expected.assert_eq(&shown.join("\n"));
}

#[test]
fn releases_and_what_was_done_by_itself_are_one_list_the_newest_first() {
    check(
        "cutover history",
        both(),
        expect![[r#"
            2026-07-29 18:58 UTC (2m12s ago)  stage-r8  release  not released
              api.stage.myproj.com still points at api-aaaaaaaaaaaa.stage.myproj.com.
            2026-07-29 18:57 UTC (3m12s ago)  stage-r7  keeper  done
              api.stage.myproj.com: 1 of 1 instances serve.
              because i-1 is terminated
              instances: i-1, i-2
            2026-07-29 18:30 UTC (30m12s ago)  stage-r7  release  live
              From then on users were sent to api aaaaaaaaaaaa.
            2026-07-29 18:20 UTC (40m12s ago)  stage-r7  keeper  done
              ui.stage.myproj.com: 1 of 1 instances serve.
              because i-1 is terminated
              instances: i-1, i-2"#]],
    );
}

#[test]
fn of_one_component_within_a_time_and_no_more_than_asked_for() {
    check(
        "cutover history --component api --since 1h --limit 1",
        both(),
        expect![[r#"
            2026-07-29 18:58 UTC (2m12s ago)  stage-r8  release  not released
              api.stage.myproj.com still points at api-aaaaaaaaaaaa.stage.myproj.com."#]],
    );
    let since = chosen(both(), &typed("cutover history --since 1m"), i64::MAX);
    assert_eq!(since, []);
    let ui = typed("cutover history --component ui");
    assert_eq!(chosen(both(), &ui, 0).len(), 1);
}

#[test]
fn a_roll_back_by_itself_is_told_once() {
    let releases = || {
        vec![
            release(8, "push-back", "live", "2026-07-29T18:58:00Z"),
            release(7, "push", "rolled back", "2026-07-29T18:58:00Z"),
        ]
    };
    let by = |entries: Vec<Entry>| entries.into_iter().map(|one| one.by).collect::<Vec<_>>();
    let acts = vec![act("back-stage-r7", "2026-07-29T18:57:00Z", "api")];
    let told = merged(&target(), acts, releases());
    assert_eq!(by(told), ["keeper", "release"]);
    // One of before there was a history.
    let untold = merged(&target(), Vec::new(), releases());
    assert_eq!(by(untold), ["roll-back by itself", "release"]);
}

#[test]
fn why_a_release_was_not_released_is_said_once() {
    let releases = || vec![release(8, "push", "not released", "2026-07-29T18:58:00Z")];
    let what = |entries: Vec<Entry>| entries.last().unwrap().what.clone();
    let undone = act("sweep-x1-undo-stage-r8", "2026-07-29T18:58:00Z", "api");
    let told = merged(&target(), vec![undone], releases());
    assert_eq!(what(told), "It was to bring api aaaaaaaaaaaa.");
    let untold = merged(&target(), Vec::new(), releases());
    assert!(what(untold).contains("still points at"));
}

#[test]
fn a_limit_of_nothing_is_refused() {
    let refused = Arguments::try_parse_from(["cutover", "history", "--limit", "0"]);
    assert_eq!(refused.unwrap_err().exit_code(), 2);
}
