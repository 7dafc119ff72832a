//! `cutover.toml`: how a component is tested, built, run and checked.

use crate::bounds::MAX_SUITES;
use crate::names::{Component, SuiteName};
use crate::reason::Reason;
use crate::shell::needs_shell;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

mod cache;
mod kind;
mod machine;
mod network;
mod values;

pub use cache::{CachedFolder, MAX_CACHED};
pub use kind::{Kind, MAX_VENDORED, Pin, other_kind};
pub use machine::{Compute, Executor, Executors, Image, Machine};
pub use values::{CommandLine, HttpPath, Instances, Limit, Port, RelativePath};

/// The file's name, at the root of a component's repository.
pub const FILE: &str = "cutover.toml";

/// The longest a command may run in a function: Lambda ends it after 15 minutes, and unpacking before
/// and uploading the log after need some of them.
pub const MAX_FUNCTION_SECONDS: u64 = 13 * 60;

/// The longest it may run in a container: the release has a day for a build and its suites, and each
/// may wait half an hour for its container.
pub const MAX_COMMAND_SECONDS: u64 = 8 * 60 * 60;

/// The longest a new instance may take: Deploy (initial) also waits for its peers' names and its
/// address, and all of it must end before the function does, so that the failure is named.
pub const MAX_START_SECONDS: u64 = 10 * 60;

/// What a small component takes on EC2 until it answers: the machine's boot, the copy of the artifact,
/// unpacking, the start (docs/aws.md). The local cloud has no machine to boot and hides it.
pub const USUAL_START_SECONDS: u64 = 60;

/// The longest that a candidate must have been healthy: Deploy (cutover) waits for what is left of it,
/// and then for INSYNC, and must end before the function does.
pub const MAX_HEALTHY_SECONDS: u64 = 60;
/// `[run] unhealthy_for`: a moment is no illness, and users meet it as long as it lasts.
const UNHEALTHY_SECONDS: std::ops::RangeInclusive<u64> = 5..=600;

/// The longest that a release is watched after its cutover: what was live before runs, and costs, as long.
pub const MAX_BAKE_SECONDS: u64 = 60 * 60;

/// The longest that instances are kept for their connections after the usual drain.
pub const MAX_DRAIN_SECONDS: u64 = 60 * 60;

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
    /// How an instance runs it; a library has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunSection>,
    /// The libraries that are there as `$VENDOR/<library>` for all of its commands, and beside the service.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub vendor: BTreeMap<Component, Pin>,
    /// Integration tests and scans, in the order they are shown.
    #[serde(default, rename = "suite", skip_serializing_if = "Vec::is_empty")]
    pub suites: Vec<Suite>,
    /// Where all of its commands run that say nothing of their own.
    #[serde(default, skip_serializing_if = "Machine::is_default")]
    pub machine: Machine,
}

/// `[component]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ComponentSection {
    /// Must be the component that the release names.
    pub name: Component,
    /// What it is.
    #[serde(default, skip_serializing_if = "Kind::is_service")]
    pub kind: Kind,
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
    /// Where `command` and `unit_tests` run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<Machine>,
    /// Folders of the checkout that are kept for later builds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cache: Vec<CachedFolder>,
    /// Whether they have a network.
    #[serde(default = "yes", skip_serializing_if = "Clone::clone")]
    pub network: bool,
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
    /// How long an instance of what is live may fail its health path before the keeper replaces it. Written only
    /// where it is not the usual.
    #[serde(default = "half_a_minute", skip_serializing_if = "is_half_a_minute")]
    pub unhealthy_for: Limit,
    /// How long a release is watched after its cutover, and what was live before it kept; the drain where
    /// that is longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bake: Option<Limit>,
    /// How long its instances are kept after a later release's cutover while they have connections.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drain: Option<Limit>,
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
    /// Where `command` runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<Machine>,
}

