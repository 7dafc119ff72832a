//! What stacks meet on AWS, they meet here: services that refuse, and a role that may not.

use serde_json::{Value, json};

use crate::harness::{Cloud, eventually};

/// A role of CloudFormation's with these permissions.
fn role(cloud: &Cloud, name: &str, statements: &Value) -> String {
    let trust = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
        "Principal": {"Service": "cloudformation.amazonaws.com"}, "Action": "sts:AssumeRole"}]})
    .to_string();
    let made = cloud.aws(&[
        "iam",
        "create-role",
        "--role-name",
        name,
        "--assume-role-policy-document",
        &trust,
    ]);
    permit(cloud, name, statements);
    made["Role"]["Arn"].as_str().unwrap().to_owned()
}

fn permit(cloud: &Cloud, role: &str, statements: &Value) {
    let policy = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
    cloud.aws(&[
        "iam",
        "put-role-policy",
        "--role-name",
        role,
        "--policy-name",
        "p",
        "--policy-document",
        &policy,
    ]);
}

/// The operation's last state, and the reasons of all that failed in it.
pub fn ended(cloud: &Cloud, stack: &str) -> (String, String) {
    let mut events = Value::Null;
    eventually("the operation ends", || {
        events = cloud.aws(&[
            "cloudformation",
            "describe-stack-events",
            "--stack-name",
            stack,
        ]);
        let last = events["StackEvents"][0].clone();
        let status = last["ResourceStatus"].as_str().unwrap();
        last["ResourceType"] == "AWS::CloudFormation::Stack" && !status.ends_with("_IN_PROGRESS")
    });
    let events = events["StackEvents"].as_array().unwrap();
    let reasons = events
        .iter()
        .filter_map(|event| event["ResourceStatusReason"].as_str());
    let status = events[0]["ResourceStatus"].as_str().unwrap().to_owned();
    (status, reasons.collect::<Vec<_>>().join("\n"))
}

/// Creates it, in the name of a role if there is one, and says how that ended.
pub fn create(
    cloud: &Cloud,
    stack: &str,
    role: Option<&str>,
    resource: &Value,
) -> (String, String) {
    let template = json!({"Resources": {"It": resource}}).to_string();
    let mut asked = vec![
        "cloudformation",
        "create-stack",
        "--stack-name",
        stack,
        "--template-body",
        &template,
    ];
    if let Some(role) = role {
        asked.extend(["--role-arn", role]);
    }
    let made = cloud.aws(&asked);
    ended(cloud, made["StackId"].as_str().unwrap())
}

/// Deletes it, and says how that ended.
pub fn delete(cloud: &Cloud, stack: &str) -> (String, String) {
    let there = cloud.aws(&["cloudformation", "describe-stacks", "--stack-name", stack]);
    cloud.aws(&["cloudformation", "delete-stack", "--stack-name", stack]);
    // Once it is gone, it is found by its id only.
    ended(cloud, there["Stacks"][0]["StackId"].as_str().unwrap())
}

#[test]
fn what_ec2_and_rds_refuse_is_refused_in_their_words() {
    let cloud = Cloud::shared();
    let group = |description: &str| {
        json!({"Type": "AWS::EC2::SecurityGroup", "Properties": {"GroupDescription": "Components",
            "SecurityGroupIngress": [{"Description": description, "IpProtocol": "tcp", "FromPort": 80,
                "ToPort": 80, "CidrIp": "0.0.0.0/0"}]}})
    };
    let (status, said) = create(&cloud, "quoted", None, &group("the components' ports"));
    assert_eq!(status, "ROLLBACK_COMPLETE", "{said}");
    assert!(
        said.contains("Invalid rule description. Valid descriptions are strings less than 256")
    );
    let (status, said) = create(&cloud, "plain", None, &group("ports of the components"));
    assert_eq!(status, "CREATE_COMPLETE", "{said}");

    let permission = json!([{"IpProtocol": "tcp", "FromPort": 81, "ToPort": 81,
        "IpRanges": [{"CidrIp": "0.0.0.0/0", "Description": "it's open"}]}]);
    let groups = cloud.aws(&["ec2", "describe-security-groups"]);
    let asked = [
        "ec2",
        "authorize-security-group-ingress",
        "--group-id",
        groups["SecurityGroups"][0]["GroupId"].as_str().unwrap(),
        "--ip-permissions",
        &permission.to_string(),
    ];
    let refused = cloud.aws_as(&[], &asked);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(said.contains("Invalid rule description."), "{said}");

    let database = |version: &str| {
        json!({"Type": "AWS::RDS::DBInstance", "Properties": {"Engine": "postgres", "EngineVersion": version,
            "DBInstanceClass": "db.t4g.micro", "AllocatedStorage": "20", "MasterUsername": "main",
            "ManageMasterUserPassword": true, "EnableCloudwatchLogsExports": ["postgresql"],
            "DBInstanceIdentifier": "kept"}})
    };
    let (status, said) = create(&cloud, "old", None, &database("17.6"));
    assert_eq!(status, "ROLLBACK_COMPLETE", "{said}");
    assert!(
        said.contains("Cannot find version 17.6 for postgres"),
        "{said}"
    );
    let (status, said) = create(&cloud, "current", None, &database("17"));
    assert_eq!(status, "CREATE_COMPLETE", "{said}");
    // Whoever does not make it first finds it when the database is gone.
    assert_eq!(delete(&cloud, "current").0, "DELETE_COMPLETE");
    let name = "/aws/rds/instance/kept/postgresql";
    let of_it = ["--log-group-name-prefix", name];
    let left = cloud.aws(&[["logs", "describe-log-groups"], of_it].concat());
    assert_eq!(left["logGroups"][0]["logGroupName"], name, "{left}");
}

