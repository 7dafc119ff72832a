//! A user's commands get nothing that they could use, and no secret is where people look.

use base64::Engine;
use end_to_end::{Cloud, Component, Service};

/// Tries what a build must not be able to do, and says how each try ended. It never prints a
/// credential, not even one that it finds.
const STEAL: &str = r#"import os, subprocess, sys

aws, endpoint, region, bucket, component, table = sys.argv[1:]
goal = f"s3://{bucket}/artifacts/{component}/stolen.txt"
base = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], "AWS_ENDPOINT_URL": endpoint,
        "AWS_DEFAULT_REGION": region, "AWS_EC2_METADATA_DISABLED": "true"}


def run(what, extra, *arguments):
    ran = subprocess.run([aws, *arguments], env=base | extra, capture_output=True, text=True, timeout=60)
    print(f"{what} ended with {ran.returncode}: {ran.stdout.strip()} {ran.stderr.strip()}", flush=True)


def parents():
    pid = os.getpid()
    while pid > 1:
        pid = int(open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[1])
        yield pid


def found():
    for pid in parents():
        try:
            lines = open(f"/proc/{pid}/environ").read().split("\0")
        except OSError:
            continue
        values = dict(line.split("=", 1) for line in lines if line.startswith("AWS_") and "=" in line)
        if "AWS_SECRET_ACCESS_KEY" in values and "AWS_SESSION_TOKEN" in values:
            return {name: values[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")}
    return {}


run("cp as I am", {}, "s3", "cp", "VERSION", goal)
role = found()
print("a parent's environment has credentials:", bool(role), flush=True)
if role:
    run("who", role, "sts", "get-caller-identity", "--query", "Arn", "--output", "text")
    run("cp with the role", role, "s3", "cp", "VERSION", goal)
    run("record with the role", role, "dynamodb", "scan", "--table-name", table)
"#;

#[tokio::test]
async fn a_build_sees_no_credentials_and_cannot_write_artifacts() {
    let cloud = Cloud::up().await;
    let component = Component::new(&cloud, "thief", "dev").await;
    let bucket = cloud.variable("CUTOVER_BUCKET").to_owned();
    let mut service = Service::good("1");
    let script = format!(
        "env\necho ---\npython3 steal.py {} {} {} {bucket} {} {}\nmkdir -p dist && cp server.py VERSION dist/\n",
        cloud.aws_cli().display(),
        cloud.variable("AWS_ENDPOINT_URL"),
        cloud.variable("AWS_REGION"),
        component.name,
        cloud.variable("CUTOVER_TABLE"),
    );
    service.files = vec![("build.sh", script), ("steal.py", STEAL.into())];
    let (sha, ended) = component.release(&service).await;

    let log = cloud
        .object(&format!(
            "logs/{}/{}/build.log",
            ended.release(),
            component.name
        ))
        .await
        .expect("a build log");
    let (environment, tries) = log.split_once("---").expect("both parts of the log");
    assert!(
        environment.contains("PATH=") && !environment.contains("AWS_"),
        "{environment}"
    );
    assert!(
        tries.contains("cp as I am ended with ") && !tries.contains("cp as I am ended with 0"),
        "{tries}"
    );
    if tries.contains("credentials: True") {
        // The functions run as root here, who may read any environment: then the role itself
        // must not be allowed to.
        assert!(
            tries.contains("who ended with 0"),
            "the credentials must be good, else this proves nothing: {tries}"
        );
        assert!(
            tries.contains("cp with the role ended with 1") && tries.contains("AccessDenied"),
            "{tries}"
        );
        assert!(
            !tries.contains("record with the role ended with 0"),
            "{tries}"
        );
    }
    let artifacts = cloud.keys(&format!("artifacts/{}/", component.name)).await;
    let expected =
        [".json", ".tar.zst"].map(|end| format!("artifacts/{0}/{0}-{sha}{end}", component.name));
    assert_eq!(artifacts, expected);
    no_secret_in(&cloud, "the build's log", &log);
}

#[tokio::test]
async fn no_secret_is_in_states_user_data_or_logs() {
    let cloud = Cloud::up().await;
    let component = Component::new(&cloud, "secret", "dev").await;
    let (sha, ended) = component.release(&Service::good("1")).await;
    let execution = component.execution_of(&sha).await;

    let history = serde_json::to_string(&execution.history().await).expect("JSON");
    assert!(history.contains(&sha), "the history has inputs and outputs");
    no_secret_in(&cloud, "the execution's history", &history);
    let data = user_data(&component).await;
    assert!(
        data.starts_with("#!") && data.contains(&component.name),
        "{data}"
    );
    no_secret_in(&cloud, "the user data", &data);
    let logs = cloud
        .keys(&format!("logs/{}/{}/", ended.release(), component.name))
        .await;
    assert!(logs.len() >= 3, "unit tests, build and a suite: {logs:?}");
    for key in logs {
        no_secret_in(
            &cloud,
            &key,
            &cloud.object(&key).await.expect("a listed log"),
        );
    }
}

async fn user_data(component: &Component) -> String {
    let live = component.live().await;
    let row = component
        .cloud
        .row(&format!("target#{}", component.target), "environment")
        .await
        .expect("the target");
    let alias = component
        .cloud
        .row(
            &format!("target#{}", component.target),
            &format!("alias#{}", component.name),
        )
        .await
        .expect("alias");
    let version = alias["launch_template_version"]
        .as_str()
        .expect("a version")
        .to_owned();
    let asked = component.cloud.machines.describe_launch_template_versions();
    let asked = asked
        .launch_template_id(row["launch_template_id"].as_str().expect("an id"))
        .versions(&version)
        .send()
        .await;
    let asked = asked.expect("launch template versions can be described");
    let data = asked
        .launch_template_versions()
        .first()
        .and_then(|one| one.launch_template_data())
        .and_then(|data| data.user_data());
    let data = data.unwrap_or_else(|| panic!("{live:?} has no user data"));
    String::from_utf8(
        base64::engine::general_purpose::STANDARD
            .decode(data)
            .expect("base64"),
    )
    .expect("text")
}

/// Neither the administrator's credentials nor anything with the look of a key or a token.
fn no_secret_in(cloud: &Cloud, what: &str, text: &str) {
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
        assert!(
            !text.contains(cloud.variable(name)),
            "{what} has the administrator's {name}"
        );
    }
    for start in ["AKIA", "ASIA"] {
        let key = text.match_indices(start).find(|(at, _)| {
            text[*at..]
                .bytes()
                .take_while(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
                .count()
                >= 16
        });
        assert!(
            key.is_none(),
            "{what} has something like an access key at {key:?}"
        );
    }
    for name in [
        "SECRET_ACCESS_KEY",
        "SESSION_TOKEN",
        "SecretAccessKey",
        "SessionToken",
        "Authorization:",
    ] {
        assert!(!text.contains(name), "{what} names a {name}");
    }
}
