use super::*;
use replay::{Answer, Replay};
use serde_json::json;
use workspace::Limits;

const COMMIT: &str = "3f2a9c1b04de5a6b7c8d9e0f1a2b3c4d5e6f7a8b";
/// Its commands run in containers.
const MANIFEST: &str = "[component]\nname = 'api'\n[build]\nunit_tests = 'true'\ncommand = 'true'\noutput = 'dist'\n\
    [machine]\nkind = 'codebuild'\n[run]\ncommand = './api'\nport = 8080\n";

fn request() -> PrepareRequest {
    serde_json::from_value(json!({
        "release": {
            "project": "myproj", "target": "stage", "ticket": 42, "execution": "x", "domain": "stage.myproj.com",
            "zone_id": "Z1", "launch_template_id": "lt-1", "subnet_ids": ["subnet-1"], "alias_ttl": 5,
            "hostname_ttl": 5, "drain_seconds": 10, "test_dependents": false, "skip_slow_scans": false, "size": 1,
        },
        "item": {
            "component": "api", "version": "HEAD", "commit": COMMIT, "repository": "https://git.example.com/api.git",
            "hostname": "api-3f2a9c1b04de.stage.myproj.com",
        },
    }))
    .unwrap()
}

/// The source bundle, which another release has made.
fn bundle() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let (source, file) = (folder.path().join("source"), folder.path().join("tar.zst"));
    std::fs::create_dir(&source).unwrap();
    std::fs::write(source.join(manifest::FILE), MANIFEST).unwrap();
    bundle::pack(&source, &file, 0, Limits::SOURCE).unwrap();
    std::fs::read(file).unwrap()
}

/// Prepares a component whose bundle is there and whose artifact is not, and whose quotas are answered so.
async fn prepared(quotas: (u16, &str)) -> Result<Prepared, Fault> {
    let bytes = bundle();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &bytes).unwrap();
    let sha256 = hash::sha256_file(file.path()).unwrap();
    let length = bytes.len().to_string();
    let replay = Replay::new([
        Answer::from((200, ""))
            .header("x-amz-meta-sha256", &sha256)
            .header("content-length", &length),
        Answer::from((200, bytes)),
        Answer::from((404, "")),
        Answer::from(quotas),
    ]);
    let config = replay.config();
    let preparing = Preparing {
        store: Store::new(&config, "bucket"),
        registry: Registry::new(&config, "table"),
        secrets: Secrets::new(&config),
        quotas: Quotas::new(&config),
        executors: "codebuild".parse().unwrap(),
        is_arm: true,
        offline: false,
    };
    let prepared = prepare(&preparing, request()).await;
    assert_eq!(replay.requests().len(), 4, "{:?}", replay.requests());
    prepared
}

async fn warnings(quotas: (u16, &str)) -> Vec<String> {
    let prepared = prepared(quotas).await.unwrap();
    let warnings = prepared.warnings.iter();
    warnings.map(|one| one.as_str().to_owned()).collect()
}

/// A quota of this much, of the size that the manifest needs.
fn quota(at_once: u8) -> String {
    let name = "Concurrently running builds for ARM/Small environment";
    json!({"Quotas": [{"QuotaName": name, "QuotaCode": "L-5ED1D25B", "Value": at_once}]})
        .to_string()
}

#[tokio::test]
async fn a_look_at_the_quotas_that_is_throttled_is_a_warning() {
    let throttled = r#"{"__type": "TooManyRequestsException", "Message": "Rate exceeded"}"#;
    assert_eq!(
        warnings((400, throttled)).await,
        [
            "api: its quota could not be looked at: servicequotas:ListServiceQuotas: TooManyRequestsException: Rate exceeded"
        ]
    );
}

#[tokio::test]
async fn a_look_at_the_quotas_that_is_denied_is_a_warning_that_takes_little_room() {
    let who = "User: arn:aws:sts::123456789012:assumed-role/myproj-prepare-workspace/myproj-prepare-workspace is not \
        authorized to perform: servicequotas:ListServiceQuotas with an explicit deny in a service control policy";
    let denied = json!({"__type": "AccessDeniedException", "Message": who}).to_string();
    let warnings = warnings((400, &denied)).await;
    let begins =
        "api: its quota could not be looked at: servicequotas:ListServiceQuotas: AccessDenied";
    let [warning] = warnings.as_slice() else {
        panic!("{warnings:?}");
    };
    assert!(warning.starts_with(begins), "{warning}");
    assert!(warning.len() <= WHY_NOT, "{warning}");
}

#[tokio::test]
async fn an_outage_of_service_quotas_is_a_warning() {
    let warnings = warnings((503, "")).await;
    let [warning] = warnings.as_slice() else {
        panic!("{warnings:?}");
    };
    assert!(warning.contains("could not be looked at"), "{warning}");
}

#[tokio::test]
async fn only_a_quota_that_was_read_as_0_refuses() {
    let refused = prepared((200, &quota(0))).await.unwrap_err();
    assert_eq!(refused.name(), ErrorName::QuotaTooLow, "{refused}");
    assert!(warnings((200, &quota(1))).await[0].contains("is 1"));
    assert_eq!(warnings((200, &quota(2))).await, [""; 0]);
    assert_eq!(warnings((200, r#"{"Quotas": []}"#)).await, [""; 0]);
}