#[test]
fn a_bucket_that_is_said_to_be_another_account_s_is_not_used() {
    let cloud = Cloud::shared();
    cloud.aws(&["s3api", "create-bucket", "--bucket", "packages"]);
    let look = |account: &str| {
        let asked = ["s3api", "head-bucket", "--bucket", "packages"].as_slice();
        let owner = ["--expected-bucket-owner", account];
        cloud.aws_as(&[], &[asked, &owner].concat())
    };
    assert!(look(cloud.env("CUTOVER_ACCOUNT")).status.success());
    let refused = look("111111111111");
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(said.contains("403"), "{said}");
}

#[test]
fn cloudformation_does_only_what_the_stack_s_role_may() {
    let cloud = Cloud::shared();
    let may = |actions: &[&str]| json!([{"Effect": "Allow", "Action": actions, "Resource": "arn:aws:s3:::*-it-*"}]);
    let role = role(
        &cloud,
        "buckets",
        &may(&["s3:CreateBucket", "s3:PutBucketTagging"]),
    );
    let bucket = json!({"Type": "AWS::S3::Bucket",
        "Properties": {"Tags": [{"Key": "cutover:project", "Value": "p"}]}});
    let (status, said) = create(&cloud, "untagged", Some(&role), &bucket);
    assert!(status.starts_with("ROLLBACK_"), "{status}: {said}");
    let denied =
        "is not authorized to perform: s3:TagResource on resource: arn:aws:s3:::untagged-it-";
    assert!(said.contains(denied), "{said}");

    permit(
        &cloud,
        "buckets",
        &may(&["s3:CreateBucket", "s3:TagResource"]),
    );
    let (status, said) = create(&cloud, "tagged", Some(&role), &bucket);
    assert_eq!(status, "CREATE_COMPLETE", "{said}");
    // The stack keeps the role; who deletes it need not name it.
    let (status, said) = delete(&cloud, "tagged");
    assert_eq!(status, "DELETE_FAILED", "{said}");
    assert!(said.contains("is not authorized to perform: s3:DeleteBucket"));
}

#[test]
fn a_delegation_is_updated_only_by_who_may_upsert_it() {
    let cloud = Cloud::shared();
    let made = cloud.aws(&[
        "route53",
        "create-hosted-zone",
        "--name",
        "example.com",
        "--caller-reference",
        "1",
    ]);
    let zone = made["HostedZone"]["Id"].as_str().unwrap();
    let zone = zone.trim_start_matches("/hostedzone/");
    let may = |changes: &[&str]| {
        json!([{"Effect": "Allow", "Action": "route53:GetChange", "Resource": "*"},
            {"Effect": "Allow", "Action": "route53:ChangeResourceRecordSets", "Resource": "*",
                "Condition": {"ForAllValues:StringEquals": {"route53:ChangeResourceRecordSetsActions": changes}}}])
    };
    let role = role(&cloud, "delegations", &may(&["CREATE", "DELETE"]));
    let record = |ttl: &str| {
        json!({"Type": "AWS::Route53::RecordSet", "Properties": {"HostedZoneId": zone, "Name": "dev.example.com",
            "Type": "NS", "TTL": ttl, "ResourceRecords": ["ns-1.example.net"]}})
    };
    let (status, said) = create(&cloud, "delegation", Some(&role), &record("3600"));
    assert_eq!(status, "CREATE_COMPLETE", "{said}");
    let template = json!({"Resources": {"It": record("300")}}).to_string();
    let update = || {
        cloud.aws(&[
            "cloudformation",
            "update-stack",
            "--stack-name",
            "delegation",
            "--template-body",
            &template,
        ]);
        ended(&cloud, "delegation")
    };
    let (_, said) = update();
    assert!(
        said.contains("is not authorized to perform: route53:ChangeResourceRecordSets"),
        "{said}"
    );
    permit(&cloud, "delegations", &may(&["CREATE", "DELETE", "UPSERT"]));
    assert_eq!(update().0, "UPDATE_COMPLETE");
}
