//! Service Quotas: how many containers of CodeBuild this account may run at once.
#![warn(missing_docs)]

use aws::{CallError, call_error};
use aws_sdk_servicequotas::Client;
use aws_sdk_servicequotas::types::ServiceQuota;
use pipeline::quota::Quota;

/// CodeBuild has some forty quotas, and a page holds a hundred.
const PAGE: i32 = 100;
/// Pages that are read at the most.
const PAGES: usize = 5;

/// Service Quotas.
#[derive(Debug, Clone)]
pub struct Quotas {
    client: Client,
}

impl Quotas {
    /// Service Quotas on this configuration.
    pub fn new(config: &aws_config::SdkConfig) -> Self {
        Self {
            client: Client::new(config),
        }
    }

    /// CodeBuild's, as they are applied to this account in this region. One that AWS does not tell is left
    /// out: <https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_ListServiceQuotas.html>.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn of_codebuild(&self) -> Result<Vec<Quota>, CallError> {
        let (mut quotas, mut token) = (Vec::new(), None);
        for _ in 0..PAGES {
            let page = self
                .client
                .list_service_quotas()
                .service_code("codebuild")
                .max_results(PAGE)
                .set_next_token(token);
            let page = page.send().await;
            let page = page.map_err(|e| call_error("servicequotas:ListServiceQuotas", e))?;
            quotas.extend(page.quotas.unwrap_or_default().into_iter().filter_map(read));
            token = page.next_token;
            if token.is_none() {
                break;
            }
        }
        Ok(quotas)
    }
}

fn read(quota: ServiceQuota) -> Option<Quota> {
    Some(Quota {
        name: quota.quota_name?,
        code: quota.quota_code?,
        at_once: quota.value?.max(0.0) as u64,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use replay::Replay;

    #[tokio::test]
    async fn all_pages_are_read_and_what_has_no_value_is_left_out() {
        let first = r#"{"NextToken": "t", "Quotas": [
            {"QuotaName": "Concurrently running builds for ARM/Small environment", "QuotaCode": "L-5ED1D25B", "Value": 1.0},
            {"QuotaName": "Build projects", "QuotaCode": "L-ACCF6C0D"}]}"#;
        let second = r#"{"Quotas": [
            {"QuotaName": "Concurrently running builds for Linux/2XLarge environment", "QuotaCode": "L-0397D009", "Value": 0.0}]}"#;
        let replay = Replay::new([(200, first), (200, second)]);
        let found = Quotas::new(&replay.config()).of_codebuild().await.unwrap();
        let found: Vec<_> = found.iter().map(|one| (&*one.code, one.at_once)).collect();
        assert_eq!(found, [("L-5ED1D25B", 1), ("L-0397D009", 0)]);
        let asked = replay.asked();
        assert!(
            asked[0].contains(r#""ServiceCode":"codebuild""#),
            "{asked:?}"
        );
        assert!(asked[1].contains(r#""NextToken":"t""#), "{asked:?}");
    }
}
