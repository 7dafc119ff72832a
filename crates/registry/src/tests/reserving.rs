use super::*;
use crate::{Healthy, PlanFound, Reservation, Reserved};
use pipeline::names::{Fqdn, Ticket};
use pipeline::rows::{CandidateRow, CandidateState, ReleaseRow};

fn release(ticket: u64) -> ReleaseRow {
    let release = json!({
        "project": "myproj", "target": "stage", "ticket": ticket, "execution": "push-1",
        "domain": "stage.myproj.com", "zone_id": "Z1", "launch_template_id": "lt-1",
        "subnet_ids": ["subnet-1"], "alias_ttl": 5, "hostname_ttl": 5, "drain_seconds": 10, "test_dependents": false,
        "skip_slow_scans": false, "size": 1,
    });
    let plan =
        json!({"outcome": "release", "release": release, "components": [], "already_live": []});
    serde_json::from_value(json!({
        "ticket": ticket, "execution": "push-1", "execution_arn": "arn", "started": "2026-03-01T12:00:00Z",
        "plan": plan, "outcome": "running",
    }))
    .unwrap()
}

fn candidate(ticket: u64) -> CandidateRow {
    serde_json::from_value(json!({
        "component": "api", "commit": COMMIT, "hostname": hostname(), "ticket": ticket,
        "release": format!("stage-r{ticket}"), "state": "planned",
    }))
    .unwrap()
}

fn hostname() -> Fqdn {
    Fqdn::new("api-3f2a9c1b04de.stage.myproj.com").unwrap()
}

async fn reserve(replay: &Replay) -> Result<Reserved, RegistryError> {
    reserve_after(replay, None).await
}

async fn reserve_after(
    replay: &Replay,
    earlier: Option<Ticket>,
) -> Result<Reserved, RegistryError> {
    let reservation = Reservation {
        target: &target(),
        release: &release(7),
        candidates: &[candidate(7)],
        taken_over: &[(candidate(5), candidate(7))],
        earlier,
    };
    registry(replay).reserve(&reservation).await
}

#[tokio::test]
async fn a_reservation_takes_only_what_is_free_or_as_it_was_seen() {
    let replay = Replay::new([ok(json!({}))]);
    assert_eq!(reserve(&replay).await.unwrap(), Reserved::Done);
    let asked = asked(&replay);
    let put = |n: usize| &asked[0]["TransactItems"][n]["Put"];
    let is_new = "attribute_not_exists(pk)";
    let is_free = "attribute_not_exists(pk) OR #state IN (:retired, :discarded)";
    let is_as_seen = "ticket = :ticket AND #state = :state";
    for (n, condition) in [is_new, is_new, is_free, is_as_seen].iter().enumerate() {
        assert_eq!(put(n)["ConditionExpression"], *condition, "{n}");
    }
    assert_eq!(
        put(3)["ExpressionAttributeValues"][":ticket"],
        json!({"N": "5"})
    );
    assert_eq!(put(3)["Item"]["ticket"], json!({"N": "7"}));
}

#[tokio::test]
async fn a_transaction_is_cancelled_for_several_reasons() {
    let taken = Replay::new([cancelled(&[
        "None",
        "None",
        "ConditionalCheckFailed",
        "None",
    ])]);
    assert_eq!(reserve(&taken).await.unwrap(), Reserved::Taken);
    let both = Replay::new([cancelled(&[
        "TransactionConflict",
        "ConditionalCheckFailed",
    ])]);
    assert_eq!(reserve(&both).await.unwrap(), Reserved::Taken);
    for (reason, expected) in [
        ("TransactionConflict", CallKind::Unavailable),
        ("ThrottlingError", CallKind::Unavailable),
        ("ProvisionedThroughputExceeded", CallKind::Unavailable),
        ("ValidationError", CallKind::Refused),
        ("ItemCollectionSizeLimitExceeded", CallKind::Refused),
    ] {
        let replay = Replay::new([cancelled(&["None", reason])]);
        assert_eq!(kind(reserve(&replay).await), expected, "{reason}");
    }
}

