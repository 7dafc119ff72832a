//! What a function has, and what it has not.

use std::io::Write;
use std::process::Command;

use serde_json::{Value, json};

use crate::harness::{Cloud, eventually};
use crate::services::role;

/// The key that MiniStack by itself gives a function.
fn derived(function: &str, role: &str) -> String {
    let derive = "import hashlib, sys; print('ASIA' + hashlib.sha256(sys.argv[1].encode()).hexdigest()[:16].upper())";
    let made = Command::new("python3")
        .args(["-c", derive, &format!("{function}:{role}")])
        .output()
        .unwrap();
    String::from_utf8(made.stdout).unwrap().trim().to_owned()
}

/// A custom runtime in Python that answers with its own environment.
const BOOTSTRAP: &str = r#"#!/usr/bin/env python3
import json, os, urllib.request
api = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime/invocation/"
while True:
    request = urllib.request.urlopen(api + "next").headers["Lambda-Runtime-Aws-Request-Id"]
    urllib.request.urlopen(api + request + "/response", json.dumps(dict(os.environ)).encode())
"#;

#[test]
fn a_function_has_its_own_variables_and_the_credentials_of_its_role_only() {
    let cloud = Cloud::shared();
    let role = role(&cloud, "function", "lambda.amazonaws.com");
    let folder = cloud.path("function");
    std::fs::create_dir_all(&folder).unwrap();
    let mut file = std::fs::File::create(folder.join("bootstrap")).unwrap();
    // The system's python, wherever it is: functions have a short PATH.
    let python = Command::new("python3")
        .args(["-c", "import sys; print(sys.executable)"])
        .output()
        .unwrap();
    let python = String::from_utf8(python.stdout).unwrap();
    file.write_all(
        BOOTSTRAP
            .replace("/usr/bin/env python3", python.trim())
            .as_bytes(),
    )
    .unwrap();
    drop(file);
    let pack = "import os, zipfile\ni = zipfile.ZipInfo('bootstrap'); i.external_attr = 0o755 << 16\n\
                zipfile.ZipFile('f.zip', 'w').writestr(i, open('bootstrap').read())";
    assert!(
        Command::new("python3")
            .args(["-c", pack])
            .current_dir(&folder)
            .status()
            .unwrap()
            .success()
    );
    let zip = format!("fileb://{}", folder.join("f.zip").display());
    cloud.aws(&[
        "lambda",
        "create-function",
        "--function-name",
        "f",
        "--runtime",
        "provided.al2023",
        "--handler",
        "bootstrap",
        "--role",
        &role,
        "--zip-file",
        &zip,
        "--environment",
        "Variables={MINE=1,RUST_LOG=debug}",
    ]);
    let answer = folder.join("answer");
    let mut described = Value::Null;
    eventually("the function is active", || {
        described = cloud.aws(&[
            "lambda",
            "get-function-configuration",
            "--function-name",
            "f",
        ]);
        described["State"] == "Active"
    });
    cloud.aws(&[
        "lambda",
        "invoke",
        "--function-name",
        "f",
        answer.to_str().unwrap(),
    ]);
    let seen: Value = serde_json::from_slice(&std::fs::read(answer).unwrap()).unwrap();
    assert_eq!(
        (&seen["MINE"], &seen["RUST_LOG"]),
        (&json!("1"), &json!("debug")),
        "{seen}"
    );
    let key = seen["AWS_ACCESS_KEY_ID"].as_str().unwrap();
    assert!(
        key.starts_with("ASIA") && key != cloud.env("AWS_ACCESS_KEY_ID"),
        "{key}"
    );
    let function = described["FunctionArn"].as_str().unwrap();
    assert_ne!(key, derived(function, &role), "anybody could compute it");
    for settings in ["AUTH", "GATEWAY_PORT", "STATE_DIR", "MINISTACK_REGION"] {
        assert!(
            seen.get(settings).is_none(),
            "{settings} is the emulator's own: {seen}"
        );
    }
    assert!(
        !seen
            .to_string()
            .contains(cloud.env("AWS_SECRET_ACCESS_KEY"))
    );
    assert_eq!(seen["COMMAND_PATH"], cloud.state()["command_path"]);
}