fn yes() -> bool {
    true
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
fn half_a_minute() -> Limit {
    Limit(30)
}
fn is_half_a_minute(limit: &Limit) -> bool {
    *limit == half_a_minute()
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
        if let Some(problem) = kind::bad_pin(text) {
            return Err(problem);
        }
        let manifest: Self = toml::from_str(text).map_err(|error| at_line(text, &error))?;
        match manifest.problem(component) {
            Some(problem) => Err(ManifestError(problem)),
            None => Ok(manifest),
        }
    }

    fn problem(&self, component: &Component) -> Option<String> {
        let Self {
            component: section,
            run,
            suites,
            ..
        } = self;
        let (name, peers) = (&section.name, section.peers.len());
        if name != component {
            return Some(format!(
                "[component] name is `{name}`, but the release is of `{component}`; is the repository registered under the wrong name?"
            ));
        }
        if section.peers.contains(component) {
            return Some(format!("[component] peers names `{component}` itself"));
        }
        if peers > MAX_PEERS {
            return Some(format!(
                "[component] peers names {peers} components, at most {MAX_PEERS}"
            ));
        }
        if suites.len() > MAX_SUITES {
            return Some(format!(
                "there are {} [[suite]] sections, at most {MAX_SUITES}; let one command run several",
                suites.len()
            ));
        }
        let mut seen = BTreeSet::new();
        let twice = suites.iter().find(|suite| !seen.insert(&suite.name));
        let twice = twice.map(|suite| format!("two suites are called `{}`", suite.name));
        let run = run.as_ref().and_then(RunSection::problem);
        let kind = self.problem_of_kind().or_else(|| self.problem_of_cache());
        kind.or(run).or(twice)
    }

    /// What looks like a mistake and is none for sure: a time that no machine on EC2 keeps, commands that
    /// only a shell would understand. At most 3, since they travel with the release.
    pub fn warnings(&self) -> Vec<Reason> {
        let run = self.run.as_ref();
        let own = [
            Some(("[build] unit_tests".to_owned(), &self.build.unit_tests)),
            Some(("[build] command".to_owned(), &self.build.command)),
            run.map(|run| ("[run] command".to_owned(), &run.command)),
        ];
        let suites = self
            .suites
            .iter()
            .map(|suite| (format!("[[suite]] {} command", suite.name), &suite.command));
        let shell = own
            .into_iter()
            .flatten()
            .chain(suites)
            .filter_map(|(key, command)| Some((key, needs_shell(command.as_str())?)));
        let early = run.and_then(RunSection::is_early);
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
    fn problem(&self) -> Option<String> {
        let (start, healthy) = (self.start_timeout.0, self.healthy_for.0);
        if start > MAX_START_SECONDS {
            return Some(format!(
                "[run] start_timeout is {start} s, at most {MAX_START_SECONDS} s"
            ));
        }
        if healthy > MAX_HEALTHY_SECONDS {
            return Some(format!(
                "[run] healthy_for is {healthy} s, at most {MAX_HEALTHY_SECONDS} s; what takes longer to show is for a suite"
            ));
        }
        let (unhealthy, within) = (self.unhealthy_for.0, UNHEALTHY_SECONDS);
        if !within.contains(&unhealthy) {
            let (least, most) = (within.start(), within.end());
            return Some(format!(
                "[run] unhealthy_for is {unhealthy} s, at least {least} s and at most {most} s"
            ));
        }
        let bake = self.bake.map_or(0, |bake| bake.0);
        if bake > MAX_BAKE_SECONDS {
            return Some(format!(
                "[run] bake is {bake} s, at most {MAX_BAKE_SECONDS} s; what was live before runs as long"
            ));
        }
        let drain = self.drain.map_or(0, |drain| drain.0);
        (drain > MAX_DRAIN_SECONDS).then(|| {
            format!("[run] drain is {drain} s, at most {MAX_DRAIN_SECONDS} s; what connects for longer has to connect again")
        })
    }

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

#[cfg(test)]
#[path = "manifest_tests.rs"]
mod tests;
