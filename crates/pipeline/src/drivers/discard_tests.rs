use super::super::ChangeOutcome;
use super::super::testing::{asks, at, component, release, row, rows, tell, zone};
use super::*;
use crate::errors::ErrorName;
use crate::names::Commit;
use crate::wire::{FailedStage, Failure, ReleasedComponent};
use expect_test::{Expect, expect};

/// Release 42 brought `b`; `a` of release 7 is live.
fn asked() -> DiscardRequest {
    DiscardRequest {
        release: release(),
        components: vec![ReleasedComponent {
            component: component("api"),
        }],
        libraries: Vec::new(),
        released: Vec::new(),
        failures: vec![Failure {
            component: None,
            failed: FailedStage {
                stage: "Publish hostnames".into(),
                error: "Unavailable".into(),
                cause: "AWS did not answer".into(),
            },
        }],
        tests: Vec::new(),
        tested: None,
        already_live: Vec::new(),
    }
}

fn all() -> Answer {
    Answer::Rows(rows(&[row("api", 'a', 7), row("api", 'b', 42)]))
}

fn own_names() -> Answer {
    Answer::Names([at("api", 'b')].into())
}

fn look(digits: &str) -> Vec<Answer> {
    vec![Answer::Zone(zone(digits)), all()]
}

fn check(answers: &[Vec<Answer>], last: usize, expected: Expect) {
    let lines = asks(Discard::new(asked()), answers.concat());
    let from = lines.len() - last;
    expected.assert_eq(&lines[from..].join("\n"));
}

