//! The queue of pushes that started nothing.

use crate::{Cloud, Component};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Tells the default bus that this commit of the component was pushed to `main`, whatever it is.
pub async fn tell_of_push(component: &Component, commit: &str) {
    let detail = json!({"event": "referenceUpdated", "repositoryName": component.name, "referenceType": "branch",
        "referenceName": "main", "referenceFullName": "refs/heads/main", "commitId": commit, "repositoryUrl": component.url()});
    let entry = json!([{"Source": "cutover.git", "DetailType": "Repository State Change", "Detail": detail.to_string()}]);
    let put = ["events", "put-events", "--entries", &entry.to_string()];
    component.cloud.aws(&put).await.good("put-events");
}

/// What the queue of lost pushes holds of a repository, taken out of it; `None` where it holds nothing
/// of it within that time.
pub async fn lost_push(cloud: &Cloud, repository: &str, limit: Duration) -> Option<Value> {
    let queue = Queue::of(cloud).await;
    let ends = Instant::now() + limit;
    loop {
        for message in queue.receive().await {
            let body = json_of(message["Body"].as_str().unwrap_or_default());
            if body["requestPayload"]["detail"]["repositoryName"] == repository {
                let handle = message["ReceiptHandle"].as_str().unwrap_or_default();
                let delete = ["delete-message", "--receipt-handle", handle];
                queue.ask(&delete).await;
                return Some(body);
            }
        }
        if Instant::now() >= ends {
            return None;
        }
    }
}

struct Queue<'a> {
    cloud: &'a Cloud,
    url: String,
}

impl<'a> Queue<'a> {
    async fn of(cloud: &'a Cloud) -> Self {
        let name = format!("{}-lost-pushes", cloud.variable("CUTOVER_PROJECT"));
        let asked = sqs(cloud, &["get-queue-url", "--queue-name", &name]).await;
        let url = asked["QueueUrl"].as_str().expect("a URL").to_owned();
        Self { cloud, url }
    }

    async fn receive(&self) -> Vec<Value> {
        let most = ["--wait-time-seconds", "2", "--max-number-of-messages", "10"];
        let receive = ["receive-message", "--visibility-timeout", "3"];
        let answer = self.ask(&[&receive[..], &most].concat()).await;
        answer["Messages"].as_array().cloned().unwrap_or_default()
    }

    async fn ask(&self, arguments: &[&str]) -> Value {
        let queue = ["--queue-url", &self.url];
        sqs(self.cloud, &[arguments, &queue].concat()).await
    }
}

/// The aws cli sends SQS to its former host name, whatever AWS_ENDPOINT_URL says.
async fn sqs(cloud: &Cloud, arguments: &[&str]) -> Value {
    let endpoint = ["--endpoint-url", cloud.variable("AWS_ENDPOINT_URL"), "sqs"];
    let said = cloud.aws(&[&endpoint, arguments].concat()).await;
    json_of(&said.good(arguments[0]))
}

/// Nothing is `null`: the aws cli says nothing where there is no message.
fn json_of(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}
