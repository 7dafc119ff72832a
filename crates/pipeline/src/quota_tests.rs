use super::*;
use crate::names::Component;
use expect_test::{Expect, expect};

const MANIFEST: &str = r#"
[component]
name = "api"
[build]
unit_tests = "make test"
command = "make"
output = "dist"
machine = { kind = "codebuild", compute = "2xlarge" }
[run]
command = "./api"
port = 8080
[[suite]]
name = "smoke"
command = "true"
machine = { kind = "codebuild", image = "aws/codebuild/standard:7.0" }
[[suite]]
name = "scan"
command = "true"
slow = true
machine = { kind = "codebuild", compute = "medium" }
[[suite]]
name = "here"
command = "true"
"#;

fn of(build: bool, slow: bool) -> String {
    let api = Component::new("api").unwrap();
    let manifest = Manifest::parse(MANIFEST, &api).unwrap();
    let names = needed(&manifest, Runs { build, slow }, true);
    let names = names.iter().map(|name| name.split(' ').nth(4).unwrap());
    names.collect::<Vec<_>>().join(" ")
}

#[test]
fn what_is_to_run_counts_by_processor_and_size_and_what_is_built_or_left_out_does_not() {
    assert_eq!(of(true, true), "ARM/2XLarge ARM/Medium Linux/Small");
    assert_eq!(of(false, true), "ARM/Medium Linux/Small");
    assert_eq!(of(false, false), "Linux/Small");
}

fn quota(at_once: u64) -> Quota {
    Quota {
        name: "Concurrently running builds for ARM/Small environment".into(),
        code: "L-5ED1D25B".into(),
        at_once,
    }
}

fn said(quotas: &[Quota], expected: Expect) {
    let needed = BTreeSet::from([quota(0).name]);
    let said = match check(&needed, quotas) {
        Ok(warnings) => warnings.join("\n"),
        Err(refused) => format!("refused: {refused}"),
    };
    expected.assert_eq(&said);
}

#[test]
fn nothing_is_refused_one_is_warned_of_and_more_or_what_is_not_told_is_well() {
    said(
        &[quota(0)],
        expect![
            "refused: no container can run its commands: this account's quota `Concurrently running builds for ARM/Small environment` is 0 in this region, so they would never begin; ask AWS for 2 or more: aws service-quotas request-service-quota-increase --service-code codebuild --quota-code L-5ED1D25B --desired-value 2; or choose another [machine] compute"
        ],
    );
    said(
        &[quota(1)],
        expect![
            "its commands wait for each other, since this account's quota `Concurrently running builds for ARM/Small environment` is 1: aws service-quotas request-service-quota-increase --service-code codebuild --quota-code L-5ED1D25B --desired-value 4"
        ],
    );
    said(&[quota(2)], expect![""]);
    said(&[], expect![""]);
}
