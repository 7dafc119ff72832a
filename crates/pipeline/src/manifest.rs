//! `cutover.toml`: how a component is tested, built, run and checked.

use crate::bounds::MAX_SUITES;
use crate::names::{Component, SuiteName};
use crate::reason::Reason;
use crate::shell::needs_shell;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::time::Duration;

/// The file's name, at the root of a component's repository.
pub const FILE: &str = "cutover.toml";

/// The longest a command may run: a Lambda function ends after 15 minutes, and unpacking before
/// and uploading the log after need some of them.
pub const MAX_COMMAND_SECONDS: u64 = 13 * 60;

/// The longest a new instance may take: Deploy (initial) also waits for its peers' names and its
/// address, and all of it must end before the function does, so that the failure is named.
pub const MAX_START_SECONDS: u64 = 10 * 60;

/// What a small component takes on EC2 until it answers: the machine's boot, the copy of the artifact,
/// unpacking, the start (docs/aws.md). The local cloud has no machine to boot and hides it.
pub const USUAL_START_SECONDS: u64 = 60;

/// The longest that a candidate must have been healthy: Deploy (cutover) waits for what is left of it,
/// and then for INSYNC, and must end before the function does.
pub const MAX_HEALTHY_SECONDS: u64 = 60;

/// Peers one component may have: what its suites passed against is the key of a row.
pub const MAX_PEERS: usize = 20;

/// Warnings of one manifest, and bytes of each.
const WARNINGS: usize = 3;
const WARNING: usize = 300;

/// A checked manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Which component this is and whom it talks to.
    pub component: ComponentSection,
    /// How it is tested and built.
    pub build: BuildSection,
    /// How an instance runs it.
    pub run: RunSection,
    /// Integration tests and scans, in the order they are shown.
    #[serde(default, rename = "suite", skip_serializing_if = "Vec::is_empty")]
    pub suites: Vec<Suite>,
}

/// `[component]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ComponentSection {
    /// Must be the component that the release names.
    pub name: Component,
    /// Components it talks to; each becomes `<PEER>_URL`.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub peers: BTreeSet<Component>,
}

/// `[build]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BuildSection {
    /// Run in the checkout; exit code 0 passes.
    pub unit_tests: CommandLine,
    /// Run in the checkout; leaves `output` behind.
    pub command: CommandLine,
    /// The folder that becomes the artifact, relative to the checkout.
    pub output: RelativePath,
    /// Limit of `command`.
    #[serde(default = "ten_minutes")]
    pub timeout: Limit,
    /// Limit of `unit_tests`.
    #[serde(default = "ten_minutes")]
    pub unit_tests_timeout: Limit,
}

/// `[run]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunSection {
    /// Started in the unpacked artifact, with `HOST`, `PORT` and the peers' addresses.
    pub command: CommandLine,
    /// Where it listens; 8000 to 8999, the ports a target's security group opens.
    pub port: Port,
    /// Answers 200 when the instance may take traffic.
    #[serde(default = "healthz")]
    pub health: HttpPath,
    /// How many instances stand behind the hostname.
    #[serde(default = "one")]
    pub instances: Instances,
    /// How long a new instance may take to become healthy.
    #[serde(default = "five_minutes")]
    pub start_timeout: Limit,
    /// How long a candidate has been healthy, without an end of the component, when it goes live.
    /// Written only where it is not the usual: a function of before it was known refuses other keys.
    #[serde(default = "five_seconds", skip_serializing_if = "is_five_seconds")]
    pub healthy_for: Limit,
}

/// `[[suite]]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suite {
    /// Unique in the manifest.
    pub name: SuiteName,
    /// Run in the checkout with `TARGET_URL` and the peers' addresses; exit code 0 passes.
    pub command: CommandLine,
    /// Left out when a release says `skip_slow_scans`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub slow: bool,
    /// Limit of `command`.
    #[serde(default = "ten_minutes")]
    pub timeout: Limit,
}

