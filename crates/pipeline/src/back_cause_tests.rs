//! What is told of a roll-back by itself.

use super::*;

fn goes(row: CandidateRow) -> Back {
    Back { row, again: None }
}

#[test]
fn the_cause_says_first_what_users_meet() {
    let request = BackRequest {
        release: release(),
        components: vec![stands("api")],
        unwell: "instance i-2 is terminated".into(),
        failed: BTreeSet::new(),
        execution_arn: String::new(),
        began: String::new(),
        entered: String::new(),
    };
    let back = Release {
        ticket: Ticket(43),
        ..release()
    };
    let plan = plan_of(
        back.clone(),
        &[goes(row("api", 'a', 41))],
        vec![component("ui")],
    );
    expect!["api.stage.myproj.com leads to api-aaaaaaaaaaaa.stage.myproj.com again, which ran all the time. ui had nothing to go back to and stays. Release stage-r42 had gone live and was taken back by Roll back as stage-r43, because instance i-2 is terminated. A push of these commits does not bring them again; a release by hand does."]
        .assert_eq(&BackReply::rolled_back(&request, &plan).cause);
    let both = BackRequest {
        components: vec![stands("api"), stands("db"), stands("ui")],
        ..request.clone()
    };
    expect!["api.stage.myproj.com leads to api-aaaaaaaaaaaa.stage.myproj.com again, which ran all the time. ui had nothing to go back to and stays. A later release had moved db on, which is left as it is. Release stage-r42 had gone live and was taken back by Roll back as stage-r43, because instance i-2 is terminated. A push of these commits does not bring them again; a release by hand does."]
        .assert_eq(&BackReply::rolled_back(&both, &plan).cause);
    // A push of what was only launched again finds that live.
    let again = Back {
        row: row("ui", 'a', 41),
        again: Some(at("ui", 'b')),
    };
    let last = |back_to: &[Back]| {
        let plan = plan_of(back.clone(), back_to, Vec::new());
        let cause = BackReply::rolled_back(&request, &plan).cause;
        let (_, last) = cause.split_once("because ").unwrap();
        last.to_owned()
    };
    expect!["instance i-2 is terminated."].assert_eq(&last(std::slice::from_ref(&again)));
    expect!["instance i-2 is terminated. A push of the same commit of api does not bring it again; a release by hand does."]
        .assert_eq(&last(&[goes(row("api", 'a', 41)), again]));
}

/// It is said of what stands, and of nothing else.
#[test]
fn the_cause_says_what_was_not_ended_only_of_what_stands() {
    let request = BackRequest {
        release: release(),
        components: vec![stands("api"), stands("ui")],
        unwell: "instance i-2 is terminated".into(),
        failed: BTreeSet::new(),
        execution_arn: String::new(),
        began: String::new(),
        entered: String::new(),
    };
    let told = |kept: &[&str]| {
        let kept = kept.iter().map(|name| component(name)).collect();
        let cause = BackReply::stays(&request, "api-a has no instances any more", &kept).cause;
        let (_, last) = cause.split_once("taken back: ").unwrap();
        last.to_owned()
    };
    expect!["api-a has no instances any more."].assert_eq(&told(&[]));
    expect!["api-a has no instances any more. Of ui, what was live before was not ended."]
        .assert_eq(&told(&["ui"]));
    expect!["api-a has no instances any more. What was live before was not ended."]
        .assert_eq(&told(&["api", "ui"]));
}
