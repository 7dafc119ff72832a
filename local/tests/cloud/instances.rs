//! Instances: their processes, roles, names and ends.

use hickory_proto::op::ResponseCode;
use serde_json::{Value, json};

use crate::harness::{Cloud, eventually};
use crate::machine::{console, launch};

const DOMAIN: &str = "stage.myproj.localhost";

/// A role for EC2 that may read and write below `ok/` of one bucket and list and read another, in a
/// profile of the same name.
fn make_role(cloud: &Cloud) {
    let trust = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
        "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]});
    let policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
        "Action": ["s3:GetObject", "s3:PutObject"], "Resource": "arn:aws:s3:::files/ok/*"},
        {"Effect": "Allow", "Action": ["s3:GetObject", "s3:ListBucket"],
        "Resource": ["arn:aws:s3:::listed", "arn:aws:s3:::listed/*"]}]});
    cloud.aws(&[
        "iam",
        "create-role",
        "--role-name",
        "machine",
        "--assume-role-policy-document",
        &trust.to_string(),
    ]);
    let policy = policy.to_string();
    cloud.aws(&[
        "iam",
        "put-role-policy",
        "--role-name",
        "machine",
        "--policy-name",
        "p",
        "--policy-document",
        &policy,
    ]);
    cloud.aws(&[
        "iam",
        "create-instance-profile",
        "--instance-profile-name",
        "machine",
    ]);
    cloud.aws(&[
        "iam",
        "add-role-to-instance-profile",
        "--instance-profile-name",
        "machine",
        "--role-name",
        "machine",
    ]);
}

/// Publishes records in the zone of `DOMAIN`, which is made when it is not there.
fn publish(cloud: &Cloud, changes: Value) {
    let zones = cloud.aws(&["route53", "list-hosted-zones"]);
    let zone = match zones["HostedZones"][0]["Id"].as_str() {
        Some(id) => id.to_owned(),
        None => {
            let made = cloud.aws(&[
                "route53",
                "create-hosted-zone",
                "--name",
                DOMAIN,
                "--caller-reference",
                "1",
            ]);
            made["HostedZone"]["Id"].as_str().unwrap().to_owned()
        }
    };
    let batch = json!({ "Changes": changes }).to_string();
    cloud.aws(&[
        "route53",
        "change-resource-record-sets",
        "--hosted-zone-id",
        &zone,
        "--change-batch",
        &batch,
    ]);
}

fn record(action: &str, name: &str, kind: &str, value: &str) -> Value {
    json!({"Action": action, "ResourceRecordSet": {
        "Name": format!("{name}.{DOMAIN}"), "Type": kind, "TTL": 1, "ResourceRecords": [{"Value": value}]}})
}

const SERVICE: &str = "#!/bin/bash\necho -n \"served by $CUTOVER_INSTANCE_ID\" > index.html\n(setsid sleep 1000) &\nexec python3 -m http.server 8080\n";

#[test]
fn an_instance_serves_by_name_and_by_address_until_it_is_terminated() {
    let cloud = Cloud::up();
    let instance = launch(&cloud, SERVICE, None);
    let url = format!("http://{}:8080/index.html", instance.public_ip);
    eventually(
        "the service answers at the instance's public address",
        || cloud.get("x", &url).0 == 200,
    );

    let alias = format!("api.{DOMAIN}");
    assert_eq!(
        cloud.get(&alias, "/index.html").0,
        404,
        "nothing is published yet"
    );
    let hostname = format!("api-1.{DOMAIN}");
    let records = [
        record("CREATE", "api-1", "A", &instance.public_ip),
        record("CREATE", "api", "CNAME", &hostname),
    ];
    publish(&cloud, json!(records));
    assert_eq!(
        cloud.resolve(&format!("{alias}.")),
        (ResponseCode::NoError, vec![instance.public_ip.clone()], 1)
    );
    assert_eq!(
        cloud.resolve(&format!("no.{DOMAIN}.")).0,
        ResponseCode::NXDomain
    );

    // What was found before a change is not used after it, not even that there was nothing.
    let late = format!("late.{DOMAIN}.");
    assert_eq!(cloud.resolve(&late).0, ResponseCode::NXDomain);
    publish(
        &cloud,
        json!([record("CREATE", "late", "A", &instance.public_ip)]),
    );
    assert_eq!(
        cloud.resolve(&late).1,
        std::slice::from_ref(&instance.public_ip)
    );

    let served = (200, format!("served by {}", instance.id));
    eventually("the name resolves", || {
        cloud.get(&alias, "/index.html") == served
    });
    assert_eq!(
        cloud.get("x", &format!("http://{alias}:8080/index.html")),
        served
    );
    assert_eq!(cloud.get("x", "http://example.com/").0, 403);

    let marked = || {
        cloud
            .processes()
            .iter()
            .filter(|line| line.contains("sleep 1000"))
            .count()
    };
    assert_eq!(marked(), 1);
    cloud.aws(&["ec2", "terminate-instances", "--instance-ids", &instance.id]);
    eventually("it is known as no instance any more", || {
        cloud.get("x", &url).0 == 403
    });
    eventually("what left its process group has ended", || marked() == 0);
    assert_eq!(
        cloud.get(&alias, "/index.html").0,
        502,
        "the name still points to it"
    );
}

