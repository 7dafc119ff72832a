//! The command line: what all commands have. Each command's own words are in its module.

use crate::commands::Command;
use clap::{Args, Parser};
use pipeline::names::Project;

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
  cutover history                              what happened, also by itself
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
