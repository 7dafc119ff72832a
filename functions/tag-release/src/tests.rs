use super::*;
use pipeline::names::{Commit, Component};
use pipeline::wire::Release;
use serde_json::json;

fn tagged(component: &str, commit: &str) -> Tagged {
    Tagged {
        component: Component::new(component).unwrap(),
        commit: Commit::new(commit.repeat(20)).unwrap(),
    }
}

fn request(components: &[&Tagged]) -> TagRequest {
    let release: Release = serde_json::from_value(json!({
        "project": "myproj", "target": "stage", "ticket": 42, "execution": "x",
        "domain": "stage.myproj.com", "zone_id": "Z1", "launch_template_id": "lt-1",
        "subnet_ids": ["subnet-1"], "alias_ttl": 5, "hostname_ttl": 5, "drain_seconds": 10, "test_dependents": false,
        "skip_slow_scans": false, "size": 2,
    }))
    .unwrap();
    TagRequest {
        release,
        components: components.iter().copied().cloned().collect(),
    }
}

#[test]
fn a_tag_names_the_release_and_its_set_in_one_order() {
    let (ui, api) = (tagged("ui", "9c"), tagged("api", "3f"));
    let tag = tag::of(&request(&[&ui, &api]), &api, 1_700_000_000);
    assert_eq!(tag.name, "release/stage/42");
    assert_eq!(tag.commit, "3f".repeat(20));
    let expected = format!(
        "Release stage-r42 to stage\n\napi {}\nui {}",
        "3f".repeat(20),
        "9c".repeat(20)
    );
    assert_eq!(tag.message, expected);
    assert_eq!(tag.tagger.email, "cutover@stage.myproj.com");
    assert_eq!(tag.tagger.seconds, 1_700_000_000);
    let again = tag::of(&request(&[&api, &ui]), &api, 1_700_000_000);
    assert_eq!(tag, again);
}

fn failure(transient: bool) -> Result<Pushed, Failure> {
    Err(Failure {
        transient,
        reason: "no".into(),
    })
}

#[test]
fn what_fails_for_one_component_is_an_answer() {
    let tried = vec![
        (tagged("api", "3f"), Ok(Pushed::New)),
        (tagged("msa", "3f"), failure(true)),
        (tagged("msb", "3f"), failure(false)),
        (tagged("ui", "3f"), Ok(Pushed::AlreadyThere)),
    ];
    let reply = answer("release/stage/42".into(), tried).unwrap();
    let outcomes: Vec<(&str, TagResult, &str)> = reply
        .tags
        .iter()
        .map(|one| (one.component.as_str(), one.outcome, one.reason.as_str()))
        .collect();
    let expected = [
        ("api", TagResult::Pushed, ""),
        ("msa", TagResult::Failed, "no"),
        ("msb", TagResult::Failed, "no"),
        ("ui", TagResult::AlreadyThere, ""),
    ];
    assert_eq!(outcomes, expected);
}

#[test]
fn if_nothing_can_be_reached_it_is_tried_again() {
    let all = || {
        vec![
            (tagged("api", "3f"), failure(true)),
            (tagged("ui", "3f"), failure(true)),
        ]
    };
    let fault = answer("t".into(), all()).unwrap_err();
    assert_eq!(fault.name(), ErrorName::Unavailable);
    assert_eq!(fault.to_string(), "api: no; ui: no");
    let mut one_for_good = all();
    one_for_good.push((tagged("msa", "3f"), failure(false)));
    assert!(answer("t".into(), one_for_good).is_ok());
    assert!(answer("t".into(), Vec::new()).is_ok());
}

#[test]
fn another_tag_is_told_with_where_it_is() {
    let row: ComponentRow = serde_json::from_value(json!({
        "component": "api", "repository": "https://git.example.com/api.git",
    }))
    .unwrap();
    assert_eq!(
        tag::taken("release/stage/42", &row, &"3f".repeat(20)),
        "https://git.example.com/api.git has another tag release/stage/42 already, at \
         3f3f3f3f3f3f; it was left as it is"
    );
}
