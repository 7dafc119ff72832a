use super::*;
use pipeline::names::Ticket;
use pipeline::rows::{AliasRow, ComponentRow, ProofRow, ReleaseOutcome, SetRow};

fn alias() -> AliasRow {
    serde_json::from_value(json!({
        "component": "api", "commit": COMMIT, "hostname": "api-3f2a9c1b04de.stage.myproj.com", "instances": [],
        "version": "HEAD", "release": "stage-r7", "ticket": 7, "execution": "push-1", "since": "2026-03-01T12:00:00Z",
        "port": 8080, "artifact_sha256": "a", "launch_template_version": "3",
    }))
    .unwrap()
}

#[tokio::test]
async fn what_is_live_is_recorded_unless_a_later_release_was() {
    let replay = Replay::new([ok(json!({})), condition_failed()]);
    let registry = registry(&replay);
    assert!(registry.record_alias(&target(), &alias()).await.unwrap());
    assert!(!registry.record_alias(&target(), &alias()).await.unwrap());
    let asked = asked(&replay).remove(0);
    assert_eq!(
        asked["ConditionExpression"],
        "attribute_not_exists(ticket) OR ticket <= :ticket"
    );
    assert_eq!(
        asked["ExpressionAttributeValues"][":ticket"],
        json!({"N": "7"})
    );
}

#[tokio::test]
async fn a_release_that_was_live_or_taken_back_is_not_recorded_as_anything_else() {
    let replay = Replay::new([
        ok(json!({})),
        condition_failed(),
        refusal("ThrottlingException"),
    ]);
    let registry = registry(&replay);
    let record = async || {
        let outcome = ReleaseOutcome::NotReleased;
        registry
            .record_outcome(&target(), Ticket(7), outcome, Some("why"), Some("C1"))
            .await
    };
    record().await.unwrap();
    record().await.unwrap();
    assert_eq!(kind(record().await), CallKind::Unavailable);
    let asked = asked(&replay).remove(0);
    let condition = "attribute_exists(pk) AND outcome <> :back AND (outcome <> :live OR :outcome = :live) \
        AND (outcome <> :libraries OR :outcome = :libraries)";
    assert_eq!(asked["ConditionExpression"], condition);
    let values = &asked["ExpressionAttributeValues"];
    assert_eq!(values[":outcome"], json!({"S": "not released"}));
    assert_eq!(values[":back"], json!({"S": "rolled back"}));
    assert_eq!(values[":live"], json!({"S": "live"}));
    assert_eq!(values[":libraries"], json!({"S": "libraries released"}));
    assert_eq!(
        (&values[":cause"], &values[":change"]),
        (&json!({"S": "why"}), &json!({"S": "C1"}))
    );
}

#[tokio::test]
async fn a_release_whose_candidates_a_later_one_took_is_recorded_only_if_it_says_that_it_runs() {
    let replay = Replay::new([condition_failed()]);
    registry(&replay)
        .record_superseded(&target(), Ticket(7), "why")
        .await
        .unwrap();
    let asked = asked(&replay).remove(0);
    assert_eq!(asked["ConditionExpression"], "outcome = :running");
    let values = &asked["ExpressionAttributeValues"];
    assert_eq!(values[":running"], json!({"S": "running"}));
    assert_eq!(values[":outcome"], json!({"S": "not released"}));
}

#[tokio::test]
async fn only_a_release_that_is_there_is_recorded_as_taken_back() {
    let replay = Replay::new([condition_failed()]);
    registry(&replay)
        .record_rolled_back(&target(), Ticket(7), "why")
        .await
        .unwrap();
    let asked = asked(&replay).remove(0);
    assert_eq!(asked["ConditionExpression"], "attribute_exists(pk)");
    assert_eq!(
        asked["ExpressionAttributeValues"][":outcome"],
        json!({"S": "rolled back"})
    );
}

fn proof(skipped: &[&str]) -> ProofRow {
    serde_json::from_value(json!({
        "component": "api", "commit": COMMIT, "peers": {}, "skipped": skipped, "release": "stage-r7",
        "at": "2026-03-01T12:00:00Z",
    }))
    .unwrap()
}

fn set() -> SetRow {
    serde_json::from_value(json!({
        "set": {"api": COMMIT}, "released": ["api"], "dependents": [], "result": "passed", "suites": [],
        "skipped": [], "release": "stage-r7", "ticket": 7, "round": 1, "at": "2026-03-01T12:00:00Z",
    }))
    .unwrap()
}

#[tokio::test]
async fn a_full_proof_is_not_replaced_by_one_that_skipped_suites() {
    let full = serde_json::to_value(proof(&[])).unwrap();
    let replay = Replay::new([ok(json!({"Item": item_of(&full)})), ok(json!({}))]);
    registry(&replay)
        .record_set(&target(), &set(), &[proof(&["soak"])])
        .await
        .unwrap();
    let written = asked(&replay).remove(1);
    assert_eq!(
        written["Item"]["sk"],
        json!({"S": "set#00000007#1"}),
        "only the set"
    );
}

