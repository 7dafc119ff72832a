//! EventBridge: what was done by itself, for whoever has a rule.
#![warn(missing_docs)]

use aws::{CallError, call_error};
use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use pipeline::rows::{DETAIL_TYPE, SOURCE};

/// Entries of one call: <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html>.
pub const AT_ONCE: usize = 10;

/// The account's default bus.
#[derive(Debug, Clone)]
pub struct Bus {
    client: Client,
}

/// What became of one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Put {
    /// The bus has it.
    Taken,
    /// It has not, and why.
    Refused(String),
}

impl Bus {
    /// The default bus on this configuration.
    pub fn new(config: &aws_config::SdkConfig) -> Self {
        Self {
            client: Client::new(config),
        }
    }

    /// Puts so many events at most as one call takes ([`AT_ONCE`]), each with its detail, a JSON object. The call may
    /// succeed and refuse some of them.
    ///
    /// # Errors
    /// [`CallError`]: none is put, or nobody knows.
    pub async fn put(&self, details: &[String]) -> Result<Vec<Put>, CallError> {
        let entries = details.iter().map(|detail| {
            PutEventsRequestEntry::builder()
                .source(SOURCE)
                .detail_type(DETAIL_TYPE)
                .detail(detail)
                .build()
        });
        let sent = self
            .client
            .put_events()
            .set_entries(Some(entries.collect()))
            .send()
            .await;
        let reply = sent.map_err(|e| call_error("events:PutEvents", e))?;
        let put = reply
            .entries
            .unwrap_or_default()
            .into_iter()
            .map(|entry| match entry.event_id {
                Some(_) => Put::Taken,
                None => Put::Refused(entry.error_code.unwrap_or_default()),
            });
        Ok(put.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use replay::Replay;
    use serde_json::{Value, json};

    fn put() -> Vec<String> {
        vec!["{\"act\":\"a\"}".into(), "{\"act\":\"b\"}".into()]
    }

    #[tokio::test]
    async fn a_call_that_succeeds_may_have_refused_some() {
        let said = json!({
            "FailedEntryCount": 1,
            "Entries": [{"EventId": "1"}, {"ErrorCode": "ThrottlingException", "ErrorMessage": "m"}],
        });
        let replay = Replay::new([(200, said.to_string())]);
        let put = Bus::new(&replay.config()).put(&put()).await.unwrap();
        let refused = Put::Refused("ThrottlingException".into());
        assert_eq!(put, [Put::Taken, refused]);
        let asked: Value = serde_json::from_str(&replay.asked()[0]).unwrap();
        let entry = &asked["Entries"][1];
        assert_eq!(entry["Source"], SOURCE);
        assert_eq!(entry["DetailType"], DETAIL_TYPE);
        assert_eq!(entry["Detail"], "{\"act\":\"b\"}");
    }

    #[tokio::test]
    async fn a_bus_that_may_not_be_used_says_which_permission_is_missing() {
        let denied = json!({"__type": "AccessDeniedException", "Message": "no"});
        let replay = Replay::new([(400, denied.to_string())]);
        let error = Bus::new(&replay.config()).put(&put()).await.unwrap_err();
        assert_eq!(error.operation, "events:PutEvents");
        assert!(error.is("AccessDeniedException"), "{error}");
    }
}
