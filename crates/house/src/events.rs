//! Each file in `events/`, and each input that a document shows, read as the functions read it.

use crate::files::{documents, entries, read};
use crate::templates;
use aws_lambda_events::eventbridge::EventBridgeEvent;
use expect_test::expect;
use pipeline::event::{PushEvent, PushPlan, Sent, parse_push, plan_starts};
use pipeline::input::ReleaseInput;
use pipeline::keep;
use pipeline::names::{Component, RepositoryUrl, Target};
use pipeline::rows::ComponentRow;
use pipeline::sweep::Whom;
use pipeline::target::TargetInput;
use serde_json::Value;

fn told(name: &str) -> String {
    let value: Value = serde_json::from_str(&read(&format!("events/{name}"))).expect(name);
    match name.split('.').next() {
        Some("push") => told_of_push(value),
        Some("release") => told_of_input(&value),
        Some("target") => told_of_target(&value),
        Some("sweep") => told_of_sweep(&value),
        Some("keep") => told_of_keep(&value),
        _ => panic!("{name}: files are called push, release, target, sweep or keep.<case>.json"),
    }
}

fn told_of_target(input: &Value) -> String {
    match TargetInput::parse(input) {
        Ok(input) => format!("{input:?}"),
        Err(error) => format!("refused: {error}"),
    }
}

fn told_of_sweep(input: &Value) -> String {
    let is_kept_back = input["source"] == "aws.states" && !is_of_an_end_in_red(input);
    let by_rule = if is_kept_back {
        "kept back by the rule; "
    } else {
        ""
    };
    match Whom::parse(input) {
        Ok(whom) => format!("{by_rule}{whom:?}"),
        Err(error) => format!("refused: {error}"),
    }
}

fn told_of_keep(input: &Value) -> String {
    let rule = templates::resource(templates::PIPELINE, "InstanceEndedRule").properties;
    let states = rule["EventPattern"]["detail"]["state"].as_array().cloned();
    let states = states.expect("a list");
    let is_kept_back = input["source"] == "aws.ec2" && !states.contains(&input["detail"]["state"]);
    let by_rule = if is_kept_back {
        "kept back by the rule; "
    } else {
        ""
    };
    match keep::Whom::parse(input) {
        Ok(whom) => format!("{by_rule}{whom:?}"),
        Err(error) => format!("refused: {error}"),
    }
}

/// Or of one in green that says what it left behind.
fn is_of_an_end_in_red(event: &Value) -> bool {
    let rule = templates::resource(templates::PIPELINE, "ReleaseEndedRule").properties;
    let pattern = &rule["EventPattern"];
    for key in ["source", "detail-type"] {
        assert_eq!(pattern[key], serde_json::json!([event[key]]), "{key}");
    }
    let ways = &pattern["detail"]["$or"];
    let status = &event["detail"]["status"];
    let wanted = ways[0]["status"].as_array().expect("a list");
    let wildcard = ways[1]["output"][0]["wildcard"].as_str();
    let part = wildcard.expect("a pattern").trim_matches('*');
    let output = event["detail"]["output"].as_str();
    wanted.contains(status) || output.is_some_and(|output| output.contains(part))
}

fn told_of_input(input: &Value) -> String {
    match ReleaseInput::parse(input) {
        Ok(input) => serde_json::to_string(&input).unwrap(),
        Err(error) => format!("refused: {error}"),
    }
}

fn told_of_push(value: Value) -> String {
    let by_rule = if is_passed_by_the_rule(&value) {
        ""
    } else {
        "kept back by the rule; "
    };
    let event: EventBridgeEvent<Value> = serde_json::from_value(value).expect("an event");
    let id = event.id.expect("an event of EventBridge has an id");
    let sent = Sent {
        source: &event.source,
        region: event.region.as_deref().unwrap_or_default(),
        detail: &event.detail,
    };
    let rows = [row_for(sent)];
    let planned = parse_push(sent).and_then(|event| match event {
        PushEvent::Pushed(push) => plan_starts(&push, &id, &rows),
        PushEvent::Ignored(why) => Ok(PushPlan::Ignore(why)),
    });
    let what = match planned {
        Ok(PushPlan::Start(starts)) => {
            let lines = starts.iter().map(|start| {
                ReleaseInput::parse(&start.input).expect("what a push starts is a valid input");
                format!("starts {} with {}", start.name, start.input)
            });
            lines.collect::<Vec<String>>().join(", ")
        }
        Ok(PushPlan::Ignore(why)) => format!("ignored: {why}"),
        Err(error) => format!("refused: {error}"),
    };
    format!("{by_rule}{what}")
}

