use super::*;
use pipeline::rows::{ActState, Actor, HistoryRow};

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
}

#[tokio::test]
async fn a_table_that_refuses_says_so() {
    let replay = Replay::new([refusal("AccessDeniedException")]);
    let told = registry(&replay)
        .tell(&target(), &row(ActState::Done))
        .await;
    assert_ne!(kind(told), CallKind::Unavailable);
}
