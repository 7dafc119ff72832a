use super::super::testing::{asks, component, release, row, rows, zone};
use super::*;
use expect_test::{Expect, expect};

/// Release 42 brings `msa`; `api` is live and talks to it.
fn asked(proven: bool) -> Together<ComponentPeers> {
    let mut release = Release {
        proven,
        ..release()
    };
    release.settings.test_dependents = true;
    Together {
        release,
        components: vec![ComponentPeers {
            component: component("msa"),
            commit: row("msa", 'b', 42).commit,
            peers: Default::default(),
            instances: 1,
        }],
    }
}

fn live(peers: &[&str]) -> Answer {
    let mut api = row("api", 'a', 7);
    let recipe = api.recipe.as_mut().unwrap();
    recipe.manifest.component.peers = peers.iter().map(|peer| component(peer)).collect();
    Answer::Rows(rows(&[api]))
}

fn check(proven: bool, answers: Vec<Answer>, last: usize, expected: Expect) {
    let lines = asks(PlanCompanions::new(asked(proven)), answers);
    let from = lines.len() - last;
    expected.assert_eq(&lines[from..].join("\n"));
}

#[test]
fn what_depends_on_the_release_gets_a_companion_once() {
    let look = [Answer::Zone(zone("a")), live(&["msa"])];
    let none = [Answer::Rows(Rows::new())];
    check(
        false,
        [look.to_vec(), none.to_vec()].concat(),
        2,
        expect![[r#"
            reads 1 rows of hostnames
            reserves 1 names"#]],
    );
    let companion = Answer::Rows(rows(&[{
        let mut row = row("api", 'a', 42);
        let domain = &release().domain;
        row.hostname = hostname_of_release(&component("api"), &row.commit, row.ticket, domain);
        row
    }]));
    let lines = asks(
        PlanCompanions::new(asked(false)),
        [look.to_vec(), vec![companion]].concat(),
    );
    assert!(
        lines.last().unwrap().starts_with("CompanionsReply"),
        "{lines:?}"
    );
}

#[test]
fn where_nothing_depends_on_it_one_look_is_enough() {
    check(
        false,
        vec![Answer::Zone(zone("a")), live(&[])],
        2,
        expect![[r#"
            reads 1 rows of hostnames
            CompanionsReply { companions: [], read_set: {}, set: {Component("api"): Commit("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), Component("msa"): Commit("bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb")} }"#]],
    );
}

#[test]
fn a_roll_back_is_proven_beside_what_that_very_look_showed() {
    let look = vec![Answer::Zone(zone("a")), live(&["msa"])];
    let lines = |passed| {
        let all = [look.clone(), vec![Answer::Passed(passed)]].concat();
        asks(PlanCompanions::new(asked(true)), all)
    };
    assert_eq!(lines(true)[2], "reads 2 proofs");
    assert!(lines(true)[3].starts_with("CompanionsReply"));
    assert!(lines(false)[3].starts_with("PeersKeptMoving"));
}
