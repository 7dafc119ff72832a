//! A rule on the default bus that hears what was done by itself of one component, and its queue.

use crate::{Cloud, Component};
use serde_json::{Value, json};

/// Hears from when it is made until it is stopped.
#[derive(Debug)]
pub struct Heard {
    cloud: Cloud,
    name: String,
    url: String,
}

impl Heard {
    /// A rule and a queue of the component's name.
    pub async fn of(component: &Component) -> Self {
        let (cloud, name) = (component.cloud.clone(), format!("heard-{}", component.name));
        let made = sqs(&cloud, &["create-queue", "--queue-name", &name]).await;
        let url = made["QueueUrl"].as_str().expect("a URL").to_owned();
        let pattern =
            json!({"source": ["cutover.history"], "detail": {"components": [component.name]}});
        let rule = [
            "events",
            "put-rule",
            "--name",
            &name,
            "--event-pattern",
            &pattern.to_string(),
        ];
        cloud.aws(&rule).await.good("put-rule");
        let (region, account) = (
            cloud.variable("AWS_REGION"),
            cloud.variable("CUTOVER_ACCOUNT"),
        );
        let target =
            json!([{"Id": "queue", "Arn": format!("arn:aws:sqs:{region}:{account}:{name}")}]);
        let targets = [
            "events",
            "put-targets",
            "--rule",
            &name,
            "--targets",
            &target.to_string(),
        ];
        cloud.aws(&targets).await.good("put-targets");
        Self { cloud, name, url }
    }

    /// The details of what was heard until now, in no order. It comes at least once, as docs/operating.md says; what came
    /// twice, and is the very same, stands once.
    pub async fn stop(self) -> Vec<Value> {
        let (cloud, url) = (&self.cloud, self.url.as_str());
        let mut found: Vec<Value> = Vec::new();
        loop {
            let receive = [
                "receive-message",
                "--max-number-of-messages",
                "10",
                "--queue-url",
                url,
            ];
            let answer = sqs(cloud, &receive).await;
            let messages = answer["Messages"].as_array().cloned().unwrap_or_default();
            if messages.is_empty() {
                break;
            }
            for one in messages {
                let event: Value =
                    serde_json::from_str(one["Body"].as_str().unwrap_or_default()).expect("JSON");
                assert_eq!(event["detail-type"], "Automatic Action", "{event:#}");
                if !found.contains(&event["detail"]) {
                    found.push(event["detail"].clone());
                }
            }
        }
        let remove = [
            "events",
            "remove-targets",
            "--rule",
            &self.name,
            "--ids",
            "queue",
        ];
        cloud.aws(&remove).await.good("remove-targets");
        let delete = ["events", "delete-rule", "--name", &self.name];
        cloud.aws(&delete).await.good("delete-rule");
        sqs(cloud, &["delete-queue", "--queue-url", url]).await;
        found
    }
}

/// The aws cli sends SQS to its former host name, whatever AWS_ENDPOINT_URL says.
async fn sqs(cloud: &Cloud, arguments: &[&str]) -> Value {
    let endpoint = ["--endpoint-url", cloud.variable("AWS_ENDPOINT_URL"), "sqs"];
    let said = cloud.aws(&[&endpoint, arguments].concat()).await;
    serde_json::from_str(&said.good(arguments[0])).unwrap_or_default()
}
