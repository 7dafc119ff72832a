use super::*;
use crate::names::Fqdn;
use crate::rows::CandidateState;
use crate::testing;
use expect_test::{Expect, expect};

fn component(name: &str) -> Component {
    Component::new(name).unwrap()
}

fn commit(digit: char) -> Commit {
    Commit::new(digit.to_string().repeat(40)).unwrap()
}

fn release(execution: &str, skip_slow_scans: bool) -> Release {
    Release {
        execution: execution.into(),
        skip_slow_scans,
        ..testing::release()
    }
}

fn unit_tests(execution: &str, name: &str, digit: char, source: &str) -> Subject {
    Subject::unit_tests(
        &release(execution, false),
        &component(name),
        &commit(digit),
        source,
    )
}

fn written(of: Subject) -> String {
    serde_json::to_string(&Evidence {
        of,
        saw: "it passed",
    })
    .unwrap()
}

/// What the unit tests of `api` at `a…` in this release are said to have seen.
fn refused(found: Option<&str>, expected: Expect) {
    let subject = unit_tests("api-aaaa", "api", 'a', "5eed");
    let said = check::<String>(subject, found).unwrap_err();
    expected.assert_eq(&said.to_string());
}

#[test]
fn evidence_of_the_very_run_counts() {
    let subject = unit_tests("api-aaaa", "api", 'a', "5eed");
    let text = written(subject.clone());
    assert_eq!(check::<String>(subject, Some(&text)).unwrap(), "it passed");
}

#[test]
fn an_answer_without_evidence_is_not_believed() {
    refused(
        None,
        expect![
            "the evidence that unit-tests of api aaaaaaaaaaaa ran (evidence/stage-r42/api/unit-tests.json) is not there, so its answer is not believed; release it again, and if this happens twice, look at what its commands do"
        ],
    );
}

#[test]
fn evidence_of_anything_else_does_not_count() {
    let others = [
        unit_tests("an earlier life of stage", "api", 'a', "5eed"),
        unit_tests("api-aaaa", "ui", 'a', "5eed"),
        unit_tests("api-aaaa", "api", 'b', "5eed"),
        unit_tests("api-aaaa", "api", 'a', "0dd"),
        Subject {
            round: 2,
            ..unit_tests("api-aaaa", "api", 'a', "5eed")
        },
        Subject {
            stage: "build".into(),
            ..unit_tests("api-aaaa", "api", 'a', "5eed")
        },
    ];
    for other in others {
        refused(
            Some(&written(other)),
            expect![
                "the evidence that unit-tests of api aaaaaaaaaaaa ran (evidence/stage-r42/api/unit-tests.json) is of another run, so its answer is not believed; release it again, and if this happens twice, look at what its commands do"
            ],
        );
    }
}

#[test]
fn evidence_that_cannot_be_read_does_not_count() {
    for text in ["", "{}", "passed"] {
        refused(
            Some(text),
            expect![
                "the evidence that unit-tests of api aaaaaaaaaaaa ran (evidence/stage-r42/api/unit-tests.json) cannot be read, so its answer is not believed; release it again, and if this happens twice, look at what its commands do"
            ],
        );
    }
}

#[test]
fn each_run_has_a_key_of_its_own() {
    let subject = unit_tests("x", "api", 'a', "5eed");
    assert_eq!(subject.key(), "evidence/stage-r42/api/unit-tests.json");
    let suite = Subject {
        stage: "suite-smoke".into(),
        round: 2,
        ..subject
    };
    assert_eq!(suite.key(), "evidence/stage-r42/api/suite-smoke-2.json");
}

fn row(name: &str, suites: &str) -> CandidateRow {
    let hostname = Fqdn::new("api.stage.myproj.com").unwrap();
    let mut recipe = testing::recipe(name, &commit('a'), suites);
    recipe.planned.hostname = Some(hostname.clone());
    recipe.source.sha256 = "5eed".into();
    CandidateRow {
        state: CandidateState::Healthy,
        launch_template_version: "7".into(),
        recipe: Some(recipe),
        ..CandidateRow::planned(
            hostname,
            component(name),
            commit('a'),
            (release("x", false).ticket, "stage-r42".into()),
        )
    }
}

/// The keys that a cutover of these reads.
fn needed(skip_slow: bool) -> Vec<String> {
    let api = "[[suite]]\nname='smoke'\ncommand='true'\n[[suite]]\nname='scan'\ncommand='true'\nslow=true\n";
    let ui = "[[suite]]\nname='smoke'\ncommand='true'\n";
    let stand = [row("api", api), row("ui", ui), row("msa", "")];
    let subjects = suites_of(&release("x", skip_slow), &stand, 1);
    subjects.iter().map(Subject::key).collect()
}

#[test]
fn a_cutover_needs_evidence_of_every_suite_that_it_does_not_leave_out() {
    let [smoke, scan, ui] = ["api/suite-smoke-1", "api/suite-scan-1", "ui/suite-smoke-1"]
        .map(|path| format!("evidence/stage-r42/{path}.json"));
    assert_eq!(needed(false), [smoke.clone(), scan, ui.clone()]);
    assert_eq!(needed(true), [smoke, ui]);
}
