//! Versions of launch templates: what is launched, pinned, so that it can be repeated.

use crate::{Fleet, incomplete};
use aws::{CallError, call_error};
use aws_sdk_ec2::types::{LaunchTemplateVersion, RequestLaunchTemplateData};
use pipeline::launch_template::TemplateVersion;

/// Versions of one page, the most that EC2 gives:
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeLaunchTemplateVersions.html>.
const PAGE: i32 = 200;

/// A launch template version to make.
#[derive(Debug, Clone)]
pub struct NewVersion<'a> {
    /// Shown in the console.
    pub description: &'a str,
    /// As EC2 wants it.
    pub user_data_base64: &'a str,
    /// The version whose image and type it has.
    pub source: &'a str,
    /// The same token never makes two, and must not be used for another request.
    pub token: &'a str,
}

impl Fleet {
    /// Makes the launch template version of a candidate: the source with this user data. It pins
    /// image, type and user data, so a deployment can be repeated exactly.
    pub async fn create_template_version(
        &self,
        template_id: &str,
        new: &NewVersion<'_>,
    ) -> Result<String, CallError> {
        let data = RequestLaunchTemplateData::builder().user_data(new.user_data_base64);
        let reply = self
            .client
            .create_launch_template_version()
            .launch_template_id(template_id)
            .source_version(new.source)
            .version_description(new.description)
            .client_token(new.token)
            .launch_template_data(data.build())
            .send()
            .await
            .map_err(|e| call_error("ec2:CreateLaunchTemplateVersion", e))?;
        let made = reply.launch_template_version;
        let number = made.and_then(|version| version.version_number);
        number
            .map(|number| number.to_string())
            .ok_or_else(|| incomplete("ec2:CreateLaunchTemplateVersion", "no version number"))
    }

    /// The versions of a template, at most so many pages of 200 of them.
    pub async fn template_versions(
        &self,
        template_id: &str,
        most_pages: usize,
    ) -> Result<Vec<TemplateVersion>, CallError> {
        let mut all = Vec::new();
        let mut next = None;
        for _ in 0..most_pages {
            let page = self
                .client
                .describe_launch_template_versions()
                .launch_template_id(template_id)
                .max_results(PAGE)
                .set_next_token(next)
                .send()
                .await
                .map_err(|e| call_error("ec2:DescribeLaunchTemplateVersions", e))?;
            all.extend(page.launch_template_versions().iter().filter_map(read));
            next = page.next_token.filter(|token| !token.is_empty());
            if next.is_none() {
                break;
            }
        }
        Ok(all)
    }

    /// Deletes versions, at most 200; those that are gone are no error. Answers how many went.
    pub async fn delete_template_versions(
        &self,
        template_id: &str,
        numbers: &[u64],
    ) -> Result<usize, CallError> {
        let numbers = numbers.iter().map(u64::to_string).collect();
        let reply = self
            .client
            .delete_launch_template_versions()
            .launch_template_id(template_id)
            .set_versions(Some(numbers))
            .send()
            .await
            .map_err(|e| call_error("ec2:DeleteLaunchTemplateVersions", e))?;
        Ok(reply.successfully_deleted_launch_template_versions().len())
    }
}

fn read(version: &LaunchTemplateVersion) -> Option<TemplateVersion> {
    Some(TemplateVersion {
        number: u64::try_from(version.version_number?).ok()?,
        description: version.version_description.clone().unwrap_or_default(),
        is_default: version.default_version.unwrap_or_default(),
        created: version.create_time?.secs(),
    })
}
