//! Where what was live before is in the middle of a restart.

use super::*;

fn unwell() -> Answer {
    let unwell = Condition::Unwell("i-1 does not answer".into());
    Answer::Conditions([(at("api", 'a'), unwell)].into())
}

/// A look that finds it in the middle of a restart.
fn restarts() -> Vec<Answer> {
    let mut all = look();
    all[4] = unwell();
    all.split_off(1)
}

#[test]
fn it_waits_for_what_is_just_started_again() {
    let (plan, pause) = (vec![Answer::Plan(PlanFound::None)], vec![Answer::Done]);
    let well = look().split_off(1);
    check(
        &[plan, restarts(), pause, well],
        7,
        expect![[r#"
            looks at the instances of 1
            waits 5 s
            looks at the zone
            reads 1 rows of aliases
            reads 1 rows of hostnames
            looks at the instances of 1
            draws a ticket"#]],
    );
}

#[test]
fn it_waits_for_ten_seconds_and_no_longer() {
    let plan = vec![Answer::Plan(PlanFound::None)];
    let pause = vec![Answer::Done];
    check(
        &[
            plan,
            restarts(),
            pause.clone(),
            restarts(),
            pause,
            restarts(),
            told(),
        ],
        2,
        expect![[r#"
            tells that back-stage-r42 is Failed
            BackReply { outcome: Stays, ticket: None, components: [], error: "DiedAfterCutover", cause: "Users of api are affected: release stage-r42 went live and is not healthy: instance i-2 is terminated. It was not taken back: api-aaaaaaaaaaaa.stage.myproj.com is not healthy either: i-1 does not answer. What was live before was not ended.", unannounced: 0 }"#]],
    );
}

#[test]
fn it_waits_right_before_its_batch_too() {
    let pause = vec![Answer::Done];
    check(
        &[
            look(),
            reserved(),
            looks_to_move(),
            vec![unwell()],
            pause,
            looks_to_move(),
            vec![well()],
        ],
        6,
        expect![[r#"
            waits 5 s
            reads 1 rows of hostnames
            looks at the zone
            reads 2 rows of hostnames
            looks at the instances of 1
            applies its batch (cutover of stage-r43)"#]],
    );
}
