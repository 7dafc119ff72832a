//! What looks and changes nothing.

use super::releasing::parse_duration;
use clap::Args;
use pipeline::names::{Component, Target};
use std::path::PathBuf;
use std::time::Duration;

pub const CHECK: &str = "\
It reads cutover.toml and what git has of the folder by the rules of a release, and lists the commands
that would run. Neither AWS nor the local cloud is asked, so it knows nothing of what is live. Exit
code 2: a release would refuse it.

Examples:
  cutover check
  cutover check ../api --json";

pub const STATUS: &str = "\
What is live is proven if every component's suites passed against exactly those versions of its
peers that are live beside it.";

pub const PROVEN: &str = "\
A set is everything that would be live after a release. It is `passed` if all suites passed: those
of what the release brings, and those of the live components that talk to it.

Examples:
  cutover proven                      the last ten of stage
  cutover proven --target prod --limit 1 --json";

pub const LOGS: &str = "\
Stages are named as their functions: unit-tests, build, deploy-initial (the instances' own logs),
integration-tests (all suites), suite-<name> (one).

With --live it is the log of the instances that are live, from their first line, also after they have
ended. It is kept for 90 days and arrives a few seconds late.

Examples:
  cutover logs                                      of the newest release
  cutover logs stage-r42 --component api --stage unit-tests
  cutover logs stage-r42 --stage suite-smoke
  cutover logs api-HEAD-stage-mzx1 --function       what the functions themselves said
  cutover logs --live api --target prod --follow
  cutover logs --live api --since 10m";

#[derive(Debug, Args)]
pub struct Check {
    /// Where cutover.toml is
    #[arg(default_value = ".")]
    pub folder: PathBuf,
}

#[derive(Debug, Args)]
pub struct Status {
    /// Only this one
    #[arg(long)]
    pub target: Option<Target>,
}

#[derive(Debug, Args)]
pub struct Proven {
    /// Where
    #[arg(long, default_value = "stage")]
    pub target: Target,
    /// How many, the newest first
    #[arg(long, default_value = "10", value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..))]
    pub limit: u16,
}

#[derive(Debug, Args)]
pub struct Logs {
    /// A release (stage-r42), an execution's name or its ARN [default: the newest release]
    pub release: Option<String>,
    /// Only of this component
    #[arg(long)]
    pub component: Option<Component>,
    /// Only of this stage
    #[arg(long)]
    pub stage: Option<String>,
    /// The functions' own logs instead
    #[arg(long)]
    pub function: bool,
    /// Names and sizes only
    #[arg(long)]
    pub list: bool,
    /// What the service itself says: the log of the instances that are live
    #[arg(long, value_name = "COMPONENT", conflicts_with_all = ["release", "component", "stage", "function", "list"])]
    pub live: Option<Component>,
    /// Where it is live [default: stage]
    #[arg(long, requires = "live")]
    pub target: Option<Target>,
    /// Go on with what the service says from now on, also of the version that is live next
    #[arg(long, requires = "live")]
    pub follow: bool,
    /// Only what arrived within this time, e.g. 10m
    #[arg(long, value_name = "DURATION", requires = "live", value_parser = parse_duration)]
    pub since: Option<Duration>,
}