#[test]
fn a_release_that_failed_takes_its_own_away_and_says_what_is_true() {
    let begin = vec![all(), own_names(), Answer::Zone(zone("ab"))];
    let applied = vec![Answer::Changed(ChangeOutcome::Applied("C1".into()))];
    let marked = vec![Answer::Moved([at("api", 'b')].into())];
    let ended = vec![
        Answer::Changed(ChangeOutcome::Applied("C2".into())),
        Answer::Ended(vec!["i-1".into()]),
        Answer::Moved([at("api", 'b')].into()),
        Answer::Done,
    ];
    let all = [begin, look("ab"), applied, marked, look("ab"), ended];
    check(
        &all,
        14,
        expect![[r#"
        reads the rows of all hostnames that stand
        reads what r42 planned
        looks at the zone
        looks at the zone
        reads the rows of all hostnames that stand
        applies its batch (stage-r42 takes away api-bbbbbbbbbbbb.stage.myproj.com)
        marks 1 rows as Leaving
        looks at the zone
        reads the rows of all hostnames that stand
        applies its batch (stage-r42 takes away api-bbbbbbbbbbbb.stage.myproj.com)
        ends the instances of 1
        marks 1 rows as Discarded
        records r42 as NotReleased
        DiscardReply { error: "Unavailable", cause: "api.stage.myproj.com still points at api-aaaaaaaaaaaa.stage.myproj.com. Publish hostnames: AWS did not answer. Release stage-r42 was not released; its candidates were discarded.", live: false, discarded: [Fqdn("api-bbbbbbbbbbbb.stage.myproj.com")], already_live: [] }"#]],
    );
}

#[test]
fn a_release_of_which_nothing_is_left_says_so_although_that_could_not_be_recorded() {
    let past = Answer::Rows(rows(&[CandidateRow {
        state: CandidateState::Discarded,
        ..row("api", 'b', 42)
    }]));
    let alone = || Answer::Rows(rows(&[row("api", 'a', 7)]));
    let begin = vec![alone(), own_names(), past.clone(), Answer::Zone(zone("a"))];
    let look = || vec![Answer::Zone(zone("a")), alone(), past.clone()];
    let marked = vec![Answer::Moved([at("api", 'b')].into())];
    let ended = vec![
        Answer::Ended(Vec::new()),
        Answer::Moved([at("api", 'b')].into()),
    ];
    let mut discard = Discard::new(asked());
    let answers = [begin, look(), marked, look(), ended].concat();
    let asked = tell(&mut discard, answers);
    assert_eq!(
        asked.last().unwrap(),
        "records r42 as NotReleased",
        "{asked:?}"
    );
    let refused = Fault::new(ErrorName::AccessDenied, "dynamodb:UpdateItem: AccessDenied");
    let Ok(Next::Done(reply)) = discard.call_failed(refused) else {
        panic!("it has a reply");
    };
    expect!["api.stage.myproj.com still points at api-aaaaaaaaaaaa.stage.myproj.com. Publish hostnames: AWS did not answer. Release stage-r42 was not released; its candidates were discarded. Not recorded is how it ended: dynamodb:UpdateItem: AccessDenied."]
        .assert_eq(&reply.cause);
}

#[test]
fn what_could_not_be_taken_away_fails_the_stage() {
    let mut discard = Discard::new(asked());
    tell(&mut discard, vec![all(), own_names()]);
    let refused = Fault::new(ErrorName::Unavailable, "route53 did not answer");
    assert!(discard.call_failed(refused).is_err());
}

#[test]
fn what_is_live_after_all_is_neither_ended_nor_recorded_as_failed() {
    let begin = vec![all(), own_names(), Answer::Zone(zone("ba"))];
    let lines = asks(Discard::new(asked()), [begin, look("ba")].concat());
    let last = lines.last().unwrap();
    assert!(last.contains("live: true, discarded: []"), "{last}");
}

#[test]
fn what_resolvers_may_remember_is_given_back() {
    // `b` was live: its record has a live one's TTL, and `c` is live by now.
    let mut was_live = zone("cb");
    let mut batch = crate::records::Batch::default();
    let record = was_live.get(&at("api", 'b')).cloned().unwrap();
    batch.swap(record.clone(), crate::records::Record { ttl: 60, ..record });
    was_live.apply(&batch).unwrap();
    let begin = vec![all(), own_names(), Answer::Zone(was_live)];
    check(&[begin], 1, expect!["marks 1 rows as Live"]);
}

/// A roll-back took `b` over and was given up, with its batch still under way.
fn taken_over() -> Vec<Answer> {
    let row = CandidateRow {
        launched_by: Some(crate::names::Ticket(7)),
        ..row("api", 'b', 42)
    };
    let all = Answer::Rows(rows(&[row]));
    vec![all, own_names(), Answer::Zone(zone("cb"))]
}

#[test]
fn what_is_given_back_does_not_fit_a_batch_that_comes_late() {
    let applied = vec![Answer::Changed(ChangeOutcome::Applied("C1".into()))];
    check(
        &[taken_over(), applied],
        2,
        expect![[r#"
            applies its batch (stage-r42 gives back what it took)
            marks 1 rows as Live"#]],
    );
}

#[test]
fn what_was_taken_over_is_as_it_was_before_and_the_cause_says_so() {
    let mine = CandidateRow {
        launched_by: Some(crate::names::Ticket(7)),
        taken_from: Some(crate::names::Ticket(7)),
        ..row("api", 'b', 42)
    };
    let all = Answer::Rows(rows(&[mine, row("api", 'c', 41)]));
    let begin = vec![all, own_names(), Answer::Zone(zone("cb"))];
    let applied = vec![Answer::Changed(ChangeOutcome::Applied("C1".into()))];
    let given = vec![Answer::Done];
    let before = || Answer::Rows(rows(&[row("api", 'b', 7), row("api", 'c', 41)]));
    let nothing_to_take = vec![Answer::Zone(zone("cb")), before(), Answer::Done];
    let expected = expect![[r#"
        gives 1 rows back as they were
        looks at the zone
        reads the rows of all hostnames that stand
        records r42 as NotReleased
        DiscardReply { error: "Unavailable", cause: "api.stage.myproj.com still points at api-cccccccccccc.stage.myproj.com. Publish hostnames: AWS did not answer. Release stage-r42 was not released. It gave back what ran before it: api-bbbbbbbbbbbb.stage.myproj.com; a later release ends that. Its other candidates, if any, were discarded.", live: false, discarded: [], already_live: [] }"#]];
    check(&[begin, applied, given, nothing_to_take], 5, expected);

    // An earlier try has given it back and was killed then: this one says the same.
    let begin = vec![before(), own_names(), Answer::Zone(zone("cb"))];
    let rest = vec![Answer::Zone(zone("cb")), before(), Answer::Done];
    let lines = asks(Discard::new(asked()), [begin, rest].concat());
    assert!(
        lines
            .last()
            .unwrap()
            .contains("It gave back what ran before it"),
        "{lines:?}"
    );
}

#[test]
fn a_batch_that_came_before_it_is_given_back_is_found_live() {
    let refused = vec![Answer::Changed(ChangeOutcome::Refused("it moved".into()))];
    let look = vec![Answer::Zone(zone("bc"))];
    let lines = asks(
        Discard::new(asked()),
        [taken_over(), refused, look].concat(),
    );
    assert_eq!(lines.last().unwrap(), "looks at the zone", "{lines:?}");
    assert!(!lines.iter().any(|line| line.contains("Live")), "{lines:?}");
}

fn library(name: &str) -> Tagged {
    Tagged {
        component: component(name),
        commit: Commit::new("c".repeat(40)).unwrap(),
    }
}

/// Of a release that has launched nothing.
fn nothing_launched() -> Vec<Answer> {
    let standing = || Answer::Rows(rows(&[row("api", 'a', 7)]));
    let zone = || Answer::Zone(zone("a"));
    let names = Answer::Names(BTreeSet::new());
    vec![standing(), names, zone(), zone(), standing()]
}

/// What is said of two libraries, of which these have rows.
fn of_libraries(alone: bool, released: &[&str]) -> String {
    let planned = ["gdal", "proj"].map(|name| PlannedLibrary {
        component: component(name),
        commit: Some(library(name).commit),
    });
    let failed = FailedStage {
        stage: "Record libraries".into(),
        error: "AccessDenied".into(),
        cause: "the answer was lost".into(),
    };
    let discard = Discard::new(DiscardRequest {
        components: if alone {
            Vec::new()
        } else {
            asked().components
        },
        libraries: planned.into(),
        failures: vec![Failure {
            component: None,
            failed,
        }],
        ..asked()
    });
    let found = Answer::Released(released.iter().map(|name| library(name)).collect());
    let rest = vec![found, Answer::Done];
    let lines = asks(discard, [nothing_launched(), rest].concat());
    assert_eq!(lines[5], "reads 2 rows of libraries", "{lines:#?}");
    assert_eq!(lines[6], "records r42 as NotReleased", "{lines:#?}");
    let (_, cause) = lines[7].split_once("cause: \"").unwrap();
    cause.split('"').next().unwrap().to_owned()
}

#[test]
fn libraries_are_released_if_their_rows_say_so_also_where_the_answer_was_lost() {
    let both = ["gdal", "proj"];
    expect!["Nothing that runs is affected: gdal and proj are libraries, and every component stays with the commit that it pins. Record libraries: the answer was lost. Release stage-r42 did not come to its end. The libraries gdal cccccccccccc and proj cccccccccccc are released and stay so."]
        .assert_eq(&of_libraries(true, &both));
    expect!["api.stage.myproj.com still points at api-aaaaaaaaaaaa.stage.myproj.com. Record libraries: the answer was lost. Release stage-r42 was not released; its candidates were discarded. The libraries gdal cccccccccccc and proj cccccccccccc are released and stay so."]
        .assert_eq(&of_libraries(false, &both));
}

#[test]
fn libraries_without_rows_are_not_released() {
    expect!["Nothing that runs is affected: gdal and proj are libraries, and every component stays with the commit that it pins. Record libraries: the answer was lost. Release stage-r42 was not released."]
        .assert_eq(&of_libraries(true, &[]));
    expect!["api.stage.myproj.com still points at api-aaaaaaaaaaaa.stage.myproj.com. Record libraries: the answer was lost. Release stage-r42 was not released; its candidates were discarded."]
        .assert_eq(&of_libraries(false, &[]));
}

/// It tells the one from the other, and no commit of a library.
#[test]
fn what_an_earlier_definition_says_of_libraries_holds() {
    let request = serde_json::json!({
        "release": release(), "components": [], "libraries": [{"component": "gdal"}], "failures": [],
        "released": [{"component": "proj", "commit": "c".repeat(40)}],
    });
    let request: DiscardRequest = serde_json::from_value(request).unwrap();
    let answers = [nothing_launched(), vec![Answer::Done]].concat();
    let lines = asks(Discard::new(request), answers);
    let last = lines.last().unwrap();
    assert!(
        !lines.iter().any(|line| line.contains("rows of libraries")),
        "{lines:#?}"
    );
    assert!(last.contains("proj cccccccccccc is released"), "{last}");
    assert!(
        last.contains("Release stage-r42 was not released."),
        "{last}"
    );
}