/// What `cutover component add api --repository ... --branch main=stage` records.
fn row_for(sent: Sent<'_>) -> ComponentRow {
    let address = match sent.source {
        "aws.codecommit" => format!(
            "https://git-codecommit.{}.amazonaws.com/v1/repos/api",
            sent.region
        ),
        _ => "https://git.example.com/api.git".to_owned(),
    };
    ComponentRow {
        kind: Default::default(),
        credentials: None,
        component: Component::new("api").unwrap(),
        repository: RepositoryUrl::new(address).unwrap(),
        branches: [("main".to_owned(), Target::new("stage").unwrap())].into(),
    }
}

fn is_passed_by_the_rule(event: &Value) -> bool {
    let rule = templates::resource(templates::PIPELINE, "PushRule").properties;
    let pattern = &rule["EventPattern"];
    [
        "/source",
        "/detail-type",
        "/detail/event",
        "/detail/referenceType",
    ]
    .iter()
    .all(|key| {
        let allowed = pattern.pointer(key).map(templates::texts);
        let allowed = allowed.unwrap_or_else(|| panic!("the rule does not ask for {key}"));
        let found = event.pointer(key).and_then(Value::as_str);
        found.is_some_and(|found| allowed.iter().any(|one| one == found))
    })
}

#[test]
fn every_sample_is_accepted_or_refused_as_its_name_says() {
    let lines: Vec<String> = entries("events")
        .iter()
        .map(|name| format!("{name}\n    {}\n", told(name)))
        .collect();
    expect![[r#"
        keep.everywhere.json
            Whom { why: Asked(None), status: false }
        keep.instance-running.json
            kept back by the rule; Whom { why: Changed("i-0abcd1111efab2222"), status: false }
        keep.instance-terminated.json
            Whom { why: Changed("i-0abcd1111efab2222"), status: false }
        keep.schedule.json
            Whom { why: Schedule, status: false }
        keep.status.json
            Whom { why: Asked(Some(Target("stage"))), status: true }
        keep.unknown-key.json
            refused: unknown field `dry_run`, expected `target` or `status`
        push.codecommit-created.json
            starts api-3f2a9c1b04de-stage-23456789abcd with {"branch":"main","component":"api","target":"stage","version":"3f2a9c1b04de5a6b7c8d9e0f1a2b3c4d5e6f7a8b"}
        push.codecommit-merge.json
            starts api-9e8d7c6b5a4f-stage-123456789abc with {"branch":"main","component":"api","target":"stage","version":"9e8d7c6b5a4f3e2d1c0b9a8f7e6d5c4b3a2f1e0d"}
        push.codecommit.json
            starts api-3f2a9c1b04de-stage-0123456789ab with {"branch":"main","component":"api","target":"stage","version":"3f2a9c1b04de5a6b7c8d9e0f1a2b3c4d5e6f7a8b"}
        push.deleted-ignored.json
            kept back by the rule; ignored: the branch was deleted
        push.git.json
            starts api-3f2a9c1b04de-stage-56789abcdef0 with {"branch":"main","component":"api","target":"stage","version":"3f2a9c1b04de5a6b7c8d9e0f1a2b3c4d5e6f7a8b"}
        push.no-repository.json
            refused: detail.repositoryName: `` is not a repository's name
        push.option-as-branch.json
            ignored: no component follows branch --upload-pack=x of repository api; see `cutover component add`
        push.other-repository.json
            ignored: no component follows branch main of https://git.example.com/other/api.git; another repository has the same name: api is of https://git.example.com/api.git
        push.sha-256.json
            refused: detail.commitId: has 64 digits: a repository in git's SHA-256 format cannot be released, only one in SHA-1
        push.short-commit.json
            refused: detail.commitId: `3f2a9c1` is not a full commit SHA (40 hexadecimal digits, lower case)
        push.tag-ignored.json
            kept back by the rule; ignored: not a branch
        push.unfollowed-branch.json
            ignored: no component follows branch topic/faster of repository api; see `cutover component add`
        push.unfollowed-odd-branch.json
            ignored: no component follows branch feature/#7-größe of repository api; see `cutover component add`
        push.whole-address.json
            starts api-3f2a9c1b04de-stage-56789abcdef0 with {"branch":"main","component":"api","target":"stage","version":"3f2a9c1b04de5a6b7c8d9e0f1a2b3c4d5e6f7a8b"}
        release.all-keys.json
            {"versions":{"api":"HEAD"},"target":"stage","skip_slow_scans":false,"tag":false,"branch":"main"}
        release.branch-of-several.json
            refused: branch: goes with one component, not with several
        release.component-and-versions.json
            refused: component and versions: give one of them, not both
        release.component-is-a-number.json
            refused: component: must be a string, not a number
        release.empty.json
            refused: component: missing; say what to release, e.g. {"component": "api", "version": "HEAD", "target": "stage"}
        release.hostname-as-component.json
            refused: component: `api-3f2a9c1b04de` cannot be a component name: it ends like a hostname or a peer name of a release
        release.hotfix.json
            {"versions":{"api":"3f2a9c1b04de5a6b7c8d9e0f1a2b3c4d5e6f7a8b"},"target":"prod","skip_slow_scans":true,"tag":false,"branch":null}
        release.minimal.json
            {"versions":{"api":"HEAD"},"target":"stage","skip_slow_scans":false,"tag":false,"branch":null}
        release.no-versions.json
            refused: versions: names no component
        release.not-an-object.json
            refused: the input must be a JSON object such as {"component": "api", "version": "HEAD", "target": "stage"}
        release.option-as-branch.json
            refused: branch: `-x` is not a branch name
        release.option-as-version.json
            refused: version: version `--upload-pack=x` is not a tag, a branch, a commit SHA, `HEAD`, `previous` or `live:<target>`
        release.path-as-target.json
            refused: target: `../prod` is not a target name: 1 to 16 lower-case letters, digits and single hyphens, beginning with a letter
        release.path-as-version.json
            refused: version: version `../../etc` is not a tag, a branch, a commit SHA, `HEAD`, `previous` or `live:<target>`
        release.promote-from-nowhere.json
            refused: version: version `live:`: `` is not a target name: 1 to 16 lower-case letters, digits and single hyphens, beginning with a letter
        release.promote.json
            {"versions":{"api":"live:stage"},"target":"prod","skip_slow_scans":false,"tag":false,"branch":null}
        release.push.json
            {"versions":{"api":"3f2a9c1b04de5a6b7c8d9e0f1a2b3c4d5e6f7a8b"},"target":"stage","skip_slow_scans":false,"tag":false,"branch":"main"}
        release.rollback.json
            {"versions":{"api":"previous"},"target":"prod","skip_slow_scans":false,"tag":false,"branch":null}
        release.shell-as-version.json
            refused: version: version `$(reboot)` is not a tag, a branch, a commit SHA, `HEAD`, `previous` or `live:<target>`
        release.take-back.json
            {"versions":{},"target":"stage","skip_slow_scans":false,"tag":false,"branch":null}
        release.umbrella.json
            {"versions":{"api":"v1.4.0","msa":"3f2a9c1b04de5a6b7c8d9e0f1a2b3c4d5e6f7a8b","msb":"live:dev","ui":"HEAD"},"target":"stage","skip_slow_scans":false,"tag":false,"branch":null}
        release.unknown-key.json
            refused: unknown key `versoin`; the keys are component, version, versions, target, skip_slow_scans, tag, branch, force
        release.upper-case-component.json
            refused: component: `API` is not a component name: 1 to 30 lower-case letters, digits and single hyphens, beginning with a letter
        release.version-beside-versions.json
            refused: version: goes with component; with versions, each component has its own
        release.versions-is-a-list.json
            refused: versions: must be an object of component to version such as {"api": "v1.4.0"}, not a list
        release.wrong-type.json
            refused: skip_slow_scans: must be true or false, not a string
        sweep.dry-run.json
            Whom { cause: Asked(Some(Target("stage"))), dry_run: true }
        sweep.everywhere.json
            Whom { cause: Asked(None), dry_run: false }
        sweep.release-failed.json
            Whom { cause: Ended("arn:aws:states:us-east-1:123456789012:execution:myproj-release:api-HEAD-stage-mzx1"), dry_run: false }
        sweep.release-left-something.json
            Whom { cause: Ended("arn:aws:states:us-east-1:123456789012:execution:myproj-release:api-HEAD-stage-mzx1"), dry_run: false }
        sweep.release-live.json
            kept back by the rule; Whom { cause: Ended("arn:aws:states:us-east-1:123456789012:execution:myproj-release:api-HEAD-stage-mzx1"), dry_run: false }
        sweep.release-stopped.json
            Whom { cause: Ended("arn:aws:states:us-east-1:123456789012:execution:myproj-release:api-HEAD-stage-mzx1"), dry_run: false }
        sweep.release-timed-out.json
            Whom { cause: Ended("arn:aws:states:us-east-1:123456789012:execution:myproj-release:api-HEAD-stage-mzx1"), dry_run: false }
        sweep.schedule.json
            Whom { cause: Schedule, dry_run: false }
        sweep.unknown-key.json
            refused: unknown field `targets`, expected `target` or `dry_run`
        target.confirmed-otherwise.json
            refused: confirm: is `dev`, and the target is `prod`; both must be the same name
        target.number-as-parameter.json
            refused: parameters.AliasTtl: must be a string such as "60", not a number
        target.provision-minimal.json
            Provision { target: Target("stage"), parameters: {} }
        target.provision.json
            Provision { target: Target("dev"), parameters: {"AliasTtl": "60"} }
        target.teardown-confirmed.json
            Teardown { target: Target("prod"), confirmed: true }
        target.teardown.json
            Teardown { target: Target("dev"), confirmed: false }
        target.the-pipeline-s-own.json
            refused: target: `cutover` is the name of the pipeline's own stack; choose another
        target.unknown-action.json
            refused: action: must be `provision` or `teardown`, not `destroy`
    "#]].assert_eq(&lines.concat());
}

/// What tells an input from a policy.
const INPUT: [&str; 4] = ["\"component\"", "\"versions\"", "\"version\"", "\"action\""];

#[test]
fn every_input_that_the_documents_show_is_accepted() {
    let texts: Vec<String> = documents().iter().map(|path| read(path)).collect();
    let lines = texts.iter().flat_map(|text| text.lines()).map(str::trim);
    let mut shown: Vec<&str> = lines
        .filter(|line| line.starts_with("{\"") && line.ends_with('}'))
        .filter(|line| INPUT.iter().any(|key| line.contains(key)))
        .collect();
    let typed = texts
        .iter()
        .flat_map(|text| text.split("--input '").skip(1));
    shown.extend(typed.filter_map(|rest| rest.split('\'').next()));
    let cells = texts.iter().flat_map(|text| text.split("`{\"").skip(1));
    let cells: Vec<String> = cells
        .filter_map(|rest| Some(format!("{{\"{}", rest.split_once('`')?.0)))
        .filter(|input| input.contains("\"version") && input.contains("target"))
        .collect();
    shown.extend(cells.iter().map(String::as_str));
    assert!(
        shown.len() >= 12,
        "the documents show {} inputs",
        shown.len()
    );
    for line in shown {
        let value: Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        if value.get("action").is_some() {
            TargetInput::parse(&value).unwrap_or_else(|error| panic!("{line}: {error}"));
            continue;
        }
        ReleaseInput::parse(&value).unwrap_or_else(|error| panic!("{line}: {error}"));
    }
}
