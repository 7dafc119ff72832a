//! The command line.

mod looking;
mod releasing;
mod target;

pub use looking::{Check, Logs, Proven, Status};
pub use releasing::{Following, Hotfix, Release, Restart, Rollback, Watch};
pub use target::{Provision, TargetCommand, Teardown};

use clap::{Args, Parser, Subcommand};
use looking::{CHECK, LOGS, PROVEN, STATUS};
use pipeline::names::{Component, Project, RepositoryUrl, SecretName};
use releasing::{HOTFIX, RELEASE, ROLLBACK, WATCH};

/// Blue/green releases of components on EC2: start them, follow them, see what is live.
///
/// A release fetches a commit, tests and builds it, boots it beside what is live, tests it there,
/// moves the alias in one step and ends what was live before. Until that step nothing that users
/// see has changed; a release that fails leaves no trace but its logs.
#[derive(Debug, Parser)]
#[command(name = "cutover", version = env!("CUTOVER_VERSION"), after_help = EXAMPLES, max_term_width = 100)]
pub struct Arguments {
    #[command(flatten)]
    pub common: Common,
    #[command(subcommand)]
    pub command: Command,
}

const EXAMPLES: &str = "\
Examples:
  cutover release api                          HEAD of api's repository to stage
  cutover release api=v1.4.0 ui --target prod  both, in one step
  cutover release api=live:stage --target prod what stage serves, to prod (no second build)
  cutover hotfix api 3f2a9c1                   to prod, without the slow suites
  cutover rollback --target prod               what was live before the last release
  cutover watch --commit                       the release of what was just pushed
  cutover check                                what a push of this folder would do
  cutover status                               what is live, everywhere, and whether it is proven
  cutover proven                               which sets were tested together
  cutover logs stage-r42 --component api       what its tests, build and instances said
  cutover logs --live api --follow             what the service says now

Exit codes: 0 the release is live (or was already); 1 it is not; 2 the command line, the input or
cutover.toml is wrong; 3 AWS cannot be reached or says no; 4 the time to look is over.

For the local cloud: `make up`, then `. .local/env`.";

#[derive(Debug, Args)]
pub struct Common {
    /// Whose components: names the table, the bucket and the state machine
    #[arg(long, env = "CUTOVER_PROJECT", global = true, value_name = "NAME")]
    pub project: Option<Project>,
    /// The state machine, where its name is not <project>-release
    #[arg(long, env = "CUTOVER_STATE_MACHINE", global = true, value_name = "ARN")]
    pub state_machine: Option<String>,
    /// For scripts: one JSON value on standard output and nothing else
    #[arg(long, global = true)]
    pub json: bool,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Release one or several components, all of them in one step
    #[command(after_help = RELEASE)]
    Release(Release),
    /// Release to prod without the slow suites
    #[command(after_help = HOTFIX)]
    Hotfix(Hotfix),
    /// Bring back what was live before, all of it in one step
    #[command(after_help = ROLLBACK)]
    Rollback(Rollback),
    /// Launch what is live again, beside it, and move to it
    #[command(after_help = releasing::RESTART)]
    Restart(Restart),
    /// Follow a release: a live table on a terminal, lines elsewhere
    #[command(after_help = WATCH)]
    Watch(Watch),
    /// What a push of a folder would do, and what of it would be refused; asks nobody
    #[command(after_help = CHECK)]
    Check(Check),
    /// What is live on each target, since when, whether it is up and whether it is proven
    #[command(after_help = STATUS)]
    Status(Status),
    /// Which sets were tested together, and how that ended
    #[command(after_help = PROVEN)]
    Proven(Proven),
    /// Logs of a release, or of what is live: commands' output, suites, instances
    #[command(after_help = LOGS)]
    Logs(Logs),
    /// Which components there are and where they come from
    #[command(subcommand)]
    Component(ComponentCommand),
    /// Provision a target, tear it down, see what it is
    #[command(subcommand)]
    Target(TargetCommand),
}

#[derive(Debug, Subcommand)]
pub enum ComponentCommand {
    /// Add a component, or change where it comes from
    #[command(after_help = "\
A push to BRANCH releases the component to TARGET. Adding it again replaces the address, the
secret and all branches. The name must be the one in the repository's cutover.toml. The repository is
read first, and is not added if that fails; --unchecked adds it all the same.

A private repository needs a secret in Secrets Manager that begins with cutover/PROJECT/ and holds
{\"username\": \"...\", \"password\": \"...\"}; a token goes in the password's place. Tags need one that
may write.

Examples:
  cutover component add api --repository https://git.example.com/team/api.git --branch main=stage
  cutover component add ui --repository https://git.example.com/team/ui.git \\
      --branch main=stage --branch production=prod")]
    Add(Add),
    /// All components
    List,
    /// Forget a component; what is live stays live
    Remove(Remove),
}

#[derive(Debug, Args)]
pub struct Add {
    /// Its name, e.g. api
    pub name: Component,
    /// Where it is fetched from, without credentials
    #[arg(long, value_name = "URL")]
    pub repository: RepositoryUrl,
    /// A push to this branch releases to that target; may be given several times
    #[arg(long = "branch", value_name = "BRANCH=TARGET")]
    pub branches: Vec<String>,
    /// The secret in Secrets Manager that opens a private repository, e.g. cutover/myproj/api
    #[arg(long, value_name = "SECRET")]
    pub credentials: Option<SecretName>,
    /// Add it without a look at its repository, e.g. one that this machine cannot reach
    #[arg(long)]
    pub unchecked: bool,
}

#[derive(Debug, Args)]
pub struct Remove {
    /// Its name
    pub name: Component,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn wrong_names_are_refused_by_their_rule() {
        let typed = [
            "cutover",
            "component",
            "add",
            "api-r42",
            "--repository",
            "https://git.example.com/api.git",
        ];
        let message = Arguments::try_parse_from(typed).unwrap_err();
        assert_eq!(message.exit_code(), 2);
        assert!(
            message
                .to_string()
                .contains("ends like a hostname or a peer name"),
            "{message}"
        );
    }

    #[test]
    fn global_options_may_stand_anywhere() {
        let typed = ["cutover", "status", "--project", "myproj", "--json"];
        let arguments = Arguments::try_parse_from(typed).unwrap();
        assert!(arguments.common.json && arguments.common.project.is_some());
    }
}
