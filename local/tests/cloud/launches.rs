//! Launch templates, tokens and lists, as AWS has them.

use serde_json::{Value, json};

use crate::harness::Cloud;

/// The answer, or the error's code.
fn ec2(cloud: &Cloud, arguments: &[&str]) -> Result<Value, String> {
    let answer = cloud.try_aws(&[&["ec2"], arguments].concat());
    answer.map_err(|said| {
        let code = said
            .split_once('(')
            .and_then(|(_, rest)| rest.split_once(')'));
        code.map_or(said.clone(), |(code, _)| code.to_owned())
    })
}

struct Template<'a> {
    cloud: &'a Cloud,
    id: String,
}

impl Template<'_> {
    fn version(&self, source: &str, token: &str) -> Result<Value, String> {
        let call = [
            "create-launch-template-version",
            "--launch-template-id",
            &self.id,
            "--source-version",
            source,
            "--client-token",
            token,
            "--launch-template-data",
            "{\"UserData\": \"eA==\"}",
        ];
        let made = ec2(self.cloud, &call)?;
        Ok(made["LaunchTemplateVersion"]["VersionNumber"].clone())
    }

    fn launch(&self, version: u32, count: &str, token: &str) -> Result<Value, String> {
        let template = format!("LaunchTemplateId={},Version={version}", self.id);
        let call = [
            "run-instances",
            "--launch-template",
            &template,
            "--count",
            count,
            "--client-token",
            token,
        ];
        Ok(ec2(self.cloud, &call)?["Instances"][0].clone())
    }

    fn delete(&self, versions: &[&str]) -> Value {
        let call = [
            "delete-launch-template-versions",
            "--launch-template-id",
            &self.id,
            "--versions",
        ];
        ec2(self.cloud, &[&call, versions].concat()).expect("versions can be deleted")
    }
}

#[test]
fn launch_templates_and_tokens_are_as_ec2_has_them() {
    let cloud = Cloud::up();
    let data = json!({"ImageId": "ami-12345678", "InstanceType": "t3.large"}).to_string();
    let create = [
        "create-launch-template",
        "--launch-template-name",
        "t",
        "--launch-template-data",
        &data,
    ];
    let made = ec2(&cloud, &create).unwrap();
    let id = made["LaunchTemplate"]["LaunchTemplateId"].as_str().unwrap();
    let template = Template {
        cloud: &cloud,
        id: id.to_owned(),
    };

    assert_eq!(template.version("1", "a").unwrap(), 2);
    assert_eq!(template.version("1", "a").unwrap(), 2, "the same token");
    let mismatch = template.version("2", "a").unwrap_err();
    assert_eq!(mismatch, "IdempotentParameterMismatch");
    let unknown = template.version("9", "b").unwrap_err();
    assert_eq!(unknown, "InvalidLaunchTemplateId.VersionNotFound");

    let first = template.launch(2, "1", "x").unwrap();
    assert_eq!(first["InstanceType"], "t3.large", "the version says so");
    let again = template.launch(2, "1", "x").unwrap();
    assert_eq!(first["InstanceId"], again["InstanceId"]);
    let mismatch = template.launch(2, "2", "x").unwrap_err();
    assert_eq!(mismatch, "IdempotentParameterMismatch");
    let id = first["InstanceId"].as_str().unwrap();
    template.launch(2, "1", "z").unwrap();
    let by = |filter: &str| ec2(&cloud, &["describe-instances", "--filters", filter]);
    let only = by(&format!("Name=instance-id,Values={id}")).unwrap();
    let listed = only["Reservations"].as_array().unwrap();
    assert_eq!(listed.len(), 1, "a filter leaves the others out");
    assert_eq!(listed[0]["Instances"][0]["InstanceId"], id);
    let unknown = by("Name=no-such-filter,Values=a").unwrap_err();
    assert_eq!(unknown, "InvalidParameterValue");
    ec2(&cloud, &["terminate-instances", "--instance-ids", id]).unwrap();
    let ended = template.launch(2, "1", "x").unwrap_err();
    assert_eq!(ended, "IdempotentInstanceTerminated");
    let both = [
        "terminate-instances",
        "--instance-ids",
        id,
        "i-0123456789abcdef0",
    ];
    assert_eq!(
        ec2(&cloud, &both).unwrap_err(),
        "InvalidInstanceID.NotFound"
    );

    template.version("2", "c").unwrap();
    assert_eq!(template.version("2", "d").unwrap(), 4);
    let early = template.launch(4, "1", "y").unwrap_err();
    assert_eq!(early, "InvalidLaunchTemplateId.VersionNotFound");
    assert!(template.launch(4, "1", "y").is_ok(), "a moment later");

    let gone = template.delete(&["1", "3"]);
    let numbers = |set: &str| gone[set][0]["VersionNumber"].clone();
    assert_eq!(numbers("SuccessfullyDeletedLaunchTemplateVersions"), 3);
    assert_eq!(
        numbers("UnsuccessfullyDeletedLaunchTemplateVersions"),
        1,
        "the default"
    );
    assert_eq!(template.version("1", "e").unwrap(), 5, "no number twice");

    let page = |token: &[&str]| {
        let call = [
            "describe-launch-template-versions",
            "--launch-template-id",
            &template.id,
        ];
        let pages = ["--no-paginate", "--max-results", "2"];
        ec2(&cloud, &[&call, pages.as_slice(), token].concat()).unwrap()
    };
    let first = page(&[]);
    let next = first["NextToken"].as_str().expect("there are four");
    let second = page(&["--next-token", next]);
    let sizes =
        [&first, &second].map(|page| page["LaunchTemplateVersions"].as_array().unwrap().len());
    assert_eq!(sizes, [2, 2]);
}
