//! Launch templates: the emulator keeps neither user data nor role with an instance.

use aws_sdk_ec2::Client;
use bytes::Bytes;

use crate::cloud::reason;
use crate::error::{LocalError, Result};
use crate::instances::TemplateVersion;

/// What an instance boots with.
pub struct Template {
    pub user_data: Bytes,
    pub profile: Option<String>,
}

impl Template {
    pub async fn fetch(ec2: &Client, wanted: &TemplateVersion) -> Result<Self> {
        let what = || {
            format!(
                "launch template {} version {}",
                wanted.template, wanted.version
            )
        };
        let answer = ec2
            .describe_launch_template_versions()
            .launch_template_id(&wanted.template)
            .versions(&wanted.version)
            .send()
            .await
            .map_err(|error| LocalError::cloud(what(), reason(&error)))?;
        let data = answer
            .launch_template_versions()
            .first()
            .and_then(|version| version.launch_template_data())
            .ok_or_else(|| LocalError::cloud(what(), "is not there"))?;
        let user_data = aws_smithy_types::base64::decode(data.user_data().unwrap_or_default())
            .map_err(|error| {
                LocalError::cloud(what(), format!("the user data is not base64: {error}"))
            })?;
        let profile = data
            .iam_instance_profile()
            .and_then(|profile| profile.arn().or(profile.name()));
        Ok(Self {
            user_data: user_data.into(),
            profile: profile.map(str::to_owned),
        })
    }
}
