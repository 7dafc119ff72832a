//! What the pipeline asks of the cloud is recorded, and held to AWS's own models.

use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::harness::Cloud;

/// The judge's exit code, and all that it says.
fn judge(cloud: &Cloud, options: &[&str]) -> (Option<i32>, String) {
    let judge = Path::new(env!("CARGO_MANIFEST_DIR")).join("requests/report.py");
    let said = Command::new(cloud.venv().join("bin/python"))
        .arg("-B")
        .arg(judge)
        .arg("--root")
        .arg(cloud.path(""))
        .args(options)
        .output()
        .unwrap();
    let text = [said.stdout, said.stderr].concat();
    (said.status.code(), String::from_utf8_lossy(&text).into())
}

/// A comment of so many characters, asked for by a program of the product's.
fn comment(cloud: &Cloud, zone: &str, characters: usize, name: &str) {
    let batch = json!({"Comment": "c".repeat(characters), "Changes": [{"Action": "CREATE", "ResourceRecordSet":
        {"Name": format!("{name}.example.com"), "Type": "A", "TTL": 5, "ResourceRecords": [{"Value": "192.0.2.1"}]}}]});
    let asked = [
        "route53",
        "change-resource-record-sets",
        "--hosted-zone-id",
        zone,
        "--change-batch",
        &batch.to_string(),
    ];
    let said = cloud.aws_as(&[("AWS_SDK_UA_APP_ID", "cutover-deploy")], &asked);
    assert!(said.status.success(), "the emulator takes it: {said:?}");
}

#[test]
fn what_aws_would_refuse_and_what_was_never_asked_is_found() {
    let cloud = Cloud::up();
    let (code, said) = judge(&cloud, &["--full"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("plan-release has asked nothing"), "{said}");

    let made = cloud.aws(&[
        "route53",
        "create-hosted-zone",
        "--name",
        "example.com",
        "--caller-reference",
        "1",
    ]);
    let zone = made["HostedZone"]["Id"].as_str().unwrap();
    comment(&cloud, zone, 256, "a");
    let (code, said) = judge(&cloud, &[]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("1 of 1 senders, 1 operations"), "{said}");

    comment(&cloud, zone, 257, "b");
    comment(&cloud, zone, 257, "c");
    let (code, said) = judge(&cloud, &[]);
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains(
            "infra/deploy.sh: ChangeResourceRecordSets.ChangeBatch.Comment: 257 characters"
        ),
        "{said}"
    );
    let report = std::fs::read_to_string(cloud.path(".local/requests.md")).unwrap();
    assert!(
        report.contains("| route53 | ChangeResourceRecordSets | infra/deploy.sh | 3 |"),
        "{report}"
    );
    let kinds = std::fs::read_to_string(cloud.path(".local/tmp/requests/kinds")).unwrap();
    assert!(!kinds.to_lowercase().contains("authorization"), "{kinds}");

    judge(&cloud, &["--begin"]);
    comment(&cloud, zone, 256, "d");
    let (code, said) = judge(&cloud, &[]);
    assert_eq!(code, Some(0), "{said}");
}
