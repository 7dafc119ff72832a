use super::*;
use expect_test::{Expect, expect};

fn stack(status: &str) -> Stack {
    Stack {
        status: status.into(),
        ..Stack::default()
    }
}

fn check(status: &str, expected: Expect) {
    let plan = plan_apply("myproj-dev", Some(&stack(status)), true);
    expected.assert_eq(&match plan {
        ApplyPlan::Refused(why) => format!("Refused: {why}"),
        other => format!("{other:?}"),
    });
}

#[test]
fn what_is_there_decides_what_provisioning_does() {
    assert_eq!(plan_apply("myproj-dev", None, false), ApplyPlan::Create);
    check("DELETE_COMPLETE", expect!["Create"]);
    check("CREATE_COMPLETE", expect!["Update"]);
    check("UPDATE_ROLLBACK_COMPLETE", expect!["Update"]);
    check("ROLLBACK_COMPLETE", expect!["RemoveFirst"]);
    check("DELETE_FAILED", expect!["RemoveFirst"]);
    check("UPDATE_IN_PROGRESS", expect!["Wait"]);
    check("DELETE_IN_PROGRESS", expect!["Wait"]);
    check(
        "UPDATE_ROLLBACK_FAILED",
        expect![[
            r#"Refused: the stack myproj-dev is UPDATE_ROLLBACK_FAILED: ; bring it back with `aws cloudformation continue-update-rollback --stack-name myproj-dev` and provision again"#
        ]],
    );
}

#[test]
fn somebody_else_s_stack_of_that_name_is_left_alone() {
    let plan = plan_apply("myproj-dev", Some(&stack("CREATE_COMPLETE")), false);
    assert!(matches!(
        plan,
        ApplyPlan::Refused(ApplyRefusal::NotOurs { .. })
    ));
}

fn event(resource: &str, status: &str, reason: &str) -> Event {
    Event {
        resource: resource.into(),
        kind: format!("AWS::EC2::{resource}"),
        status: status.into(),
        reason: reason.into(),
    }
}

#[test]
fn a_failure_is_told_by_the_first_resource_that_failed_itself() {
    let events = [
        event("Vpc", "CREATE_IN_PROGRESS", ""),
        event("Gateway", "CREATE_FAILED", "Resource creation cancelled"),
        event(
            "Vpc",
            "CREATE_FAILED",
            "The maximum number of VPCs has been reached.",
        ),
        event("Subnet", "CREATE_FAILED", "later"),
    ];
    let said = first_failure(&events);
    assert_eq!(
        said.as_deref(),
        Some("Vpc (AWS::EC2::Vpc): The maximum number of VPCs has been reached.")
    );
    assert_eq!(first_failure(&events[..2]), None);
}

#[test]
fn what_is_not_asked_for_stays_as_it_is() {
    let map = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(k, v)| ((*k).into(), (*v).into()))
            .collect()
    };
    let mut found = stack("CREATE_COMPLETE");
    found.parameters = map(&[
        ("AliasTtl", "5"),
        ("VpcCidr", "10.1.0.0/16"),
        ("Target", "dev"),
    ]);
    let values = parameters_of(
        Some(&found),
        &map(&[("AliasTtl", "60")]),
        &map(&[("Target", "dev")]),
    );
    expect![[r#"{"AliasTtl": Some("60"), "Target": Some("dev"), "VpcCidr": None}"#]]
        .assert_eq(&format!("{values:?}"));
    let fresh = parameters_of(
        None,
        &map(&[("AliasTtl", "60")]),
        &map(&[("Target", "dev")]),
    );
    expect![[r#"{"AliasTtl": Some("60"), "Target": Some("dev")}"#]]
        .assert_eq(&format!("{fresh:?}"));
}

#[test]
fn a_network_in_use_is_not_replaced_and_a_database_is_not_deleted_by_the_way() {
    let map = |key: &str, value: &str| BTreeMap::from([(key.to_owned(), value.to_owned())]);
    let mut found = stack("CREATE_COMPLETE");
    found.parameters = map("VpcCidr", "10.0.0.0/16");
    found.parameters.extend(map("Database", "true"));
    found.parameters.extend(map("ZoneA", ""));
    for (key, value) in [
        ("VpcCidr", "10.1.0.0/16"),
        ("Database", "false"),
        ("ZoneA", "us-east-1b"),
    ] {
        let said = irreplaceable(&found, &map(key, value)).unwrap();
        assert!(said.starts_with(&format!("parameters.{key}: ")), "{said}");
    }
    for (key, value) in [
        ("VpcCidr", "10.0.0.0/16"),
        ("Database", "true"),
        ("ZoneA", ""),
        ("AliasTtl", "5"),
    ] {
        assert_eq!(irreplaceable(&found, &map(key, value)), None);
    }
}

#[test]
fn an_output_that_is_missing_is_named() {
    let error = environment_of(&BTreeMap::new()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the stack's output Domain is missing or cannot be read"
    );
}

#[test]
fn a_stack_is_deleted_once_nothing_else_is_under_way() {
    let check = |status: &str, ours| plan_delete(Some(&stack(status)), ours);
    assert_eq!(plan_delete(None, false), DeletePlan::Nothing);
    assert_eq!(check("DELETE_COMPLETE", true), DeletePlan::Nothing);
    assert_eq!(check("CREATE_COMPLETE", true), DeletePlan::Delete);
    assert_eq!(check("DELETE_FAILED", true), DeletePlan::Delete);
    assert_eq!(check("DELETE_IN_PROGRESS", true), DeletePlan::UnderWay);
    assert_eq!(check("UPDATE_IN_PROGRESS", true), DeletePlan::Wait);
    assert_eq!(check("CREATE_COMPLETE", false), DeletePlan::NotOurs);
}
