//! `release`, `hotfix`, `rollback` and `restart`: one execution of the state machine.

use super::{Context, now, say, say_json, watch};
use crate::args::{Following, Hotfix, Release, Restart, Rollback};
use crate::error::{Exit, Failure};
use crate::release::input::{Wanted, execution_name, input, suffix};
use serde_json::{Value, json};

/// A release that can be started.
pub struct Request {
    name: String,
    input: Value,
}

impl From<&Release> for Wanted {
    fn from(release: &Release) -> Self {
        Self {
            components: release.components.clone(),
            version: release.version.clone(),
            target: release.target.clone(),
            skip_slow_scans: release.skip_slow_scans,
            tag: release.tag,
            force: release.force,
        }
    }
}

impl From<&Hotfix> for Wanted {
    fn from(hotfix: &Hotfix) -> Self {
        Self {
            components: vec![hotfix.component.clone()],
            version: Some(hotfix.version.clone()),
            target: hotfix.target.clone(),
            skip_slow_scans: true,
            ..Self::default()
        }
    }
}

impl From<&Rollback> for Wanted {
    fn from(rollback: &Rollback) -> Self {
        let names = rollback.components.iter().map(ToString::to_string);
        Self::rollback(names.collect(), rollback.target.to_string())
    }
}

impl From<&Restart> for Wanted {
    fn from(restart: &Restart) -> Self {
        let names = restart.components.iter().map(ToString::to_string);
        Self::restart(names.collect(), restart.target.to_string())
    }
}

/// Checks what was typed.
pub fn prepare(wanted: &Wanted) -> Result<Request, Failure> {
    let (input, parsed) = input(wanted)?;
    Ok(Request {
        name: execution_name(&parsed, &suffix(now())),
        input,
    })
}

/// Starts it and follows it.
pub async fn run(
    context: &Context,
    request: Request,
    following: &Following,
) -> Result<Exit, Failure> {
    let execution = context.cloud.start(&request.name, &request.input).await?;
    if !following.no_watch {
        return watch::follow(
            context,
            &execution,
            watch::Seen::Known,
            following.limit.timeout,
        )
        .await;
    }
    if context.json {
        say_json(
            &json!({"execution": execution.name, "execution_arn": execution.arn, "input": request.input}),
        )?;
    } else {
        say(&format!(
            "Started {}\nNext: cutover watch {}",
            execution.name, execution.name
        ))?;
    }
    Ok(Exit::Good)
}
