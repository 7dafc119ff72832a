//! Instances of a test.

use std::hash::{Hash, Hasher};

use serde_json::json;

use crate::harness::Cloud;

pub struct Instance {
    pub id: String,
    pub public_ip: String,
}

/// Starts an instance with this user data, as a release does it.
pub fn launch(cloud: &Cloud, user_data: &str, profile: Option<&str>) -> Instance {
    let mut data = json!({"UserData": base64(user_data)});
    if let Some(name) = profile {
        data["IamInstanceProfile"] = json!({"Name": name});
    }
    // Tests tell instances apart by their user data, so equal names are of equal templates.
    let mut digest = std::hash::DefaultHasher::new();
    user_data.hash(&mut digest);
    let name = format!("t{}", digest.finish());
    let template = cloud.aws(&[
        "ec2",
        "create-launch-template",
        "--launch-template-name",
        &name,
        "--launch-template-data",
        &data.to_string(),
    ]);
    let template = template["LaunchTemplate"]["LaunchTemplateId"]
        .as_str()
        .unwrap()
        .to_owned();
    let tags = format!(
        "ResourceType=instance,Tags=[{{Key=cutover:launch-template,Value={template}:1}},\
         {{Key=cutover:port,Value=8080}},{{Key=cutover:component,Value=api}}]"
    );
    let template = format!("LaunchTemplateId={template}");
    let started = cloud.aws(&[
        "ec2",
        "run-instances",
        "--launch-template",
        &template,
        "--image-id",
        "ami-1",
        "--tag-specifications",
        &tags,
    ]);
    let text = |field: &str| started["Instances"][0][field].as_str().unwrap().to_owned();
    Instance {
        id: text("InstanceId"),
        public_ip: text("PublicIpAddress"),
    }
}

fn base64(text: &str) -> String {
    aws_smithy_types::base64::encode(text)
}

pub fn console(cloud: &Cloud, instance: &Instance) -> String {
    std::fs::read_to_string(cloud.path(&format!(".local/instances/{}/console.log", instance.id)))
        .unwrap_or_default()
}
