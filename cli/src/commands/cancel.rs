//! `cancel`: a release ends at once, wherever it is, and what it has left is swept.

use super::{Context, label, now, say, say_json};
use crate::cloud::{Described, Execution, Row};
use crate::error::{Exit, Failure};
use crate::release::input::suffix;
use crate::text::wrap;
use aws_sdk_sfn::types::ExecutionStatus;
use clap::Args;
use pipeline::names::{Target, Ticket};
use pipeline::rows::Key;
use serde_json::json;
use std::time::Duration;
use tokio::time::{Instant, sleep};

const HELP: &str = "\
Its execution and its builds are stopped. Before the cutover nothing changes for users, and the sweeper takes the
candidates away. After it the release stays live, and what was live before ends after a drain: `cutover rollback` takes
it back.

Examples:
  cutover cancel stage-r42
  cutover cancel stage-r42 --reason \"the wrong branch\"";

#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct Cancel {
    /// Which: stage-r42
    pub release: String,
    /// Why: it stands in the release's cause, beside who cancelled it
    #[arg(long)]
    pub reason: Option<String>,
}

/// Between two looks at the release's row.
const POLL: Duration = Duration::from_secs(1);
/// A sweep has recorded how it ended by then.
const SWEPT: Duration = Duration::from_secs(150);
/// Characters of a cause: Step Functions takes 32,768, and the release's row has others to tell.
const REASON: usize = 300;

/// Carries the command out.
pub async fn run(context: &Context, wanted: Cancel) -> Result<Exit, Failure> {
    let name = wanted.release.as_str();
    let Some((target, ticket)) = label(name) else {
        let why =
            format!("`{name}` is no release such as stage-r42; `cutover watch` shows its name");
        return Err(Failure::Usage(why));
    };
    let execution = context.find(name).await?;
    let described = context.cloud.described(&execution.arn).await?;
    if described.is_none_or(|one| one.ended.is_some()) {
        let row = row(context, &target, ticket).await?;
        return told(context, name, &execution, &row, "had ended before");
    }
    context.cloud.stop(&execution, &cause(&wanted)).await?;
    // Step Functions' own event starts one too; this one is sooner.
    let sweep = format!("sweep-{target}-{}", suffix(now()));
    drop(
        context
            .cloud
            .start("sweep", &sweep, &json!({"target": target}))
            .await,
    );
    let begun = Instant::now();
    loop {
        let row = row(context, &target, ticket).await?;
        if row.text("outcome") != "running" {
            let what = what(context, &execution).await?;
            return told(context, name, &execution, &row, what);
        }
        if begun.elapsed() > SWEPT {
            told(
                context,
                name,
                &execution,
                &row,
                "was cancelled, and is not swept yet",
            )?;
            return Ok(Exit::TimeIsOver);
        }
        sleep(POLL).await;
    }
}

/// To stop what has ended in that very moment is no error, and changes nothing.
async fn what(context: &Context, execution: &Execution) -> Result<&'static str, Failure> {
    use ExecutionStatus::{Aborted, Running};
    let described = context.cloud.described(&execution.arn).await?;
    let was_stopped = |one: Described| matches!(one.status, Aborted | Running);
    Ok(match described.is_none_or(was_stopped) {
        true => "was cancelled",
        false => "had ended before",
    })
}

/// By whom, as far as this machine knows; CloudTrail has the identity.
fn cause(wanted: &Cancel) -> String {
    let by = std::env::var("USER").unwrap_or_else(|_| "somebody".into());
    let reason = wanted.reason.as_deref().unwrap_or("no reason was given");
    let text = format!("cancelled by {by}: {reason}");
    text.chars()
        .filter(|c| !c.is_control())
        .take(REASON)
        .collect()
}

async fn row(context: &Context, target: &Target, ticket: Ticket) -> Result<Row, Failure> {
    let row = context.cloud.row(&Key::release(target, ticket)).await?;
    row.ok_or_else(|| Failure::Usage(format!("there is no release {target}-r{ticket}")))
}

fn told(
    context: &Context,
    name: &str,
    execution: &Execution,
    row: &Row,
    what: &str,
) -> Result<Exit, Failure> {
    let (outcome, cause) = (row.text("outcome"), row.text("cause"));
    if context.json {
        let value = json!({
            "release": name, "execution": execution.name, "what": what, "outcome": outcome, "cause": cause
        });
        say_json(&value)?;
        return Ok(Exit::Good);
    }
    let text = match outcome {
        "live" => format!(
            "{name} {what}. Users are sent to it, unless it was being rolled back in that moment: `cutover status` says so a minute later. What was live before ends after a drain; `cutover rollback` takes the release back."
        ),
        _ if cause.is_empty() => format!("{name} {what}: {outcome}."),
        _ => format!("{name} {what}: {outcome}. {cause}"),
    };
    say(&wrap(&text, "", context.screen.width))?;
    Ok(Exit::Good)
}