fn ten_minutes() -> Limit {
    Limit(600)
}
/// From a bare machine: its boot, the copy from S3, perhaps a package, unpacking, the start.
fn five_minutes() -> Limit {
    Limit(300)
}
/// A component that ends sooner than that after its start never meets users.
fn five_seconds() -> Limit {
    Limit(5)
}
fn is_five_seconds(limit: &Limit) -> bool {
    *limit == five_seconds()
}
fn one() -> Instances {
    Instances(1)
}
fn healthz() -> HttpPath {
    HttpPath("/healthz".into())
}

/// Why a manifest is refused: the line and what should stand there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ManifestError(pub String);

impl Manifest {
    /// Reads and checks the file of the component that is released.
    pub fn parse(text: &str, component: &Component) -> Result<Self, ManifestError> {
        let manifest: Self = toml::from_str(text).map_err(|error| at_line(text, &error))?;
        if manifest.component.name != *component {
            return Err(ManifestError(format!(
                "[component] name is `{}`, but the release is of `{component}`; is the repository registered under the wrong name?",
                manifest.component.name
            )));
        }
        if manifest.component.peers.contains(component) {
            return Err(ManifestError(format!(
                "[component] peers names `{component}` itself"
            )));
        }
        if manifest.component.peers.len() > MAX_PEERS {
            return Err(ManifestError(format!(
                "[component] peers names {} components, at most {MAX_PEERS}",
                manifest.component.peers.len()
            )));
        }
        if manifest.run.start_timeout.0 > MAX_START_SECONDS {
            return Err(ManifestError(format!(
                "[run] start_timeout is {} s, at most {} s",
                manifest.run.start_timeout.0, MAX_START_SECONDS
            )));
        }
        if manifest.run.healthy_for.0 > MAX_HEALTHY_SECONDS {
            return Err(ManifestError(format!(
                "[run] healthy_for is {} s, at most {} s; what takes longer to show is for a suite",
                manifest.run.healthy_for.0, MAX_HEALTHY_SECONDS
            )));
        }
        if manifest.suites.len() > MAX_SUITES {
            return Err(ManifestError(format!(
                "there are {} [[suite]] sections, at most {MAX_SUITES}; let one command run several",
                manifest.suites.len()
            )));
        }
        let mut seen = BTreeSet::new();
        if let Some(suite) = manifest
            .suites
            .iter()
            .find(|suite| !seen.insert(&suite.name))
        {
            return Err(ManifestError(format!(
                "two suites are called `{}`",
                suite.name
            )));
        }
        Ok(manifest)
    }

    /// What looks like a mistake and is none for sure: a time that no machine on EC2 keeps, commands that
    /// only a shell would understand. At most 3, since they travel with the release.
    pub fn warnings(&self) -> Vec<Reason> {
        let own = [
            ("[build] unit_tests".to_owned(), &self.build.unit_tests),
            ("[build] command".to_owned(), &self.build.command),
            ("[run] command".to_owned(), &self.run.command),
        ];
        let suites = self
            .suites
            .iter()
            .map(|suite| (format!("[[suite]] {} command", suite.name), &suite.command));
        let shell = own
            .into_iter()
            .chain(suites)
            .filter_map(|(key, command)| Some((key, needs_shell(command.as_str())?)));
        let early = self.run.is_early();
        early
            .map(|what| ("[run] start_timeout".to_owned(), what))
            .into_iter()
            .chain(shell)
            .map(|(key, what)| {
                Reason::within(&format!("{}: {key}: {what}", self.component.name), WARNING)
            })
            .take(WARNINGS)
            .collect()
    }
}

impl RunSection {
    fn is_early(&self) -> Option<String> {
        let seconds = self.start_timeout.0;
        (seconds < USUAL_START_SECONDS).then(|| {
            format!("{seconds} s are less than a machine on EC2 takes to boot and to answer, a minute or more; leave it out for 5 minutes")
        })
    }
}

fn at_line(text: &str, error: &toml::de::Error) -> ManifestError {
    let message = error.message().trim();
    let line = error
        .span()
        .map(|span| text[..span.start.min(text.len())].matches('\n').count() + 1);
    ManifestError(match line {
        Some(line) => format!("line {line}: {message}"),
        None => message.to_owned(),
    })
}

