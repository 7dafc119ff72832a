//! What the stack of a target meets on AWS while it is made, changed and deleted, it meets here.

use serde_json::{Value, json};

use crate::harness::Cloud;
use crate::stacks::{create, delete, ended};

fn zone() -> Value {
    json!({"Type": "AWS::Route53::HostedZone", "Properties": {"Name": "dev.example.com",
        "HostedZoneTags": [{"Key": "cutover:target", "Value": "dev"}]}})
}

fn tagged_bucket(name: &str) -> Value {
    json!({"Type": "AWS::S3::Bucket", "Properties": {"BucketName": name,
        "Tags": [{"Key": "cutover:target", "Value": "dev"}]}})
}

fn network(block: &str) -> Value {
    json!({"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": block}})
}

fn id_of(cloud: &Cloud, stack: &str) -> String {
    let asked = [
        "cloudformation",
        "list-stack-resources",
        "--stack-name",
        stack,
    ];
    let found = cloud.aws(&asked)["StackResourceSummaries"][0]["PhysicalResourceId"].clone();
    found.as_str().unwrap().to_owned()
}

/// `refuse_to_delete_what_is_in_use`
#[test]
fn what_is_in_use_is_not_deleted() {
    let cloud = Cloud::shared();
    assert_eq!(
        create(&cloud, "used-zone", None, &zone()).0,
        "CREATE_COMPLETE"
    );
    let zone = id_of(&cloud, "used-zone");
    let change = json!({"Changes": [{"Action": "CREATE", "ResourceRecordSet": {"Name": "api.dev.example.com",
        "Type": "A", "TTL": 5, "ResourceRecords": [{"Value": "192.0.2.1"}]}}]})
    .to_string();
    let asked = [
        "route53",
        "change-resource-record-sets",
        "--hosted-zone-id",
        &zone,
    ];
    cloud.aws(&[asked.as_slice(), &["--change-batch", &change]].concat());
    let (status, said) = delete(&cloud, "used-zone");
    assert_eq!(status, "DELETE_FAILED", "{said}");
    assert!(said.contains("HostedZoneNotEmpty"), "{said}");

    assert_eq!(
        create(&cloud, "used-bucket", None, &tagged_bucket("used")).0,
        "CREATE_COMPLETE"
    );
    let file = cloud.path("object");
    std::fs::write(&file, "x").unwrap();
    let put = [
        "s3api",
        "put-object",
        "--bucket",
        "used",
        "--key",
        "k",
        "--body",
    ];
    cloud.aws(&[put.as_slice(), &[file.to_str().unwrap()]].concat());
    let (status, said) = delete(&cloud, "used-bucket");
    assert_eq!(status, "DELETE_FAILED", "{said}");
    assert!(said.contains("BucketNotEmpty"), "{said}");

    assert_eq!(
        create(&cloud, "net", None, &network("10.0.0.0/16")).0,
        "CREATE_COMPLETE"
    );
    let subnet = json!({"Type": "AWS::EC2::Subnet",
        "Properties": {"VpcId": id_of(&cloud, "net"), "CidrBlock": "10.0.0.0/24"}});
    assert_eq!(create(&cloud, "subnet", None, &subnet).0, "CREATE_COMPLETE");
    let subnet = id_of(&cloud, "subnet");
    let run = [
        "ec2",
        "run-instances",
        "--image-id",
        "ami-12345678",
        "--subnet-id",
        &subnet,
    ];
    cloud.aws(&run);
    let (status, said) = delete(&cloud, "subnet");
    assert_eq!(status, "DELETE_FAILED", "{said}");
    assert!(said.contains("DependencyViolation"), "{said}");
}

/// `refuse_what_ec2_refuses`, `answer_dry_runs`
#[test]
fn ec2_refuses_networks_and_templates_that_cannot_be() {
    let cloud = Cloud::up();
    let (status, said) = create(&cloud, "wide", None, &network("10.0.0.0/8"));
    assert_eq!(status, "ROLLBACK_COMPLETE", "{said}");
    assert!(said.contains("InvalidVpc.Range"), "{said}");
    let (_, said) = create(&cloud, "words", None, &network("everything"));
    assert!(said.contains("InvalidParameterValue"), "{said}");
    let template = json!({"Type": "AWS::EC2::LaunchTemplate", "Properties": {"LaunchTemplateName": "t",
        "LaunchTemplateData": {"ImageId": "ami-12345678"}}});
    assert_eq!(
        create(&cloud, "first", None, &template).0,
        "CREATE_COMPLETE"
    );
    let (_, said) = create(&cloud, "second", None, &template);
    assert!(
        said.contains("InvalidLaunchTemplateName.AlreadyExistsException"),
        "{said}"
    );

    let run = [
        "ec2",
        "run-instances",
        "--image-id",
        "ami-12345678",
        "--dry-run",
    ];
    let said = cloud.try_aws(&run).unwrap_err();
    assert!(said.contains("DryRunOperation"), "{said}");
    let there = cloud.aws(&["ec2", "describe-instances"]);
    assert_eq!(there["Reservations"], json!([]), "nothing was launched");
}

