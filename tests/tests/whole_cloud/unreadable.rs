//! A target whose row cannot be read is shown as such, and keeps nobody from the others.

use crate::alone;
use aws_sdk_dynamodb::types::AttributeValue;
use end_to_end::{Cloud, Execution, Said, machine};
use serde_json::{Value, json};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(120);
const NAME: &str = "t-unreadable";

/// Its row is there while this lives.
struct Unreadable(Cloud);

impl Unreadable {
    async fn on(cloud: &Cloud) -> Self {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let put = cloud
            .rows
            .put_item()
            .table_name(cloud.variable("CUTOVER_TABLE"))
            .item("pk", text(&format!("target#{NAME}")))
            .item("sk", text("environment"))
            .item("state", text("neither open nor closed"));
        put.send().await.expect("the row is written");
        Self(cloud.clone())
    }
}

impl Drop for Unreadable {
    fn drop(&mut self) {
        let key = json!({"pk": {"S": format!("target#{NAME}")}, "sk": {"S": "environment"}});
        let table = self.0.variable("CUTOVER_TABLE");
        let mut delete = std::process::Command::new(self.0.aws_cli());
        delete.args(["dynamodb", "delete-item", "--table-name", table, "--key"]);
        let deleted = delete
            .arg(key.to_string())
            .envs(self.0.environment())
            .status();
        assert!(deleted.is_ok_and(|status| status.success()));
    }
}

/// It names the row, and says of other targets what it says of them always.
fn names_it(said: &Said) {
    let all = said.words();
    assert_ne!(said.code, 0, "{all}");
    for part in [NAME, "environment"] {
        assert!(all.contains(part), "not `{part}`: {all}");
    }
}

#[tokio::test]
async fn a_target_whose_row_cannot_be_read_is_shown_and_keeps_nobody_from_the_others() {
    let _turn = alone().await;
    let cloud = Cloud::up().await;
    let _unreadable = Unreadable::on(&cloud).await;

    // As the schedule calls it.
    let reply = cloud.call("keep", &json!({"source": "aws.events"})).await;
    let targets = reply["targets"].as_array().expect("targets");
    let failed = |name: &str| {
        let of = |one: &&Value| one["target"] == name;
        let target = targets.iter().find(of);
        let target = target.unwrap_or_else(|| panic!("{name} was not looked at: {reply:#}"));
        target["failed"]
            .as_array()
            .is_some_and(|all| !all.is_empty())
    };
    assert!(failed(NAME) && !failed("stage"), "{reply:#}");

    // The look itself may have been the schedule's, a moment before.
    let prefix = format!("{NAME}-failed-");
    let running = cloud.keeps_that_failed().await;
    let started = reply["started"].as_array().into_iter().flatten();
    let mut started = started.filter_map(Value::as_str);
    let ended = match started.find(|name| name.starts_with(&prefix)) {
        Some(name) => {
            let arn = machine(&cloud, "keep").replace(":stateMachine:", ":execution:");
            let execution = Execution::from_arn(&cloud, &format!("{arn}:{name}"));
            execution.end(LIMIT).await
        }
        None => {
            let mut failed = running.into_iter();
            let own = failed.find(|one| one.name.starts_with(&prefix));
            own.unwrap_or_else(|| panic!("no execution shows it: {reply:#}"))
        }
    };
    assert_eq!(ended.status, "FAILED", "{ended:#?}");
    for part in ["Users may be sent to", NAME, "environment"] {
        assert!(ended.cause.contains(part), "not `{part}`: {}", ended.cause);
    }

    names_it(&cloud.cutover(&["sweep"]).await);
    let other = cloud.cutover(&["sweep", "--target", "stage"]).await;
    other.good("sweep --target stage");
}