macro_rules! checked {
    ($(#[$doc:meta])* $name:ident($inner:ty) as $outer:ty, $make:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(try_from = "String")]
        pub struct $name($inner);
        impl TryFrom<String> for $name {
            type Error = String;
            fn try_from(text: String) -> Result<Self, String> {
                let make: fn(String) -> Result<$inner, String> = $make;
                make(text).map(Self)
            }
        }
        impl $name {
            /// The text itself.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
    };
}

checked!(
    /// A command line: split into words by quotes as a shell would, but run without a shell.
    CommandLine(String) as String,
    |text| match text.trim() {
        "" => Err("a command must not be empty".into()),
        trimmed if trimmed.contains('\r') => Err("a command is one line, and this one has a carriage return in it, as lines of Windows have".into()),
        _ if text.len() > 2000 || text.contains(['\0', '\n']) => Err("a command is one line of at most 2000 characters".into()),
        trimmed => Ok(trimmed.to_owned()),
    }
);

checked!(
    /// A folder inside the checkout.
    RelativePath(String) as String,
    |text| {
        let parts_ok = text.split('/').all(|part| !part.is_empty() && part != ".." && part != ".");
        if text == "." || text == "./" {
            Err(format!("`{text}` would make the whole checkout the artifact, with sources and tests; have [build] command copy what runs into a folder such as `dist`"))
        } else if parts_ok && text.len() <= 200 && !text.contains(['\0', '\\']) {
            Ok(text)
        } else {
            Err(format!("`{text}` must be a folder inside the checkout such as `dist`"))
        }
    }
);

checked!(
    /// The path of a request, e.g. `/healthz`.
    HttpPath(String) as String,
    |text| {
        if text.starts_with('/') && text.len() <= 200 && text.bytes().all(|b| b.is_ascii_graphic() && b != b'#') {
            Ok(text)
        } else {
            Err(format!("`{text}` must be a path such as `/healthz`"))
        }
    }
);

/// A time limit of at most 13 minutes, written as `90s` or `10m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Limit(u64);

impl Limit {
    /// The limit as a duration.
    pub fn duration(self) -> Duration {
        Duration::from_secs(self.0)
    }
}

impl TryFrom<String> for Limit {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{text}` must be a time such as `90s` or `10m`, from 1s to {}m",
                MAX_COMMAND_SECONDS / 60
            )
        };
        let (digits, unit) = text
            .split_at_checked(text.len().saturating_sub(1))
            .ok_or_else(wrong)?;
        let factor = match unit {
            "s" => 1,
            "m" => 60,
            _ => return Err(wrong()),
        };
        let seconds = digits
            .parse::<u64>()
            .ok()
            .and_then(|n| n.checked_mul(factor))
            .ok_or_else(wrong)?;
        (1..=MAX_COMMAND_SECONDS)
            .contains(&seconds)
            .then_some(Self(seconds))
            .ok_or_else(wrong)
    }
}

impl From<Limit> for String {
    fn from(limit: Limit) -> String {
        format!("{}s", limit.0)
    }
}

/// A port that a target's security group opens: 8000 to 8999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u16")]
pub struct Port(u16);

impl Port {
    /// The number.
    pub fn number(self) -> u16 {
        self.0
    }
}

impl TryFrom<u16> for Port {
    type Error = String;
    fn try_from(number: u16) -> Result<Self, String> {
        if (8000..=8999).contains(&number) {
            Ok(Self(number))
        } else {
            Err(format!("port {number} must be from 8000 to 8999"))
        }
    }
}

/// How many instances: 1 to 20.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u16")]
pub struct Instances(u16);

impl Instances {
    /// The number.
    pub fn number(self) -> u16 {
        self.0
    }
}

impl TryFrom<u16> for Instances {
    type Error = String;
    fn try_from(number: u16) -> Result<Self, String> {
        if (1..=20).contains(&number) {
            Ok(Self(number))
        } else {
            Err(format!("instances = {number} must be from 1 to 20"))
        }
    }
}

#[cfg(test)]
#[path = "manifest_tests.rs"]
mod tests;
