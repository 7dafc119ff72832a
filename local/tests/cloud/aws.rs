//! `aws`, by the process that has the CLI loaded: the same as the CLI by itself.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::harness::{Cloud, eventually};

/// Runs one in a folder with what it reads, as the administrator.
fn call(cloud: &Cloud, program: &str, arguments: &[&str], input: &str) -> Output {
    let mut child = command(cloud, program, arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    child.wait_with_output().unwrap()
}

fn command(cloud: &Cloud, program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    let names = [
        "AWS_ENDPOINT_URL",
        "AWS_DEFAULT_REGION",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
    ];
    command
        .args(arguments)
        .current_dir(cloud.path("."))
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .envs(names.map(|name| (name, cloud.env(name))));
    command
}

fn loaded(cloud: &Cloud) -> String {
    cloud.path(".local/aws/aws").to_string_lossy().into_owned()
}

fn by_itself(cloud: &Cloud) -> String {
    let cli = cloud.venv().join("bin/aws");
    cli.to_string_lossy().into_owned()
}

#[test]
fn a_call_has_the_arguments_folder_files_and_exit_code_of_its_own() {
    let cloud = Cloud::up();
    cloud.aws(&["s3api", "create-bucket", "--bucket", "files"]);
    std::fs::write(
        cloud.path("tags.json"),
        r#"{"TagSet": [{"Key": "a b", "Value": "c"}]}"#,
    )
    .unwrap();
    let calls: [(&[&str], &str, i32); 7] = [
        (&["--version"], "", 0),
        (
            &["s3", "cp", "-", "s3://files/a"],
            "from the standard input",
            0,
        ),
        (&["s3", "cp", "s3://files/a", "-"], "", 0),
        (
            &[
                "s3api",
                "put-bucket-tagging",
                "--bucket",
                "files",
                "--tagging",
                "file://tags.json",
            ],
            "",
            0,
        ),
        (
            &[
                "s3api",
                "get-bucket-tagging",
                "--bucket",
                "files",
                "--query",
                "TagSet[].Key",
                "--output",
                "text",
            ],
            "",
            0,
        ),
        (&["s3api", "head-bucket", "--bucket", "none"], "", 255),
        (&["s3api", "nothing"], "", 2),
    ];
    for (arguments, input, code) in calls {
        let [ours, theirs] = [loaded(&cloud), by_itself(&cloud)]
            .map(|program| call(&cloud, &program, arguments, input));
        assert_eq!(ours.status.code(), Some(code), "{arguments:?} {ours:?}");
        assert_eq!(theirs.status.code(), Some(code), "{arguments:?} {theirs:?}");
        assert_eq!(ours.stdout, theirs.stdout, "{arguments:?}");
        assert_eq!(ours.stderr, theirs.stderr, "{arguments:?}");
    }
}

/// What is kept from one call to the next is of the CLI's own folders.
#[test]
fn a_caller_s_own_models_are_read_in_each_call() {
    let cloud = Cloud::up();
    let asked = |operation: &str| {
        let arguments = ["mine", operation, "--generate-cli-skeleton"];
        let mut command = command(&cloud, &loaded(&cloud), &arguments);
        command.env("AWS_DATA_PATH", cloud.path("models"));
        command.output().unwrap().status.code()
    };
    assert_eq!(asked("first"), Some(2));
    for operation in ["First", "Second"] {
        let version = cloud.path("models/mine/2026-01-01");
        std::fs::create_dir_all(&version).unwrap();
        let model = serde_json::json!({
            "metadata": {"apiVersion": "2026-01-01", "endpointPrefix": "mine", "protocol": "json", "jsonVersion": "1.1",
                "serviceFullName": "Mine", "serviceId": "Mine", "signatureVersion": "v4", "targetPrefix": "Mine"},
            "operations": {operation: {"name": operation, "http": {"method": "POST", "requestUri": "/"}}},
            "shapes": {},
        });
        std::fs::write(version.join("service-2.json"), model.to_string()).unwrap();
        assert_eq!(asked(&operation.to_lowercase()), Some(0), "{operation}");
    }
}

/// Its processes, without the one that waits for calls.
fn copies(cloud: &Cloud) -> usize {
    let all = cloud.processes();
    let all = all.iter().filter(|one| one.contains("server.py"));
    all.count() - 1
}

#[test]
fn a_call_ends_with_its_caller() {
    let cloud = Cloud::up();
    cloud.aws(&["s3api", "create-bucket", "--bucket", "files"]);
    let mut child = command(&cloud, &loaded(&cloud), &["s3", "cp", "-", "s3://files/a"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    eventually("the call is under way", || copies(&cloud) == 1);
    kill(Pid::from_raw(child.id() as i32), Signal::SIGKILL).unwrap();
    child.wait().unwrap();
    eventually("its copy is gone", || copies(&cloud) == 0);
}

#[test]
fn where_that_process_is_gone_the_cli_runs_by_itself() {
    let cloud = Cloud::up();
    std::fs::remove_file(cloud.path(".local/aws/socket")).unwrap();
    let output = call(&cloud, &loaded(&cloud), &["sts", "get-caller-identity"], "");
    assert!(output.status.success(), "{output:?}");
}