/// What boot scripts do with S3, allowed and not, by the instance's own `aws` and by the real one.
const COPIES: &str = r#"#!/bin/bash
try() { "$@" 2>&1; echo "exit code $?"; }
copies() {
  for object in files/ok/a files/ok/none files/secret/a listed/none; do
    try "$1" s3 cp --only-show-errors "s3://$object" got/it
    cat got/it && rm got/it
    try "$1" s3 cp "s3://$object" -
  done
  for key in ok/log secret/log; do
    echo "the log" | try "$1" s3 cp --only-show-errors - "s3://files/$key"
  done
  try "$1" s3 cp s3://files/ok/log -
  try "$1" s3 cp --only-show-errors s3://files/ok/a got/
  ls got
}
copies aws >ours 2>&1
copies REAL >theirs 2>&1
env | grep -E 'KEY|TOKEN'
python3 - >version-1 <<'PYTHON'
import http.client
metadata = http.client.HTTPConnection("169.254.169.254")
metadata.request("GET", "/latest/meta-data/instance-id")
print(metadata.getresponse().status, end="")
PYTHON
echo packed | zstd -q | zstd -dc
echo end
"#;

#[test]
fn an_instance_may_do_what_its_role_allows_and_nothing_else() {
    let cloud = Cloud::up();
    make_role(&cloud);
    for bucket in ["files", "listed"] {
        cloud.aws(&["s3api", "create-bucket", "--bucket", bucket]);
    }
    let body = cloud.path("body");
    std::fs::write(&body, "what the role may read\n").unwrap();
    for key in ["ok/a", "secret/a"] {
        cloud.aws(&[
            "s3api",
            "put-object",
            "--bucket",
            "files",
            "--key",
            key,
            "--body",
            body.to_str().unwrap(),
        ]);
    }
    let real = cloud.venv().join("bin/aws");
    let script = COPIES.replace("REAL", real.to_str().unwrap());
    let instance = launch(&cloud, &script, Some("machine"));
    eventually("the user data is through", || {
        console(&cloud, &instance).ends_with("end\n")
    });
    assert_eq!(console(&cloud, &instance), "packed\nend\n");
    let seen = |file: &str| {
        let path = cloud.path(&format!(".local/instances/{}/{file}", instance.id));
        std::fs::read_to_string(path).unwrap()
    };
    let ours = seen("ours");
    assert_eq!(ours, seen("theirs"));
    assert!(
        ours.starts_with(
            "exit code 0\nwhat the role may read\nwhat the role may read\nexit code 0\n"
        ),
        "{ours}"
    );
    let said = |what: &str| ours.matches(what).count();
    // Whether there is no such key is told only to who may list the bucket.
    for (code, times) in [("403", 4), ("404", 2)] {
        let denied = format!("({code}) when calling the HeadObject operation");
        assert_eq!(said(&denied), times, "{ours}");
    }
    assert_eq!(
        said("(AccessDenied) when calling the PutObject"),
        1,
        "{ours}"
    );
    assert!(ours.contains("the log\nexit code 0\n"), "{ours}");
    // Version 1 of the metadata service, without a token, is off.
    assert_eq!(seen("version-1"), "401");
}

#[test]
fn an_instance_whose_user_data_cannot_run_says_so_and_can_be_terminated() {
    let cloud = Cloud::up();
    let instance = launch(&cloud, "no script at all", None);
    eventually("its console tells", || {
        console(&cloud, &instance).contains("does not begin with #!")
    });
    cloud.aws(&["ec2", "terminate-instances", "--instance-ids", &instance.id]);
    eventually("it is gone", || {
        cloud.state()["instances"].as_array().unwrap().is_empty()
    });
}
