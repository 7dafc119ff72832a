use super::*;
use expect_test::{Expect, expect};
use serde_json::json;

fn check(input: Value, expected: Expect) {
    let shown = match TargetInput::parse(&input) {
        Ok(input) => format!("{input:?}"),
        Err(error) => format!("refused: {error}"),
    };
    expected.assert_eq(&shown);
}

#[test]
fn what_a_person_types_is_taken() {
    check(
        json!({"action": "provision", "target": "dev", "parameters": {"AliasTtl": "60"}}),
        expect![[r#"Provision { target: Target("dev"), parameters: {"AliasTtl": "60"} }"#]],
    );
    check(
        json!({"action": "teardown", "target": "dev"}),
        expect![[r#"Teardown { target: Target("dev"), confirmed: false }"#]],
    );
    check(
        json!({"action": "teardown", "target": "prod", "confirm": "prod"}),
        expect![[r#"Teardown { target: Target("prod"), confirmed: true }"#]],
    );
}

#[test]
fn bad_input_is_refused_with_the_key_and_the_fix() {
    check(
        json!("dev"),
        expect![[
            r#"refused: the input must be a JSON object such as {"action": "provision", "target": "dev"}"#
        ]],
    );
    check(
        json!({"target": "dev"}),
        expect![[
            r#"refused: action: missing; say `provision` or `teardown`, e.g. {"action": "provision", "target": "dev"}"#
        ]],
    );
    check(
        json!({"action": "destroy", "target": "dev"}),
        expect!["refused: action: must be `provision` or `teardown`, not `destroy`"],
    );
    check(
        json!({"action": "provision"}),
        expect![[
            r#"refused: target: missing; say which, e.g. {"action": "provision", "target": "dev"}"#
        ]],
    );
    check(
        json!({"action": "provision", "target": "dev", "confirm": "dev"}),
        expect![
            "refused: unknown key `confirm`; the keys of `provision` are action, target, parameters"
        ],
    );
    check(
        json!({"action": "teardown", "target": "dev", "parameters": {}}),
        expect![
            "refused: unknown key `parameters`; the keys of `teardown` are action, target, confirm"
        ],
    );
    check(
        json!({"action": "teardown", "target": "prod", "confirm": true}),
        expect!["refused: confirm: must be a string, not true or false"],
    );
    check(
        json!({"action": "teardown", "target": "prod", "confirm": "dev"}),
        expect!["refused: confirm: is `dev`, and the target is `prod`; both must be the same name"],
    );
    check(
        json!({"action": "provision", "target": "dev", "parameters": {"AliasTtl": 60}}),
        expect![[r#"refused: parameters.AliasTtl: must be a string such as "60", not a number"#]],
    );
    let unknown =
        json!({"action": "provision", "target": "dev", "parameters": {"Domain": "x.com"}});
    assert_eq!(
        TargetInput::parse(&unknown).unwrap_err().to_string(),
        format!(
            "parameters: unknown `Domain`; a target has {}",
            PARAMETERS.join(", ")
        )
    );
}

#[test]
fn a_target_is_never_called_like_the_pipeline_s_own_stack() {
    check(
        json!({"action": "teardown", "target": "cutover", "confirm": "cutover"}),
        expect![
            "refused: target: `cutover` is the name of the pipeline's own stack; choose another"
        ],
    );
}

fn environment() -> Value {
    json!({
        "domain": "dev.myproj.com", "zone_id": "Z1", "launch_template_id": "lt-1", "subnet_ids": ["subnet-1"],
        "alias_ttl": 60, "hostname_ttl": 60, "drain_margin": 30
    })
}

fn opened(row: Option<Value>) -> String {
    let row = row.map(|row| serde_json::from_value(row).unwrap());
    match open(&Target::new("dev").unwrap(), row) {
        Ok(environment) => environment.domain.to_string(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_row_without_a_state_is_one_that_releases_may_go_to() {
    assert_eq!(opened(Some(environment())), "dev.myproj.com");
}

#[test]
fn a_release_to_a_closed_target_is_told_what_to_do() {
    expect!["target: `dev` was never provisioned; provision it with `cutover target provision dev`, or name another target"].assert_eq(&opened(None));
    let mut closed = environment();
    closed["state"] = json!("tearing down");
    closed["by"] = json!("down-1");
    let sentence = expect![
        "target: `dev` is being torn down by execution down-1; name another target, or provision it again with `cutover target provision dev` once that has finished"
    ];
    sentence.assert_eq(&opened(Some(closed)));
    sentence.assert_eq(&opened(Some(
        json!({"state": "tearing down", "by": "down-1"}),
    )));
}

fn made_of(version: &str) -> MadeOf {
    MadeOf {
        template: "target-1234.yaml".into(),
        parameters: BTreeMap::from([("AliasTtl".into(), "60".into())]),
        protected: false,
        launch_template_version: version.into(),
    }
}

#[test]
fn an_update_that_changes_nothing_is_told_from_one_that_does() {
    let now = made_of("1");
    assert_eq!(
        outcome(Operation::Update, Some(&now), &now),
        ProvisionOutcome::Unchanged
    );
    assert_eq!(
        outcome(Operation::None, Some(&now), &now),
        ProvisionOutcome::Unchanged
    );
    let image = made_of("9");
    assert_eq!(
        outcome(Operation::Update, Some(&now), &image),
        ProvisionOutcome::Updated
    );
    let template = MadeOf {
        template: "target-5678.yaml".into(),
        ..made_of("1")
    };
    assert_eq!(
        outcome(Operation::Update, Some(&now), &template),
        ProvisionOutcome::Updated
    );
    assert_eq!(
        outcome(Operation::Create, None, &now),
        ProvisionOutcome::Provisioned
    );
}

#[test]
fn what_an_earlier_version_did_not_record_counts_as_changed() {
    let now = made_of("1");
    assert_eq!(
        outcome(Operation::Update, None, &now),
        ProvisionOutcome::Updated
    );
    let row = environment();
    let before: MadeOf = serde_json::from_value(row).unwrap();
    assert_eq!(
        outcome(Operation::Update, Some(&before), &now),
        ProvisionOutcome::Updated
    );
    let unknown = MadeOf::default();
    assert_eq!(
        outcome(Operation::Update, Some(&unknown), &unknown),
        ProvisionOutcome::Updated
    );
}