#[tokio::test]
async fn a_transaction_that_is_still_under_way_is_tried_again() {
    let replay = Replay::new([refusal("TransactionInProgressException")]);
    assert_eq!(kind(reserve(&replay).await), CallKind::Unavailable);
}

#[tokio::test]
async fn companions_are_reserved_100_at_a_time_and_one_taken_name_is_enough() {
    let replay = Replay::new([cancelled(&["ConditionalCheckFailed"]), ok(json!({}))]);
    let companions = vec![candidate(7); 101];
    let reserved = registry(&replay)
        .reserve_companions(&target(), &companions)
        .await;
    assert_eq!(reserved.unwrap(), Reserved::Taken);
    let count = |one: &Value| one["TransactItems"].as_array().unwrap().len();
    assert_eq!(
        asked(&replay).iter().map(count).collect::<Vec<_>>(),
        [100, 1]
    );
}

#[tokio::test]
async fn a_ticket_is_drawn_by_counting() {
    let replay = Replay::new([ok(json!({"Attributes": {"number": {"N": "8"}}}))]);
    let drawn = registry(&replay).draw_ticket(&target()).await.unwrap();
    assert_eq!(drawn, Ticket(8));
    assert_eq!(asked(&replay)[0]["UpdateExpression"], "ADD #number :one");
}

#[tokio::test]
async fn an_execution_that_ran_before_gets_the_same_plan_again() {
    let row = serde_json::to_value(release(7)).unwrap();
    let answers = [json!({"ticket": 7}), row].map(|row| ok(json!({"Item": item_of(&row)})));
    let replay = Replay::new(answers);
    let plan = registry(&replay)
        .plan_of(&target(), "push-1", "2026-03-01T11:59:58.123Z")
        .await
        .unwrap();
    assert_eq!(plan, PlanFound::Own(Box::new(release(7))));
    let keys = asked(&replay)
        .into_iter()
        .map(|one| one["Key"]["sk"]["S"].clone());
    assert_eq!(
        keys.collect::<Vec<_>>(),
        ["execution#push-1", "release#00000007"]
    );
}

#[tokio::test]
async fn an_execution_without_a_plan_is_a_new_one() {
    let replay = Replay::new([ok(json!({}))]);
    let plan = registry(&replay)
        .plan_of(&target(), "push-1", "2026-03-01T11:59:58.123Z")
        .await
        .unwrap();
    assert_eq!(plan, PlanFound::None);
}

#[tokio::test]
async fn a_name_that_is_used_again_after_90_days_leads_to_no_plan_and_its_row_gives_way() {
    let row = serde_json::to_value(release(7)).unwrap();
    let answers = [json!({"ticket": 7}), row].map(|row| ok(json!({"Item": item_of(&row)})));
    let replay = Replay::new(answers);
    let plan = registry(&replay)
        .plan_of(&target(), "push-1", "2026-06-01T12:00:00.123Z")
        .await
        .unwrap();
    assert_eq!(plan, PlanFound::Earlier(Ticket(7)));
    assert_eq!((plan.earlier(), plan.own()), (Some(Ticket(7)), None));

    let replay = Replay::new([ok(json!({}))]);
    reserve_after(&replay, Some(Ticket(3))).await.unwrap();
    let put = &asked(&replay)[0]["TransactItems"][1]["Put"];
    assert_eq!(put["Item"]["sk"]["S"], "execution#push-1");
    assert_eq!(put["ConditionExpression"], "ticket = :earlier");
    assert_eq!(put["ExpressionAttributeValues"][":earlier"]["N"], "3");
}

async fn moved_to(state: CandidateState, answer: (u16, String)) -> (bool, Value) {
    let replay = Replay::new([answer]);
    let registry = registry(&replay);
    let set = registry
        .set_candidate(&target(), &hostname(), Ticket(7), state)
        .await;
    (set.unwrap(), asked(&replay).remove(0))
}

/// The states that a row may be in for this update, as DynamoDB is told.
fn states_before(asked: &Value) -> Vec<String> {
    let condition = asked["ConditionExpression"].as_str().unwrap();
    let names = condition
        .strip_prefix("ticket = :ticket AND #state IN (")
        .and_then(|rest| rest.strip_suffix(')'));
    let names = names.unwrap_or_else(|| panic!("{condition}")).split(", ");
    let values = &asked["ExpressionAttributeValues"];
    let state = |name: &str| values[name]["S"].as_str().unwrap().to_owned();
    names.map(state).collect()
}

