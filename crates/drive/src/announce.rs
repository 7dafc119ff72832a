//! What the history says is put on the bus too, at least once.
//!
//! A row says itself that it is not announced. So whoever acted announces its rows right after, and the sweeper, every
//! 15 minutes, those that are left: a bus that cannot be reached holds up nobody and loses nothing.

use bus::{AT_ONCE, Bus, Put};
use pipeline::errors::Fault;
use pipeline::names::{Project, Target};
use pipeline::rows::HistoryRow;
use registry::Registry;
use std::time::Duration;

/// After that, whoever acts next, or the sweeper, goes on.
const PATIENCE: Duration = Duration::from_secs(5);

/// Puts a target's history on the bus.
#[derive(Debug, Clone)]
pub struct Announcer {
    registry: Registry,
    bus: Bus,
    project: Project,
}

impl Announcer {
    /// Of this project.
    pub fn new(config: &aws_config::SdkConfig, table: &str, project: Project) -> Self {
        Self {
            registry: Registry::new(config, table),
            bus: Bus::new(config),
            project,
        }
    }

    /// Announces what was not yet; answers how many could not be, or 1 where that is not known. It never fails: what
    /// was done is done.
    pub async fn announce(&self, target: &Target) -> usize {
        let all = tokio::time::timeout(PATIENCE, self.try_to(target));
        match all.await {
            Ok(Ok(left)) => left,
            Ok(Err(fault)) => {
                tracing::warn!("not announced: {fault}");
                1
            }
            Err(_) => {
                tracing::warn!("not all announced in {PATIENCE:?}");
                1
            }
        }
    }

    async fn try_to(&self, target: &Target) -> Result<usize, Fault> {
        let rows = self.registry.unannounced(target).await?;
        let mut left = 0;
        for some in rows.chunks(AT_ONCE) {
            let details: Vec<String> = some
                .iter()
                .map(|row| row.event(&self.project, target).to_string())
                .collect();
            let put = self.bus.put(&details).await?;
            left += some.len().saturating_sub(put.len());
            // One after the other: ten at most, each a short write.
            for (row, put) in some.iter().zip(put) {
                left += usize::from(!self.came(target, row, put).await?);
            }
        }
        Ok(left)
    }

    async fn came(&self, target: &Target, row: &HistoryRow, put: Put) -> Result<bool, Fault> {
        match put {
            Put::Taken => {
                self.registry.is_announced(target, row).await?;
                Ok(true)
            }
            Put::Refused(why) => {
                tracing::warn!(row.act, why, "not announced");
                Ok(false)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use replay::Replay;
    use serde_json::{Value, json};

    /// A row that is not announced, as DynamoDB has it.
    fn row(act: &str) -> Value {
        json!({
            "pk": {"S": "target#stage"}, "sk": {"S": "history#"}, "act": {"S": act}, "at": {"S": "2026-03-01T12:00:00Z"},
            "by": {"S": "keeper"}, "state": {"S": "done"}, "what": {"S": "w"}, "unannounced": {"BOOL": true},
        })
    }

    fn ok(body: Value) -> (u16, String) {
        (200, body.to_string())
    }

    fn rows(count: usize) -> (u16, String) {
        let rows: Vec<Value> = (0..count).map(|n| row(&format!("act-{n}"))).collect();
        ok(json!({"Items": rows}))
    }

    fn taken(count: usize) -> (u16, String) {
        let all: Vec<Value> = (0..count)
            .map(|n| json!({"EventId": n.to_string()}))
            .collect();
        ok(json!({"FailedEntryCount": 0, "Entries": all}))
    }

    /// How many are left, and how many calls were made.
    async fn announced(answers: Vec<(u16, String)>) -> (usize, usize) {
        let replay = Replay::new(answers);
        let project = Project::new("myproj").unwrap();
        let announcer = Announcer::new(&replay.config(), "myproj-cutover", project);
        let left = announcer.announce(&Target::new("stage").unwrap()).await;
        (left, replay.asked().len())
    }

    #[tokio::test]
    async fn what_is_put_on_the_bus_is_marked_and_ten_go_at_once() {
        let marks = |count: usize| (0..count).map(|_| ok(json!({}))).collect::<Vec<_>>();
        let answers = [
            vec![rows(12), taken(10)],
            marks(10),
            vec![taken(2)],
            marks(2),
        ];
        assert_eq!(announced(answers.concat()).await, (0, 15));
    }

    #[tokio::test]
    async fn a_target_on_which_nothing_was_done_costs_one_read() {
        assert_eq!(announced(vec![rows(0)]).await, (0, 1));
    }

    #[tokio::test]
    async fn what_the_bus_refuses_stays_for_the_next_sweep() {
        let half = json!({"FailedEntryCount": 1, "Entries": [{"EventId": "1"}, {"ErrorCode": "InternalFailure"}]});
        let answers = vec![rows(2), ok(half), ok(json!({}))];
        assert_eq!(announced(answers).await, (1, 3));
    }

    #[tokio::test]
    async fn a_bus_that_may_not_be_used_fails_nothing_and_is_counted() {
        let denied = json!({"__type": "AccessDeniedException", "Message": "no"});
        let answers = vec![rows(2), (400, denied.to_string())];
        assert_eq!(announced(answers).await, (1, 2));
    }
}
