//! User data: what a new instance does before it serves.
//!
//! The script is complete and carries no secret: it fetches the artifact with the instance's own
//! role, checks its SHA-256, unpacks it and runs the component, again whenever it ends. Where
//! systemd runs this very instance it becomes a unit; elsewhere the script stays as the parent.

use crate::manifest::RunSection;
use crate::names::{Commit, Component};
use crate::wire::{Artifact, Bundle, Release};
use std::collections::BTreeMap;

/// What an instance is to run.
#[derive(Debug, Clone)]
pub struct Boot<'a> {
    /// The release.
    pub release: &'a Release,
    /// Whose instance.
    pub component: &'a Component,
    /// At which commit.
    pub commit: &'a Commit,
    /// How it is run.
    pub run: &'a RunSection,
    /// What is run.
    pub artifact: &'a Artifact,
    /// The libraries beside it.
    pub vendor: &'a [(&'a Component, &'a Bundle)],
    /// Where the artifact is and logs go.
    pub bucket: &'a str,
    /// The region of both.
    pub region: &'a str,
    /// `UI_URL` and so on.
    pub peers: &'a BTreeMap<String, String>,
}

/// Why a command cannot be run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("[run] command `{0}` has an unclosed quote")]
pub struct BadCommand(pub String);

/// EC2 takes 16 KB of user data before base64:
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-add-user-data.html>.
pub const MAX_USER_DATA: usize = 16 * 1024;

const SCRIPT: &str = include_str!("boot.sh");

/// The script, with its values quoted for the shell in its head and nowhere else.
pub fn user_data(boot: &Boot<'_>) -> Result<String, BadCommand> {
    let line = boot.run.command.as_str();
    let words = shlex::split(line)
        .filter(|words| !words.is_empty())
        .ok_or_else(|| BadCommand(line.to_owned()))?;
    let command: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    let environment: Vec<String> = environment(boot)
        .into_iter()
        .map(|(name, value)| quoted(&format!("{name}={value}")))
        .collect();
    let head = [
        format!("component={}", quoted(boot.component.as_str())),
        format!("release={}", quoted(&boot.release.label())),
        format!("artifact={}", object(boot, &boot.artifact.bundle)),
        format!("sha256={}", quoted(&boot.artifact.bundle.sha256)),
        format!(
            "logs={}",
            quoted(&format!(
                "s3://{}/logs/{}/{}",
                boot.bucket,
                boot.release.label(),
                boot.component
            ))
        ),
        format!("vendor=({})", vendor(boot)),
        format!("region={}", quoted(boot.region)),
        format!("drains={}", quoted(&drains(boot.run))),
        format!("command=({})", command.join(" ")),
        format!("environment=({})", environment.join(" ")),
    ];
    Ok(without_comments(SCRIPT).replace("#@VALUES@", &head.join("\n")))
}

/// The port whose connections are told, as the kernel writes it; nothing where they are not.
fn drains(run: &RunSection) -> String {
    let port = || format!("{:04X}", run.port.number());
    run.drain.map(|_| port()).unwrap_or_default()
}

/// Name, address and SHA-256 of each library, one after the other.
fn vendor(boot: &Boot<'_>) -> String {
    let words = boot.vendor.iter().flat_map(|(library, artifact)| {
        let name = quoted(library.as_str());
        [name, object(boot, artifact), quoted(&artifact.sha256)]
    });
    words.collect::<Vec<_>>().join(" ")
}

fn object(boot: &Boot<'_>, bundle: &Bundle) -> String {
    quoted(&format!("s3://{}/{}", boot.bucket, bundle.key))
}

/// User data is short of room, and who reads it there finds the reasons here.
fn without_comments(script: &str) -> String {
    let lines = script
        .lines()
        .filter(|line| !line.trim_start().starts_with("# "));
    lines.map(|line| format!("{line}\n")).collect()
}

fn environment(boot: &Boot<'_>) -> BTreeMap<String, String> {
    let mut environment = boot.peers.clone();
    let own = [
        ("PORT", boot.run.port.number().to_string()),
        ("COMPONENT", boot.component.to_string()),
        ("COMMIT", boot.commit.to_string()),
        ("RELEASE", boot.release.label()),
        ("TARGET", boot.release.target.to_string()),
    ];
    environment.extend(own.map(|(name, value)| (name.to_owned(), value)));
    environment
}

/// In single quotes, so that nothing in it means anything to the shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Manifest;
    use crate::wire::Bundle;

    fn script(command: &str) -> Result<String, BadCommand> {
        script_with(command, &[])
    }

    fn script_with(command: &str, vendor: &[(&Component, &Bundle)]) -> Result<String, BadCommand> {
        let text = format!(
            "[component]\nname='api'\n[build]\nunit_tests='true'\ncommand='true'\noutput='dist'\n[run]\ncommand={}\nport=8080\n",
            toml::Value::from(command)
        );
        let component = Component::new("api").unwrap();
        let manifest = Manifest::parse(&text, &component).unwrap();
        let release = crate::testing::release();
        let artifact = Artifact {
            bundle: Bundle {
                key: "artifacts/api/x.tar.zst".into(),
                sha256: "0".repeat(64),
                bytes: 1,
            },
            source_sha256: String::new(),
            built_by: String::new(),
            built_at: String::new(),
            toolchain: String::new(),
        };
        user_data(&Boot {
            release: &release,
            component: &component,
            commit: &Commit::new("a".repeat(40)).unwrap(),
            run: manifest.service().unwrap(),
            artifact: &artifact,
            vendor,
            bucket: "bucket",
            region: "eu-central-1",
            peers: &BTreeMap::from([(
                "UI_URL".to_owned(),
                "http://ui-r42.stage.myproj.com:8081".to_owned(),
            )]),
        })
    }

    #[test]
    fn the_values_are_quoted_and_the_script_fits_user_data() {
        let script = script("./api --greeting 'it'\\''s $(reboot)'").unwrap();
        assert!(
            script.contains(r"command=('./api' '--greeting' 'it'\''s $(reboot)')"),
            "{script}"
        );
        assert!(script.contains("'UI_URL=http://ui-r42.stage.myproj.com:8081'"));
        assert!(
            script.len() < MAX_USER_DATA * 5 / 8,
            "{} bytes",
            script.len()
        );
        assert!(!script.contains("#@VALUES@"));
        assert!(script.starts_with("#!/bin/bash\n") && !script.contains("\n# "));
    }

    #[test]
    fn libraries_are_named_with_their_sums_and_ten_of_them_fit_user_data() {
        let bundle = Bundle {
            key: "artifacts/gdal/y.tar.zst".into(),
            sha256: "5".repeat(64),
            bytes: 1,
        };
        let gdal = Component::new("gdal").unwrap();
        let one = script_with("./api", &[(&gdal, &bundle)]).unwrap();
        let sum = "5".repeat(64);
        let named = format!("vendor=('gdal' 's3://bucket/artifacts/gdal/y.tar.zst' '{sum}')\n");
        assert!(one.contains(&named), "{one}");
        let name = Component::new("l".repeat(30)).unwrap();
        let commit = Commit::new("a".repeat(40)).unwrap();
        let longest = Bundle {
            key: crate::wire::artifact_key(&name, &commit),
            ..bundle
        };
        let all = [(&name, &longest); crate::manifest::MAX_VENDORED];
        let script = script_with("./api", &all).unwrap();
        assert!(script.len() < MAX_USER_DATA * 3 / 4, "{}", script.len());
    }

    #[test]
    fn an_unclosed_quote_is_refused() {
        assert_eq!(script("./api 'x"), Err(BadCommand("./api 'x".into())));
    }
}
