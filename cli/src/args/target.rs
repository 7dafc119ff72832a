//! What a target is made with, and removed with.

use clap::{Args, Subcommand};
use pipeline::names::Target;

#[derive(Debug, Subcommand)]
pub enum TargetCommand {
    /// Create a target with everything it needs, or change it; the same again changes nothing
    #[command(after_help = PROVISION)]
    Provision(Provision),
    /// Remove a target and everything that releases made on it, and prove that nothing is left
    #[command(after_help = TEARDOWN)]
    Teardown(Teardown),
    /// All targets
    List,
    /// What a target consists of, what of it costs, and what is live there
    Show(Show),
}

const PROVISION: &str = "\
Parameters are those of infra/target.yaml; what is not given stays as it is. An update never moves an
alias: what is live stays live. A creation that fails leaves nothing, an update that fails changes
nothing.

Examples:
  cutover target provision dev
  cutover target provision dev --parameter AliasTtl=10 --parameter InstanceType=t4g.medium
  cutover target provision prod --parameter Database=true --parameter DatabaseClass=db.t4g.medium";

const TEARDOWN: &str = "\
Releases that run on the target are waited for; new ones are refused. Run again after a failure, it
goes on where it stopped. A protected target (prod, unless it was provisioned with Protected=false)
needs its name twice; its database leaves a last snapshot, whose name is printed.

Examples:
  cutover target teardown dev
  cutover target teardown prod --confirm prod";

#[derive(Debug, Args)]
pub struct Provision {
    /// Its name, e.g. dev
    pub target: Target,
    /// A parameter of infra/target.yaml; may be given several times
    #[arg(long = "parameter", value_name = "KEY=VALUE")]
    pub parameters: Vec<String>,
    /// Start it and return at once (exit code 0: it has started)
    #[arg(long)]
    pub no_watch: bool,
}

#[derive(Debug, Args)]
pub struct Teardown {
    /// Its name, e.g. dev
    pub target: Target,
    /// Its name once more, for a protected one
    #[arg(long, value_name = "TARGET")]
    pub confirm: Option<String>,
    /// Start it and return at once (exit code 0: it has started)
    #[arg(long)]
    pub no_watch: bool,
}

#[derive(Debug, Args)]
pub struct Show {
    /// Its name, e.g. dev
    pub target: Target,
}
