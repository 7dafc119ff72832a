use super::*;
use pipeline::names::Ticket;
use pipeline::rows::{ActState, Actor, HistoryRow, Once};

fn row(state: ActState) -> HistoryRow {
    let row = HistoryRow::begun("keep-1-api".into(), "2026-03-01T12:00:00Z", Actor::Keeper);
    row.ended(state)
}

#[tokio::test]
async fn what_begins_is_written_once_and_never_over_what_has_ended() {
    let replay = Replay::new([ok(json!({})), condition_failed()]);
    let registry = registry(&replay);
    let begun = row(ActState::Begun);
    assert!(registry.tell(&target(), &begun).await.unwrap());
    assert!(!registry.tell(&target(), &begun).await.unwrap());
    let [first, again] = asked(&replay).try_into().unwrap();
    assert_eq!(first, again, "the key is the act's, not the try's");
    assert_eq!(first["ConditionExpression"], "attribute_not_exists(pk)");
    let item = &first["Item"];
    assert_eq!(item["pk"], json!({"S": "target#stage"}));
    assert_eq!(
        item["sk"],
        json!({"S": "history#2026-03-01T12:00:00#keep-1-api"})
    );
}

#[tokio::test]
async fn what_was_done_stays_so_however_late_another_try_tells() {
    let replay = Replay::new([ok(json!({})), condition_failed()]);
    let registry = registry(&replay);
    let done = registry.tell(&target(), &row(ActState::Done)).await;
    assert!(done.unwrap());
    let late = registry.tell(&target(), &row(ActState::Failed)).await;
    assert!(!late.unwrap());
    let asked = asked(&replay).remove(1);
    assert_eq!(
        asked["ConditionExpression"],
        "attribute_not_exists(pk) OR #state <> :done"
    );
    assert_eq!(
        asked["ExpressionAttributeValues"][":done"],
        json!({"S": "done"})
    );
}

#[tokio::test]
async fn a_row_goes_a_year_after_its_act() {
    let replay = Replay::new([ok(json!({}))]);
    let registry = registry(&replay);
    let told = registry.tell(&target(), &row(ActState::Done)).await;
    assert!(told.unwrap());
    // 2026-03-01T12:00:00Z and 365 days, in seconds since 1970.
    let expires = &asked(&replay)[0]["Item"]["expires"];
    assert_eq!(*expires, json!({"N": "1803902400"}));
    let unannounced = &asked(&replay)[0]["Item"]["unannounced"];
    assert_eq!(*unannounced, json!({"BOOL": true}));
}

#[tokio::test]
async fn a_table_that_refuses_says_so() {
    let replay = Replay::new([refusal("AccessDeniedException")]);
    let told = registry(&replay)
        .tell(&target(), &row(ActState::Done))
        .await;
    assert_ne!(kind(told), CallKind::Unavailable);
}

/// A row of the history as DynamoDB has it.
fn told(act: &str, state: ActState, at: &str, unannounced: bool) -> Value {
    let row = HistoryRow::begun(act.into(), at, Actor::Sweeper).ended(state);
    let mut row = serde_json::to_value(row).unwrap();
    let mut set = |key: &str, value: Value| {
        row.as_object_mut().unwrap().insert(key.into(), value);
    };
    set("pk", json!("target#stage"));
    set("expires", json!(1));
    if unannounced {
        set("unannounced", json!(true));
    }
    item_of(&row)
}

#[tokio::test]
async fn what_has_ended_or_was_cut_off_is_announced_the_oldest_first_and_what_runs_is_not() {
    let (long_ago, now) = ("2026-03-01T12:00:00Z", aws::now());
    let rows = [
        told("runs", ActState::Begun, &now, true),
        told("done", ActState::Done, &now, true),
        told("announced", ActState::Done, &now, false),
        told("cut off", ActState::Begun, long_ago, true),
    ];
    let replay = Replay::new([ok(json!({"Items": rows}))]);
    let found = registry(&replay).unannounced(&target()).await.unwrap();
    let acts: Vec<&str> = found.iter().map(|row| row.act.as_str()).collect();
    assert_eq!(acts, ["cut off", "done"]);
    let asked = asked(&replay).remove(0);
    assert_eq!(asked["ScanIndexForward"], json!(false));
    assert_eq!(asked["Limit"], json!(100));
}

#[tokio::test]
async fn a_row_that_has_come_further_since_it_was_read_is_announced_again() {
    let replay = Replay::new([condition_failed()]);
    let registry = registry(&replay);
    let is_announced = registry
        .is_announced(&target(), &row(ActState::Begun))
        .await;
    assert!(!is_announced.unwrap());
    let asked = asked(&replay).remove(0);
    assert_eq!(asked["UpdateExpression"], "REMOVE unannounced");
    assert_eq!(asked["ConditionExpression"], "#state = :state");
    let values = &asked["ExpressionAttributeValues"];
    assert_eq!(values[":state"], json!({"S": "begun"}));
}

#[tokio::test]
async fn what_two_sweeps_do_at_once_is_one_row_of_whoever_told_first() {
    let first = "history#2026-03-01T11:59:58#sweep-x1-undo-stage-r7";
    let replay = Replay::new([
        ok(json!({"Attributes": {"told_undo": {"S": first}}})),
        condition_failed(),
    ]);
    let second = HistoryRow {
        act: "sweep-x2-undo-stage-r7".into(),
        once: Some(Once {
            what: "undo",
            ticket: Ticket(7),
        }),
        ..row(ActState::Done)
    };
    assert!(!registry(&replay).tell(&target(), &second).await.unwrap());
    let [claim, put] = asked(&replay).try_into().unwrap();
    assert_eq!(claim["Key"]["sk"], json!({"S": "release#00000007"}));
    assert_eq!(
        claim["UpdateExpression"],
        "SET #told = if_not_exists(#told, :own)"
    );
    let own = &claim["ExpressionAttributeValues"][":own"];
    assert_eq!(
        *own,
        json!({"S": "history#2026-03-01T12:00:00#sweep-x2-undo-stage-r7"})
    );
    assert_eq!(put["Item"]["sk"], json!({"S": first}));
    assert_eq!(put["Item"]["act"], json!({"S": "sweep-x1-undo-stage-r7"}));
}

#[tokio::test]
async fn instances_that_were_ended_by_another_look_complete_what_is_told() {
    let replay = Replay::new([ok(json!({}))]);
    let late = row(ActState::Done).of_instances(["i-1".into()]);
    assert!(registry(&replay).tell(&target(), &late).await.unwrap());
    assert_eq!(
        asked(&replay)[0]["ConditionExpression"],
        "attribute_not_exists(pk) OR #state <> :done OR attribute_not_exists(instances)"
    );
}