#[tokio::test]
async fn a_late_update_never_takes_a_candidate_back_to_where_it_was() {
    for (state, before) in [
        (CandidateState::Healthy, vec!["planned", "healthy"]),
        (CandidateState::Live, vec!["healthy", "live"]),
        (
            CandidateState::Leaving,
            vec!["planned", "healthy", "live", "leaving"],
        ),
    ] {
        let (set, asked) = moved_to(state, ok(json!({}))).await;
        assert!(set);
        assert_eq!(states_before(&asked), before, "{state:?}");
    }
    let (set, _) = moved_to(CandidateState::Live, condition_failed()).await;
    assert!(!set, "a later release has it");
}

#[tokio::test]
async fn what_a_roll_back_took_over_is_given_back_unless_somebody_else_has_it() {
    let replay = Replay::new([ok(json!({})), condition_failed()]);
    let registry = registry(&replay);
    let (target, before) = (target(), candidate(5));
    for expected in [true, false] {
        let given = registry.give_back(&target, Ticket(7), &before).await;
        assert_eq!(given.unwrap(), expected);
    }
    let asked = asked(&replay).remove(0);
    assert_eq!(states_before(&asked), ["healthy", "live"]);
    assert_eq!(
        asked["ExpressionAttributeValues"][":ticket"],
        json!({"N": "7"})
    );
    assert_eq!(asked["Item"]["ticket"], json!({"N": "5"}));
}

#[tokio::test]
async fn a_healthy_candidate_is_recorded_with_what_it_was_booted_from() {
    let replay = Replay::new([condition_failed()]);
    let release = release(7).plan.release;
    let manifest = pipeline::manifest::Manifest::parse(MANIFEST, &candidate(7).component).unwrap();
    let recipe = serde_json::from_value(json!({
        "component": "api", "version": "HEAD", "commit": COMMIT, "repository": "https://git.example.com/api.git",
        "hostname": hostname(), "source": {"key": "k", "sha256": "s", "bytes": 1}, "manifest": manifest,
    }))
    .unwrap();
    let found = serde_json::from_value(json!({"at": "2026-03-01T12:00:00Z"})).unwrap();
    let healthy = Healthy {
        instances: Vec::new(),
        found,
    };
    let ours = registry(&replay)
        .set_candidate_healthy(&release, &recipe, &healthy, "3")
        .await;
    assert!(!ours.unwrap(), "it was discarded meanwhile");
    let update = asked(&replay)[0]["UpdateExpression"].to_string();
    for part in [
        "recipe = :recipe",
        "found_healthy = :found",
        "launch_template_version = :version",
    ] {
        assert!(update.contains(part), "{update}");
    }
}

#[tokio::test]
async fn where_instances_are_launched_instead_is_noted_as_long_as_the_name_is_the_release_s() {
    let replay = Replay::new([ok(json!({})), condition_failed()]);
    let (registry, release) = (registry(&replay), release(7).plan.release);
    let elsewhere = [("subnet-a".to_owned(), "subnet-b".to_owned())].into();
    for expected in [true, false] {
        let at = hostname();
        let noted = registry.note_elsewhere(&release, &at, &elsewhere).await;
        assert_eq!(noted.unwrap(), expected);
    }
    let asked = asked(&replay).remove(0);
    assert_eq!(states_before(&asked), ["planned", "healthy"]);
    assert_eq!(
        asked["ExpressionAttributeValues"][":elsewhere"],
        json!({"M": {"subnet-a": {"S": "subnet-b"}}})
    );
    let row = CandidateRow {
        elsewhere,
        ..candidate(7)
    };
    let read: CandidateRow = serde_json::from_value(json!(row)).unwrap();
    assert_eq!(read, row);
}

const MANIFEST: &str = r#"
[component]
name = "api"
[build]
unit_tests = "make test"
command = "make"
output = "dist"
[run]
command = "./api"
port = 8080
health = "/health"
"#;
