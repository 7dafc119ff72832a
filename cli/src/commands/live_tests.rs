use super::*;
use expect_test::{Expect, expect};

fn alias(component: &str, digit: &str, peers: &[&str]) -> AliasRow {
    let commit = digit.repeat(40);
    let row = json!({
        "component": component, "commit": commit, "version": "HEAD", "peers": peers,
        "hostname": format!("{component}-{}.stage.myproj.com", &commit[..12]),
        "instances": [], "release": "stage-r42", "ticket": 42, "execution": "x", "port": 8080,
        "since": "2026-07-29T18:57:00Z", "artifact_sha256": "ab", "launch_template_version": "3",
    });
    serde_json::from_value(row).unwrap()
}

fn live() -> Vec<AliasRow> {
    vec![
        alias("api", "7", &["msa", "msb"]),
        alias("msa", "a", &[]),
        alias("msb", "b", &[]),
        alias("ui", "3", &["api"]),
    ]
}

fn tested(proof: &Proof, release: &str, skipped: &[&str]) -> ProofRow {
    let row = json!({"skipped": skipped, "release": release, "at": "2026-07-29T18:57:00Z"});
    let mut row = row.as_object().unwrap().clone();
    row.extend(json!(proof).as_object().unwrap().clone());
    serde_json::from_value(Value::Object(row)).unwrap()
}

fn check(live: &[AliasRow], rows: &[ProofRow], expected: Expect) {
    let (needed, missing) = needed(live);
    expected.assert_eq(&Proven::from(needed, missing, rows).shown());
}

#[test]
fn what_passed_beside_exactly_what_is_live_is_proven() {
    let (proofs, _) = needed(&live());
    let mut rows: Vec<ProofRow> = proofs
        .iter()
        .map(|proof| tested(proof, "stage-r9", &[]))
        .collect();
    rows[3] = tested(&proofs[3], "stage-r41", &[]);
    check(&live(), &rows, expect!["proven (by stage-r9, stage-r41)"]);
    rows[0] = tested(&proofs[0], "stage-r41", &["soak"]);
    check(
        &live(),
        &rows,
        expect!["proven, slow suites skipped: api/soak (by stage-r9, stage-r41)"],
    );
}

#[test]
fn a_component_without_a_suite_is_not_proven_by_its_silence() {
    let live = [alias("msa", "a", &[]), alias("msb", "b", &[])];
    let (proofs, missing) = needed(&live);
    let rows = [(0, &proofs[0]), (4, &proofs[1])].map(|(suites, proof)| ProofRow {
        suites: Some(suites),
        ..tested(proof, "stage-r9", &[])
    });
    let mut proven = Proven::from(proofs, missing, &rows);
    proven.components = 2;
    expect!["proven (by stage-r9); without a suite of its own: msa"].assert_eq(&proven.shown());
    assert!(!proven.is_whole());
    proven.components = 1;
    expect!["not tested: nothing that is live has a suite"].assert_eq(&proven.shown());
}

#[test]
fn slow_suites_that_were_left_out_are_no_lack_of_suites() {
    let live = [alias("msa", "a", &[])];
    let (proofs, _) = needed(&live);
    let row = ProofRow {
        suites: Some(0),
        ..tested(&proofs[0], "stage-r9", &["soak"])
    };
    check(
        &live,
        &[row],
        expect!["proven, slow suites skipped: msa/soak (by stage-r9)"],
    );
}

#[test]
fn a_pair_that_was_never_tested_together_is_named() {
    let (proofs, _) = needed(&live());
    let rows: Vec<ProofRow> = proofs
        .iter()
        .map(|proof| tested(proof, "stage-r9", &[]))
        .collect();
    check(
        &live(),
        &rows[..3],
        expect!["not proven: ui at 333333333333 was not tested beside api at 777777777777"],
    );
    check(
        &live(),
        &[],
        expect![
            "not proven: api at 777777777777 was not tested beside msa at aaaaaaaaaaaa and msb at bbbbbbbbbbbb; msa at aaaaaaaaaaaa was not tested; msb at bbbbbbbbbbbb was not tested; and 1 more"
        ],
    );
}

#[test]
fn a_proof_of_other_commits_with_the_same_beginning_proves_nothing() {
    let live = [alias("msa", "a", &[])];
    let (proofs, _) = needed(&live);
    let mut other = tested(&proofs[0], "stage-r9", &[]);
    let similar = format!("{}{}", "a".repeat(39), "b");
    other.proof.commit = pipeline::names::Commit::new(similar).unwrap();
    check(
        &live,
        &[other],
        expect!["not proven: msa at aaaaaaaaaaaa was not tested"],
    );
}

#[test]
fn a_peer_that_is_not_live_makes_the_set_unproven() {
    check(
        &[alias("ui", "3", &["api"])],
        &[],
        expect!["not proven: ui talks to api, which is not live"],
    );
}

#[test]
fn a_script_gets_every_pair_that_is_missing() {
    let live = [alias("msa", "a", &[]), alias("ui", "3", &["msa"])];
    let (proofs, missing) = needed(&live);
    let rows = [tested(&proofs[0], "stage-r9", &["soak"])];
    let json = Proven::from(proofs, missing, &rows).as_json();
    expect![[r#"{"by":["stage-r9"],"missing":[{"commit":"3333333333333333333333333333333333333333","component":"ui","peers":{"msa":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}}],"proven":false,"skipped":["msa/soak"],"without_suites":[]}"#]].assert_eq(&json.to_string());
}
