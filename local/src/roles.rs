//! The credentials of instances' roles: from STS, so that IAM is enforced for instances too.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use aws_smithy_types::date_time::{DateTime, Format};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::cloud::{Signed, element};
use crate::error::{LocalError, Result};

const IAM: &str = "2010-05-08";
const STS: &str = "2011-06-15";
const LIFETIME: Duration = Duration::from_secs(3600);
/// SDKs ask for new credentials when less than 15 minutes are left of the old ones.
const RENEW_BEFORE: Duration = Duration::from_secs(20 * 60);

type Held = HashMap<(String, String), (Instant, Value)>;

/// Assumes roles as EC2 does for its instances.
#[derive(Clone)]
pub struct Roles {
    signed: Signed,
    held: Arc<Mutex<Held>>,
}

impl Roles {
    pub fn new(signed: Signed) -> Self {
        Self {
            signed,
            held: Arc::default(),
        }
    }

    /// The ARN of the role in an instance profile.
    pub async fn of_profile(&self, profile: &str) -> Result<String> {
        let name = profile.rsplit('/').next().unwrap_or_default();
        let answer = self
            .signed
            .query(
                "iam",
                IAM,
                "GetInstanceProfile",
                &[("InstanceProfileName", name)],
            )
            .await?;
        let role = element(&answer, "Roles").and_then(|roles| element(roles, "Arn"));
        role.map(str::to_owned)
            .ok_or_else(|| LocalError::cloud(format!("instance profile {name}"), "it has no role"))
    }

    /// The metadata service's document for a role, new enough that no client is hurried.
    pub async fn credentials(&self, role: &str, instance: &str) -> Result<Value> {
        let key = (role.to_owned(), instance.to_owned());
        let mut held = self.held.lock().await;
        if let Some((until, document)) = held.get(&key)
            && *until > Instant::now() + RENEW_BEFORE
        {
            return Ok(document.clone());
        }
        let document = self.assume(role, instance).await?;
        held.insert(key, (Instant::now() + LIFETIME, document.clone()));
        Ok(document)
    }

    async fn assume(&self, role: &str, instance: &str) -> Result<Value> {
        let seconds = LIFETIME.as_secs().to_string();
        let fields = [
            ("RoleArn", role),
            ("RoleSessionName", instance),
            ("DurationSeconds", &seconds),
        ];
        let answer = self.signed.query("sts", STS, "AssumeRole", &fields).await?;
        document(&answer)
            .ok_or_else(|| LocalError::cloud("AssumeRole", "the answer has no credentials"))
    }
}

fn document(answer: &str) -> Option<Value> {
    let text = |name| element(answer, name).map(unescaped);
    Some(json!({
        "Code": "Success",
        "Type": "AWS-HMAC",
        "LastUpdated": DateTime::from(SystemTime::now()).fmt(Format::DateTime).ok()?,
        "AccessKeyId": text("AccessKeyId")?,
        "SecretAccessKey": text("SecretAccessKey")?,
        "Token": text("SessionToken")?,
        "Expiration": text("Expiration")?,
    }))
}

fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_holds_what_sts_gave() {
        let answer = "<AssumeRoleResult><Credentials><AccessKeyId>A</AccessKeyId><SecretAccessKey>b&amp;c\
                      </SecretAccessKey><SessionToken>d</SessionToken><Expiration>2030-01-01T00:00:00Z</Expiration>\
                      </Credentials></AssumeRoleResult>";
        let document = document(answer).unwrap();
        assert_eq!(document["SecretAccessKey"], "b&c");
        assert_eq!(document["Expiration"], "2030-01-01T00:00:00Z");
    }

    #[test]
    fn an_answer_without_credentials_is_no_document() {
        assert_eq!(document("<ErrorResponse/>"), None);
    }
}