#[tokio::test]
async fn a_proof_that_is_missing_is_written_before_its_set() {
    let replay = Replay::new([ok(json!({})), ok(json!({})), ok(json!({}))]);
    registry(&replay)
        .record_set(&target(), &set(), &[proof(&[])])
        .await
        .unwrap();
    let written: Vec<String> = asked(&replay)[1..]
        .iter()
        .map(|one| one["Item"]["sk"]["S"].to_string())
        .collect();
    assert!(
        written[0].contains("proof#api") && written[1].contains("set#"),
        "{written:?}"
    );
}

#[tokio::test]
async fn one_missing_proof_is_enough_to_test_again() {
    let one = serde_json::to_value(proof(&[])).unwrap();
    let one = json!({"Responses": {TABLE: [item_of(&one)]}});
    let other: ProofRow = serde_json::from_value(json!({
        "component": "ui", "commit": COMMIT, "peers": {}, "release": "stage-r7", "at": "2026-03-01T12:00:00Z",
    }))
    .unwrap();
    let proofs = [proof(&[]).proof, other.proof];
    let replay = Replay::new([ok(one.clone()), ok(one)]);
    let registry = registry(&replay);
    assert!(!registry.have_passed(&target(), &proofs).await.unwrap());
    assert!(registry.have_passed(&target(), &proofs[..1]).await.unwrap());
}

fn component(repository: &str) -> ComponentRow {
    serde_json::from_value(json!({"component": "api", "repository": repository})).unwrap()
}

#[tokio::test]
async fn a_component_is_added_only_once_and_changed_only_as_it_was_read() {
    let replay = Replay::new([
        ok(json!({})),
        ok(json!({})),
        cancelled(&["ConditionalCheckFailed"]),
    ]);
    let registry = registry(&replay);
    let (here, there) = (
        component("https://git.example.com/api.git"),
        component("https://git.example.com/new.git"),
    );
    registry.put_component(&here, None).await.unwrap();
    registry.put_component(&there, Some(&here)).await.unwrap();
    assert_eq!(
        kind(registry.put_component(&there, Some(&here)).await),
        CallKind::Refused
    );
    let asked = asked(&replay);
    let config = |n: usize| &asked[n]["TransactItems"][0]["Put"];
    assert_eq!(config(0)["ConditionExpression"], "attribute_not_exists(pk)");
    assert_eq!(config(1)["ConditionExpression"], "repository = :old");
    let old = &config(1)["ExpressionAttributeValues"][":old"];
    assert_eq!(*old, json!({"S": "https://git.example.com/api.git"}));
    let gone = &asked[1]["TransactItems"][2]["Delete"]["Key"];
    assert_eq!(
        *gone,
        json!({"pk": {"S": "repository#api"}, "sk": {"S": "component#api"}})
    );
}

#[tokio::test]
async fn a_component_goes_with_the_pointer_of_its_repository() {
    let replay = Replay::new([ok(json!({}))]);
    let old = component("https://git.example.com/api.git");
    registry(&replay).delete_component(&old).await.unwrap();
    let keys: Vec<String> = asked(&replay)[0]["TransactItems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["Delete"]["Key"]["pk"]["S"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(keys, ["component#api", "repository#api"]);
}

#[tokio::test]
async fn until_when_it_may_be_connected_is_the_word_of_the_latest_release() {
    let replay = Replay::new([ok(json!({})), condition_failed()]);
    let at = pipeline::names::Fqdn::new("api-aaaaaaaaaaaa.stage.myproj.com").unwrap();
    let keep = async |by| {
        registry(&replay)
            .keep_connected(&target(), &at, Ticket(by), "2026-03-01T12:15:00Z")
            .await
    };
    assert!(keep(43).await.unwrap());
    assert!(!keep(42).await.unwrap(), "a later one has replaced it");
    let asked = &replay.asked()[0];
    let condition = "attribute_exists(pk) AND (attribute_not_exists(kept_by) OR kept_by < :by)";
    assert!(asked.contains(condition), "{asked}");
}

#[tokio::test]
async fn what_is_live_is_confirmed_while_it_is_its_release_s_and_by_no_earlier_one() {
    let replay = Replay::new([ok(json!({})), condition_failed()]);
    let at = pipeline::names::Fqdn::new("api-aaaaaaaaaaaa.stage.myproj.com").unwrap();
    let confirm = async |by| {
        registry(&replay)
            .confirm(&target(), &at, Ticket(7), Ticket(by))
            .await
    };
    assert!(confirm(43).await.unwrap());
    assert!(!confirm(42).await.unwrap(), "a later one has");
    let asked = asked(&replay).remove(0);
    assert_eq!(asked["UpdateExpression"], "SET confirmed_by = :by");
    assert_eq!(
        asked["ConditionExpression"],
        "ticket = :ticket AND #state IN (:from0, :from1) AND (attribute_not_exists(confirmed_by) OR confirmed_by <= :by)"
    );
    let values = &asked["ExpressionAttributeValues"];
    assert_eq!(
        (&values[":ticket"], &values[":by"]),
        (&json!({"N": "7"}), &json!({"N": "43"}))
    );
    assert_eq!(
        (&values[":from0"], &values[":from1"]),
        (&json!({"S": "healthy"}), &json!({"S": "live"}))
    );
}