/// `refuse_what_ec2_refuses`
#[test]
fn an_account_has_a_quota_of_networks() {
    let cloud = Cloud::up();
    let new = ["ec2", "create-vpc", "--cidr-block", "10.0.0.0/16"];
    let refused = (0..30).find_map(|_| cloud.try_aws(&new).err());
    let said = refused.expect("there is an end to them");
    assert!(said.contains("VpcLimitExceeded"), "{said}");
}

/// `give_each_zone_its_name_servers`, `keep_tags`, `find_all_services_by_tag`
#[test]
fn a_zone_has_name_servers_of_its_own_and_tags_that_are_found() {
    let cloud = Cloud::shared();
    assert_eq!(create(&cloud, "zone", None, &zone()).0, "CREATE_COMPLETE");
    assert_eq!(create(&cloud, "other", None, &zone()).0, "CREATE_COMPLETE");
    assert_eq!(
        create(&cloud, "bucket", None, &tagged_bucket("assets")).0,
        "CREATE_COMPLETE"
    );
    let servers = |stack: &str| {
        let asked = [
            "route53",
            "list-resource-record-sets",
            "--hosted-zone-id",
            &id_of(&cloud, stack),
        ];
        let sets = cloud.aws(&asked)["ResourceRecordSets"]
            .as_array()
            .unwrap()
            .clone();
        sets.into_iter().find(|one| one["Type"] == "NS").unwrap()["ResourceRecords"].clone()
    };
    assert_eq!(servers("zone").as_array().unwrap().len(), 4);
    assert_ne!(servers("zone"), servers("other"));
    let by_tag = [
        "resourcegroupstaggingapi",
        "get-resources",
        "--tag-filters",
        "Key=cutover:target,Values=dev",
    ];
    let found = cloud.aws(&by_tag).to_string();
    for arn in [
        "arn:aws:s3:::assets".to_owned(),
        format!("hostedzone/{}", id_of(&cloud, "zone")),
    ] {
        assert!(found.contains(&arn), "{arn}: {found}");
    }
}

/// `update_transforms_always`
#[test]
fn an_update_of_a_template_with_a_transform_is_always_begun() {
    let cloud = Cloud::shared();
    let check = |stack: &str, template: &Value, begun: bool| {
        let template = template.to_string();
        let of = [
            "--stack-name",
            stack,
            "--template-body",
            &template,
            "--capabilities",
            "CAPABILITY_AUTO_EXPAND",
        ];
        let made = cloud.aws(&[["cloudformation", "create-stack"].as_slice(), &of].concat());
        let id = made["StackId"].as_str().unwrap();
        assert_eq!(ended(&cloud, id).0, "CREATE_COMPLETE");
        let again = cloud.try_aws(&[["cloudformation", "update-stack"].as_slice(), &of].concat());
        assert_eq!(again.is_ok(), begun, "{stack}: {again:?}");
    };
    let resources = json!({"It": {"Type": "AWS::SNS::Topic"}});
    check("untransformed", &json!({"Resources": resources}), false);
    let transformed = json!({"Transform": "AWS::LanguageExtensions", "Resources": resources});
    check("transformed", &transformed, true);
}

/// `manage_passwords_of_databases`
#[test]
fn the_password_of_a_database_goes_with_it_and_a_snapshot_has_its_tags() {
    let cloud = Cloud::up();
    let database = json!({"Type": "AWS::RDS::DBInstance", "DeletionPolicy": "Snapshot", "Properties": {
        "Engine": "postgres", "EngineVersion": "17", "DBInstanceClass": "db.t4g.micro", "AllocatedStorage": "20",
        "MasterUsername": "main", "ManageMasterUserPassword": true, "CopyTagsToSnapshot": true,
        "Tags": [{"Key": "cutover:target", "Value": "dev"}]}});
    let (status, said) = create(&cloud, "database", None, &database);
    assert_eq!(status, "CREATE_COMPLETE", "{said}");
    let secrets = || {
        cloud.aws(&["secretsmanager", "list-secrets"])["SecretList"]
            .as_array()
            .unwrap()
            .len()
    };
    assert_eq!(secrets(), 1);
    assert_eq!(delete(&cloud, "database").0, "DELETE_COMPLETE");
    assert_eq!(secrets(), 0);
    let by_tag = ["--tag-filters", "Key=cutover:target,Values=dev"];
    let found = cloud.aws(
        &[
            &["resourcegroupstaggingapi", "get-resources"],
            by_tag.as_slice(),
        ]
        .concat(),
    );
    let found = found.to_string();
    assert!(found.contains(":snapshot:"), "{found}");
}
